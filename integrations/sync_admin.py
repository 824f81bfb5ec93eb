"""Sync runs in the admin: pressing Sync now, and watching how a run gets on."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.explaining import meaning_of
from integrations.models import SyncItem, SyncRun
from integrations.sync_runs import cancel_sync
from invoices import clock
from invoices.admin.access import ClientRowsAdmin, clients_of, person
from invoices.admin.filters import BeforeFilter, ClientFilter
from invoices.admin.words import span
from invoices.errors import Refusal
from invoices.models import IntegrationMessage, Invoice
from invoices.permissions import who_may_sentence
from invoices.roles import Right
from invoices.templatetags.unstuck import called, moment, pill
from invoices.workflow import MessageState

ROWS: Final = 100
LAST_ITEMS: Final = 50  # the rate is theirs
LONGEST_ID: Final = 18  # digits
TONES: Final = {
    SyncItem.State.WAITING: "quiet",
    SyncItem.State.DONE: "good",
    SyncItem.State.FAILED: "bad",
    SyncItem.State.LATER: "wait",
    SyncItem.State.PROBLEM: "warn",
}


class ConnectionClientFilter(ClientFilter):
    """By the client of the connection."""

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the client's runs."""
        return rows.filter(connection__client_id=int(value))


@admin.register(SyncRun)
class SyncRunAdmin(ClientRowsAdmin[SyncRun]):
    """The sync runs of the clients that the person may see."""

    client_path = "connection__client_id"
    list_display = ("name_cell", "state_cell", "result_cell", "by_cell", "at_cell")
    list_select_related = ("connection__client", "by")
    list_filter = (ConnectionClientFilter, BeforeFilter)
    ordering = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        """Return the list and the page: a run is begun at its connection, and cancelled by its verb."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="integrations_syncrun_changelist"),
            path("<int:object_id>/change/", view(self.page_view), name="integrations_syncrun_change"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the runs, latest first."""
        return super().changelist_view(request, {"title": _("Sync runs"), **(extra_context or {})})

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show how a run gets on; a POST cancels it."""
        rows = self.get_queryset(request).select_related("connection__client", "by")
        run = rows.filter(pk=object_id).first()
        if run is None:
            raise Http404
        if request.method == "POST":
            try:
                cancel_sync(run.pk, by=person(request))
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(request, _("Cancelled: what was sent stays sent, the rest goes out in its own time."))
            return HttpResponseRedirect(request.path)
        return show_run(request, run, self.admin_site.each_context(request))

    @admin.display(description=gettext_lazy("sync run"))
    def name_cell(self, run: SyncRun) -> SafeString:
        """Name the connection, and lead to the page."""
        url = reverse("admin:integrations_syncrun_change", args=[run.pk])
        return format_html('<a href="{}">{}</a>', url, run.connection)

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, run: SyncRun) -> SafeString:
        """Say how far it is."""
        return state_pill(run)

    @admin.display(description=gettext_lazy("result"))
    def result_cell(self, run: SyncRun) -> str:
        """Say what it did."""
        return result_sentence(run)

    @admin.display(description=gettext_lazy("by"))
    def by_cell(self, run: SyncRun) -> str:
        """Name who pressed."""
        return starter(run)

    @admin.display(description=gettext_lazy("begun"))
    def at_cell(self, run: SyncRun) -> SafeString | str:
        """Say when."""
        return moment(run.created_at)


def show_run(request: HttpRequest, run: SyncRun, site: dict[str, Any]) -> HttpResponse:
    """Show one run with what became of each invoice, a page of them at a time."""
    state, after = request.GET.get("state", ""), request.GET.get("after", "")
    items = run.items.select_related("invoice__counterparty", "message")
    if state in SyncItem.State.values:
        items = items.filter(state=state)
    if after.isascii() and after.isdigit() and len(after) <= LONGEST_ID:
        items = items.filter(pk__gt=int(after))
    rows = list(items[: ROWS + 1])
    kept = {"state": state} if state else {}
    further = {**kept, "after": rows[ROWS - 1].pk} if len(rows) > ROWS else {}
    client = run.connection.client
    may_sync = client.pk in clients_of(request, Right.SYNC)
    context = {
        **site,
        "title": _("Sync of %(connection)s") % {"connection": run.connection},
        "run": run,
        "state": state_pill(run),
        "result": result_sentence(run),
        "progress": progress_of(run),
        "starter": starter(run),
        "chips": _chips(run),
        "chosen": state,
        "rows": [_row(item, run.connection.connector) for item in rows[:ROWS]],
        "further": f"?{urlencode(further)}" if further else "",
        "may_sync": may_sync,
        "who_may": "" if may_sync else who_may_sentence(Right.SYNC, client),
    }
    return TemplateResponse(request, "admin/integrations/syncrun/page.html", context)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results."""

    item: SyncItem
    state: SafeString
    meaning: SafeString | str  # what the catalogue calls the error, linked to the guide
    log: str  # the address of the event log under the invoice's number


