"""Recording payments on receivables, and what succeeding, failing and voiding makes of the balance."""

from datetime import date
from decimal import Decimal

import pytest

from invoices.actions.preferences import change_preferences
from invoices.actions.receipts import (
    RemotePaymentFacts,
    fail_payment,
    record_payment,
    settle_payment,
    take_remote_payments,
    void_payment,
)
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.models import Event, IntegrationMessage, Payment
from invoices.models.payment import counts
from tests.factories import CounterpartyFactory
from tests.invoices.pictures import RoomPicture, stand

DAY = date(2026, 11, 20)
# state, method: whether it counts with the preference on, and off.
COUNTS = {
    ("authorized", "ach"): (True, False),
    ("authorized", "card"): (False, False),
    ("authorized", "check"): (False, False),
    ("authorized", "transfer"): (False, False),
    ("authorized", "other"): (False, False),
    ("succeeded", "ach"): (True, True),
    ("succeeded", "card"): (True, True),
    ("failed", "ach"): (False, False),
    ("voided", "ach"): (False, False),
}


@pytest.fixture
def invoice(acme):
    """A receivable over 10.99 that is booked in the ERP."""
    party = CounterpartyFactory(client=acme, direction="receivable", code="CUS-1")
    return stand(acme, "booked", direction="receivable", counterparty=party, status="open", remote_id="77")


def pay(invoice, by, amount="10.99", **facts):
    usual = {"method": "ach", "state": "authorized", "paid_on": DAY}
    return record_payment(invoice.pk, by=by, amount=Decimal(amount), **(usual | facts))


def now(invoice):
    row = type(invoice).objects.get(pk=invoice.pk)
    return row.status, str(row.paid.normalize())


def there(remote_id, amount="10.99", **facts):
    return RemotePaymentFacts(remote_id, Decimal(amount), facts.pop("currency", "USD"), DAY, **facts)


def push(payment, remote_id):
    """Let the ERP have it, as delivery does when it is confirmed."""
    moment = payment.created_at
    Payment.objects.filter(pk=payment.pk).update(remote_id=remote_id, pushed_at=moment)
    IntegrationMessage.objects.filter(payment=payment).update(
        state="confirmed", voucher=remote_id, remote_id=remote_id, settled_at=moment, not_before=None
    )


@pytest.mark.parametrize(("state", "method"), COUNTS)
def test_which_payments_count(state, method):
    payment = Payment(state=state, method=method, is_applied=state in ("authorized", "succeeded"))

    assert (counts(payment, True), counts(payment, False)) == COUNTS[state, method]


@pytest.mark.parametrize("preference", [True, False])
def test_a_failed_one_that_the_erp_has_or_may_have_counts_until_it_is_gone(preference):
    payment = Payment(state="failed", method="ach", is_applied=True)
    assert counts(payment, preference, is_on_its_way=True)
    payment.pushed_at = DAY
    assert counts(payment, preference)
    payment.gone_at = DAY
    assert not counts(payment, preference)


def test_parts_add_up_and_a_failure_opens_the_invoice_again(invoice, clerk):
    seen = []
    first = pay(invoice, clerk, "4.00")
    seen.append(now(invoice))
    second = pay(invoice, clerk, "6.99", method="check", state="succeeded")
    seen.append(now(invoice))

    fail_payment(first.pk, by=clerk, reason="R01")
    seen.append(now(invoice))
    void_payment(second.pk, by=clerk, reason="typed twice")
    seen.append(now(invoice))

    assert seen == [("partially_paid", "4"), ("paid", "10.99"), ("partially_paid", "6.99"), ("open", "0")]
    assert [event.action for event in Event.objects.order_by("pk")] == [
        "record_payment",
        "record_payment",
        "fail_payment",
        "void_payment",
    ]
    assert Event.objects.first().reason == "typed twice"
    assert Event.objects.last().evidence == {
        "payment_id": first.pk,
        "amount": "4.0000",
        "currency": "USD",
        "method": "ach",
        "state": "authorized",
        "reference": "",
        "remote_id": "",
    }


def test_an_authorized_card_payment_counts_once_it_succeeded(invoice, clerk):
    payment = pay(invoice, clerk, method="card")
    assert (now(invoice), IntegrationMessage.objects.count()) == (("open", "0"), 0)

    settle_payment(payment.pk, by=clerk)

    assert (now(invoice), IntegrationMessage.objects.get().payment) == (("paid", "10.99"), payment)


def test_one_that_succeeds_late_must_still_fit_the_balance(invoice, clerk):
    late = pay(invoice, clerk, method="card")
    pay(invoice, clerk, "1.00", method="check", state="succeeded")
    before = RoomPicture()

    with pytest.raises(Conflict, match="more than what is open by now"):
        settle_payment(late.pk, by=clerk)

    assert before.is_unchanged()


