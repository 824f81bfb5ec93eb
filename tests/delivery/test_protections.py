"""Protections that stand by themselves: what the database refuses, and who may press."""

import pytest
from django.db import IntegrityError, transaction

from integrations import actions
from invoices.actions import flow
from invoices.errors import NotAllowed
from invoices.models import IntegrationMessage, Invoice
from invoices.workflow import MessageKind

pytestmark = pytest.mark.django_db


def test_the_database_refuses_a_second_open_message_of_an_invoice(desk):
    invoice = desk.post()

    with pytest.raises(IntegrityError), transaction.atomic():
        IntegrationMessage.objects.create(
            client=desk.client, invoice=invoice, kind=MessageKind.BOOK_PRELIMINARY, key="another"
        )

    assert IntegrationMessage.objects.filter(invoice=invoice).count() == 1


def test_the_database_refuses_a_second_open_payment_message_of_an_invoice(desk):
    invoice = desk.book()
    payment = desk.pay(invoice, "5.00")

    with pytest.raises(IntegrityError), transaction.atomic():
        IntegrationMessage.objects.create(
            client=desk.client, invoice=invoice, payment=payment, kind=MessageKind.PUSH_PAYMENT, key="another"
        )

    assert payment.messages.count() == 1


def test_the_database_refuses_a_number_that_its_counterparty_has_used(desk):
    twin = desk.see(desk.hand_in("ONCE-1"))
    twin.pk = None
    twin._state.adding = True

    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()

    assert Invoice.objects.filter(number="ONCE-1").count() == 1
    desk.assert_holds()


PRESSES = {
    "approve": lambda invoice, by: flow.approve_invoice(invoice.pk, by=by),
    "abort": lambda invoice, by: flow.abort_message(invoice.pk, by=by, reason="because"),
    "skip": lambda invoice, by: flow.skip_step(invoice.pk, by=by, reason="because", voucher="V-1"),
    "post again": lambda invoice, by: actions.post_again(invoice.pk, by=by, reason="because"),
    "invalidate": lambda invoice, by: actions.invalidate(invoice.pk, by=by, reason="because"),
}


@pytest.mark.parametrize("button", PRESSES)
def test_who_has_no_right_is_refused_and_nothing_changes(desk, auditor, button):
    invoice = desk.post()
    if button == "approve":
        desk.drain()
    elif button != "abort":
        flow.abort_message(invoice.pk, by=desk.handler, reason="because")
    before = desk.see(invoice)

    with pytest.raises(NotAllowed):
        PRESSES[button](invoice, auditor)

    after = desk.see(invoice)
    assert (after.step, after.event_count, after.event_head) == (before.step, before.event_count, before.event_head)
    desk.assert_holds()
