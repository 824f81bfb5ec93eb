"""What machines ask of this one: `/healthz` (does the process answer), `/readyz` (does everything work), `/metrics`."""

import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from config.models import age_of_last_beat
from integrations.models import Connection
from integrations.policy import BreakerState
from invoices import clock
from invoices.models import IntegrationMessage
from invoices.workflow import OPEN_MESSAGE_STATES, MessageState

SILENT_AT_MOST: Final = timedelta(minutes=2)  # the beat is scheduled each minute even where nothing watches the queue
NO_DATABASE: Final = (DatabaseError, InterfaceError)
Part = dict[str, Any]


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that this process answers; nothing else is asked."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say whether database and queue work: 200, or 503 with what is wrong and what to do."""
    try:
        parts = {"database": {"ok": True}, "queue": queue_part(), "outbox": outbox_part()}
    except NO_DATABASE as exc:
        parts = {"database": database_part(exc)}
    ready = all(part["ok"] for part in parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def database_part(error: Exception) -> Part:
    """Return what is wrong with the database. The server's own words go to the log: they can name hosts and users."""
    return {
        "ok": False,
        "wrong": _("The database cannot be read (%(kind)s).") % {"kind": type(error).__name__},
        "to_do": _("Check DATABASE_URL and that the server runs, then run: manage.py prepare"),
    }


def queue_part() -> Part:
    """Return how the queue is: when a worker was last seen working."""
    age = age_of_last_beat()
    seconds = None if age is None else round(age.total_seconds(), 1)
    if age is not None and age <= SILENT_AT_MOST:
        return {"ok": True, "last_beat_seconds_ago": seconds}
    wrong = (
        _("The queue has never given a sign of life.")
        if seconds is None
        else _("The queue has given no sign of life for %(seconds)d seconds.") % {"seconds": seconds}
    )
    to_do = _("Start it with manage.py serve, or manage.py qcluster; if it runs, restart it and read its log.")
    return {"ok": False, "last_beat_seconds_ago": seconds, "wrong": wrong, "to_do": to_do}


def outbox_part() -> Part:
    """Return how long the oldest message has waited. An ERP that is down is no reason to send visitors away."""
    age = age_of_oldest_pending()
    return {"ok": True, "oldest_pending_seconds": None if age is None else round(age.total_seconds(), 1)}


def age_of_oldest_pending() -> timedelta | None:
    """Return how long ago the oldest message that still waits to be sent was written, or None if none does."""
    waiting = IntegrationMessage.objects.open().filter(state=MessageState.PENDING)
    written: datetime | None = waiting.order_by("created_at").values_list("created_at", flat=True).first()
    return None if written is None else max(clock.now() - written, timedelta(0))


class DatabaseCollector:
    """Reads the figures from the database at each scrape, so that any number of processes tell the same."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every figure. Settled messages are not counted: there can be millions."""
        counts: dict[str, int] = dict.fromkeys(OPEN_MESSAGE_STATES, 0)
        found = IntegrationMessage.objects.open().order_by().values_list("state").annotate(count=Count("pk"))
        counts.update(dict(found))
        messages = GaugeMetricFamily("unstuck_messages", "Integration messages that are not settled.", labels=["state"])
        for state, count in counts.items():
            messages.add_metric([str(state)], count)
        yield messages
        oldest, beat = age_of_oldest_pending(), age_of_last_beat()
        yield GaugeMetricFamily(
            "unstuck_oldest_pending_seconds",
            "How long the oldest message has waited to be sent; 0 when none waits.",
            value=oldest.total_seconds() if oldest else 0,
        )
        if beat is not None:
            yield GaugeMetricFamily(
                "unstuck_queue_last_beat_seconds",
                "How long ago a worker of the queue gave its last sign of life.",
                value=beat.total_seconds(),
            )
        breakers = GaugeMetricFamily(
            "unstuck_breaker_is_open", "1 where a connection is paused after failures.", labels=["client"]
        )
        for slug, state in Connection.objects.order_by("pk").values_list("client__slug", "breaker_state"):
            breakers.add_metric([slug], 0 if state == BreakerState.CLOSED else 1)
        yield breakers


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the figures in Prometheus' format, to whoever brings METRICS_TOKEN; without that setting, to nobody.

    The address of the caller proves nothing: behind a proxy on this machine everybody comes from loopback.
    """
    token = str(settings.METRICS_TOKEN)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
