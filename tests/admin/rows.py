"""Invoices in every place, made without the ERP."""

from django.utils import timezone

from invoices.models import Attempt, Evidence, IntegrationMessage, Invoice
from invoices.workflow import MessageKind, MessageState, Status, Step
from tests.factories import InvoiceFactory

STATUS_OF = {Step.BOOKED: Status.OK_TO_PAY}


def with_message(client, *, step=Step.PRELIMINARY_INTEGRATION, state=MessageState.PENDING, **fields):
    """Return an invoice in a step that has a message in a state, with one attempt."""
    invoice = InvoiceFactory(client=client, step=step, status=STATUS_OF.get(step, Status.NONE))
    message = IntegrationMessage.objects.create(
        client=client,
        invoice=invoice,
        kind=MessageKind.BOOK_PRELIMINARY,
        key=f"key-{invoice.pk}",
        state=state,
        **{"not_before": timezone.now(), "attempt_count": 1, "reason": "because", **fields},
    )
    Attempt.objects.create(
        message=message,
        number=1,
        started_at=timezone.now(),
        request={"number": invoice.number},
        response="<script>alert(1)</script>",
        outcome=Attempt.Outcome.REFUSED,
        complaints=[{"code": "E1", "message": "<b>No</b>"}],
    )
    Invoice.objects.filter(pk=invoice.pk).update(current_message=message)
    return Invoice.objects.get(pk=invoice.pk)


def found_in_erp(invoice, voucher="V-77", **fields):
    """Return evidence that the ERP has the invoice."""
    return Evidence.objects.create(
        invoice=invoice,
        kind=MessageKind.BOOK_PRELIMINARY,
        verdict=Evidence.Verdict.FOUND,
        asked_at=timezone.now(),
        voucher=voucher,
        matches=1,
        **fields,
    )
