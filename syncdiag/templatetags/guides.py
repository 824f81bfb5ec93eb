"""Tags for what an ERP said on other rooms' pages: what it means, and the way to the list of unknown errors."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from integrations.models import Connection
from invoices.models import Invoice
from syncdiag.meaning import meaning_of

register = template.Library()


@register.simple_tag
def said_means(invoice: Invoice, complaint: dict[str, Any]) -> SafeString:
    """Return what a complaint about an invoice is called, linked to its guide; nothing where no entry knows it."""
    return meaning_of(system_of(invoice), complaint)


@register.simple_tag
def system_of(invoice: Invoice) -> str:
    """Return the system that the invoice's client is connected to; asked once for each invoice object."""
    known: str | None = invoice.__dict__.get("_syncdiag_system")
    if known is None:
        found = Connection.objects.filter(client_id=invoice.client_id).values_list("connector", flat=True).first()
        known = invoice.__dict__["_syncdiag_system"] = found or ""
    return known


@register.inclusion_tag("syncdiag/send_unknown.html", takes_context=True)
def send_unknown(context: template.Context, invoice: Invoice, text: str, code: str = "") -> dict[str, Any]:
    """Show the small form that sends an error of an invoice to the list of unknown errors, and comes back."""
    request = context["request"]
    return {
        "invoice": invoice,
        "text": text,
        "code": "" if code == "–" else code,
        "system": system_of(invoice),
        "next": request.get_full_path(),
        "csrf_token": context.get("csrf_token"),
    }
