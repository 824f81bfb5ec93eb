"""Import by number in the admin: the form, what came of it, and the choice where the ERP has several."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from integrations.forms import ImportForm
from integrations.importing import import_by_number
from invoices.actions.importing import Imported, Outcome
from invoices.admin.access import clients_of, http_status, person
from invoices.admin.list_pages import ListPage, add_list_page
from invoices.errors import BadInput, Refusal
from invoices.forms import show_refusal
from invoices.models import Client
from invoices.permissions import who_may_sentence
from invoices.roles import Right

TEMPLATE: Final = "admin/invoices/invoice/import.html"


@require_http_methods(["GET", "HEAD", "POST"])
def show_import(request: HttpRequest, site: Mapping[str, Any]) -> HttpResponse:
    """Show the form; a POST imports and leads to the invoice, or says why not over the form, which keeps its words."""
    clients = clients_of(request, Right.SYNC)
    context = {**site, "title": _("Import by number")}
    if not clients:
        seen = Client.objects.filter(pk__in=clients_of(request))
        context["nobody"] = [who_may_sentence(Right.SYNC, client) for client in seen[:5]]
        return TemplateResponse(request, TEMPLATE, context, status=403)
    initial = {name: request.GET[name] for name in ("client", "direction", "number") if name in request.GET}
    form = ImportForm(request.POST if request.method == "POST" else None, initial=initial, clients=clients)
    made: Imported | None = None
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            typed = form.cleaned_data
            try:
                made = import_by_number(
                    typed["client"],
                    typed["number"],
                    typed["direction"],
                    by=person(request),
                    remote_id=typed["remote_id"],
                )
            except BadInput as refusal:
                show_refusal(form, refusal.fields)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
                status = http_status(refusal)
    if made is not None:
        if made.outcome is Outcome.IMPORTED and made.invoice is not None:
            messages.success(request, made.sentence)
            return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[made.invoice.pk]))
        status = 200 if made.outcome is Outcome.SEVERAL else 409
    context.update(
        form=form,
        made=made,
        is_several=made is not None and made.outcome is Outcome.SEVERAL,
        is_archived=made is not None and made.invoice is not None and made.invoice.is_archived,
    )
    return TemplateResponse(request, TEMPLATE, context, status=status)


add_list_page(ListPage("import", gettext_lazy("Import by number"), Right.SYNC, show_import))
