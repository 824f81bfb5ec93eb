from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from invoices.actions.flow import (
    abort_message,
    approve_invoice,
    archive_invoice,
    post_again,
    post_invoice,
    restore_invoice,
    skip_step,
)
from invoices.actions.intake import InvoiceGiven, LineGiven, edit_invoice, hand_in
from invoices.actions.payments import StatusUpdate, Update, set_status, update_status
from invoices.errors import Conflict
from invoices.events import TRACKED, broken_line, facts, line_hash, plain
from invoices.models import Event, Invoice
from tests.invoices.pictures import ask_erp

GIVEN = InvoiceGiven(
    direction="payable",
    number="L-1",
    party_code="SUP-1",
    party_name="Paper & Sons",
    invoice_date=date(2026, 11, 2),
    currency="USD",
    lines=(LineGiven("Paper", Decimal(1), Decimal("10.99")),),
)
only_sqlite = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL's trigger refuses raw changes before they can be detected"
)
only_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no such trigger")


@pytest.fixture
def lived(acme, clerk, clerk2, handler, manager):
    """An invoice that has seen most of what can happen, with two people's names on most lines."""
    invoice, _ = hand_in(acme, GIVEN, by=clerk)
    archive_invoice(invoice.pk, by=clerk, reason="too early")
    restore_invoice(invoice.pk, by=clerk2, reason="in time")
    post_invoice(invoice.pk, by=clerk)
    abort_message(invoice.pk, by=handler, reason="down since noon", voucher="P-0")
    edit_invoice(invoice.pk, GIVEN, by=clerk, reason="looked at it")
    ask_erp(invoice)
    post_again(invoice.pk, by=handler, reason="up again")
    abort_message(invoice.pk, by=handler, reason="down again")
    skip_step(invoice.pk, by=handler, reason="it is there", voucher="P-1", posting_date=date(2026, 11, 3))
    approve_invoice(invoice.pk, by=clerk2)
    abort_message(invoice.pk, by=handler, reason="hangs")
    skip_step(invoice.pk, by=handler, reason="it is there", voucher="F-1")
    set_status(invoice.pk, by=manager, reason="told by phone", status="partially_paid", amount=Decimal("0.99"))
    update_status(invoice.pk, StatusUpdate(Update.PAID, source="erp", reference="m-1"), by=None)
    return Invoice.objects.get()


def lines():
    return list(Event.objects.order_by("sequence"))


