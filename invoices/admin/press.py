"""Pressing a button: GET shows what it will do, POST calls its verb once and shows one sentence."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from invoices.actions.intake import why_read_only
from invoices.admin.access import http_status, person
from invoices.admin.page import starting_values, voucher_origin
from invoices.admin.situation import offered_to, situation
from invoices.admin.ways import is_old, must_say, step_evidence
from invoices.buttons import find_button, press
from invoices.errors import BadInput, NotThere, Refusal
from invoices.forms import PressForm, show_refusal
from invoices.models import Invoice
from invoices.money import rounded
from invoices.permissions import may
from invoices.roles import Right


@require_http_methods(["GET", "HEAD", "POST"])
def press_button(request: HttpRequest, invoice: Invoice, slug: str, site: Mapping[str, Any]) -> HttpResponse:
    """Show the button's confirm page, or press it; a refusal is one sentence over the form, which keeps what was typed.

    A POST with `ask` acts no more than a GET: the voucher box carries what was typed in it to the confirm page.
    """
    try:
        button = find_button(slug)
    except NotThere as exc:
        raise Http404 from exc
    user = person(request)
    offered = offered_to(invoice)
    start = starting_values(invoice, offered)
    if "amount" in button.needs and button.works_from(invoice) and invoice.balance:
        start["amount"] = rounded(invoice.balance, invoice.currency)
    status = 200
    if request.method == "POST" and "ask" not in request.POST:
        form = PressForm(button, request.POST)
        if form.is_valid():
            try:
                said = press(slug, invoice.pk, by=user, **form.cleaned_data)
            except BadInput as refusal:
                show_refusal(form, refusal.fields)
                status = 400
            except Refusal as refusal:
                form.add_error(None, str(refusal))
                status = http_status(refusal)
            else:
                messages.success(request, said)
                return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
            invoice = Invoice.objects.select_related("client", "counterparty", "current_message").get(pk=invoice.pk)
        else:
            status = 400
    elif request.method == "POST":
        form = PressForm(button, initial={**start, **{name: request.POST.get(name, "") for name in button.asks}})
    else:
        form = PressForm(button, initial=start)
    if not form.errors.get("seen") and not must_say(invoice):
        form.fields.pop("seen", None)
    evidence = step_evidence(invoice)
    context = {
        **site,
        "title": button.label,
        "invoice": invoice,
        "button": button,
        "form": form,
        "situation": situation(invoice, offered),
        "why_not": button.why_not(invoice, user),
        "may_edit": not why_read_only(invoice) and may(user, Right.HAND_IN, invoice.client),
        "origin": voucher_origin(invoice, offered) if start and "voucher" in button.asks else "",
        "evidence": evidence,
        "evidence_is_old": is_old(evidence),
    }
    return TemplateResponse(request, "admin/invoices/invoice/press.html", context, status=status)
