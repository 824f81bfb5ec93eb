"""Alerts in the admin: what goes on, to read; and the webhooks that are told of it, for managers."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import syncdiag.event_log
import syncdiag.issue_admin  # noqa: F401 (registers the issues' pages)
from invoices.admin.access import ClientRowsAdmin, Row, clients_of, http_status, person
from invoices.admin.filters import BeforeFilter, ClientFilter, FixedFilter
from invoices.errors import BadInput, Refusal
from invoices.forms import show_refusal
from invoices.models import Client
from invoices.roles import Right
from invoices.templatetags.unstuck import moment, pill
from syncdiag.actions.webhooks import set_webhook
from syncdiag.alerts import next_step, page_of, sentence
from syncdiag.models import Alert, Cause, Sending, Webhook, WebhookDelivery

SENDING_TONES = {Sending.PENDING: "wait", Sending.DELIVERED: "good", Sending.GIVEN_UP: "bad"}


class WebhookForm(forms.Form):
    """Everything that `set_webhook` takes; a secret is typed or generated, never shown again."""

    client = forms.TypedChoiceField(label=gettext_lazy("Client"), coerce=int)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("Alerts of this client and the clients below it are posted there, signed."),
        widget=forms.TextInput(attrs={"type": "url", "autocomplete": "off"}),
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Leave it empty to keep the one we have; a new webhook gets one generated."),
    )
    renew = forms.BooleanField(
        label=gettext_lazy("Generate a new secret"),
        required=False,
        help_text=gettext_lazy("It is shown once, right after saving; the one before stops counting."),
    )
    enabled = forms.BooleanField(label=gettext_lazy("Switched on"), required=False, initial=True)

    def __init__(self, *args: Any, clients: dict[int, str], **kwargs: Any) -> None:
        """Take the clients to choose from, id → name."""
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]  # a choice field has them


class GoingOnFilter(FixedFilter):
    """What goes on, or what is over."""

    title = gettext_lazy("state")
    parameter_name = "state"
    fixed = (("on", gettext_lazy("Going on")), ("over", gettext_lazy("Over")))

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave one of the two."""
        return rows.filter(over_at__isnull=value == "on")


class CauseFilter(FixedFilter):
    """By cause."""

    title = gettext_lazy("cause")
    parameter_name = "cause"
    fixed = tuple(Cause.choices)