def change(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_each_change_writes_one_line(lived):
    assert [event.action for event in lines()] == [
        "hand_in", "archive", "restore", "post", "abort", "edit", "post_again", "abort", "skip", "approve", "abort",
        "skip", "set_status", "status_paid",
    ]  # fmt: skip
    assert [event.sequence for event in lines()] == list(range(1, 15))
    assert lived.event_count == 14


def test_a_line_says_who_what_why_before_and_after(lived):
    line = lines()[4]

    assert (line.actor_name, line.action, line.reason) == ("Handler Example", "abort", "down since noon")
    assert line.before == {"step": "preliminary_integration", "preliminary_voucher": ""}
    assert line.after == {"step": "preliminary_error", "preliminary_voucher": "P-0"}
    assert lines()[13].actor_name == "Unstuck"
    assert lines()[13].evidence == {"source": "erp", "reference": "m-1", "amount": None, "currency": ""}


def test_replaying_the_lines_gives_the_row(lived):
    replayed = dict.fromkeys(TRACKED)
    for line in lines():
        assert {name: replayed[name] for name in line.before} == line.before
        replayed.update(line.after)

    assert replayed == {name: plain(value) for name, value in facts(lived).items()}
    assert (lived.step, lived.status, lived.balance) == ("booked", "paid", 0)


def test_an_edit_keeps_the_lines_of_before_and_after_as_evidence(acme, clerk):
    invoice, _ = hand_in(acme, GIVEN, by=clerk)
    other = InvoiceGiven(
        **{
            **{name: getattr(GIVEN, name) for name in GIVEN.__dataclass_fields__},
            "lines": (LineGiven("Ink", Decimal(2), Decimal("5.00")),),
        }
    )

    edit_invoice(invoice.pk, other, by=clerk)

    line = lines()[1]
    assert (line.before, line.after) == ({"total": "10.9900"}, {"total": "10.0000"})
    assert [one["description"] for one in line.evidence["lines_before"]] == ["Paper"]
    assert [one["description"] for one in line.evidence["lines"]] == ["Ink"]


# the chain ------------------------------------------------------------------------------------------------------------


def test_an_untouched_chain_is_whole(lived):
    assert broken_line(lines(), lived) is None
    assert lived.event_head == lines()[-1].hash


@only_sqlite
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE invoices_event SET reason = 'something else' WHERE sequence = 5",
        "UPDATE invoices_event SET actor_name = 'Somebody Else' WHERE sequence = 5",
        "UPDATE invoices_event SET actor_id = NULL WHERE sequence = 5",
        "UPDATE invoices_event SET at = '2026-01-01 00:00:00' WHERE sequence = 5",
        'UPDATE invoices_event SET after = \'{"step": "booked"}\' WHERE sequence = 5',
        "UPDATE invoices_event SET before = '{}' WHERE sequence = 5",
        "UPDATE invoices_event SET evidence = '{}' WHERE sequence = 5",
        "UPDATE invoices_event SET action = 'skip' WHERE sequence = 5",
        "UPDATE invoices_event SET level = 'error' WHERE sequence = 5",
        "UPDATE invoices_event SET hash = previous_hash WHERE sequence = 5",
        "DELETE FROM invoices_event WHERE sequence = 5",
    ],
)
def test_a_changed_line_shows(lived, sql):
    change(sql)

    assert broken_line(lines()) == 5


@only_sqlite
def test_a_changed_line_with_a_matching_hash_shows_in_the_next(lived):
    forged = lines()[4]
    forged.reason = "something else"
    change("UPDATE invoices_event SET reason = %s, hash = %s WHERE sequence = 5", forged.reason, line_hash(forged))

    assert broken_line(lines()) == 6


@only_sqlite
def test_last_lines_that_were_taken_away_show_against_the_invoice(lived):
    change("DELETE FROM invoices_event WHERE sequence > 12")

    assert broken_line(lines(), lived) == 13


@only_sqlite
def test_a_last_line_written_anew_shows_against_the_invoice(lived):
    forged = lines()[-1]
    forged.reason = "something else"
    change("UPDATE invoices_event SET reason = %s, hash = %s WHERE sequence = 14", forged.reason, line_hash(forged))

    assert broken_line(lines(), lived) == 15


# append-only ----------------------------------------------------------------------------------------------------------


def test_the_model_refuses_to_change_or_delete(lived):
    before = list(Event.objects.order_by("pk").values())
    line = lines()[0]

    for refused in (
        line.save,
        line.delete,
        lambda: Event.objects.update(reason="x"),
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.bulk_update([line], ["reason"]),
        lambda: lived.events.all().delete(),
    ):
        with pytest.raises(Conflict, match="The event log cannot be changed"), transaction.atomic():
            refused()

    assert list(Event.objects.order_by("pk").values()) == before


@only_postgresql
@pytest.mark.parametrize("sql", ["UPDATE invoices_event SET reason = 'x'", "DELETE FROM invoices_event"])
def test_postgresql_refuses_to_change_or_delete(lived, sql):
    with pytest.raises(DatabaseError, match="The event log is append-only"), transaction.atomic():
        change(sql)

    assert broken_line(lines(), lived) is None


def test_two_lines_cannot_have_the_same_number(lived):
    line = lines()[-1]
    line.pk, line._state.adding = None, True

    with pytest.raises(DatabaseError), transaction.atomic():
        line.save()

    assert Event.objects.count() == 14
