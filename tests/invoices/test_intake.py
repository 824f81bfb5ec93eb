import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from invoices.actions.intake import InvoiceGiven, LineGiven, edit_invoice, hand_in, why_read_only
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.models import Client, Counterparty, Event, HandIn, Invoice, InvoiceLine
from tests.factories import InvoiceFactory
from tests.invoices.pictures import RoomPicture, stand

LINE = LineGiven("Paper", Decimal(1), Decimal("10.99"))
GIVEN = InvoiceGiven(
    direction="payable",
    number="I-1",
    party_code="SUP-1",
    party_name="Paper & Sons",
    invoice_date=date(2026, 11, 2),
    currency="USD",
    lines=(LINE,),
)


def line(**values):
    return {"lines": (LINE, replace(LINE, **values))}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"direction": ""}, "direction"),
        ({"kind": "bill"}, "kind"),
        ({"number": ""}, "number"),
        ({"number": " I-1"}, "number"),
        ({"number": "I-1 "}, "number"),
        ({"number": "I\n1"}, "number"),
        ({"number": "x" * 41}, "number"),
        ({"party_code": ""}, "counterparty.code"),
        ({"party_code": "x" * 41}, "counterparty.code"),
        ({"party_name": "x" * 201}, "counterparty.name"),
        ({"party_name": "\x00"}, "counterparty.name"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"due_date": date(2026, 11, 1)}, "due_date"),
        ({"lines": (LINE,) * 1001}, "lines"),
        (line(description=""), "lines[1].description"),
        (line(description="x" * 501), "lines[1].description"),
        (line(description="a\x00b"), "lines[1].description"),
        (line(description="\ud800"), "lines[1].description"),
        (line(quantity=Decimal("NaN")), "lines[1].quantity"),
        (line(quantity=Decimal("Infinity")), "lines[1].quantity"),
        (line(quantity=Decimal("1e400")), "lines[1].quantity"),
        (line(quantity=Decimal("0.00001")), "lines[1].quantity"),
        (line(unit_price=Decimal("100000000000")), "lines[1].unit_price"),
        (line(unit_price=Decimal("-Infinity")), "lines[1].unit_price"),
        (line(account="x" * 41), "lines[1].account"),
        (line(item="\t"), "lines[1].item"),
        (line(quantity=Decimal(10) ** 10, unit_price=Decimal(10) ** 10), "lines[1]"),
        ({"lines": (replace(LINE, quantity=Decimal(-1)),)}, "lines"),
        (
            {"lines": (replace(LINE, unit_price=Decimal("99999999999")), replace(LINE, unit_price=Decimal(2)))},
            "lines",
        ),
    ],
)
def test_each_field_has_its_sentence_and_nothing_is_saved(acme, clerk, values, field):
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        hand_in(acme, replace(GIVEN, **values), by=clerk)

    assert list(refusal.value.fields) == [field]
    assert str(refusal.value).endswith(".")
    assert before.is_unchanged()


def test_all_that_is_wrong_is_said_at_once(acme, clerk):
    wrong = replace(GIVEN, number="", currency="?", **line(description="", account="x" * 41))

    with pytest.raises(BadInput) as refusal:
        hand_in(acme, wrong, by=clerk)

    assert list(refusal.value.fields) == ["number", "currency", "lines[1].description", "lines[1].account"]


def test_amounts_that_cancel_each_other_are_still_too_large_for_their_columns(acme, clerk):
    large = replace(LINE, quantity=Decimal(10) ** 8, unit_price=Decimal(10) ** 8)
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        hand_in(acme, replace(GIVEN, lines=(large, replace(large, quantity=-large.quantity))), by=clerk)

    assert list(refusal.value.fields) == ["lines[0]", "lines[1]"]
    assert before.is_unchanged()


@pytest.mark.parametrize(
    ("currency", "prices", "total", "amounts"),
    [
        ("USD", ("1.005", "1.005"), "2.02", ["1.01", "1.01"]),  # each line is rounded, half up, then added
        ("USD", ("1.0049",), "1.00", ["1.00"]),
        ("JPY", ("0.5", "0.4"), "1", ["1", "0"]),
        ("KWD", ("1.0005", "1.0004"), "2.001", ["1.001", "1.000"]),
        ("CLF", ("1.0005",), "1.0005", ["1.0005"]),
        ("USD", ("5", "-1.255"), "3.74", ["5.00", "-1.26"]),
    ],
)
def test_lines_are_rounded_to_the_currency_and_added(acme, clerk, currency, prices, total, amounts):
    lines = tuple(LineGiven("Paper", Decimal(1), Decimal(price)) for price in prices)

    invoice, _ = hand_in(acme, replace(GIVEN, currency=currency, lines=lines), by=clerk)

    invoice.refresh_from_db()
    assert invoice.total == Decimal(total)
    assert [row.amount for row in invoice.lines.all()] == [Decimal(amount) for amount in amounts]


