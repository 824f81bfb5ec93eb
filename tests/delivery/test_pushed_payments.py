"""Payments on receivables reach the ERP exactly once, whatever happens to the answers."""

from decimal import Decimal

import pytest

from invoices.actions.intake import LineGiven
from invoices.actions.preferences import change_preferences
from invoices.actions.receipts import fail_payment, push_waiting_payments, settle_payment, void_payment
from invoices.models import Event, IntegrationMessage, Payment
from invoices.workflow import MessageState, Step
from tests.delivery.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def push_of(payment: Payment) -> IntegrationMessage:
    return IntegrationMessage.objects.filter(payment=payment).latest("pk")


def seen(payment: Payment) -> Payment:
    return Payment.objects.get(pk=payment.pk)


def line(invoice) -> Event:
    return invoice.events.latest("sequence")


def test_an_authorized_ach_payment_is_pushed_at_once_and_the_invoice_is_paid(desk: Desk):
    invoice = desk.book()
    booking = invoice.current_message_id

    payment = desk.pay(invoice)
    desk.drain()

    invoice, payment = desk.see(invoice), seen(payment)
    (there,) = desk.payments(invoice)
    assert (invoice.status, invoice.step, invoice.balance) == ("paid", Step.BOOKED, 0)
    assert invoice.current_message_id == booking
    assert (there["amount"], there["currency"], there["paid_on"]) == ("10.99", "USD", "2026-11-20")
    assert (payment.remote_id, payment.pushed_at is not None) == (there["id"], True)
    assert push_of(payment).state == MessageState.CONFIRMED
    assert desk.actions(invoice)[-2:] == ["record_payment", "payment_pushed"]
    desk.assert_holds(settled=True)


def test_with_the_preference_off_only_a_succeeded_one_is_pushed(desk: Desk, manager):
    change_preferences(desk.client.pk, by=manager, submits_authorized_ach=False)
    invoice = desk.book()

    payment = desk.pay(invoice)
    desk.drain()

    assert (desk.see(invoice).status, desk.payments(invoice)) == ("open", [])

    settle_payment(payment.pk, by=desk.clerk)
    desk.drain()

    assert (desk.see(invoice).status, len(desk.payments(invoice))) == ("paid", 1)
    desk.assert_holds(settled=True)


def test_switched_on_an_authorized_payment_goes_out_with_the_next_sync(desk: Desk, manager):
    change_preferences(desk.client.pk, by=manager, submits_authorized_ach=False)
    invoice = desk.book()
    desk.pay(invoice)
    change_preferences(desk.client.pk, by=manager, submits_authorized_ach=True)
    assert (desk.see(invoice).status, desk.drain()) == ("open", 0)

    push_waiting_payments(invoice.pk, by=desk.clerk)
    desk.drain()

    assert (desk.see(invoice).status, len(desk.payments(invoice))) == ("paid", 1)
    assert desk.actions(invoice)[-2:] == ["apply_payments", "payment_pushed"]
    desk.assert_holds(settled=True)


def test_several_payments_of_an_invoice_go_out_one_after_the_other(desk: Desk):
    invoice = desk.book()
    payments = [desk.pay(invoice, amount) for amount in ("5.00", "5.00", "0.99")]
    assert IntegrationMessage.objects.open().count() == 1

    desk.drain()

    assert [one["amount"] for one in desk.payments(invoice)] == ["5.00", "5.00", "0.99"]
    assert [seen(payment).remote_id for payment in payments] == [one["id"] for one in desk.payments(invoice)]
    assert desk.see(invoice).status == "paid"
    desk.assert_holds(settled=True)


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "11"), ("KWD", "10.999"), ("CLF", "1.2345")])
def test_amounts_have_the_digits_of_their_currency(desk: Desk, currency, amount):
    invoice = desk.book(currency=currency, lines=(LineGiven("Paper", Decimal(1), Decimal(amount)),))

    desk.pay(invoice, amount)
    desk.drain()

    (there,) = desk.payments(invoice)
    assert (Decimal(there["amount"]), desk.see(invoice).status) == (Decimal(amount), "paid")
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("fault", ["lose_answers", "drop_before_saving", "html_in_200"])
def test_a_lost_answer_leaves_one_payment_in_an_erp_that_forgets_keys(forgetful: Desk, fault):
    desk = forgetful
    invoice = desk.book()
    desk.pay(invoice, "5.00")
    desk.drain()
    second = desk.pay(invoice, "5.00")
    desk.erp.faults(**{fault: 1})

    desk.drain()

    assert push_of(second).state == MessageState.UNKNOWN
    assert push_of(second).attempt_count == 1
    desk.settle()
    assert [one["amount"] for one in desk.payments(invoice)] == ["5.00", "5.00"]
    assert seen(second).remote_id == desk.payments(invoice)[1]["id"]
    desk.assert_holds(settled=True)


