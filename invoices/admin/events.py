"""The event log in the admin: read-only, newest first."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from invoices.admin.access import ClientRowsAdmin, clients_of
from invoices.admin.filters import BeforeFilter, ClientFilter, FixedFilter
from invoices.admin.words import OTHER_TONES
from invoices.models import Event, Invoice
from invoices.templatetags.unstuck import moment, pill
from invoices.timeline import ACTIONS

INVOICES_FOUND = 200


class AboutFilter(FixedFilter):
    """Events of invoices, or of clients: roles, connections, settings."""

    title = _("about")
    parameter_name = "about"
    fixed = (("client", _("Clients, roles, settings")),)

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:  # noqa: ARG002 (Django's signature)
        """Leave those of no invoice."""
        return rows.filter(invoice__isnull=True)


@admin.register(Event)
class EventAdmin(ClientRowsAdmin[Event]):
    """The event log of the clients that the person may see."""

    list_display = ("at_cell", "what_cell", "invoice_cell", "client_cell", "who_cell", "why_cell", "level_cell")
    list_select_related = ("client", "invoice")
    list_filter = (ClientFilter, AboutFilter, BeforeFilter)
    search_fields = ("invoice__number",)
    search_help_text = _("Invoice number")
    ordering = ("-pk",)
    fields = (
        "at_cell",
        "what_cell",
        "client_cell",
        "invoice_cell",
        "who_cell",
        "reason",
        "level_cell",
        "before_text",
        "after_text",
        "evidence_text",
        "sequence",
        "previous_hash",
        "hash",
    )
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Find by the beginning of the invoice's number."""
        term = search_term.strip()
        if not term:
            return queryset, False
        invoices = Invoice.objects.filter(client_id__in=list(clients_of(request)))
        found = invoices.filter(Q(number__startswith=term) | Q(number__startswith=term.upper())).order_by("-pk")
        return queryset.filter(invoice_id__in=list(found.values_list("pk", flat=True)[:INVOICES_FOUND])), False

    def get_urls(self) -> list[URLPattern]:
        """Return the list and the page of one line."""
        return [url for url in super().get_urls() if str(url.name).endswith(("_changelist", "_change"))]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the log."""
        return super().changelist_view(request, {"title": _("Event log"), **(extra_context or {})})

    @admin.display(description=_("time"))
    def at_cell(self, event: Event) -> SafeString:
        """Show the moment, linked to the line's page."""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:invoices_event_change", args=[event.pk]), moment(event.at)
        )

    @admin.display(description=_("what"))
    def what_cell(self, event: Event) -> str:
        """Say what happened."""
        return str(ACTIONS.get(event.action) or event.action.replace("_", " ").capitalize())

    @admin.display(description=_("invoice"))
    def invoice_cell(self, event: Event) -> SafeString | str:
        """Link to the invoice."""
        if event.invoice is None:
            return "–"
        url = reverse("admin:invoices_invoice_change", args=[event.invoice_id])
        return format_html('<a href="{}">{}</a>', url, event.invoice.number)

    @admin.display(description=_("client"))
    def client_cell(self, event: Event) -> str:
        """Name the client."""
        return event.client.name

    @admin.display(description=_("who"))
    def who_cell(self, event: Event) -> str:
        """Name who did it."""
        return event.actor_name

    @admin.display(description=_("why"))
    def why_cell(self, event: Event) -> str:
        """Show the reason, cut."""
        return event.reason if len(event.reason) <= 120 else event.reason[:119] + "…"

    @admin.display(description=_("level"))
    def level_cell(self, event: Event) -> SafeString:
        """Show how much it matters."""
        return pill(event.get_level_display(), OTHER_TONES[event.level])

    @admin.display(description=_("before"))
    def before_text(self, event: Event) -> SafeString:
        """Show what was."""
        return _listing(event.before)

    @admin.display(description=_("after"))
    def after_text(self, event: Event) -> SafeString:
        """Show what is."""
        return _listing(event.after)

    @admin.display(description=_("evidence"))
    def evidence_text(self, event: Event) -> SafeString:
        """Show what it rests on."""
        return _listing(event.evidence)


def _listing(value: Any) -> SafeString:
    return format_html('<pre class="raw">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False) if value else "–")
