"""The gate in the admin: its messages to read, its settings to change by the verb; both within a person's clients."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import ForeignKey, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxmlgate import verdicts
from cxmlgate.actions import configure_gate
from cxmlgate.forms import GateSettingsForm
from cxmlgate.models import GateMessage, GateSettings
from invoices.admin.access import ClientRowsAdmin, clients_of, is_superuser, person
from invoices.admin.filters import BeforeFilter, ClientFilter, FixedFilter
from invoices.errors import Refusal
from invoices.models import Client, Invoice
from invoices.permissions import may
from invoices.roles import Right
from invoices.templatetags.unstuck import moment, pill

INVOICES_FOUND = 200
REFUSED = "refused"


class VerdictFilter(FixedFilter):
    """By the answer; or all that were refused."""

    title = gettext_lazy("verdict")
    parameter_name = "verdict"
    fixed = (
        (REFUSED, gettext_lazy("All refused")),
        ("200", "200 OK"),
        *(
            (str(verdict.code), f"{verdict.code} {verdict.text}")
            for verdict in verdicts.ALL
            if verdict.code != verdicts.OK.code
        ),
    )

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave what was answered so."""
        return rows.exclude(code=verdicts.OK.code) if value == REFUSED else rows.filter(code=int(value))


class TestFilter(FixedFilter):
    """Test messages, or the others."""

    title = gettext_lazy("test")
    parameter_name = "test"
    fixed = (("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No")))

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave them."""
        return rows.filter(is_test=value == "yes")


@admin.register(GateMessage)
class GateMessageAdmin(ClientRowsAdmin[GateMessage]):
    """Every message that came, read-only; those whose address names no client are for superusers."""

    list_display = (
        "received_cell",
        "verdict_cell",
        "types",
        "invoice_cell",
        "client",
        "sender",
        "reason_cell",
        "repeats",
        "last_cell",
        "duration_cell",
    )
    list_select_related = ("client", "invoice")
    list_filter = (ClientFilter, VerdictFilter, TestFilter, BeforeFilter)
    search_fields = ("payload_id",)
    search_help_text = gettext_lazy("The payloadID in full, or the beginning of the invoice's number")
    ordering = ("-pk",)
    fields = (
        "client",
        "received_cell",
        "verdict_cell",
        "reason",
        "types",
        "invoice_cell",
        "others_cell",
        "sender",
        "source",
        "payload_id",
        "is_test",
        "repeats",
        "last_cell",
        "duration_cell",
        "message_text",
        "answer_text",
        "digest",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[GateMessage]:
        """Leave the messages of the person's clients; the list needs no bytes."""
        if is_superuser(request):
            return GateMessage.objects.defer("raw", "answer")
        return super().get_queryset(request).defer("raw", "answer")

    def has_view_permission(self, request: HttpRequest, obj: GateMessage | None = None) -> bool:
        """Say whether the person may see the message's client; one that names none is for superusers."""
        if obj is not None and obj.client_id is None:
            return is_superuser(request)
        return super().has_view_permission(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[GateMessage], search_term: str
    ) -> tuple[QuerySet[GateMessage], bool]:
        """Find by the payloadID, or by the beginning of the invoice's number."""
        term = search_term.strip()
        if not term:
            return queryset, False
        invoices = Invoice.objects.filter(client_id__in=list(clients_of(request)))
        found = invoices.filter(Q(number__startswith=term) | Q(number__startswith=term.upper())).order_by("-pk")
        ids = list(found.values_list("pk", flat=True)[:INVOICES_FOUND])
        return queryset.filter(Q(payload_id=term) | Q(invoice_id__in=ids)), False

    @admin.display(description=gettext_lazy("received"))
    def received_cell(self, message: GateMessage) -> SafeString:
        """Show the moment, linked to the message's page."""
        url = reverse("admin:cxmlgate_gatemessage_change", args=[message.pk])
        return format_html('<a href="{}">{}</a>', url, moment(message.received_at))

    @admin.display(description=gettext_lazy("last received"))
    def last_cell(self, message: GateMessage) -> SafeString | str:
        """Show when it came last."""
        return moment(message.last_seen_at)

    @admin.display(description=gettext_lazy("verdict"))
    def verdict_cell(self, message: GateMessage) -> SafeString:
        """Show code and text, and whether it was a test."""
        if message.is_test:
            return pill(_("Test: %(code)s %(text)s") % {"code": message.code, "text": message.text}, "quiet")
        return pill(f"{message.code} {message.text}", "good" if message.is_accepted else "bad")

    @admin.display(description=gettext_lazy("invoice"))
    def invoice_cell(self, message: GateMessage) -> SafeString | str:
        """Link to the invoice."""
        return _invoice_link(message.invoice) if message.invoice else "–"

    @admin.display(description=gettext_lazy("further invoices of the same message"))
    def others_cell(self, message: GateMessage) -> SafeString | str:
        """Link to the further invoices."""
        links = [_invoice_link(invoice) for invoice in message.other_invoices.order_by("pk")]
        return SafeString(" ".join(links)) if links else "–"

    @admin.display(description=gettext_lazy("reason"))
    def reason_cell(self, message: GateMessage) -> str:
        """Show the reason, cut."""
        return message.reason if len(message.reason) <= 120 else message.reason[:119] + "…"

    @admin.display(description=gettext_lazy("took"))
    def duration_cell(self, message: GateMessage) -> str:
        """Show the time taken."""
        return f"{message.duration_ms} ms"

    @admin.display(description=gettext_lazy("message, without the shared secret"))
    def message_text(self, message: GateMessage) -> SafeString | str:
        """Show the bytes as text, or why they are not kept."""
        raw = bytes(message.raw)
        if not raw:
            return message.raw_note or "–"
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
        return format_html('<pre class="raw">{}</pre>', raw.decode(encoding, errors="replace"))

    @admin.display(description=gettext_lazy("answer"))
    def answer_text(self, message: GateMessage) -> SafeString:
        """Show what was answered last."""
        return format_html('<pre class="raw">{}</pre>', message.answer or "–")