def test_the_largest_total_is_kept_exactly(acme, clerk):
    largest = replace(LINE, unit_price=Decimal("99999999999.9999"))

    invoice, _ = hand_in(acme, replace(GIVEN, currency="CLF", lines=(largest,)), by=clerk)

    invoice.refresh_from_db()
    assert invoice.total == Decimal("99999999999.9999")


def test_a_description_may_have_several_lines_and_any_language(acme, clerk):
    text = "Papier, weiß\n\t80 g/m² 紙"

    invoice, _ = hand_in(acme, replace(GIVEN, lines=(replace(LINE, description=text),)), by=clerk)

    assert invoice.lines.get().description == text


# counterparties and numbers -------------------------------------------------------------------------------------------


def test_a_known_counterparty_is_found_by_its_code_and_keeps_its_name(acme, clerk):
    hand_in(acme, GIVEN, by=clerk)

    hand_in(acme, replace(GIVEN, number="I-2", party_name="Another Name"), by=clerk)

    assert Counterparty.objects.get().name == "Paper & Sons"


def test_a_code_alone_names_a_new_counterparty_after_itself(acme, clerk):
    invoice, _ = hand_in(acme, replace(GIVEN, party_name=""), by=clerk)

    assert invoice.counterparty.name == "SUP-1"


def test_the_same_number_of_the_same_counterparty_is_refused(acme, clerk):
    hand_in(acme, GIVEN, by=clerk)
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        hand_in(acme, replace(GIVEN, party_name="Another"), by=clerk)

    assert refusal.value.fields == {"number": "I-1 of this counterparty is here already: look at that one first."}
    assert before.is_unchanged()


@pytest.mark.parametrize("values", [{"party_code": "SUP-2"}, {"kind": "credit_memo"}, {"direction": "receivable"}])
def test_the_same_number_elsewhere_is_another_invoice(acme, clerk, values):
    hand_in(acme, GIVEN, by=clerk)

    hand_in(acme, replace(GIVEN, **values), by=clerk)

    assert Invoice.objects.count() == 2


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_key", [False, True])
def test_of_several_at_once_one_is_taken_in(acme, clerk, with_key):
    start, results = threading.Barrier(6), []

    def try_it():
        start.wait(timeout=30)
        try:
            results.append(hand_in(acme, GIVEN, by=clerk, key="k" if with_key else ""))
        except BadInput as refusal:
            results.append(list(refusal.fields))
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    invoice = Invoice.objects.get()
    if with_key:
        assert sorted(is_new for _, is_new in results) == [False] * 5 + [True]
        assert {one.pk for one, _ in results} == {invoice.pk}
    else:
        assert [result for result in results if result == ["number"]] == [["number"]] * 5
    assert (Event.objects.count(), InvoiceLine.objects.count(), HandIn.objects.count()) == (1, 1, int(with_key))


# keys -----------------------------------------------------------------------------------------------------------------


def test_the_same_key_answers_the_same_invoice_although_it_has_moved_on(acme, clerk):
    first, _ = hand_in(acme, GIVEN, by=clerk, key="k")
    edit_invoice(first.pk, replace(GIVEN, number="I-2"), by=clerk)
    before = RoomPicture()

    second, is_new = hand_in(acme, GIVEN, by=clerk, key="k")

    assert (second.pk, second.number, is_new) == (first.pk, "I-2", False)
    assert before.is_unchanged()


@pytest.mark.parametrize(
    "values",
    [
        {"number": "I-2"},
        {"invoice_date": date(2026, 11, 3)},
        {"due_date": date(2026, 12, 3)},
        {"kind": "credit_memo"},
        {"party_name": "Other"},
        {"lines": (LINE, LINE)},
        {"lines": (replace(LINE, account="4000"),)},
        {"lines": (replace(LINE, unit_price=Decimal("10.98")),)},
    ],
)
def test_the_same_key_for_anything_else_is_refused(acme, clerk, values):
    hand_in(acme, GIVEN, by=clerk, key="k")
    before = RoomPicture()

    with pytest.raises(Conflict, match="This Idempotency-Key was used for another invoice"):
        hand_in(acme, replace(GIVEN, **values), by=clerk, key="k")

    assert before.is_unchanged()


