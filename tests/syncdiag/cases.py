"""Invoices in the situations that people ask about."""

from invoices.models import Attempt, IntegrationMessage, Invoice
from invoices.workflow import MessageKind, Status, Step
from syncdiag.diagnosis import diagnose
from tests.factories import InvoiceFactory


def waiting(client, state, step=Step.PRELIMINARY_INTEGRATION, **facts):
    """Return an invoice with a current message in a state; `facts` are the message's."""
    of_invoice = {name: facts.pop(name) for name in ("status", "number", "direction", "created_by") if name in facts}
    invoice = InvoiceFactory(client=client, step=step, **of_invoice)
    kind = (
        MessageKind.BOOK_FINAL if step in (Step.FINAL_INTEGRATION, Step.FINAL_ERROR) else MessageKind.BOOK_PRELIMINARY
    )
    message = IntegrationMessage.objects.create(
        client=client, invoice=invoice, kind=kind, key=f"key-{invoice.pk}", state=state, **facts
    )
    Invoice.objects.filter(pk=invoice.pk).update(current_message=message)
    return fresh(invoice)


def refused(client, *complaints, **facts):
    """Return an invoice that the ERP refused with these complaints."""
    return waiting(client, "refused", Step.PRELIMINARY_ERROR, complaints=list(complaints), **facts)


def booked(client, **facts):
    """Return a receivable of 10.99 that is booked under an id in the ERP."""
    usual = {"direction": "receivable", "step": Step.BOOKED, "status": Status.OPEN, "remote_id": "17"}
    return fresh(InvoiceFactory(client=client, **(usual | facts)))


def attempt(invoice, **facts):
    """Write an attempt at the invoice's message."""
    usual = {"message": invoice.current_message, "number": 1, "request": {}}
    return Attempt.objects.create(**(usual | facts))


def fresh(invoice):
    return Invoice.objects.select_related("client", "counterparty", "current_message", "created_by").get(pk=invoice.pk)


def ids(invoice, question="", by=None):
    return [finding.id for finding in diagnose(invoice, question=question, by=by)]


def said(finding, label):
    """Return what the evidence of this label says."""
    return next(str(proof.said) for proof in finding.evidence if str(proof.label) == label)
