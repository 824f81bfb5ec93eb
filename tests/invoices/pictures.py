"""All rows of the room, to show that a refusal changed nothing; and invoices as they stand in each step."""

from datetime import date

from django.utils import timezone

from invoices.actions.outbox import write_message
from invoices.models import (
    Counterparty,
    Event,
    Evidence,
    HandIn,
    IntegrationMessage,
    Invoice,
    InvoiceLine,
    Payment,
    RoleGrant,
)
from invoices.workflow import INTEGRATION_STEPS, MessageKind, Status, Step
from tests.factories import InvoiceFactory

MODELS = (Invoice, InvoiceLine, Counterparty, Payment, IntegrationMessage, Evidence, Event, HandIn, RoleGrant)


class RoomPicture:
    def __init__(self):
        self.rows = self.now()

    @staticmethod
    def now():
        return {model.__name__: list(model.objects.order_by("pk").values()) for model in MODELS}

    def is_unchanged(self):
        return self.rows == self.now()


def stand(client, step, **values):
    """Return an invoice that stands in `step` as it would after its way there."""
    step = Step(step)
    if step not in (Step.DRAFT, Step.PRELIMINARY_INTEGRATION, Step.PRELIMINARY_ERROR):
        values = {"preliminary_voucher": "P-1", "preliminary_posting_date": date(2026, 11, 3), **values}
    if step is Step.BOOKED:
        values = {"final_voucher": "F-1", "status": Status.OK_TO_PAY, **values}
    invoice = InvoiceFactory(client=client, step=step, **values)
    if step in INTEGRATION_STEPS:
        write_message(invoice)
        invoice.save()
    return invoice


def ask_erp(invoice, kind=MessageKind.BOOK_PRELIMINARY, verdict=Evidence.Verdict.NOT_FOUND, **values):
    """Write down what the ERP said just now."""
    return Evidence.objects.create(
        invoice=invoice, kind=kind, verdict=verdict, **{"asked_at": timezone.now(), **values}
    )
