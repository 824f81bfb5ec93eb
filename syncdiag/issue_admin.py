"""Issues in the admin: what fails again and again, whom it hits, and the three things to do about one."""

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from integrations.erps.registry import CONNECTORS
from invoices.admin.access import ClientRowsAdmin, clients_of, person
from invoices.admin.filters import ClientFilter, FixedFilter
from invoices.errors import Refusal
from invoices.permissions import person_name, who_may
from invoices.roles import Right
from invoices.templatetags.unstuck import moment, pill
from syncdiag.actions.issues import assign_issue, mute_issue, unmute_issue
from syncdiag.classifying import explain_complaint, words_of
from syncdiag.issue_chart import DayChart, draw_days, first_day
from syncdiag.models import Issue, IssueDay

ROWS: Final = 25
LONGEST_ID: Final = 18


class StateFilter(FixedFilter):
    """Those that go on, until others are asked for; muted ones stand apart."""

    title = gettext_lazy("state")
    parameter_name = "state"
    blank = gettext_lazy("Ongoing")
    fixed = (
        ("muted", gettext_lazy("Muted")),
        ("resolved", gettext_lazy("Resolved")),
        ("all", gettext_lazy("All")),
    )

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the state."""
        if value == "all":
            return rows
        if value == "muted":
            return rows.filter(is_muted=True)
        return rows.filter(state=Issue.State.RESOLVED)

    def unchosen(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Leave what goes on and is not muted."""
        return rows.filter(state=Issue.State.ONGOING, is_muted=False)


class SystemFilter(FixedFilter):
    """By the ERP."""

    title = gettext_lazy("connection")
    parameter_name = "system"
    fixed = tuple((name, kind.label) for name, kind in CONNECTORS.items())