@admin.register(Alert)
class AlertAdmin(ClientRowsAdmin[Alert]):
    """The alerts of the clients that the person may see, latest first; there is nothing to do to one."""

    list_display = ("what_cell", "client_cell", "state_cell", "count", "began_cell", "over_cell", "next_cell")
    list_select_related = ("client",)
    list_filter = (ClientFilter, CauseFilter, GoingOnFilter, BeforeFilter)
    ordering = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        """Return the list alone: it says all there is."""
        return [
            path("", self.admin_site.admin_view(self.changelist_view), name="syncdiag_alert_changelist"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show what goes on."""
        return super().changelist_view(request, {"title": _("Alerts"), **(extra_context or {})})

    @admin.display(description=gettext_lazy("what"))
    def what_cell(self, alert: Alert) -> SafeString:
        """Name the cause, and say what goes on."""
        return format_html("<strong>{}</strong><br>{}", alert.get_cause_display(), sentence(alert))

    @admin.display(description=gettext_lazy("client"))
    def client_cell(self, alert: Alert) -> str:
        """Name the client."""
        return alert.client.name

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, alert: Alert) -> SafeString:
        """Say whether it goes on."""
        return pill(_("over"), "off") if alert.is_over else pill(_("going on"), "warn")

    @admin.display(description=gettext_lazy("since"))
    def began_cell(self, alert: Alert) -> SafeString | str:
        """Say when it began."""
        return moment(alert.began_at)

    @admin.display(description=gettext_lazy("over"))
    def over_cell(self, alert: Alert) -> SafeString | str:
        """Say when it was over."""
        return moment(alert.over_at)

    @admin.display(description=gettext_lazy("what to do"))
    def next_cell(self, alert: Alert) -> SafeString | str:
        """Lead to where something can be done about it."""
        return "–" if alert.is_over else format_html('<a href="{}">{}</a>', page_of(alert), next_step(alert))


class ManagersRowsAdmin(ClientRowsAdmin[Row]):
    """Rows for those who may change the client's connection; an address may be a secret of whoever receives."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Leave only rows of clients that the person manages."""
        mine = list(clients_of(request, Right.MANAGE_CONNECTION))
        return super().get_queryset(request).filter(**{f"{self.client_path}__in": mine})

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Whether the person manages the row's client, or any client at all."""
        mine = clients_of(request, Right.MANAGE_CONNECTION)
        return bool(mine) if obj is None else self.client_id_of(obj) in mine


@admin.register(Webhook)
class WebhookAdmin(ManagersRowsAdmin[Webhook]):
    """The webhooks of the clients that the person manages."""

    list_display = ("client_cell", "url", "state_cell")
    list_select_related = ("client",)
    list_filter = (ClientFilter,)
    ordering = ("client__name",)

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: a webhook is changed by its verb alone."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="syncdiag_webhook_changelist"),
            path("add/", view(self.set_view), name="syncdiag_webhook_add"),
            path("<int:object_id>/change/", view(self.set_view), name="syncdiag_webhook_change"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the person may set one anywhere."""
        return bool(clients_of(request, Right.MANAGE_CONNECTION))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show who is told where."""
        return super().changelist_view(request, {"title": _("Webhooks"), **(extra_context or {})})

    def set_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """Set a webhook; a secret that was generated is on the page that answers, and nowhere else."""
        clients = clients_of(request, Right.MANAGE_CONNECTION)
        if not clients:
            raise PermissionDenied
        initial: dict[str, Any] = {}
        if object_id is not None:
            webhook = self.get_queryset(request).filter(pk=object_id).first()
            if webhook is None:
                raise Http404
            clients = {webhook.client_id: clients[webhook.client_id]}
            initial = {"client": webhook.client_id, "url": webhook.url, "enabled": webhook.is_enabled}
        form = WebhookForm(request.POST or None, initial=initial or None, clients=clients)
        context = {**self.admin_site.each_context(request), "title": _("Set a webhook"), "form": form}
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid():
                answer = self._set(request, form)
                if isinstance(answer, HttpResponse):
                    return answer
                status = answer
        return TemplateResponse(request, "admin/syncdiag/webhook/set.html", context, status=status)

    def _set(self, request: HttpRequest, form: WebhookForm) -> HttpResponse | int:
        """Call the verb with what was typed; return the page that follows, or the status of a refusal."""
        typed = form.cleaned_data
        secret = "" if typed["renew"] else typed["secret"] or None
        try:
            webhook, made = set_webhook(
                Client.objects.get(pk=typed["client"]),
                by=person(request),
                url=typed["url"],
                secret=secret,
                enabled=typed["enabled"],
            )
        except BadInput as refusal:
            show_refusal(form, refusal.fields)
            return 400
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return http_status(refusal)
        if not made:
            messages.success(request, _("The webhook of %(client)s is saved.") % {"client": webhook.client})
            return HttpResponseRedirect(reverse("admin:syncdiag_webhook_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("The secret of the webhook"),
            "webhook": webhook,
            "made": made,
        }
        answer = TemplateResponse(request, "admin/syncdiag/webhook/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.display(description=gettext_lazy("client"))
    def client_cell(self, webhook: Webhook) -> SafeString:
        """Name the client, and lead to the form."""
        url = reverse("admin:syncdiag_webhook_change", args=[webhook.pk])
        return format_html('<a href="{}">{}</a>', url, webhook.client.name)

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, webhook: Webhook) -> SafeString:
        """Say whether it is told anything."""
        return pill(_("switched on"), "good") if webhook.is_enabled else pill(_("switched off"), "off")


class SendingFilter(FixedFilter):
    """By what has become of it."""

    title = gettext_lazy("state")
    parameter_name = "state"
    fixed = tuple(Sending.choices)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ManagersRowsAdmin[WebhookDelivery]):
    """What the webhooks were told, and what went wrong."""

    client_path = "webhook__client_id"
    list_display = ("news_cell", "client_cell", "state_cell", "attempts", "next_cell", "sent_cell", "last_error", "key")
    list_select_related = ("webhook__client", "alert__client")
    list_filter = (SendingFilter, BeforeFilter)
    ordering = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        """Return the list alone."""
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="syncdiag_webhookdelivery_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show what was told."""
        return super().changelist_view(request, {"title": _("Webhook deliveries"), **(extra_context or {})})

    @admin.display(description=gettext_lazy("news"))
    def news_cell(self, row: WebhookDelivery) -> SafeString:
        """Say what was told."""
        return format_html(
            '{} <span class="sub">{} · {}</span>',
            row.get_kind_display(),
            row.alert.get_cause_display(),
            row.alert.client.name,
        )

    @admin.display(description=gettext_lazy("webhook of"))
    def client_cell(self, row: WebhookDelivery) -> str:
        """Name the client whose webhook it is."""
        return row.webhook.client.name

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, row: WebhookDelivery) -> SafeString:
        """Say what has become of it."""
        return pill(row.get_state_display(), SENDING_TONES[Sending(row.state)])

    @admin.display(description=gettext_lazy("next try"))
    def next_cell(self, row: WebhookDelivery) -> SafeString | str:
        """Say when it is tried again."""
        return moment(row.not_before) if row.state == Sending.PENDING else "–"

    @admin.display(description=gettext_lazy("delivered"))
    def sent_cell(self, row: WebhookDelivery) -> SafeString | str:
        """Say when it was delivered."""
        return moment(row.sent_at)
