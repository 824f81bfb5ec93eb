"""The gate's messages in the admin: the list, and the addresses of a message's page and of its replay."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxmlgate.admin import message_page
from cxmlgate.admin.filters import SenderFilter, TestFilter, TimeFilter, VerdictFilter
from cxmlgate.models import GateMessage
from invoices.admin.access import ClientRowsAdmin, clients_of, is_superuser
from invoices.admin.filters import BeforeFilter, ClientFilter
from invoices.models import Invoice
from invoices.templatetags.unstuck import moment

INVOICES_FOUND: Final = 200
MESSAGES_FOUND: Final = 1000  # those that name the invoice as a further one
SENDERS_AMONG: Final = 10_000  # the latest messages; no index knows the sender, so that each message is cheap to keep


@admin.register(GateMessage)
class GateMessageAdmin(ClientRowsAdmin[GateMessage]):
    """Every message that came, read-only; those whose address names no client are for superusers."""

    list_display = (
        "received_cell",
        "verdict_cell",
        "types",
        "invoice_cell",
        "sender_cell",
    )
    list_select_related = ("client", "invoice")
    list_filter = (ClientFilter, TimeFilter, VerdictFilter, SenderFilter, TestFilter, BeforeFilter)
    search_fields = ("payload_id",)
    search_help_text = gettext_lazy("Number of the invoice, payloadID in full, or sender")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GateMessage]:
        """Leave the messages of the person's clients; the list needs no bytes."""
        if is_superuser(request):
            return GateMessage.objects.defer("raw", "answer")
        return super().get_queryset(request).defer("raw", "answer")

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: a message is read, and replayed by its verb."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="cxmlgate_gatemessage_changelist"),
            path("<int:object_id>/change/", view(self.page_view), name="cxmlgate_gatemessage_change"),
            path("<int:object_id>/replay/", view(self.replay_view), name="cxmlgate_gatemessage_replay"),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[GateMessage], search_term: str
    ) -> tuple[QuerySet[GateMessage], bool]:
        """Find by the beginning of the invoice's number or of a late sender's name, or by the payloadID."""
        term = search_term.strip()
        if not term:
            return queryset, False
        invoices = Invoice.objects.filter(client_id__in=list(clients_of(request)))
        numbered = invoices.filter(Q(number__startswith=term) | Q(number__startswith=term.upper())).order_by("-pk")
        ids = list(numbered.values_list("pk", flat=True)[:INVOICES_FOUND])
        several = GateMessage.other_invoices.through.objects.filter(invoice_id__in=ids).order_by("-gatemessage_id")
        others = list(several.values_list("gatemessage_id", flat=True)[:MESSAGES_FOUND])
        latest = self.get_queryset(request).order_by("-pk").values_list("pk", flat=True)
        oldest = next(iter(latest[SENDERS_AMONG - 1 : SENDERS_AMONG]), 0)
        by_sender = Q(pk__gte=oldest, sender__istartswith=term)
        return queryset.filter(Q(payload_id=term) | Q(invoice_id__in=ids) | Q(pk__in=others) | by_sender), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the messages."""
        return super().changelist_view(request, {"title": _("Gate messages"), **(extra_context or {})})

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show a message with the answer given, why, and what it changed."""
        message = self._find(request, object_id)
        return message_page.show_message(request, message, self.admin_site.each_context(request))

    def replay_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask whether a refused message is to be judged again, and have it judged."""
        message = self._find(request, object_id)
        return message_page.replay(request, message, self.admin_site.each_context(request))

    def _find(self, request: HttpRequest, object_id: int) -> GateMessage:
        rows = self.get_queryset(request).defer(None).select_related("client", "invoice")
        try:
            return rows.get(pk=object_id)
        except (GateMessage.DoesNotExist, OverflowError) as exc:
            raise Http404 from exc

    @admin.display(description=gettext_lazy("received"))
    def received_cell(self, message: GateMessage) -> SafeString:
        """Show the moment, linked to the message's page, and when it came again."""
        url = reverse("admin:cxmlgate_gatemessage_change", args=[message.pk])
        again = ""
        if message.repeats:
            again = format_html('<span class="sub">{} × {}</span>', message.repeats + 1, moment(message.last_seen_at))
        return format_html('<a href="{}">{}</a>{}', url, moment(message.received_at), again)

    @admin.display(description=gettext_lazy("verdict"))
    def verdict_cell(self, message: GateMessage) -> SafeString:
        """Show the answer, and why, cut."""
        reason = message.reason if len(message.reason) <= 160 else message.reason[:159] + "…"
        return format_html('{}<span class="sub">{}</span>', message_page.verdict_pill(message), reason)

    @admin.display(description=gettext_lazy("invoice"))
    def invoice_cell(self, message: GateMessage) -> SafeString | str:
        """Link to the invoice."""
        if message.invoice is None:
            return "–"
        url = reverse("admin:invoices_invoice_change", args=[message.invoice_id])
        return format_html('<a href="{}">{}</a>', url, message.invoice.number)

    @admin.display(description=gettext_lazy("sender"))
    def sender_cell(self, message: GateMessage) -> SafeString:
        """Name the sender as it called itself, and the client."""
        return format_html('{}<span class="sub">{}</span>', message.sender or "–", message.client or "–")