def test_switching_the_preference_moves_nothing_that_counts_already(invoice, clerk, manager, acme):
    first = pay(invoice, clerk, "4.00")
    change_preferences(acme.pk, by=manager, submits_authorized_ach=False)

    second = pay(invoice, clerk, "5.00")

    assert now(invoice) == ("partially_paid", "4")
    assert [Payment.objects.get(pk=row.pk).is_applied for row in (first, second)] == [True, False]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"amount": "11.00"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "1e400"}, "amount"),
        ({"method": "cash"}, "method"),
        ({"state": "failed"}, "state"),
        ({"state": ""}, "state"),
        ({"reference": "x" * 201}, "reference"),
        ({"reference": "a\x07"}, "reference"),
    ],
)
def test_what_does_not_fit_names_its_field(invoice, clerk, values, field):
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        pay(invoice, clerk, **values)

    assert list(refusal.value.fields) == [field]
    assert before.is_unchanged()


def test_a_payables_payments_are_the_erps(acme, clerk):
    payable = stand(acme, "booked")
    before = RoomPicture()

    with pytest.raises(Conflict, match="record this one there"):
        pay(payable, clerk)

    assert before.is_unchanged()


@pytest.mark.parametrize("verb", [settle_payment, fail_payment, void_payment])
@pytest.mark.parametrize(
    ("person", "refusal"),
    [("handler", NotAllowed), ("manager", NotAllowed), ("auditor", NotAllowed), ("stranger", NotThere)],
)
def test_who_has_no_right_is_refused(invoice, clerk, request, verb, person, refusal):
    payment, by = pay(invoice, clerk), request.getfixturevalue(person)
    before = RoomPicture()

    with pytest.raises(refusal):
        verb(payment.pk, by=by, reason="because")

    assert before.is_unchanged()


@pytest.mark.parametrize("verb", [fail_payment, void_payment])
def test_what_has_ended_does_not_end_again(invoice, clerk, verb):
    payment = pay(invoice, clerk)
    void_payment(payment.pk, by=clerk, reason="typed twice")
    before = RoomPicture()

    with pytest.raises(Conflict, match="The payment is Voided"):
        verb(payment.pk, by=clerk, reason="again")

    assert before.is_unchanged()


# what the ERP has -----------------------------------------------------------------------------------------------------


def test_a_failed_payment_deleted_there_opens_the_invoice_with_the_next_sync(invoice, clerk):
    payment = pay(invoice, clerk)
    push(payment, "9")
    fail_payment(payment.pk, by=clerk, reason="R01")
    assert now(invoice) == ("paid", "10.99")
    assert take_remote_payments(invoice.pk, [there("9")]) is False

    assert take_remote_payments(invoice.pk, []) is True

    payment = Payment.objects.get()
    assert (now(invoice), payment.failed_after_push, payment.is_applied) == (("open", "0"), False, False)
    line = Event.objects.first()
    assert (line.action, line.before["status"], line.after["status"]) == ("take_remote_payments", "paid", "open")
    assert line.evidence["gone"] == [payment.pk]
    assert take_remote_payments(invoice.pk, []) is False


def test_a_succeeded_payment_deleted_there_counts_no_more(invoice, clerk):
    payment = pay(invoice, clerk, method="check", state="succeeded")
    push(payment, "9")

    take_remote_payments(invoice.pk, [])

    payment = Payment.objects.get()
    assert (payment.state, payment.is_applied) == ("succeeded", False)
    assert payment.failure_reason == "deleted in the ERP"
    assert now(invoice) == ("open", "0")


def test_a_payment_made_there_is_added_once(invoice):
    take_remote_payments(invoice.pk, [there("9", "4.00")])
    before = RoomPicture()

    assert take_remote_payments(invoice.pk, [there("9", "4.00")]) is False

    assert before.is_unchanged()
    payment = Payment.objects.get()
    assert (payment.source, payment.state, payment.remote_id, payment.paid_on) == ("ERP", "succeeded", "9", DAY)
    assert (now(invoice), IntegrationMessage.objects.count()) == (("partially_paid", "4"), 0)


def test_ours_is_recognised_by_its_key(invoice, clerk):
    payment = pay(invoice, clerk)
    key = IntegrationMessage.objects.get().key

    take_remote_payments(invoice.pk, [there("9", key=key)])

    (row,) = Payment.objects.all()
    assert (row.pk, row.remote_id, now(invoice)) == (payment.pk, "9", ("paid", "10.99"))


def test_what_was_pushed_after_the_erp_was_asked_is_left_alone(invoice, clerk):
    payment = pay(invoice, clerk)
    asked_at = payment.created_at
    push(payment, "9")
    Payment.objects.update(pushed_at=asked_at.replace(year=2027))

    assert take_remote_payments(invoice.pk, [], asked_at=asked_at) is False
    assert now(invoice) == ("paid", "10.99")


def test_where_both_do_not_fit_the_erps_payment_wins(invoice, clerk):
    ours = pay(invoice, clerk)

    take_remote_payments(invoice.pk, [there("9", "10.99")])

    ours.refresh_from_db()
    assert (ours.is_applied, ours.failure_reason) == (False, "more than the open balance")
    assert now(invoice) == ("paid", "10.99")
    assert Event.objects.first().level == "warning"
    assert take_remote_payments(invoice.pk, [there("9", "10.99")]) is False


def test_another_currency_is_refused_whole(invoice):
    before = RoomPicture()

    with pytest.raises(BadInput, match="The invoice is in USD"):
        take_remote_payments(invoice.pk, [there("8", "1.00"), there("9", currency="EUR")])

    assert before.is_unchanged()
