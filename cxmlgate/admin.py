"""The gate in the admin: its messages to read, its settings to change by the verb; both within a person's clients."""

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxmlgate.actions import configure_gate
from cxmlgate.forms import GateSettingsForm
from cxmlgate.models import GateMessage, GateSettings
from invoices.errors import Refusal
from invoices.models import Client
from invoices.permissions import may
from invoices.roles import Right

MOST_COUNTED = 10_000


class CappedPaginator(Paginator[Any]):
    """Counts up to a limit: nothing on a list counts a million rows."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the limit where there are more."""
        rows: Any = self.object_list  # a QuerySet
        return int(rows[:MOST_COUNTED].count())


class IsAcceptedFilter(admin.SimpleListFilter):
    """Taken or refused."""

    title = gettext_lazy("verdict")
    parameter_name = "verdict"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("accepted", gettext_lazy("Taken")), ("refused", gettext_lazy("Refused"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[GateMessage]) -> QuerySet[GateMessage]:
        """Leave what was chosen."""
        if self.value() == "accepted":
            return queryset.filter(code=200)
        return queryset.exclude(code=200) if self.value() == "refused" else queryset


@admin.register(GateMessage)
class GateMessageAdmin(admin.ModelAdmin[GateMessage]):
    """Every message that came, read-only; those that name no client are for superusers."""

    list_display = (
        "received_at",
        "client",
        "sender",
        "types",
        "invoice",
        "verdict",
        "repeats",
        "last_seen_at",
        "duration",
        "is_test",
    )
    list_filter = (IsAcceptedFilter, "code", "is_test", ("client", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("client", "invoice")
    list_per_page = 50
    search_fields = ("payload_id__exact", "invoice__number__exact")
    search_help_text = gettext_lazy("The payloadID or the invoice's number, in full.")
    show_full_result_count = False
    paginator = CappedPaginator
    fields = (
        "client",
        "received_at",
        "last_seen_at",
        "repeats",
        "sender",
        "payload_id",
        "types",
        "is_test",
        "verdict",
        "reason",
        "invoice",
        "other_invoices",
        "duration",
        "message",
        "answer",
        "digest",
    )
    readonly_fields = fields

    @admin.display(description=gettext_lazy("verdict"), ordering="code")
    def verdict(self, message: GateMessage) -> str:
        """Show code and text."""
        return f"{message.code} {message.text}"

    @admin.display(description=gettext_lazy("took"))
    def duration(self, message: GateMessage) -> str:
        """Show the time taken."""
        return f"{message.duration_ms} ms"

    @admin.display(description=gettext_lazy("message, without the shared secret"))
    def message(self, message: GateMessage) -> str:
        """Show the bytes as text, or why they are not kept."""
        raw = bytes(message.raw)
        if not raw:
            return message.raw_note or "–"
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", errors="replace")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GateMessage]:
        """Leave the messages of the person's clients; the list needs no bytes."""
        messages_ = super().get_queryset(request).defer("raw", "answer")
        if request.user.is_superuser:
            return messages_
        return messages_.filter(client__in=Client.objects.where(request.user, Right.VIEW))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the gate to whoever may see a client."""
        return request.user.is_active and request.user.has_perm(Right.VIEW)

    def has_view_permission(self, request: HttpRequest, obj: GateMessage | None = None) -> bool:
        """Let people see the messages of their clients."""
        return request.user.is_active and request.user.has_perm(Right.VIEW, obj)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nobody writes messages by hand."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: GateMessage | None = None) -> bool:
        """Nobody changes them."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: GateMessage | None = None) -> bool:
        """Only their age ends them."""
        return False


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
        return super().get_queryset(request).filter(client__in=Client.objects.where(request.user, Right.VIEW))

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the clients that have no gate yet and that the person manages."""
        if db_field.name == "client":
            mine = Client.objects.where(request.user, Right.MANAGE_CONNECTION)
            kwargs["queryset"] = mine.filter(gate__isnull=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the gate to whoever may see a client."""
        return request.user.is_active and request.user.has_perm(Right.VIEW)

    def has_view_permission(self, request: HttpRequest, obj: GateSettings | None = None) -> bool:
        """Let people see the settings of their clients."""
        return request.user.is_active and request.user.has_perm(Right.VIEW, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Offer the page to whoever manages a connection."""
        return request.user.is_active and request.user.has_perm(Right.MANAGE_CONNECTION)

    def has_change_permission(self, request: HttpRequest, obj: GateSettings | None = None) -> bool:
        """Offer the form to whoever manages this client's connection."""
        if obj is None:
            return self.has_add_permission(request)
        return request.user.is_authenticated and may(request.user, Right.MANAGE_CONNECTION, obj.client)

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
            by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else come here
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
