"""Of invoices of which a payment needs a person: which payment, what stopped it, and what the ERP said of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Max

from invoices.models import Evidence, IntegrationMessage, Invoice, Payment
from invoices.money import shown


@dataclass(frozen=True, slots=True)
class Stop:
    """The payment of an invoice that needs a person; without a message it failed after it was pushed."""

    payment: Payment
    message: IntegrationMessage | None = None
    evidence: Evidence | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What a sentence says of it."""
        return {"amount": f"{shown(self.payment.amount, self.payment.currency)} {self.payment.currency}"}


def read_stops(invoices: Sequence[Invoice]) -> dict[int, Stop]:
    """Return the payment of each invoice that needs a person, an open push first; three queries, none for none."""
    if not invoices:
        return {}
    ids = [invoice.pk for invoice in invoices]
    found: dict[int, Stop] = {}
    for payment in Payment.objects.failed_after_push().filter(invoice_id__in=ids).order_by("-pk"):
        found[payment.invoice_id] = Stop(payment)
    pushes = IntegrationMessage.objects.filter(invoice_id__in=ids, payment__isnull=False).order_by()
    latest = pushes.values("payment_id").annotate(latest=Max("pk")).values("latest")
    stopped = IntegrationMessage.objects.filter(pk__in=latest).stopped_pushes().select_related("payment")
    evidence = _latest_evidence(ids)
    for message in stopped.order_by("state", "-pk"):  # unknown comes last, and so stands there
        if message.payment is not None:
            found[message.invoice_id] = Stop(message.payment, message, evidence.get(message.pk))
    return found


def _latest_evidence(invoice_ids: Sequence[int]) -> dict[int | None, Evidence]:
    """Return what the ERP said last of each push, by message."""
    about = Evidence.objects.filter(invoice_id__in=invoice_ids, message__payment__isnull=False).order_by()
    latest = about.values("message_id").annotate(latest=Max("pk")).values("latest")
    return {one.message_id: one for one in Evidence.objects.filter(pk__in=latest).select_related("asked_by")}