def _row(item: SyncItem, system: str) -> Row:
    meaning: SafeString | str = ""
    log = ""
    if item.state in (SyncItem.State.FAILED, SyncItem.State.PROBLEM):
        log = f"{reverse('admin:invoices_event_changelist')}?{urlencode({'q': item.invoice.number})}"
        meaning = meaning_of(system, item.said[0]) if item.said else ""
    return Row(item, pill(item.get_state_display(), TONES[SyncItem.State(item.state)]), meaning, log)


def _chips(run: SyncRun) -> list[tuple[str, str, int]]:
    counted = {
        SyncItem.State.FAILED: run.failed,
        SyncItem.State.PROBLEM: run.problems,
        SyncItem.State.LATER: run.later,
        SyncItem.State.DONE: run.done,
        SyncItem.State.WAITING: run.left,
    }
    chips = [(state.value, str(state.label), count) for state, count in counted.items() if count]
    return [("", _("All"), run.total + run.problems), *chips]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: the parts of the bar (tone, from, width in per cent), and sentences."""

    bar: tuple[tuple[str, str, str], ...]
    sentence: str
    rate: str
    time_left: str
    current: Invoice | None


def progress_of(run: SyncRun) -> Progress:
    """Return how far a run is, how fast its last items went, and how long it will still take."""
    whole = run.total or 1
    edges = [0, run.done, run.done + run.failed, run.done + run.failed + run.later]
    places = [100 * edge / whole for edge in edges]
    tones = ("good", "bad", "wait")
    rate = 0.0 if run.is_over else _rate(run)
    current = None
    if not run.is_over and run.left:
        messages = IntegrationMessage.objects.filter(client_id=run.connection.client_id, state=MessageState.SENDING)
        waiting = run.items.filter(state=SyncItem.State.WAITING)
        item = messages.select_related("invoice").order_by("pk").first() or waiting.select_related("invoice").first()
        current = item.invoice if item else None
    return Progress(
        bar=tuple((tone, f"{a:.2f}", f"{b - a:.2f}") for tone, (a, b) in zip(tones, pairwise(places), strict=True)),
        sentence=_("%(had)s of %(total)s had their turn")
        % {"had": f"{run.total - run.left:,}", "total": f"{run.total:,}"},
        rate=_("%(count)s a minute") % {"count": f"{rate * 60:,.0f}"} if rate else "",
        time_left=span(timedelta(seconds=run.left / rate)) if rate and run.left else "",
        current=current,
    )


def _rate(run: SyncRun) -> float:
    """Return how many of the last items had their turn in a second."""
    ended = run.items.filter(finished_at__isnull=False).order_by("-finished_at")
    times = [moment for moment in ended.values_list("finished_at", flat=True)[:LAST_ITEMS] if moment is not None]
    since = times[-1] if len(times) == LAST_ITEMS else run.started_at
    seconds = (clock.now() - since).total_seconds() if since is not None else 0.0
    return len(times) / seconds if seconds > 0 else 0.0


def result_sentence(run: SyncRun) -> str:
    """Say in one sentence what a run did so far."""
    said = {name: f"{getattr(run, name):,}" for name in ("done", "failed", "later", "changed", "problems")}
    if not run.later:
        return _("%(done)s sent, %(failed)s refused, %(changed)s changed here, %(problems)s cannot be read") % said
    waiting = _("%(done)s sent, %(failed)s refused, %(later)s wait, %(changed)s changed, %(problems)s cannot be read")
    return waiting % said


def starter(run: SyncRun) -> str:
    """Return who pressed, or that the schedule did."""
    return called(run.by) if run.by else _("the schedule")


def state_pill(run: SyncRun) -> SafeString:
    """Return how a run stands, as a pill."""
    if run.cancelled_at is not None:
        return pill(_("cancelled"), "off")
    if run.is_over:
        if run.stopped:
            return pill(_("ended early"), "warn")
        return pill(run.get_phase_display(), "warn" if run.failed or run.problems else "good")
    return pill(run.get_phase_display(), "wait") if run.started_at else pill(_("waits for a worker"), "quiet")
