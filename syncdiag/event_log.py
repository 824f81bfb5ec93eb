"""The event log in the admin: every change and every word of the ERP, newest first, to search and to take away as CSV.

It stands in this room because a line with a code leads to the guide's entry about it.
"""

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.erps.registry import CONNECTORS
from integrations.models import Connection
from invoices.admin.access import ClientRowsAdmin, clients_of
from invoices.admin.filters import BeforeFilter, ClientFilter, FixedFilter
from invoices.admin.words import OTHER_TONES
from invoices.models import Event, Invoice
from invoices.templatetags.unstuck import moment, pill
from invoices.timeline import ACTIONS
from syncdiag.known import entries_of
from syncdiag.meaning import meaning_of

INVOICES_FOUND: Final = 200
LINES_FOUND: Final = 5_000  # of those invoices, the latest invoice's first
EXPORTED_AT_MOST: Final = 100_000
CSV_COLUMNS: Final = ("time", "client", "invoice", "what", "level", "code", "who", "why", "said by the ERP")


class AboutFilter(FixedFilter):
    """Events of invoices, or of clients: roles, connections, settings."""

    title = gettext_lazy("about")
    parameter_name = "about"
    fixed = (("client", gettext_lazy("Clients, roles, settings")),)

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:  # noqa: ARG002 (Django's signature)
        """Leave those of no invoice."""
        return rows.filter(invoice__isnull=True)


class SystemFilter(FixedFilter):
    """By the system that the client is connected to."""

    title = gettext_lazy("connection")
    parameter_name = "system"
    fixed = tuple((name, kind.label) for name, kind in CONNECTORS.items())

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the lines of its clients."""
        clients = Connection.objects.filter(connector=value).order_by().values_list("client_id", flat=True)
        return rows.filter(client_id__in=list(clients))


class LevelFilter(FixedFilter):
    """By how much it matters."""

    title = gettext_lazy("level")
    parameter_name = "level"
    fixed = tuple(Event.Level.choices)


class CodeFilter(FixedFilter):
    """By what the ERP complained of, as far as a catalogue knows its code."""

    title = gettext_lazy("code")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002 (Django's signature)
        """Return the codes of the systems of the person's clients."""
        systems = Connection.objects.filter(client_id__in=list(clients_of(request))).order_by()
        known = {
            code: entry.title
            for system in sorted(set(systems.values_list("connector", flat=True)))
            for entry in entries_of(system)
            for code in entry.codes
        }
        return sorted(known.items())