def test_a_refusal_is_found_under_the_invoices_number_with_all_that_the_erp_said(desk: Desk):
    invoice = desk.book()
    desk.erp.close_period("2026-11", desk.connection.company)

    payment = desk.pay(invoice)
    desk.drain()

    said = Event.objects.get(invoice__number=invoice.number, action="payment_push_refused")
    assert (said.level, said.evidence["payment_id"]) == ("error", payment.pk)
    assert [one["code"] for one in said.evidence["complaints"]] == ["PERIOD_CLOSED"]
    assert push_of(payment).state == MessageState.REFUSED
    assert (desk.see(invoice).status, desk.see(invoice).step) == ("paid", Step.BOOKED)
    assert desk.drain() == 0
    desk.assert_holds(settled=True)


def test_a_refused_payment_goes_out_again_when_a_person_asks_for_it(desk: Desk):
    invoice = desk.book()
    desk.erp.close_period("2026-10", desk.connection.company)
    payment = desk.pay(invoice, paid_on=desk.see(invoice).invoice_date.replace(month=10))
    desk.drain()
    assert desk.erp.ask("POST", "/periods/2026-10/open/", {"company": desk.connection.company})[0] == 200

    push_waiting_payments(invoice.pk, by=desk.clerk)
    desk.drain()

    assert len(desk.payments(invoice)) == 1
    assert [one.state for one in payment.messages.order_by("pk")] == ["refused", "confirmed"]
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("end", [fail_payment, void_payment])
def test_what_ends_before_it_was_sent_is_not_sent(desk: Desk, end):
    invoice = desk.book()
    payment = desk.pay(invoice)

    end(payment.pk, by=desk.clerk, reason="returned")
    desk.drain()

    assert (desk.payments(invoice), push_of(payment).state) == ([], MessageState.ABORTED)
    assert (desk.see(invoice).status, seen(payment).failed_after_push) == ("open", False)
    desk.assert_holds(settled=True)


def test_what_fails_after_it_was_pushed_keeps_counting_and_is_flagged(desk: Desk):
    invoice = desk.book()
    payment = desk.pay(invoice)
    desk.drain()

    fail_payment(payment.pk, by=desk.clerk, reason="R01 insufficient funds")

    payment = seen(payment)
    assert (payment.state, payment.failed_after_push, payment.is_applied) == ("failed", True, True)
    assert (desk.see(invoice).status, line(invoice).level) == ("paid", "warning")
    assert len(desk.payments(invoice)) == 1
    desk.assert_holds(settled=True)


@pytest.mark.parametrize(("fault", "count", "status"), [("lose_answers", 1, "paid"), ("drop_before_saving", 0, "open")])
def test_what_fails_while_its_answer_is_lost_is_asked_about_and_never_sent_again(forgetful: Desk, fault, count, status):
    desk = forgetful
    invoice = desk.book()
    payment = desk.pay(invoice)
    desk.erp.faults(**{fault: 1})
    desk.drain()

    fail_payment(payment.pk, by=desk.clerk, reason="returned")

    assert (desk.see(invoice).status, push_of(payment).state) == ("paid", MessageState.UNKNOWN)
    desk.settle()
    assert len(desk.payments(invoice)) == count
    assert (desk.see(invoice).status, seen(payment).failed_after_push) == (status, bool(count))
    assert push_of(payment).state == (MessageState.CONFIRMED if count else MessageState.ABORTED)
    desk.assert_holds(settled=True)


def test_an_invoice_without_its_id_in_the_erp_holds_its_payments_back(desk: Desk):
    invoice = desk.book()
    type(invoice).objects.filter(pk=invoice.pk).update(remote_id="")

    payment = desk.pay(invoice)

    assert not payment.messages.exists()
    assert desk.see(invoice).status == "paid"
