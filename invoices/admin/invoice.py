"""The invoices in the admin: the list, and the addresses of the page, the buttons and the forms."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from invoices.admin import intake, page, pdf, press
from invoices.admin.access import ClientRowsAdmin, clients_of
from invoices.admin.desk import DESK_ORDER, count_groups
from invoices.admin.filters import (
    ArchivedFilter,
    BeforeFilter,
    ClientFilter,
    DeskFilter,
    DirectionFilter,
    MessageFilter,
    StatusFilter,
    StepFilter,
)
from invoices.models import Counterparty, Invoice
from invoices.roles import Right

PARTIES_FOUND: Final = 200


@admin.register(Invoice)
class InvoiceAdmin(ClientRowsAdmin[Invoice]):
    """Invoices of the clients that the person may see; whatever changes one is a button, and a button is a verb."""

    list_select_related = ("client", "counterparty", "current_message")
    list_filter = (
        DeskFilter,
        ClientFilter,
        StepFilter,
        StatusFilter,
        MessageFilter,
        DirectionFilter,
        ArchivedFilter,
        BeforeFilter,
    )
    list_display = ("number",)  # the template draws the rows
    search_fields = ("number",)
    search_help_text = _("Number, or counterparty")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Invoice], search_term: str
    ) -> tuple[QuerySet[Invoice], bool]:
        """Find by the beginning of the number, or by the counterparty's name or code; each by an index of its own."""
        term = search_term.strip()
        if not term:
            return queryset, False
        parties = Counterparty.objects.filter(client_id__in=list(clients_of(request)))
        named = parties.filter(Q(name__icontains=term) | Q(code__istartswith=term)).order_by()
        found = list(named.values_list("pk", flat=True)[:PARTIES_FOUND])
        by_number = Q(number__startswith=term) | Q(number__startswith=term.upper())
        return queryset.filter(by_number | Q(counterparty_id__in=found)), False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Show the latest first; in a group of the desk, what waits longest."""
        return DESK_ORDER if request.GET.get("desk") else ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the person may hand in for any client."""
        return bool(clients_of(request, Right.HAND_IN))

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: there is none for deleting, and Django's own forms are not used."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="invoices_invoice_changelist"),
            path("add/", view(self.add_view), name="invoices_invoice_add"),
            path("<int:object_id>/change/", view(self.change_view), name="invoices_invoice_change"),
            path("<int:object_id>/edit/", view(self.edit_view), name="invoices_invoice_edit"),
            path("<int:object_id>/pdf/", view(self.pdf_view), name="invoices_invoice_pdf"),
            path("<int:object_id>/press/<slug:slug>/", view(self.press_view), name="invoices_invoice_press"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under the bar of counts."""
        clients = clients_of(request)
        context = {
            "groups": count_groups(clients),
            "has_several_clients": len(clients) > 1,
            "desk": request.GET.get("desk", ""),
            "title": _("Invoices"),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002 (Django's signature)
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 (Django's signature)
    ) -> HttpResponse:
        """Show the form for typing an invoice in."""
        return intake.add_invoice(request, self.admin_site.each_context(request))

    def edit_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the form for editing an invoice."""
        return intake.edit_invoice(
            request, self.invoice_or_404(request, object_id), self.admin_site.each_context(request)
        )

    def change_view(  # type: ignore[override]  # our address gives a number
        self,
        request: HttpRequest,
        object_id: int,
        form_url: str = "",  # noqa: ARG002 (Django's signature)
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 (Django's signature)
    ) -> HttpResponseBase:
        """Show the invoice's page; nothing can be posted to it."""
        return page.show_invoice(
            request, self.invoice_or_404(request, object_id), self.admin_site.each_context(request)
        )

    def pdf_view(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """Hand out the invoice's PDF as a file to be saved."""
        return pdf.download(request, self.invoice_or_404(request, object_id))

    def press_view(self, request: HttpRequest, object_id: int, slug: str) -> HttpResponse:
        """Show what a button will do, or press it."""
        invoice = self.invoice_or_404(request, object_id)
        return press.press_button(request, invoice, slug, self.admin_site.each_context(request))

    def invoice_or_404(self, request: HttpRequest, object_id: int) -> Invoice:
        """Return the invoice if the person may see it; raises Http404 for both none and another client's."""
        rows = self.get_queryset(request).select_related("client", "counterparty", "current_message", "created_by")
        try:
            return rows.get(pk=object_id)
        except (Invoice.DoesNotExist, OverflowError) as exc:
            raise Http404 from exc
