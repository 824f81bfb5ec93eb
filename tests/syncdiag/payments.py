"""Payments on a booked invoice."""

from decimal import Decimal

from invoices.models import IntegrationMessage, Payment
from invoices.workflow import MessageKind


def pay(invoice, **facts):
    """Return a payment of 4.00 that succeeded, recorded here and not pushed, unless said otherwise."""
    usual = {
        "invoice": invoice,
        "amount": Decimal(4),
        "currency": "USD",
        "method": "ach",
        "state": "succeeded",
        "is_recorded_here": True,
    }
    return Payment.objects.create(**(usual | facts))


def push(payment, state, **facts):
    """Return a message about a payment."""
    return IntegrationMessage.objects.create(
        client=payment.invoice.client,
        invoice=payment.invoice,
        payment=payment,
        kind=MessageKind.PUSH_PAYMENT,
        key=f"push-{payment.pk}",
        state=state,
        **facts,
    )