def _invoice_link(invoice: Invoice) -> SafeString:
    url = reverse("admin:invoices_invoice_change", args=[invoice.pk])
    return format_html('<a href="{}">{}</a>', url, invoice.number)


@admin.register(GateSettings)
class GateSettingsAdmin(admin.ModelAdmin[GateSettings]):
    """One row a client; saving calls the verb, which decides who may."""

    form = GateSettingsForm
    list_display = ("client", "is_enabled", "sender_identity", "on_canceled", "takes_test_messages", "keep_days")
    list_select_related = ("client",)
    readonly_fields = ("second_secret_until", "changed_at")

    def get_readonly_fields(self, _request: HttpRequest, obj: GateSettings | None = None) -> tuple[str, ...]:
        """Keep the client of settings that are there."""
        return ("client", *self.readonly_fields) if obj else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[GateSettings]:
        """Leave the settings of the person's clients."""
        return super().get_queryset(request).filter(client_id__in=list(clients_of(request)))

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the clients that have no gate yet and that the person manages."""
        if db_field.name == "client":
            mine = list(clients_of(request, Right.MANAGE_CONNECTION))
            kwargs["queryset"] = Client.objects.filter(pk__in=mine, gate__isnull=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the gate to whoever may see a client."""
        return bool(clients_of(request))

    def has_view_permission(self, request: HttpRequest, obj: GateSettings | None = None) -> bool:
        """Let people see the settings of their clients."""
        return bool(clients_of(request)) if obj is None else obj.client_id in clients_of(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Offer the page to whoever manages a connection."""
        return bool(clients_of(request, Right.MANAGE_CONNECTION))

    def has_change_permission(self, request: HttpRequest, obj: GateSettings | None = None) -> bool:
        """Offer the form to whoever manages this client's connection."""
        if obj is None:
            return self.has_add_permission(request)
        return may(request.user, Right.MANAGE_CONNECTION, obj.client)

    def has_delete_permission(self, _request: HttpRequest, _obj: GateSettings | None = None) -> bool:
        """Let nobody: settings are disabled, not deleted."""
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the verb's sentence where it refuses; nothing was changed then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            messages.error(request, _("Nothing was changed. %(why)s") % {"why": refusal})
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: GateSettings, form: Any, _change: bool) -> None:  # noqa: FBT001 (Django's signature)
        """Call the verb with what was typed."""
        typed = form.cleaned_data
        saved = configure_gate(
            obj.client,
            by=person(request),
            enabled=obj.is_enabled,
            identity=obj.sender_identity,
            secret=typed["secret"] or None,
            earlier_secret_until=typed["earlier_secret_until"],
            on_canceled=obj.on_canceled,
            takes_test_messages=obj.takes_test_messages,
            keep_days=obj.keep_days,
            reason=typed["reason"],
        )
        obj.pk = saved.pk