class AssignedFilter(FixedFilter):
    """By who looks after it."""

    title = gettext_lazy("assigned")
    parameter_name = "assigned"
    fixed = (("me", gettext_lazy("To me")), ("nobody", gettext_lazy("To nobody")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave those of the person, or of nobody."""
        if self.value() == "me":
            return queryset.filter(assigned_to=person(request))
        return queryset.filter(assigned_to__isnull=True) if self.value() == "nobody" else queryset


@admin.register(Issue)
class IssueAdmin(ClientRowsAdmin[Issue]):
    """The issues of the clients that the person may see, last seen first."""

    change_list_template = "admin/syncdiag/issue/change_list.html"
    list_display = ("title_cell", "client_cell", "state_cell", "hit_cell", "count", "seen_cell", "assigned_cell")
    list_select_related = ("client", "connection", "assigned_to")
    list_filter = (StateFilter, ClientFilter, SystemFilter, AssignedFilter)
    search_fields = ("title",)
    search_help_text = gettext_lazy("Part of the title")
    ordering = ("-last_seen_at", "-pk")

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: an issue is changed by its verbs alone."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="syncdiag_issue_changelist"),
            path("<int:object_id>/change/", view(self.page_view), name="syncdiag_issue_change"),
            path("<int:object_id>/assign/", view(require_POST(self.assign_view)), name="syncdiag_issue_assign"),
            path("<int:object_id>/mute/", view(require_POST(self.mute_view)), name="syncdiag_issue_mute"),
            path("<int:object_id>/unmute/", view(require_POST(self.unmute_view)), name="syncdiag_issue_unmute"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under the chart of all the person's clients."""
        chart = _chart(IssueDay.objects.filter(issue__client_id__in=list(clients_of(request))))
        return super().changelist_view(request, {"title": _("Issues"), "chart": chart, **(extra_context or {})})

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show what it is, how often it came, and a page of the invoices that it hit: the open ones first."""
        issue = self._issue(request, object_id)
        only_open, after = request.GET.get("show", "open") != "all", request.GET.get("after", "")
        hits = issue.hits.select_related("invoice__counterparty")
        if only_open:
            hits = hits.filter(is_open=True)
        if after.isascii() and after.isdigit() and len(after) <= LONGEST_ID:
            hits = hits.filter(pk__lt=int(after))
        page = list(hits.order_by("-pk")[: ROWS + 1])
        kept = {} if only_open else {"show": "all"}
        further = {**kept, "after": page[ROWS - 1].pk} if len(page) > ROWS else {}
        said = issue.said
        may_handle = issue.client_id in clients_of(request, Right.HANDLE_QUEUE)
        desk = urlencode({"said": issue.key, "client": issue.client_id})
        context = {
            **self.admin_site.each_context(request),
            "title": issue.title,
            "issue": issue,
            "state": state_pill(issue),
            "known": explain_complaint(issue.system, said),
            "said": words_of(said),
            "chart": _chart(issue.days.all()),
            "hits": page[:ROWS],
            "only_open": only_open,
            "further": f"?{urlencode(further)}" if further else "",
            "desk_url": f"{reverse('admin:index')}?{desk}",
            "may_handle": may_handle,
            "people": who_may(Right.VIEW, issue.client) if may_handle else [],
        }
        return TemplateResponse(request, "admin/syncdiag/issue/page.html", context)

    def assign_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Assign it to whom was chosen; to nobody where nobody was."""
        issue, chosen = self._issue(request, object_id), request.POST.get("to", "")
        to = None
        if chosen:
            to = User.objects.filter(pk=int(chosen) if chosen.isascii() and chosen.isdigit() else 0).first()
            if to is None:
                return self._answer(request, issue, refusal=_("Choose one of the people in the list."))
        try:
            assign_issue(issue.pk, by=person(request), to=to)
        except Refusal as refusal:
            return self._answer(request, issue, refusal=str(refusal))
        done = (
            _("It is assigned to %(person)s.") % {"person": person_name(to)} if to else _("It is assigned to nobody.")
        )
        return self._answer(request, issue, done=done)

    def mute_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Mute it, for a reason."""
        issue = self._issue(request, object_id)
        try:
            mute_issue(issue.pk, by=person(request), reason=request.POST.get("reason", ""))
        except Refusal as refusal:
            return self._answer(request, issue, refusal=str(refusal))
        return self._answer(request, issue, done=_("It is muted: nobody is told of it any more."))

    def unmute_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Tell people of it again."""
        issue = self._issue(request, object_id)
        try:
            unmute_issue(issue.pk, by=person(request))
        except Refusal as refusal:
            return self._answer(request, issue, refusal=str(refusal))
        return self._answer(request, issue, done=_("It is not muted any more."))

    def _issue(self, request: HttpRequest, object_id: int) -> Issue:
        rows = self.get_queryset(request).select_related("client", "connection", "assigned_to")
        found = rows.filter(pk=object_id).first()
        if found is None:
            raise Http404
        return found

    def _answer(self, request: HttpRequest, issue: Issue, *, done: str = "", refusal: str = "") -> HttpResponse:
        if refusal:
            messages.error(request, refusal)
        else:
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:syncdiag_issue_change", args=[issue.pk]))

    @admin.display(description=gettext_lazy("what fails"))
    def title_cell(self, issue: Issue) -> SafeString:
        """Name it, and lead to its page."""
        url = reverse("admin:syncdiag_issue_change", args=[issue.pk])
        return format_html('<a class="anywhere" href="{}">{}</a>', url, issue.title)

    @admin.display(description=gettext_lazy("client and connection"))
    def client_cell(self, issue: Issue) -> SafeString:
        """Name the client and its ERP."""
        return format_html(
            '{} <span class="sub">{}</span>', issue.client.name, issue.connection.get_connector_display()
        )

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, issue: Issue) -> SafeString:
        """Say whether it goes on."""
        return state_pill(issue)

    @admin.display(description=gettext_lazy("not through · hit"))
    def hit_cell(self, issue: Issue) -> str:
        """Say how many invoices it hit, and how many of them still stand."""
        return f"{issue.open_count:,} · {issue.invoice_count:,}"

    @admin.display(description=gettext_lazy("first and last seen"))
    def seen_cell(self, issue: Issue) -> SafeString:
        """Say since when, and when last."""
        return format_html('{} <span class="sub">{}</span>', moment(issue.first_seen_at), moment(issue.last_seen_at))

    @admin.display(description=gettext_lazy("assigned to"))
    def assigned_cell(self, issue: Issue) -> str:
        """Name who looks after it."""
        return person_name(issue.assigned_to) if issue.assigned_to else "–"


def state_pill(issue: Issue) -> SafeString:
    """Return how an issue stands."""
    if issue.state == Issue.State.RESOLVED:
        return pill(_("resolved"), "good")
    return pill(_("muted"), "off") if issue.is_muted else pill(_("ongoing"), "warn")


def _chart(days: QuerySet[IssueDay]) -> DayChart:
    today = timezone.now().date()
    rows = days.filter(day__gte=first_day(today)).order_by().values("day").annotate(number=Sum("count"))
    return draw_days({row["day"]: row["number"] for row in rows}, today)
