"""Connections in the admin: what each is, how it is doing, and the two things to do with it: check and change."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import integrations.bulk_admin
import integrations.import_admin
import integrations.sync_admin  # noqa: F401 (registers the sync runs' pages, and the import's)
from integrations import reconcile_admin
from integrations.forms import ConnectForm, DisconnectForm
from integrations.linking import check_connection, connect, disconnect
from integrations.models import Connection
from integrations.policy import BreakerState
from integrations.sync_runs import sync_now, why_not_exchanged
from invoices.admin.access import ClientRowsAdmin, clients_of, http_status, person
from invoices.admin.filters import ClientFilter
from invoices.errors import BadInput, Refusal
from invoices.forms import show_refusal
from invoices.models import Client, IntegrationMessage
from invoices.permissions import who_may_sentence
from invoices.roles import Right
from invoices.templatetags.unstuck import moment, pill
from invoices.workflow import MessageState


@admin.register(Connection)
class ConnectionAdmin(ClientRowsAdmin[Connection]):
    """The connections of the clients that the person may see."""

    list_display = ("name_cell", "company", "health_cell", "until_cell", "last_error", "sync_cell")
    list_select_related = ("client",)
    list_filter = (ClientFilter,)
    ordering = ("client__name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """Say of each whether the person may sync it."""
        return super().get_queryset(request).annotate(may_sync=Q(client_id__in=list(clients_of(request, Right.SYNC))))

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: a connection is changed by its verb alone."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="integrations_connection_changelist"),
            path("add/", view(self.connect_view), name="integrations_connection_add"),
            path("<int:object_id>/change/", view(self.page_view), name="integrations_connection_change"),
            path("<int:object_id>/deletions/", view(self.deletions_view), name="integrations_connection_deletions"),
            path("<int:object_id>/reconcile/", view(self.reconcile_view), name="integrations_connection_reconcile"),
            path("<int:object_id>/connect/", view(self.connect_view), name="integrations_connection_connect"),
            path("<int:object_id>/sync/", view(self.sync_view), name="integrations_connection_sync"),
            path("<int:object_id>/disconnect/", view(self.disconnect_view), name="integrations_connection_disconnect"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the person may connect any client."""
        return bool(clients_of(request, Right.MANAGE_CONNECTION))

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show one connection; a POST asks the ERP whether it answers to our credentials."""
        connection = self._find(request, object_id)
        if request.method == "POST":
            try:
                health = check_connection(connection.pk, by=person(request))
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(
                    request, _("The ERP answers, as the company %(company)s.") % {"company": health.company}
                )
            return HttpResponseRedirect(request.path)
        waiting = IntegrationMessage.objects.filter(client_id=connection.client_id).open()
        counted = [
            (MessageState(state).label, waiting.filter(state=state)[:1000].count())
            for state in (MessageState.PENDING, MessageState.SENDING, MessageState.UNKNOWN)
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": str(connection),
            "connection": connection,
            "health": health_pill(connection),
            "counted": counted,
            "may_manage": connection.client_id in clients_of(request, Right.MANAGE_CONNECTION),
            **reconcile_admin.balances_context(request, connection),
            "may_check": connection.client_id in clients_of(request, Right.LOOK_UP),
            "why_not_sync": _why_not_sync(request, connection),
            "last_sync": connection.sync_runs.first(),
        }
        return TemplateResponse(request, "admin/integrations/connection/page.html", context)

    def deletions_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take what was deleted in the ERP now."""
        return reconcile_admin.deletions_view(request, self._find(request, object_id))

    def reconcile_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Compare all invoices with the ERP's list."""
        return reconcile_admin.reconcile_view(request, self._find(request, object_id))

    def connect_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """Link a client to its ERP, or change the link."""
        clients = clients_of(request, Right.MANAGE_CONNECTION)
        if not clients:
            raise PermissionDenied
        initial: dict[str, Any] = {}
        if object_id is not None:
            connection = self._find(request, object_id)
            if connection.client_id not in clients:
                raise PermissionDenied
            clients = {connection.client_id: clients[connection.client_id]}
            initial = {
                "client": connection.client_id,
                "connector": connection.connector,
                "company": connection.company,
                "lanes": connection.lanes,
                "call_timeout": connection.call_timeout_seconds,
                "sync_every": connection.sync_every_minutes,
            }
        form = ConnectForm(request.POST or None, initial=initial, clients=clients)
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid() and self._connected(request, form):
                return HttpResponseRedirect(reverse("admin:integrations_connection_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Connect a client to its ERP"),
            "form": form,
        }
        return TemplateResponse(request, "admin/integrations/connection/connect.html", context, status=status)

    def sync_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Say what Sync now does; a POST begins a run, or joins the one that is not over, and leads to its page."""
        connection = self._find(request, object_id)
        refusal: Refusal | None = None
        if request.method == "POST":
            try:
                run, is_new = sync_now(connection.pk, by=person(request))
            except Refusal as exc:
                refusal = exc
            else:
                begun = _("Begun: it goes on by itself, also when you leave this page.")
                messages.success(request, begun if is_new else _("It is running already; this is it."))
                return HttpResponseRedirect(reverse("admin:integrations_syncrun_change", args=[run.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Sync now"),
            "connection": connection,
            "refusal": refusal,
            "why_not_sync": _why_not_sync(request, connection),
        }
        status = http_status(refusal) if refusal else 200
        return TemplateResponse(request, "admin/integrations/connection/sync.html", context, status=status)

    def disconnect_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask why, and disconnect."""
        connection = self._find(request, object_id)
        if connection.client_id not in clients_of(request, Right.MANAGE_CONNECTION):
            raise PermissionDenied
        form = DisconnectForm(request.POST or None)
        status = 200
        if request.method == "POST":
            status = 400
            try:
                if form.is_valid():
                    disconnect(connection.pk, by=person(request), reason=form.cleaned_data["reason"])
                    messages.success(
                        request, _("Disconnected: nothing is exchanged any more, and the credentials are wiped.")
                    )
                    return HttpResponseRedirect(reverse("admin:integrations_connection_change", args=[connection.pk]))
            except Refusal as refusal:
                form.add_error(None, str(refusal))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Disconnect %(connection)s") % {"connection": connection},
            "connection": connection,
            "form": form,
        }
        return TemplateResponse(request, "admin/integrations/connection/disconnect.html", context, status=status)

    def _connected(self, request: HttpRequest, form: ConnectForm) -> bool:
        typed = dict(form.cleaned_data)
        client = Client.objects.get(pk=typed.pop("client"))
        try:
            connect(client, by=person(request), **typed)
        except BadInput as refusal:
            show_refusal(form, refusal.fields)
            return False
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return False
        messages.success(request, _("%(client)s is connected; what waited goes out now.") % {"client": client})
        return True

    def _find(self, request: HttpRequest, object_id: int) -> Connection:
        connection = self.get_queryset(request).select_related("client").filter(pk=object_id).first()
        if connection is None:
            raise Http404
        return connection

    @admin.display(description=gettext_lazy("connection"))
    def name_cell(self, connection: Connection) -> SafeString:
        """Name the client and the system, and lead to the page."""
        url = reverse("admin:integrations_connection_change", args=[connection.pk])
        return format_html(
            '<a href="{}">{}</a> <span class="sub">{}</span>',
            url,
            connection.client.name,
            connection.get_connector_display(),
        )

    @admin.display(description=gettext_lazy("health"))
    def health_cell(self, connection: Connection) -> SafeString:
        """Say how it is doing."""
        return health_pill(connection)

    @admin.display(description=gettext_lazy("paused until"))
    def until_cell(self, connection: Connection) -> str:
        """Say when the queue runs again."""
        return moment(connection.breaker_until) if connection.breaker_until else "–"

    @admin.display(description=gettext_lazy("sync"))
    def sync_cell(self, connection: Connection) -> SafeString:
        """Lead to Sync now; a grey button leads there too, and the page says who may."""
        url = reverse("admin:integrations_connection_sync", args=[connection.pk])
        looks = "button small" if getattr(connection, "may_sync", False) else "button small off"
        return format_html('<a class="{}" href="{}">{}</a>', looks, url, _("Sync now"))


def _why_not_sync(request: HttpRequest, connection: Connection) -> str:
    """Say why the person cannot press Sync now; empty when they can."""
    if connection.client_id not in clients_of(request, Right.SYNC):
        return who_may_sentence(Right.SYNC, connection.client)
    return why_not_exchanged(connection)


def health_pill(connection: Connection) -> SafeString:
    """Return how a connection is doing, as a pill."""
    if not connection.is_enabled:
        return pill(_("disconnected"), "off")
    if connection.needs_credentials:
        return pill(_("needs new credentials"), "bad")
    if connection.breaker_state != BreakerState.CLOSED:
        return pill(connection.get_breaker_state_display(), "bad")
    if connection.breaker_failures:
        return pill(_("the last calls failed"), "warn")
    return pill(_("running"), "good")
