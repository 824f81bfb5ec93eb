"""What the gate tells of an invoice in its timeline."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _

from cxmlgate.models import GateMessage
from invoices.models import Invoice
from invoices.timeline import Entry


def gate_entries(invoice: Invoice) -> Iterable[Entry]:
    """Yield an entry for each message that named `invoice`."""
    for message in GateMessage.objects.about(invoice).defer("raw", "answer"):
        details = [
            (_("payloadID"), message.payload_id or "–"),
            (_("answer"), f"{message.code} {message.text}"),
        ]
        if message.repeats:
            details += [(_("repeats"), str(message.repeats)), (_("last received"), message.last_seen_at.isoformat())]
        yield Entry(
            at=message.received_at,
            source="gate",
            title=_("cXML message %(types)s: %(verdict)s") % {"types": message.types, "verdict": message.text},
            who=message.sender,
            text=message.reason,
            tone="good" if message.is_accepted else "error",
            details=tuple(details),
            url=reverse("admin:cxmlgate_gatemessage_change", args=[message.pk]),
        )
