"""The payments of an invoice in the admin: their table, and the page of each of their buttons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from invoices.admin.access import http_status, person
from invoices.admin.words import clock_text
from invoices.buttons import PAYMENT_BUTTONS, PaymentButton, press_for_payment
from invoices.errors import BadInput, Refusal
from invoices.forms import PressForm, show_refusal
from invoices.models import IntegrationMessage, Invoice, Payment
from invoices.models.payment import counts
from invoices.workflow import MessageState


@dataclass(frozen=True, slots=True)
class PaymentOffer:
    """A payment's button as the page shows it; `why_not` is empty for one that works now."""

    button: PaymentButton
    url: str
    why_not: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One line of the table of payments."""

    payment: Payment
    pushed: str
    tone: str
    offers: tuple[PaymentOffer, ...]


def payment_rows(invoice: Invoice, user: User) -> list[PaymentRow]:
    """Return the payments of an invoice, with what the ERP knows of each and what can be done from its state."""
    rows = []
    for payment in invoice.payments.prefetch_related("messages"):
        payment.invoice = invoice
        tone, pushed = _pushed(payment, next(iter(payment.messages.all()), None))  # the latest
        offers = tuple(
            PaymentOffer(button, _url(payment, button), button.why_not(payment, user))
            for button in PAYMENT_BUTTONS.values()
            if payment.is_recorded_here and button.works_from(payment)
        )
        rows.append(PaymentRow(payment, pushed, tone, offers))
    return rows


def _pushed(payment: Payment, message: IntegrationMessage | None) -> tuple[str, str]:
    """Return the tone and the words of what the ERP knows of a payment."""
    if payment.gone_at is not None:
        return "off", _("deleted in the ERP, seen on %(when)s") % {"when": clock_text(payment.gone_at)}
    if payment.failed_after_push:
        return "bad", _("the ERP still has it: delete it there, then re-sync")
    if payment.pushed_at is not None:
        return "good", _("in the ERP as %(id)s") % {"id": payment.remote_id}
    if not payment.is_recorded_here:
        return "quiet", _("told by %(source)s") % {"source": payment.source}
    if message is not None and message.state == MessageState.REFUSED:
        return "bad", _("refused by the ERP: %(reason)s") % {"reason": message.reason}
    if message is not None and message.is_open:
        return "wait", f"{message.get_state_display()}. {message.reason}".strip()
    if not payment.is_live:
        return "off", _("was not sent")
    if not counts(payment, payment.invoice.client.submits_authorized_ach):
        return "wait", _("is pushed once it succeeded")
    if not payment.is_applied:
        return "warn", payment.failure_reason or _("goes out with the next sync")
    if not payment.invoice.remote_id:
        return "wait", _("waits until the invoice's id in the ERP is known")
    return "wait", _("waits for the payment before it")


def _url(payment: Payment, button: PaymentButton) -> str:
    return reverse("admin:invoices_invoice_payment", args=[payment.invoice_id, payment.pk, button.slug])


@require_http_methods(["GET", "HEAD", "POST"])
def press_payment_button(
    request: HttpRequest, invoice: Invoice, payment_id: int, slug: str, site: Mapping[str, Any]
) -> HttpResponse:
    """Show the confirm page of a payment's button, or press it; a refusal is one sentence over the form."""
    payment = invoice.payments.filter(pk=payment_id).first()
    button = PAYMENT_BUTTONS.get(slug)
    if payment is None or button is None:
        raise Http404
    payment.invoice = invoice
    user = person(request)
    form = PressForm(button)
    status = 200
    if request.method == "POST":
        form = PressForm(button, request.POST)
        status = 400
        if form.is_valid():
            try:
                said = press_for_payment(slug, payment.pk, by=user, **form.cleaned_data)
            except BadInput as refusal:
                show_refusal(form, refusal.fields)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
                status = http_status(refusal)
            else:
                messages.success(request, said)
                return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
    context = {
        **site,
        "title": button.label,
        "invoice": invoice,
        "payment": payment,
        "button": button,
        "form": form,
        "why_not": button.why_not(payment, user),
        "action": _url(payment, button),
    }
    return TemplateResponse(request, "admin/invoices/invoice/payment.html", context, status=status)
