"""What changed in the ERP comes here by itself."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from integrations import pulling
from integrations.models import Connection
from integrations.pulling import OVERLAP, pull
from invoices import clock
from invoices.models import Counterparty, Event, Invoice, Payment
from tests.delivery.desk import Beside

pytestmark = pytest.mark.django_db


def counts(pulled):
    return {
        name: getattr(pulled, name)
        for name in ("read", "changed", "same", "not_here", "waiting", "problems")
        if getattr(pulled, name)
    }


def lines(invoice):
    return [(line.description, line.amount) for line in invoice.lines.all()]


def event(invoice, action):
    return Event.objects.get(invoice=invoice, action=action)


def test_everything_that_was_edited_there_comes_in_one_event(desk, booked, edit_there):
    desk.ask("PUT", "customers/CUS-9/", {"name": "New Readers"})
    edit_there(
        booked,
        number="NEW-1",
        total="12.50",
        invoice_date="2026-11-05",
        due_date="2026-12-24",
        party={"code": "CUS-9", "name": "New Readers"},
    )

    pulled = pull(desk.connection.pk)

    invoice = desk.see(booked)
    assert (counts(pulled), pulled.is_whole, pulled.error) == ({"read": 1, "changed": 1}, True, "")
    assert (invoice.number, invoice.total, invoice.invoice_date, invoice.due_date) == (
        "NEW-1",
        Decimal("12.50"),
        date(2026, 11, 5),
        date(2026, 12, 24),
    )
    assert (invoice.counterparty.code, invoice.counterparty.name) == ("CUS-9", "New Readers")
    assert lines(invoice) == [("Paper", Decimal("12.50"))]
    assert (invoice.erp_balance, invoice.erp_state, invoice.sync_problem) == (Decimal("12.50"), "open", "")
    line = event(booked, "changed_in_erp")
    assert (line.before["total"], line.after["total"]) == ("10.9900", "12.5000")
    assert (line.before["due_date"], line.after["due_date"]) == (None, "2026-12-24")
    assert (line.before["number"], line.after["number"]) == (booked.number, "NEW-1")
    assert sorted(line.after) == ["counterparty_id", "due_date", "invoice_date", "number", "total"]
    assert line.evidence["lines"][0]["amount"] == "12.5000"
    assert (line.level, line.actor_name, "lost" in line.evidence) == ("info", "Unstuck", False)
    desk.answers.clear()  # it was handed in under another number
    desk.assert_holds()


def test_nothing_new_writes_nothing_but_when_it_was_looked_at(desk, booked):
    events = desk.actions(booked)

    first = pull(desk.connection.pk)
    seen = desk.see(booked).synced_at
    again = pull(desk.connection.pk)

    assert (counts(first), counts(again)) == ({"read": 1, "same": 1}, {"read": 1, "same": 1})
    assert desk.actions(booked) == [*events, "take_pdf"]
    assert seen is not None
    assert desk.see(booked).synced_at == seen


def test_what_nobody_here_knows_is_counted_and_left(desk, booked):
    desk.book_by_hand(booked, number="THEIRS", stage="final", party={"code": "CUS-1"})

    assert counts(pull(desk.connection.pk)) == {"read": 2, "same": 1, "not_here": 1}
    assert Invoice.objects.count() == 1


def test_a_preliminary_booking_is_not_read_back(desk):
    invoice = desk.post()
    desk.drain()
    desk.ask("POST", f"documents/{desk.see(invoice).remote_id}/edit/", {"due_date": "2026-12-24"})

    assert counts(pull(desk.connection.pk)) == {"read": 1, "waiting": 1}
    assert desk.see(invoice).due_date is None


def test_an_unknown_customer_is_made_here_once(desk, book, edit_there):
    one, two = book(), book()
    desk.ask("PUT", "customers/CUS-9/", {"name": "New Readers"})
    for invoice in (one, two):
        edit_there(invoice, party={"code": "CUS-9", "name": "New Readers"})

    pull(desk.connection.pk)

    assert Counterparty.objects.filter(code="CUS-9").count() == 1
    assert desk.see(one).counterparty_id == desk.see(two).counterparty_id


def test_the_cursor_follows_the_erps_clock_and_the_next_pull_begins_ten_minutes_before(desk, booked):
    (document,) = desk.documents(booked)

    pull(desk.connection.pk)

    connection = Connection.objects.get(pk=desk.connection.pk)
    assert connection.changes_until.isoformat() == document["changed_at"]
    assert connection.pulled_at is not None
    assert (connection.pull_token, connection.pull_until) == ("", None)
    desk.tune(changes_until=connection.changes_until + OVERLAP - timedelta(seconds=1))
    assert pull(desk.connection.pk).read == 1
    desk.tune(changes_until=connection.changes_until + OVERLAP + timedelta(seconds=1))
    assert pull(desk.connection.pk).read == 0


def test_the_cursor_never_goes_back(desk, booked):
    later = clock.now() + timedelta(minutes=5)
    desk.tune(changes_until=later)

    assert pull(desk.connection.pk).read == 1
    assert Connection.objects.get(pk=desk.connection.pk).changes_until == later


def test_one_that_fails_is_marked_and_the_rest_goes_on(desk, book, edit_there):
    taken, wrong, last = book("R-1"), book("R-2"), book("R-3")
    edit_there(wrong, number="R-1")
    edit_there(last, due_date="2026-12-24")

    pulled = pull(desk.connection.pk)

    assert counts(pulled) == {"read": 3, "same": 1, "changed": 1, "problems": 1}
    assert pulled.is_whole
    wrong = desk.see(wrong)
    assert (wrong.number, wrong.sync_problem) == (
        "R-2",
        "The ERP calls it R-1, and another invoice here has that number already.",
    )
    assert event(wrong, "not_taken").level == "error"
    assert desk.see(last).due_date == date(2026, 12, 24)
    assert desk.see(taken).number == "R-1"


def test_the_same_trouble_is_one_event_and_is_gone_when_it_is_mended(desk, book, edit_there):
    book("R-1")
    wrong = book("R-2")
    edit_there(wrong, number="R-1")
    for _round in range(3):
        pull(desk.connection.pk)
    assert desk.actions(wrong).count("not_taken") == 1

    edit_there(wrong, number="R-9")
    pull(desk.connection.pk)

    assert (desk.see(wrong).number, desk.see(wrong).sync_problem) == ("R-9", "")


def test_an_accident_of_ours_marks_the_one_and_does_not_stop_the_rest(desk, book, edit_there, monkeypatch):
    first, second = book(), book()
    for invoice in (first, second):
        edit_there(invoice, due_date="2026-12-24")

    def stumble(invoice_id, payments, **_more):
        if invoice_id == first.pk:
            raise ZeroDivisionError("a bug")
        return False

    monkeypatch.setattr(pulling, "take_remote_payments", stumble)  # a bug of ours has no other seam

    assert counts(pull(desk.connection.pk)) == {"read": 2, "changed": 1, "problems": 1}
    assert (desk.see(first).due_date, desk.see(first).sync_problem) == (None, "ZeroDivisionError: a bug")
    assert desk.see(second).due_date == date(2026, 12, 24)


def test_a_total_below_what_is_paid_here_is_kept_as_a_problem(desk, booked, edit_there):
    Payment.objects.create(invoice=booked, amount=8, currency="USD", state="succeeded", source="x")
    Invoice.objects.filter(pk=booked.pk).update(paid=8)
    edit_there(booked, total="5.00", due_date="2026-12-24")

    assert counts(pull(desk.connection.pk)) == {"read": 1, "problems": 1}

    invoice = desk.see(booked)
    assert (invoice.total, invoice.due_date, invoice.erp_balance) == (Decimal("10.99"), None, Decimal(5))
    assert invoice.sync_problem == (
        "The ERP's total of 5.00 USD is below the 8.00 that are paid here: correct the total there, or the payments."
    )


def test_a_total_that_falls_below_what_was_paid_comes_with_the_payments_that_are_left(desk, booked, edit_there):
    first = pay_there(desk, booked, "8.00")
    pull(desk.connection.pk)
    desk.ask("DELETE", f"payments/{first}/")
    pay_there(desk, booked, "3.00")
    edit_there(booked, total="5.00")

    pull(desk.connection.pk)

    invoice = desk.see(booked)
    assert (invoice.total, invoice.paid, invoice.status, invoice.sync_problem) == (5, 3, "partially_paid", "")


def test_a_payment_above_the_old_total_comes_with_the_new_one(desk, booked, edit_there):
    edit_there(booked, total="20.00")
    pay_there(desk, booked, "18.00")

    pull(desk.connection.pk)

    invoice = desk.see(booked)
    assert (invoice.total, invoice.paid, invoice.status, invoice.sync_problem) == (20, 18, "partially_paid", "")


def pay_there(desk, invoice, amount):
    """Record a payment in the ERP, and return its id there."""
    body = {"key": "", "document_id": invoice.remote_id, "amount": amount, "currency": "USD", "paid_on": "2026-11-10"}
    return desk.ask("POST", "payments/", body)["id"]


@pytest.mark.parametrize(
    ("paid", "total", "status"), [("10.99", "20.00", "partially_paid"), ("8", "8.00", "paid"), ("0", "9.00", "open")]
)
def test_the_status_follows_a_new_total(desk, booked, edit_there, paid, total, status):
    was = {"10.99": "paid", "8": "partially_paid", "0": "open"}[paid]
    Invoice.objects.filter(pk=booked.pk).update(paid=Decimal(paid), status=was)
    edit_there(booked, total=total)

    pull(desk.connection.pk)

    assert (desk.see(booked).status, desk.see(booked).total) == (status, Decimal(total))


def test_voided_there_is_an_event_once_and_the_balance_there_is_zero(desk, booked):
    desk.ask("POST", f"documents/{booked.remote_id}/void/", {})

    for _round in range(2):
        pull(desk.connection.pk)

    invoice = desk.see(booked)
    assert (invoice.erp_state, invoice.erp_balance, invoice.total) == ("voided", 0, Decimal("10.99"))
    assert desk.actions(booked).count("voided_in_erp") == 1
    assert event(booked, "voided_in_erp").level == "warning"


def test_another_companys_document_under_the_same_id_is_not_taken(desk, booked, edit_there):
    Invoice.objects.filter(pk=booked.pk).update(final_voucher="F-9")
    edit_there(booked, due_date="2026-12-24")

    assert counts(pull(desk.connection.pk)) == {"read": 1, "problems": 1}
    assert desk.see(booked).due_date is None
    assert "another document under its id" in desk.see(booked).sync_problem


def test_other_clients_are_not_touched(desk, booked, globex, edit_there):
    theirs = Invoice.objects.create(
        client=globex, counterparty=Counterparty.objects.create(client=globex, direction="receivable", code="C"),
        direction="receivable", number="G-1", invoice_date=date(2026, 11, 2), currency="USD", total=1,
        remote_id=booked.remote_id, status="open", step="booked", final_voucher="F-000001",
    )  # fmt: skip
    edit_there(booked, due_date="2026-12-24")

    pull(desk.connection.pk)

    assert Invoice.objects.get(pk=theirs.pk).due_date is None


def test_a_connection_that_is_switched_off_is_not_asked(desk, booked):
    desk.tune(is_enabled=False)

    assert pull(desk.connection.pk) == pulling.Pulled()
    assert Connection.objects.get(pk=desk.connection.pk).changes_until is None


def test_an_erp_that_is_down_moves_nothing_and_is_named(desk, booked):
    desk.erp.faults(down=True)

    pulled = pull(desk.connection.pk)

    assert (pulled.is_whole, pulled.read) == (False, 0)
    assert "maintenance" in pulled.error
    connection = Connection.objects.get(pk=desk.connection.pk)
    assert (connection.last_error, connection.changes_until, connection.pull_token) == (pulled.error, None, "")


def test_refused_credentials_stop_the_connection_until_new_ones_come(desk, booked):
    desk.connection.secret = "wrong"
    desk.connection.save()

    assert pull(desk.connection.pk).error
    assert Connection.objects.get(pk=desk.connection.pk).needs_credentials


@pytest.mark.django_db(transaction=True)
def test_two_pulls_at_once_are_one(desk, booked, edit_there):
    edit_there(booked, due_date="2026-12-24")
    desk.erp.faults(latency_ms=300)
    first = Beside(lambda: pull(desk.connection.pk))
    while not Connection.objects.get(pk=desk.connection.pk).pull_token:
        pass

    second = pull(desk.connection.pk)

    assert second == pulling.Pulled()
    assert counts(first.join()) == {"read": 1, "changed": 1}
    assert desk.actions(booked).count("changed_in_erp") == 1


def test_many_documents_that_changed_at_once_are_read_in_runs_that_get_on(desk, book, monkeypatch):
    invoices = [book() for _number in range(7)]
    monkeypatch.setattr(pulling, "BATCH", 2)

    runs = []
    while not runs or not runs[-1].is_whole:
        runs.append(pull(desk.connection.pk, at_most=timedelta(0)))

    assert [run.read for run in runs] == [2, 4, 6, 7, 7]
    assert all(desk.see(invoice).synced_at for invoice in invoices)
