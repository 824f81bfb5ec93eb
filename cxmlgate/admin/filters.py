"""Filters of the list of messages: none of them asks the table what there is to choose from."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cxmlgate import verdicts
from cxmlgate.models import GateSettings
from invoices.admin.access import clients_of
from invoices.admin.filters import FixedFilter

REFUSED: Final = "refused"
SPANS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


class TimeFilter(FixedFilter):
    """By the time at which it came last; the client stands in the question because the index begins with it."""

    title = _("received")
    parameter_name = "received"
    fixed = (
        ("hour", _("In the last hour")),
        ("day", _("In the last 24 hours")),
        ("week", _("In the last 7 days")),
        ("month", _("In the last 30 days")),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave what came since then."""
        if self.value() not in SPANS:
            return queryset
        clients = Q(client_id__in=list(clients_of(request))) | Q(client__isnull=True)
        return queryset.filter(clients, last_seen_at__gte=timezone.now() - SPANS[str(self.value())])


class VerdictFilter(FixedFilter):
    """By the answer; or all that were refused."""

    title = _("verdict")
    parameter_name = "verdict"
    fixed = (
        (REFUSED, _("All refused")),
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


class SenderFilter(FixedFilter):
    """By sender, among the identities that the gates of the person's clients have now."""

    title = _("sender")
    parameter_name = "sender"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002 (Django's signature)
        """Return the identities of the settings."""
        gates = GateSettings.objects.filter(client_id__in=list(clients_of(request))).exclude(sender_identity="")
        found = gates.order_by("sender_identity").values_list("sender_identity", flat=True).distinct()
        return [(identity, identity) for identity in found]


class TestFilter(FixedFilter):
    """Test messages, or the others."""

    title = _("test")
    parameter_name = "test"
    fixed = (("yes", _("Yes")), ("no", _("No")))

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave them."""
        return rows.filter(is_test=value == "yes")
