"""What the ERP and a manager may make of a status; the tables are DESIGN §4, written down by hand."""

from decimal import Decimal

import pytest

from invoices.actions.flow import skip_step
from invoices.actions.payments import Effect, StatusUpdate, Update, set_status, update_status
from invoices.errors import BadInput, Conflict
from invoices.models import Event, Payment
from invoices.workflow import Status, Step
from tests.factories import CounterpartyFactory
from tests.invoices.pictures import RoomPicture, stand

SAME, NO = "already there", "409"
# from: what paid, processing_payment, denied and failed_erp_validation (told by the ERP) make of it.
TOLD = {
    "ok_to_pay": ("paid", "processing_payment", "denied", "failed_erp_validation"),
    "processing_payment": ("paid", SAME, "denied", "failed_erp_validation"),
    "partially_paid": ("paid", NO, NO, NO),
    "paid": (SAME, NO, NO, NO),
    "denied": (NO, NO, SAME, NO),
    "failed_erp_validation": (NO, NO, NO, SAME),
    "": (NO, NO, NO, NO),
    "open": ("paid", NO, NO, NO),
}
UPDATES = (Update.PAID, Update.PROCESSING_PAYMENT, Update.DENIED, Update.FAILED_ERP_VALIDATION)
# from: what a manager may make of it by hand.
BY_HAND = {
    "ok_to_pay": {"processing_payment", "partially_paid", "paid", "denied", "failed_erp_validation"},
    "processing_payment": {"partially_paid", "paid", "denied", "failed_erp_validation"},
    "partially_paid": {"partially_paid", "paid"},
    "paid": set(),
    "denied": set(),
    "failed_erp_validation": set(),
    "": set(),
    "open": set(),
}


def stand_at(client, status):
    if status == "":
        return stand(client, "approval")
    if status == "failed_erp_validation":
        return stand(client, "final_error", status=status)
    if status == "open":
        party = CounterpartyFactory(client=client, direction="receivable", code="CUS-1")
        return stand(client, "booked", status=status, direction="receivable", counterparty=party)
    paid = {"paid": Decimal("10.99"), "partially_paid": Decimal("0.99")}.get(status, Decimal(0))
    return stand(client, "booked", status=status, paid=paid)


@pytest.mark.parametrize("status", TOLD)
@pytest.mark.parametrize("update", UPDATES)
def test_the_erp_tells(acme, status, update):
    invoice = stand_at(acme, status)
    expected = TOLD[status][UPDATES.index(update)]
    before = RoomPicture()
    told = StatusUpdate(update, source="erp", reference="m-1", reason="told so")

    if expected == NO:
        with pytest.raises(Conflict):
            update_status(invoice.pk, told, by=None)
        assert before.is_unchanged()
        return
    effect = update_status(invoice.pk, told, by=None)

    if expected == SAME:
        assert effect is Effect.ALREADY_THERE
        assert before.is_unchanged()
        return
    invoice.refresh_from_db()
    assert (effect, invoice.status) == (Effect.APPLIED, expected)
    assert invoice.step == ("final_error" if expected == "failed_erp_validation" else "booked")
    line = Event.objects.get()
    assert (line.action, line.reason) == (f"status_{update}", "told so")
    assert invoice.paid == sum((payment.amount for payment in Payment.objects.all()), before_paid(before))


def before_paid(before):
    return before.rows["Invoice"][0]["paid"]


@pytest.mark.parametrize("status", BY_HAND)
@pytest.mark.parametrize("target", Status.values)
def test_a_manager_sets(acme, manager, status, target):
    invoice = stand_at(acme, status)
    before = RoomPicture()
    amount = Decimal(1) if target == "partially_paid" else None

    if target not in BY_HAND[status]:
        with pytest.raises((Conflict, BadInput)):
            set_status(invoice.pk, by=manager, reason="by phone", status=target, amount=amount)
        assert before.is_unchanged()
        return
    set_status(invoice.pk, by=manager, reason="by phone", status=target, amount=amount)

    invoice.refresh_from_db()
    assert invoice.status == target
    line = Event.objects.get()
    assert (line.action, line.actor, line.reason) == ("set_status", manager, "by phone")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"status": ""}, "status"),
        ({"status": "bogus"}, "status"),
        ({"status": "ok_to_pay"}, "status"),
        ({"status": "partially_paid"}, "amount"),
        ({"status": "partially_paid", "amount": Decimal(0)}, "amount"),
        ({"status": "partially_paid", "amount": Decimal(-1)}, "amount"),
        ({"status": "partially_paid", "amount": Decimal("10.99")}, "amount"),
        ({"status": "partially_paid", "amount": Decimal("1.001")}, "amount"),
        ({"status": "partially_paid", "amount": Decimal("1e400")}, "amount"),
        ({"status": "paid", "amount": Decimal(5)}, "amount"),
        ({"status": "denied", "amount": Decimal(5)}, "amount"),
    ],
)
def test_what_does_not_fit_names_its_field(acme, manager, values, field):
    invoice = stand(acme, "booked")
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        set_status(invoice.pk, by=manager, **{"reason": "by phone", "status": "paid", **values})

    assert list(refusal.value.fields) == [field]
    assert before.is_unchanged()


@pytest.mark.parametrize(
    ("amount", "currency", "field"),
    [
        ("11.00", "", "amount"),
        ("0", "", "amount"),
        ("-1", "", "amount"),
        ("1.001", "", "amount"),
        ("1e400", "", "amount"),
        ("1e30", "", "amount"),
        ("5.00", "EUR", "currency"),
    ],
)
def test_an_amount_that_does_not_fit_the_balance_is_refused(acme, amount, currency, field):
    invoice = stand(acme, "booked")
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        update_status(
            invoice.pk, StatusUpdate(Update.PAID, source="erp", amount=Decimal(amount), currency=currency), by=None
        )

    assert list(refusal.value.fields) == [field]
    assert before.is_unchanged()


def test_parts_add_up_to_the_whole(acme):
    invoice = stand(acme, "booked")

    seen = []
    for amount in ("4.00", "6.98", None):
        told = StatusUpdate(Update.PAID, source="erp", amount=amount and Decimal(amount), currency="USD")
        update_status(invoice.pk, told, by=None)
        invoice.refresh_from_db()
        seen.append((invoice.status, str(invoice.balance.normalize())))

    assert seen == [("partially_paid", "6.99"), ("partially_paid", "0.01"), ("paid", "0")]
    assert [payment.amount for payment in Payment.objects.all()] == [Decimal("4"), Decimal("6.98"), Decimal("0.01")]
    assert {payment.source for payment in Payment.objects.all()} == {"erp"}


def test_what_is_only_noted_writes_a_line_and_moves_nothing(acme):
    invoice = stand(acme, "booked")

    effect = update_status(invoice.pk, StatusUpdate(Update.NOTED, source="erp", reason="seen"), by=None)

    invoice.refresh_from_db()
    assert (effect, invoice.status) == (Effect.APPLIED, Status.OK_TO_PAY)
    assert Event.objects.get().action == "status_noted"


def test_after_failed_validation_the_invoice_is_corrected_and_comes_back(acme, handler):
    invoice = stand(acme, "booked")
    update_status(invoice.pk, StatusUpdate(Update.FAILED_ERP_VALIDATION, source="erp"), by=None)

    skip_step(invoice.pk, by=handler, reason="mended there")

    invoice.refresh_from_db()
    assert (invoice.step, invoice.status, invoice.final_voucher) == (Step.BOOKED, Status.OK_TO_PAY, "F-1")
    assert Event.objects.get(sequence=1).level == "warning"
