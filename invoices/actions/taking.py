"""How a verb begins: fetch the row under a lock, and check the person."""

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from invoices.errors import BadInput, Conflict, NotThere
from invoices.models import Invoice
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right


def take_invoice(invoice_id: int, *, by: User | None, right: Right) -> Invoice:
    """Return the invoice, locked until the transaction ends.

    Raises NotThere when there is none or `by` has no part in its client, NotAllowed when `by` lacks `right`.
    """
    try:
        invoice = Invoice.objects.locked().get(pk=invoice_id)
    except Invoice.DoesNotExist as exc:
        raise NotThere(NOT_THERE) from exc
    require(by, right, invoice.client)
    return invoice


def wrong_step(invoice: Invoice) -> Conflict:
    """Return the refusal for a button that does not work from where the invoice is."""
    return Conflict(
        _("%(number)s is in the step %(step)s, from which this is not possible. Look at the page again: it has moved.")
        % {"number": invoice.number, "step": invoice.get_step_display()}
    )


def require_reason(reason: str) -> str:
    """Return the reason without blanks around it; raises BadInput for an empty one."""
    if not reason.strip():
        raise BadInput({"reason": _("Say why: the reason stands in the event log.")})
    return reason.strip()
