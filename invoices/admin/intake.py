"""Typing an invoice in, and editing one: the forms, and the calls of the verbs of `invoices.actions.intake`."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from invoices.actions import intake
from invoices.admin.access import clients_of, http_status, person
from invoices.errors import BadInput, Conflict, Refusal
from invoices.forms import EditForm, InvoiceForm, LineFormSet, show_line_refusals
from invoices.models import Client, Counterparty, Invoice
from invoices.permissions import may, who_may_sentence
from invoices.roles import Right

PARTIES_OFFERED: Final = 200
TEMPLATE: Final = "admin/invoices/invoice/form.html"


@require_http_methods(["GET", "HEAD", "POST"])
def add_invoice(request: HttpRequest, site: Mapping[str, Any]) -> HttpResponse:
    """Take an invoice in that is typed here; it stays a draft."""
    clients = clients_of(request, Right.HAND_IN)
    if not clients:
        raise PermissionDenied
    start = {"invoice_date": timezone.localdate(), "currency": "USD"}
    head = InvoiceForm(_typed(request), clients=clients, initial=start)
    lines = LineFormSet(_typed(request), prefix="lines")
    status = 200
    if request.method == "POST" and "add_line" not in request.POST:
        status = 400
        if head.is_valid() and lines.is_valid():
            given, rows = lines.given()
            client = Client.objects.get(pk=head.cleaned_data["client"])
            try:
                invoice, _is_new = intake.hand_in(client, head.given(given), by=person(request))
            except BadInput as refusal:
                show_line_refusals(head, lines, rows, refusal)
            except Refusal as refusal:
                head.add_error(None, str(refusal))
            else:
                messages.success(request, _("Saved as a draft: nothing was sent to the ERP. Post it when it is right."))
                return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
    context = {
        **site,
        "title": _("Type an invoice in"),
        "head": head,
        "lines": more_rows(request, lines),
        "parties": _parties(clients),
    }
    return TemplateResponse(request, TEMPLATE, context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_invoice(request: HttpRequest, invoice: Invoice, site: Mapping[str, Any]) -> HttpResponse:
    """Edit an invoice while it is ours to edit; somebody else's change meanwhile is not written over."""
    user = person(request)
    read_only = intake.why_read_only(invoice)
    if not may(user, Right.HAND_IN, invoice.client):
        read_only = who_may_sentence(Right.HAND_IN, invoice.client)
    start = [
        {
            "description": line.description,
            "quantity": line.quantity.normalize(),
            "unit_price": line.unit_price.normalize(),
            "account": line.account,
            "item": line.item,
        }
        for line in invoice.lines.all()
    ]
    head = EditForm(_typed(request), invoice=invoice)
    lines = LineFormSet(_typed(request), prefix="lines", initial=start)
    status = 200
    if request.method == "POST" and "add_line" not in request.POST:
        status = 400
        if head.is_valid() and lines.is_valid():
            given, rows = lines.given()
            try:
                with transaction.atomic():
                    _refuse_stale(invoice.pk, head.cleaned_data["seen"])
                    intake.edit_invoice(invoice.pk, head.given(given), by=user, reason=head.cleaned_data["reason"])
            except BadInput as refusal:
                show_line_refusals(head, lines, rows, refusal)
            except Refusal as refusal:
                head.add_error(None, str(refusal))
                status = http_status(refusal)
            else:
                messages.success(request, _("Saved."))
                return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
    context = {
        **site,
        "title": _("Edit %(number)s") % {"number": invoice.number},
        "invoice": invoice,
        "head": head,
        "lines": more_rows(request, lines),
        "parties": _parties({invoice.client_id: invoice.client.name}, invoice.direction),
        "why_read_only": read_only,
    }
    return TemplateResponse(request, TEMPLATE, context, status=status)


def more_rows(request: HttpRequest, lines: Any) -> Any:
    """Return the rows with three more empty ones after "More rows" was pressed; what was typed stays."""
    if request.method != "POST" or "add_line" not in request.POST:
        return lines
    typed = request.POST.copy()
    typed["lines-TOTAL_FORMS"] = str(min(lines.total_form_count() + 3, 1000))
    again = LineFormSet(typed, prefix="lines", initial=lines.initial)
    for form in again.forms:
        form.errors.clear()
    return again


def _typed(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _refuse_stale(invoice_id: int, seen: int) -> None:
    """Raise Conflict when the log has grown since the form was shown. Holds the row until the transaction ends."""
    now = Invoice.objects.locked().get(pk=invoice_id)
    if now.event_count != seen:
        raise Conflict(
            _("It was changed while you were typing: open the page in another tab, compare, and type again.")
        )


def _parties(clients: Mapping[int, str], direction: str = "") -> list[Counterparty]:
    found = Counterparty.objects.filter(client_id__in=list(clients)).select_related("client").order_by("name", "pk")
    if direction:
        found = found.filter(direction=direction)
    return list(found[:PARTIES_OFFERED])
