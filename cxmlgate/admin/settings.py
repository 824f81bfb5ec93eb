"""Payables › Invoice integration: the settings of each client's gate, its secret, and what to tell the ERP."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from cxmlgate.actions import configure_gate, end_earlier_secret, generate_secret
from cxmlgate.forms import GateForm, GenerateForm, NewGateForm
from cxmlgate.models import GateSettings
from cxmlgate.sample import SECRET_GOES_HERE, curl_command, number_to_try
from invoices.admin.access import ClientRowsAdmin, clients_of, http_status, person
from invoices.admin.filters import ClientFilter
from invoices.errors import BadInput, Refusal, Sentence
from invoices.forms import ReasonForm, show_refusal
from invoices.models import Client, Event
from invoices.permissions import may, who_may_sentence
from invoices.roles import Right
from invoices.templatetags.unstuck import pill

PLACE: Final = gettext_lazy("Payables › Invoice integration")
FIELDS: Final = {"sender_identity": "identity", "earlier_secret_until": "earlier_days"}
CHANGES_SHOWN: Final = 5


@admin.register(GateSettings)
class GateSettingsAdmin(ClientRowsAdmin[GateSettings]):
    """The gates of the clients that the person may see; a verb changes them and decides who may."""

    list_display = (
        "client_cell",
        "enabled_cell",
        "sender_identity",
        "on_canceled",
        "test_cell",
        "from_cell",
    )
    list_select_related = ("client",)
    list_filter = (ClientFilter,)
    ordering = ("client__name",)

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses."""
        view, name = self.admin_site.admin_view, "cxmlgate_gatesettings_"
        return [
            path("", view(self.changelist_view), name=f"{name}changelist"),
            path("add/", view(require_http_methods(["GET", "HEAD", "POST"])(self.add_gate)), name=f"{name}add"),
            path("<int:object_id>/change/", view(self.gate_view), name=f"{name}change"),
            path("<int:object_id>/secret/", view(self.secret_view), name=f"{name}secret"),
            path("<int:object_id>/end-secret/", view(self.end_secret_view), name=f"{name}end_secret"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether there is a client without a gate that the person manages."""
        return bool(clients_of(request, Right.MANAGE_CONNECTION))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the gates."""
        return super().changelist_view(request, {"title": PLACE, **(extra_context or {})})

    def add_gate(self, request: HttpRequest) -> HttpResponse:
        """Set up the gate of a client that has none."""
        mine = clients_of(request, Right.MANAGE_CONNECTION)
        if not mine:
            raise PermissionDenied
        there = set(GateSettings.objects.filter(client_id__in=list(mine)).values_list("client_id", flat=True))
        clients = {pk: name for pk, name in mine.items() if pk not in there}
        form = NewGateForm(request.POST or None, clients=clients)
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid():
                client = Client.objects.get(pk=form.cleaned_data["client"])
                refused = self._configured(request, client, form)
                if refused is None:
                    return HttpResponseRedirect(self._address("change", GateSettings.objects.get(client=client)))
                status = refused
        return self._answer(request, "add", {"title": _("Set up a client's gate"), "form": form}, status)

    def gate_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show a gate with what the ERP needs to know; a POST saves the settings."""
        gate = self._find(request, object_id)
        form = GateForm(request.POST or None, gate=gate)
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid():
                refused = self._configured(request, gate.client, form)
                if refused is None:
                    return HttpResponseRedirect(request.path)
                status = refused
        number = number_to_try(gate)
        url = request.build_absolute_uri(reverse("cxmlgate", args=[gate.client.slug]))
        said = Event.objects.filter(client=gate.client, action="configure_gate", invoice__isnull=True)
        context = {
            "title": PLACE,
            "gate": gate,
            "form": form,
            "url": url,
            "number": number,
            "curl": curl_command(gate, url, number),
            "placeholder": SECRET_GOES_HERE,
            "why_not": self._why_not(request, gate),
            "changes": said.order_by("-pk")[:CHANGES_SHOWN],
        }
        return self._answer(request, "page", context, status)

    def secret_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask how long the earlier secret stays, and make a new one, which stands in this answer and nowhere else."""
        gate = self._find(request, object_id)
        form = GenerateForm(request.POST or None, initial={"seen": gate.version})
        if not gate.secret_hash:
            form.fields.pop("earlier_days")
        status, made = 200, ""
        if request.method == "POST":
            status = 400
            if form.is_valid():
                typed = form.cleaned_data
                try:
                    made = generate_secret(
                        gate.client,
                        by=person(request),
                        earlier_valid_for=timedelta(days=typed.get("earlier_days", 0)),
                        seen=typed["seen"],
                        reason=typed["reason"],
                    )
                    status = 200
                except Refusal as refusal:
                    status = _show(form, refusal)
                gate = self._find(request, object_id)
        context = {
            "title": _("Generate a secret"),
            "gate": gate,
            "form": form,
            "made": made,
            "why_not": self._why_not(request, gate),
        }
        answer = self._answer(request, "secret", context, status)
        answer["Cache-Control"] = "no-store"
        return answer

    def end_secret_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask whether the earlier secret is to end, and end it."""
        gate = self._find(request, object_id)
        form = ReasonForm(request.POST or None)
        status = 200
        if request.method == "POST":
            form, status = ReasonForm(request.POST), 400
            if form.is_valid():
                try:
                    end_earlier_secret(gate.client, by=person(request), reason=form.cleaned_data["reason"])
                except Refusal as refusal:
                    status = _show(form, refusal)
                else:
                    messages.success(request, _("Ended: only the present secret opens the gate now."))
                    return HttpResponseRedirect(self._address("change", gate))
        context = {
            "title": _("End the earlier secret"),
            "gate": gate,
            "form": form,
            "why_not": self._why_not(request, gate),
        }
        return self._answer(request, "end_secret", context, status)

    def _configured(self, request: HttpRequest, client: Client, form: GateForm) -> int | None:
        """Call the verb with what was typed; return the status of a refusal, or None."""
        typed = form.cleaned_data
        days = typed.get("earlier_days", 0) if typed["secret"] else 0
        version = getattr(getattr(client, "gate", None), "version", "")
        try:
            saved = configure_gate(
                client,
                by=person(request),
                enabled=typed["enabled"],
                identity=typed["identity"],
                secret=typed["secret"] or None,
                earlier_secret_until=timezone.now() + timedelta(days=days) if days else None,
                on_canceled=typed["on_canceled"],
                takes_test_messages=typed["takes_test_messages"],
                keep_days=typed["keep_days"],
                allowed_networks=typed["allowed_networks"],
                seen=typed["seen"],
                reason=typed["reason"],
            )
        except Refusal as refusal:
            return _show(form, refusal)
        done = _("The gate of %(client)s is saved.") if saved.version != version else _("Nothing was to be changed.")
        messages.success(request, done % {"client": client} if saved.version != version else done)
        return None

    def _find(self, request: HttpRequest, object_id: int) -> GateSettings:
        gate = self.get_queryset(request).select_related("client").filter(pk=object_id).first()
        if gate is None:
            raise Http404
        return gate

    def _why_not(self, request: HttpRequest, gate: GateSettings) -> str:
        allowed = may(request.user, Right.MANAGE_CONNECTION, gate.client)
        return "" if allowed else who_may_sentence(Right.MANAGE_CONNECTION, gate.client)

    def _address(self, name: str, gate: GateSettings) -> str:
        return reverse(f"admin:cxmlgate_gatesettings_{name}", args=[gate.pk])

    def _answer(self, request: HttpRequest, page: str, context: Mapping[str, Any], status: int) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "place": PLACE, **context}
        return TemplateResponse(request, f"admin/cxmlgate/gatesettings/{page}.html", context, status=status)

    @admin.display(description=gettext_lazy("client"))
    def client_cell(self, gate: GateSettings) -> SafeString:
        """Name the client, and lead to its gate."""
        return format_html('<a href="{}">{}</a>', self._address("change", gate), gate.client.name)

    @admin.display(description=gettext_lazy("Enable cXML Invoice Status Updates"))
    def enabled_cell(self, gate: GateSettings) -> SafeString:
        """Say whether messages are taken."""
        return pill(_("Yes"), "good") if gate.is_enabled else pill(_("No"), "off")

    @admin.display(description=gettext_lazy("test messages"))
    def test_cell(self, gate: GateSettings) -> str:
        """Say whether test messages are taken."""
        return _("Yes") if gate.takes_test_messages else _("No")

    @admin.display(description=gettext_lazy("taken from"))
    def from_cell(self, gate: GateSettings) -> str:
        """Name the networks, as far as there is room."""
        networks = gate.allowed_networks.split()
        return ", ".join([*networks[:2], *(["…"] if len(networks) > 2 else [])]) or _("everywhere")


def _show(form: GateForm | GenerateForm | ReasonForm, refusal: Refusal) -> int:
    """Put a refusal at its fields or over the form, and return the status of the page."""
    if isinstance(refusal, BadInput):
        fields: dict[str, Sentence] = {
            FIELDS.get(name, name.removeprefix("is_")): said for name, said in refusal.fields.items()
        }
        show_refusal(form, fields)
    else:
        form.add_error(None, str(refusal))
    return http_status(refusal)