def test_the_same_key_on_another_client_is_refused(acme, globex, root):
    hand_in(acme, GIVEN, by=root, key="k")

    with pytest.raises(Conflict):
        hand_in(globex, GIVEN, by=root, key="k")


def test_the_same_amounts_written_otherwise_are_the_same_body(acme, clerk):
    hand_in(acme, GIVEN, by=clerk, key="k")

    _, is_new = hand_in(acme, replace(GIVEN, lines=(replace(LINE, quantity=Decimal("1.0")),)), by=clerk, key="k")

    assert not is_new


# who ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "refusal"),
    [("handler", NotAllowed), ("manager", NotAllowed), ("auditor", NotAllowed), ("stranger", NotThere)],
)
def test_who_may_not_hand_in_may_not_edit_either(acme, globex, clerk, request, person, refusal):
    by = request.getfixturevalue(person)
    invoice = InvoiceFactory(client=acme)
    before = RoomPicture()

    with pytest.raises(refusal):
        hand_in(acme, GIVEN, by=by)
    with pytest.raises(refusal):
        edit_invoice(invoice.pk, GIVEN, by=by)

    assert before.is_unchanged()


# editing --------------------------------------------------------------------------------------------------------------

# DESIGN §4, edit rules: what finance staff may change, and what the page says where they may not.
EDITABLE = {
    "draft": "",
    "preliminary_integration": "on its way to the ERP",
    "preliminary_error": "",
    "approval": "waits for approval",
    "final_integration": "on its way to the ERP",
    "final_error": "",
    "booked": "Edit it in the ERP; the next sync brings it back",
    "invalidated": "hand it in again under another number",
}


@pytest.mark.parametrize(("step", "why_not"), EDITABLE.items())
def test_an_invoice_is_editable_where_it_is_ours(acme, clerk, step, why_not):
    invoice = stand(acme, step)
    before = RoomPicture()
    given = replace(GIVEN, due_date=date(2026, 12, 1), lines=(LINE, LINE))

    if why_not:
        with pytest.raises(Conflict, match=why_not):
            edit_invoice(invoice.pk, given, by=clerk)
        assert before.is_unchanged()
        assert why_not in why_read_only(invoice)
        return
    edit_invoice(invoice.pk, given, by=clerk, reason="typed wrong")

    invoice.refresh_from_db()
    assert (invoice.step, invoice.number, invoice.total) == (step, "I-1", Decimal("21.98"))
    assert invoice.due_date == date(2026, 12, 1)
    assert [row.position for row in invoice.lines.all()] == [1, 2]
    assert Event.objects.get().reason == "typed wrong"
    assert why_read_only(invoice) == ""


def test_an_archived_invoice_is_restored_before_it_is_edited(acme, clerk):
    invoice = stand(acme, "draft", archived_at=timezone.now())

    with pytest.raises(Conflict, match="It is archived: restore it first"):
        edit_invoice(invoice.pk, GIVEN, by=clerk)


def test_direction_and_kind_stay_and_so_does_the_side_of_the_counterparty(acme, clerk):
    invoice, _ = hand_in(acme, GIVEN, by=clerk)

    edit_invoice(invoice.pk, replace(GIVEN, direction="receivable", kind="credit_memo", number="I-2"), by=clerk)

    invoice.refresh_from_db()
    assert (invoice.direction, invoice.kind, invoice.number) == ("payable", "invoice", "I-2")
    assert Counterparty.objects.get().direction == "payable"


def test_an_edit_to_a_number_that_is_taken_is_refused(acme, clerk):
    hand_in(acme, GIVEN, by=clerk)
    other, _ = hand_in(acme, replace(GIVEN, number="I-2"), by=clerk)
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        edit_invoice(other.pk, GIVEN, by=clerk)

    assert list(refusal.value.fields) == ["number"]
    assert before.is_unchanged()


def test_a_total_below_what_is_paid_is_refused(acme, clerk):
    invoice = stand(acme, "final_error", paid=Decimal(5))
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        edit_invoice(invoice.pk, replace(GIVEN, lines=(replace(LINE, unit_price=Decimal(4)),)), by=clerk)

    assert list(refusal.value.fields) == ["lines"]
    assert before.is_unchanged()


def test_the_system_may_hand_in_too(acme):
    invoice, is_new = hand_in(acme, GIVEN, by=None, key="ignored")

    assert (is_new, invoice.created_by, Event.objects.get().actor_name) == (True, None, "Unstuck")
    assert not HandIn.objects.exists()
    assert Client.objects.get() == acme