class TimeFilter(FixedFilter):
    """By how long ago."""

    title = gettext_lazy("time")
    parameter_name = "time"
    fixed = (
        ("1", gettext_lazy("Last hour")),
        ("24", gettext_lazy("Last 24 hours")),
        ("168", gettext_lazy("Last 7 days")),
        ("720", gettext_lazy("Last 30 days")),
    )

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave what is younger."""
        return rows.filter(at__gte=timezone.now() - timedelta(hours=int(value)))


@admin.register(Event)
class EventAdmin(ClientRowsAdmin[Event]):
    """The event log of the clients that the person may see."""

    change_list_template = "admin/syncdiag/event/change_list.html"
    list_display = ("at_cell", "what_cell", "invoice_cell", "client_cell", "level_cell", "said_cell", "who_cell")
    list_select_related = ("client__connection", "invoice")
    list_filter = (ClientFilter, SystemFilter, LevelFilter, CodeFilter, TimeFilter, AboutFilter, BeforeFilter)
    search_fields = ("invoice__number",)
    search_help_text = gettext_lazy("Invoice number or error code")
    ordering = ("-pk",)
    fields = (
        "at_cell",
        "what_cell",
        "client_cell",
        "invoice_cell",
        "who_cell",
        "reason",
        "level_cell",
        "said_cell",
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
        """Find by a code of the ERP that is in the log, else by the beginning of the invoice's number."""
        term = search_term.strip()
        if not term:
            return queryset, False
        clients = list(clients_of(request))
        if Event.objects.filter(~Q(code=""), code=term.upper(), client_id__in=clients).order_by().exists():
            return queryset.filter(~Q(code=""), code=term.upper()), False
        invoices = Invoice.objects.filter(client_id__in=clients)
        found = invoices.filter(Q(number__startswith=term) | Q(number__startswith=term.upper())).order_by("-pk")
        ids = list(found.values_list("pk", flat=True)[:INVOICES_FOUND])
        # By their keys, or PostgreSQL walks the log backwards until it has met enough lines of these few invoices.
        lines = Event.objects.filter(invoice_id__in=ids).order_by("-invoice_id", "-sequence")
        return queryset.filter(pk__in=list(lines.values_list("pk", flat=True)[:LINES_FOUND])), False

    def get_urls(self) -> list[URLPattern]:
        """Return the list, the page of one line, and the list as CSV."""
        view = self.admin_site.admin_view
        own = [path("csv/", view(self.csv_view), name="invoices_event_csv")]
        return own + [url for url in super().get_urls() if str(url.name).endswith(("_changelist", "_change"))]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the log."""
        return super().changelist_view(request, {"title": _("Event log"), **(extra_context or {})})

    def csv_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Give what the list shows, search and filters included, as a file; at most 100,000 lines, newest first."""
        if not self.has_view_permission(request):
            raise Http404
        rows = self.get_changelist_instance(request).get_queryset(request)[:EXPORTED_AT_MOST]
        response = StreamingHttpResponse(_written(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="event-log-{timezone.now():%Y-%m-%d}.csv"'
        return response

    @admin.display(description=gettext_lazy("time"))
    def at_cell(self, event: Event) -> SafeString:
        """Show the moment, linked to the line's page."""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:invoices_event_change", args=[event.pk]), moment(event.at)
        )

    @admin.display(description=gettext_lazy("what"))
    def what_cell(self, event: Event) -> str:
        """Say what happened."""
        return _action(event)

    @admin.display(description=gettext_lazy("invoice"))
    def invoice_cell(self, event: Event) -> SafeString | str:
        """Link to the invoice."""
        if event.invoice is None:
            return "–"
        url = reverse("admin:invoices_invoice_change", args=[event.invoice_id])
        return format_html('<a href="{}">{}</a>', url, event.invoice.number)

    @admin.display(description=gettext_lazy("client"))
    def client_cell(self, event: Event) -> str:
        """Name the client."""
        return event.client.name

    @admin.display(description=gettext_lazy("who"))
    def who_cell(self, event: Event) -> str:
        """Name who did it."""
        return event.actor_name

    @admin.display(description=gettext_lazy("level"))
    def level_cell(self, event: Event) -> SafeString:
        """Show how much it matters."""
        return pill(event.get_level_display(), OTHER_TONES[event.level])

    @admin.display(description=gettext_lazy("why, and what the ERP said"))
    def said_cell(self, event: Event) -> SafeString:
        """Show the ERP's words whole, with the guide's entry where there is one; else the reason."""
        said = _said(event)
        if not said:
            return format_html("{}", event.reason)
        return format_html('{}<span class="words whole">{}</span>', _guide_link(event), said)

    @admin.display(description=gettext_lazy("before"))
    def before_text(self, event: Event) -> SafeString:
        """Show what was."""
        return _listing(event.before)

    @admin.display(description=gettext_lazy("after"))
    def after_text(self, event: Event) -> SafeString:
        """Show what is."""
        return _listing(event.after)

    @admin.display(description=gettext_lazy("evidence"))
    def evidence_text(self, event: Event) -> SafeString:
        """Show what it rests on."""
        return _listing(event.evidence)


def _action(event: Event) -> str:
    return str(ACTIONS.get(event.action) or event.action.replace("_", " ").capitalize())


def _said(event: Event) -> str:
    """Return the ERP's words, whole, a line for each complaint."""
    complaints = event.evidence.get("complaints") or []
    lines = [" ".join(filter(None, (each.get("code"), each.get("message"), each.get("detail")))) for each in complaints]
    return "\n".join(line for line in lines if line)


def _guide_link(event: Event) -> SafeString:
    """Return the link to the guide's entry about the first complaint; nothing where no catalogue knows it."""
    connection = getattr(event.client, "connection", None)
    first = next(iter(event.evidence.get("complaints") or []), None)
    return SafeString("") if connection is None or first is None else meaning_of(connection.connector, first)


def _written(rows: QuerySet[Event]) -> Iterator[str]:
    """Yield the lines of the file; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    writer = csv.writer(_Echo())
    yield writer.writerow(CSV_COLUMNS)
    for event in rows.iterator(chunk_size=1000):
        cells = (
            event.at.isoformat(),
            event.client.name,
            event.invoice.number if event.invoice else "",
            _action(event),
            event.level,
            event.code,
            event.actor_name,
            event.reason,
            _said(event),
        )
        yield writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])


class _Echo:
    """What the csv module writes to: it gives each line back."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def _listing(value: Any) -> SafeString:
    return format_html('<pre class="raw">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False) if value else "–")
