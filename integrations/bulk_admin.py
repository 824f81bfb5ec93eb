"""Bulk runs in the admin: confirming one press for many invoices, and watching how it gets on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from integrations.bulk import PRESSES, cancel_bulk, check_count, may_cancel, select_all, start_bulk
from integrations.forms import BulkForm
from integrations.models import BulkItem, BulkRun
from invoices.admin.access import ClientRowsAdmin, http_status, person
from invoices.admin.filters import BeforeFilter
from invoices.admin.words import span
from invoices.buttons import Button, find_button
from invoices.errors import BadInput, NotThere, Refusal
from invoices.models import Invoice
from invoices.permissions import NOT_THERE
from invoices.templatetags.unstuck import called, moment, pill

ROWS: Final = 100
NAMED: Final = 5  # invoices that the confirm page names
LONGEST_ID: Final = 18  # digits
TONES: Final = {BulkItem.State.WAITING: "wait", BulkItem.State.DONE: "good", BulkItem.State.REFUSED: "bad"}


@admin.register(BulkRun)
class BulkRunAdmin(ClientRowsAdmin[BulkRun]):
    """The runs that the person started, and those of clients of which the person may see every one."""

    list_display = ("name_cell", "state_cell", "counts_cell", "by_cell", "at_cell", "reason")
    list_select_related = ("by",)
    list_filter = (BeforeFilter,)
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkRun]:
        """Leave what the person may see."""
        return BulkRun.objects.visible_to(person(request))

    def has_view_permission(self, request: HttpRequest, obj: BulkRun | None = None) -> bool:
        """Whether the person may see this run, or has a part in any client."""
        if obj is None:
            return super().has_view_permission(request)
        return self.get_queryset(request).filter(pk=obj.pk).exists()

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: a run is started and cancelled by its verbs alone."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="integrations_bulkrun_changelist"),
            path("add/", view(self.start_view), name="integrations_bulkrun_add"),
            path("<int:object_id>/change/", view(self.page_view), name="integrations_bulkrun_change"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the runs, latest first."""
        return super().changelist_view(request, {"title": _("Bulk runs"), **(extra_context or {})})

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Show what a press for many will do; the second POST, from that page, starts it. A GET leads to the runs."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:integrations_bulkrun_changelist"))
        user = person(request)
        form = BulkForm(request.POST if "confirmed" in request.POST else None)
        refusal: Refusal | None = None
        ids: Sequence[int] = ()
        try:
            button = _button_of(request.POST)
            if form.is_bound and form.is_valid():
                run = start_bulk(button.slug, form.chosen_ids(), by=user, reason=form.cleaned_data["reason"])
                messages.success(request, _("Begun: it goes on by itself, also when you leave this page."))
                return HttpResponseRedirect(reverse("admin:integrations_bulkrun_change", args=[run.pk]))
            if form.is_bound:
                ids = _numbers(form.data.get("chosen", "").split(","))
            elif "all" in request.POST:
                ids = select_all(user, request.POST)
            else:
                ids = _numbers(request.POST.getlist("invoice"))
            invoices = self._named(request, ids)
        except Refusal as exc:
            refusal, button, invoices = exc, None, []
        if button is not None and not form.is_bound:
            form = BulkForm(initial={"button": button.slug, "chosen": ",".join(map(str, ids))})
        context = {
            **self.admin_site.each_context(request),
            "title": button.label if button else _("For many at once"),
            "button": button,
            "form": form,
            "refusal": refusal,
            "count": len(ids),
            "invoices": invoices,
            "more": len(ids) - len(invoices),
        }
        status = http_status(refusal) if refusal else 400 if form.is_bound else 200
        return TemplateResponse(request, "admin/integrations/bulkrun/start.html", context, status=status)

    def _named(self, request: HttpRequest, ids: Sequence[int]) -> list[Invoice]:
        """Return the first of the invoices; raises Refusal when they are too many, or one is not to be seen."""
        check_count(ids)
        found = Invoice.objects.visible_to(person(request)).filter(pk__in=ids)
        if found.count() != len(ids):
            raise NotThere(NOT_THERE)
        return list(found.select_related("client", "counterparty").order_by("step_since", "pk")[:NAMED])

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show how a run gets on; a POST cancels it."""
        return show_run(request, self._find(request, object_id), self.admin_site.each_context(request))

    def _find(self, request: HttpRequest, object_id: int) -> BulkRun:
        try:
            return self.get_queryset(request).select_related("by").get(pk=object_id)
        except (BulkRun.DoesNotExist, OverflowError) as exc:
            raise Http404 from exc

    @admin.display(description=gettext_lazy("bulk run"))
    def name_cell(self, run: BulkRun) -> SafeString:
        """Name the button and the number of invoices, and lead to the page."""
        url = reverse("admin:integrations_bulkrun_change", args=[run.pk])
        return format_html('<a href="{}">{} × {}</a>', url, find_button(run.button).label, f"{run.total:,}")

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, run: BulkRun) -> SafeString:
        """Say how far it is."""
        return state_pill(run)

    @admin.display(description=gettext_lazy("done, refused, left"))
    def counts_cell(self, run: BulkRun) -> str:
        """Say how many had their turn."""
        return f"{run.done:,} · {run.refused:,} · {run.left:,}"

    @admin.display(description=gettext_lazy("by"))
    def by_cell(self, run: BulkRun) -> str:
        """Name who pressed."""
        return called(run.by)

    @admin.display(description=gettext_lazy("pressed"))
    def at_cell(self, run: BulkRun) -> SafeString | str:
        """Say when."""
        return moment(run.created_at)


@require_http_methods(["GET", "HEAD", "POST"])
def show_run(request: HttpRequest, run: BulkRun, site: dict[str, Any]) -> HttpResponse:
    """Show one run with its results, a page of them at a time; a POST cancels it."""
    here = reverse("admin:integrations_bulkrun_change", args=[run.pk])
    if request.method == "POST":
        try:
            cancel_bulk(run.pk, by=person(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Cancelled: what is done stays done, the rest is left as it is."))
        return HttpResponseRedirect(here)
    state = request.GET.get("state", "")
    after = request.GET.get("after", "")
    items = run.items.select_related("invoice__client", "invoice__counterparty")
    if state in BulkItem.State.values:
        items = items.filter(state=state)
    if _numbers([after]):
        items = items.filter(pk__gt=int(after))
    rows = list(items[: ROWS + 1])
    kept = {"state": state} if state else {}
    further = {**kept, "after": rows[ROWS - 1].pk} if len(rows) > ROWS else {}
    button = find_button(run.button)
    context = {
        **site,
        "title": f"{button.label} × {run.total:,}",
        "run": run,
        "button": button,
        "state": state_pill(run),
        "progress": progress_of(run, timezone.now()),
        "chips": [("", _("All"), run.total), *_chips(run)],
        "chosen": state,
        "rows": [(item, pill(item.get_state_display(), TONES[BulkItem.State(item.state)])) for item in rows[:ROWS]],
        "further": f"?{urlencode(further)}" if further else "",
        "may_cancel": not run.is_over and may_cancel(run, person(request)),
    }
    return TemplateResponse(request, "admin/integrations/bulkrun/page.html", context)


def _chips(run: BulkRun) -> list[tuple[str, str, int]]:
    counted = {BulkItem.State.REFUSED: run.refused, BulkItem.State.DONE: run.done, BulkItem.State.WAITING: run.left}
    return [(state.value, str(state.label), count) for state, count in counted.items() if count]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: widths in per cent for the bar, and sentences."""

    done: str
    refused: str
    sentence: str
    rate: str
    time_left: str


