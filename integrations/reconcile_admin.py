"""Deletions and reconciliations in the admin: the buttons of a connection's page, and the page of a reconciliation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from integrations.deletions import press_sync_deletions
from integrations.models import Connection, Difference, Reconciliation
from integrations.reconcile import press_reconcile
from invoices.admin.access import ClientRowsAdmin, clients_of, person
from invoices.admin.filters import BeforeFilter
from invoices.errors import Refusal
from invoices.models import Invoice
from invoices.roles import Right
from invoices.templatetags.unstuck import moment, pill

ROWS: Final = 50
LONGEST_ID: Final = 18  # digits
TONES: Final = {
    Difference.Kind.DIFFERS: "warn",
    Difference.Kind.MISSING_THERE: "bad",
    Difference.Kind.MISSING_HERE: "wait",
}

Explanation = Callable[[Sequence[Invoice]], Mapping[int, tuple[str, str]]]
_explanations: Final[list[Explanation]] = []


def explain_with(explanation: Explanation) -> None:
    """Have `explanation(invoices)` say why balances differ: for each invoice's id, what is wrong and the next step."""
    _explanations[:] = [explanation]


def balances_context(request: HttpRequest, connection: Connection) -> dict[str, Any]:
    """Return what the connection's page shows of deletions and reconciliations."""
    return {
        "may_sync": connection.client_id in clients_of(request, Right.SYNC),
        "latest_reconciliation": connection.reconciliations.first(),
    }


@require_POST
def deletions_view(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Take the deletions now, or all of those that were held back."""
    try:
        said = press_sync_deletions(connection.pk, by=person(request), all_the_same="all_the_same" in request.POST)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.info(request, said)
    return HttpResponseRedirect(reverse("admin:integrations_connection_change", args=[connection.pk]))


@require_POST
def reconcile_view(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Begin to reconcile, or show the run that has not ended."""
    try:
        run = press_reconcile(connection.pk, by=person(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:integrations_connection_change", args=[connection.pk]))
    return HttpResponseRedirect(reverse("admin:integrations_reconciliation_change", args=[run.pk]))


@admin.register(Reconciliation)
class ReconciliationAdmin(ClientRowsAdmin[Reconciliation]):
    """The reconciliations of the connections that the person may see."""

    client_path = "connection__client_id"
    list_display = ("name_cell", "state_cell", "counts_cell", "at_cell")
    list_select_related = ("connection__client", "by")
    list_filter = (BeforeFilter,)
    ordering = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: a reconciliation is begun by its verb alone."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="integrations_reconciliation_changelist"),
            path("<int:object_id>/change/", view(self.page_view), name="integrations_reconciliation_change"),
        ]

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the counts, and a page of the differences with the reason for each."""
        rows = self.get_queryset(request).select_related("connection__client", "by")
        run = rows.filter(pk=object_id).first()
        if run is None:
            raise Http404
        kind, after = request.GET.get("kind", ""), request.GET.get("after", "")
        found = run.differences.select_related("invoice__client", "invoice__counterparty", "invoice__current_message")
        if kind in Difference.Kind.values:
            found = found.filter(kind=kind)
        if after.isascii() and after.isdigit() and len(after) <= LONGEST_ID:
            found = found.filter(pk__gt=int(after))
        page = list(found.order_by("pk")[: ROWS + 1])
        kept = {"kind": kind} if kind in Difference.Kind.values else {}
        further = {**kept, "after": page[ROWS - 1].pk} if len(page) > ROWS else {}
        context = {
            **self.admin_site.each_context(request),
            "title": str(run),
            "run": run,
            "state": state_pill(run),
            "counts": [
                (_("In the ERP's list"), run.listed),
                (_("The same"), run.same),
                (_("Different"), run.differ),
                (_("Not in the ERP"), run.missing_there),
                (_("Not here"), run.missing_here),
            ],
            "chips": [("", _("All")), *Difference.Kind.choices],
            "chosen": kind,
            "rows": _explained(page[:ROWS]),
            "further": f"?{urlencode(further)}" if further else "",
        }
        return TemplateResponse(request, "admin/integrations/reconciliation/page.html", context)

    @admin.display(description=gettext_lazy("reconciliation"))
    def name_cell(self, run: Reconciliation) -> SafeString:
        """Name the connection, and lead to the page."""
        url = reverse("admin:integrations_reconciliation_change", args=[run.pk])
        return format_html('<a href="{}">{}</a>', url, str(run.connection))

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, run: Reconciliation) -> SafeString:
        """Say how far it is."""
        return state_pill(run)

    @admin.display(description=gettext_lazy("same, different, missing there, missing here"))
    def counts_cell(self, run: Reconciliation) -> str:
        """Say what was counted."""
        return f"{run.same:,} · {run.differ:,} · {run.missing_there:,} · {run.missing_here:,}"

    @admin.display(description=gettext_lazy("pressed"))
    def at_cell(self, run: Reconciliation) -> SafeString | str:
        """Say when."""
        return moment(run.created_at)


def _explained(rows: Sequence[Difference]) -> list[tuple[Difference, SafeString, str, str]]:
    """Return each row with its pill, why it is there, and the next step; asked for all of the page at once."""
    differing = [row.invoice for row in rows if row.kind == Difference.Kind.DIFFERS and row.invoice]
    reasons = _explanations[0](differing) if _explanations and differing else {}
    said = {
        Difference.Kind.DIFFERS: (_("The balances differ."), _("Re-sync it.")),
        Difference.Kind.MISSING_THERE: (
            _("The ERP's list does not have it."),
            _("Re-sync it: if the ERP has deleted it, archive it here."),
        ),
        Difference.Kind.MISSING_HERE: (
            _("No invoice here has this id in the ERP."),
            _("Import it by its number, if it belongs here."),
        ),
    }
    return [
        (row, pill(row.get_kind_display(), TONES[Difference.Kind(row.kind)]), *reasons.get(row.invoice_id or 0, why))
        for row in rows
        for why in (said[Difference.Kind(row.kind)],)
    ]


def state_pill(run: Reconciliation) -> SafeString:
    """Return how a reconciliation stands, as a pill."""
    if run.error:
        return pill(_("stopped"), "bad")
    if run.finished_at is not None:
        return pill(_("over"), "warn" if run.differ or run.missing_there or run.missing_here else "good")
    return pill(_("running"), "wait") if run.started_at else pill(_("waits for a worker"), "quiet")