def progress_of(run: BulkRun, now: datetime) -> Progress:
    """Return how far a run is, how fast it goes, and how long it will still take."""
    handled = run.done + run.refused
    seconds = ((run.finished_at or now) - run.started_at).total_seconds() if run.started_at else 0.0
    rate = handled / seconds if seconds > 0 else 0.0
    left = span(timedelta(seconds=run.left / rate)) if rate and not run.is_over else ""
    return Progress(
        done=f"{100 * run.done / run.total:.2f}",
        refused=f"{100 * run.refused / run.total:.2f}",
        sentence=_("%(handled)s of %(total)s: %(done)s done, %(refused)s refused")
        % {
            "handled": f"{handled:,}",
            "total": f"{run.total:,}",
            "done": f"{run.done:,}",
            "refused": f"{run.refused:,}",
        },
        rate=_("%(count)s a minute") % {"count": f"{rate * 60:,.0f}"} if rate else "",
        time_left=left,
    )


def state_pill(run: BulkRun) -> SafeString:
    """Return how a run stands, as a pill."""
    if run.cancelled_at is not None:
        return pill(_("cancelled"), "off")
    if run.is_over:
        return pill(_("over"), "good" if not run.refused else "warn")
    return pill(_("running"), "wait") if run.started_at else pill(_("waits for a worker"), "quiet")


def _button_of(sent: QueryDict) -> Button:
    slug = sent.get("button", "")
    if slug not in PRESSES:
        raise BadInput({"button": _("Choose what to do: this does not work for many invoices at once.")})
    return find_button(slug)


def _numbers(texts: Sequence[str]) -> list[int]:
    """Return the ids among what was sent, each once; what is no id is left out."""
    found = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID]
    return list(dict.fromkeys(found))
