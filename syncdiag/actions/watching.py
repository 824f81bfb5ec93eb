"""Looking what goes on: opens alerts, counts them, and ends them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q

from integrations.models import Connection
from integrations.policy import BREAKER_FIRST_PAUSE, BREAKER_THRESHOLD, BreakerState
from invoices import clock
from invoices.bulk import update_rows
from invoices.models import Attempt, Invoice
from syncdiag.actions.webhooks import write_deliveries
from syncdiag.kinds import kinds_of
from syncdiag.models import Alert, Cause, Issue, News

log = structlog.get_logger(__name__)
MOMENT: Final = timedelta(seconds=30)
LATELY: Final = timedelta(hours=1)
GROWS_AT: Final = 5  # failures of one kind within LATELY
ENDS_BELOW: Final = 3  # lower than where it begins, so that it does not begin and end each minute
LOOKED_THROUGH: Final = 50_000  # latest attempts: their times have no index, and a minute's look must stay short
FAILURES_AT_MOST: Final = 5_000
LONGEST_ERROR: Final = 300
COUNTED: Final = frozenset({Cause.OVERDUE, Cause.GROWING})
Key = tuple[int, str, str]  # client, cause, subject


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing that goes on now; `holds` False: too small to begin an alert, enough to keep one going."""

    client_id: int
    cause: Cause
    subject: str
    count: int
    facts: dict[str, Any]
    holds: bool = True

    @property
    def key(self) -> Key:
        """What makes it the same as an alert."""
        return self.client_id, self.cause, self.subject


@dataclass(frozen=True, slots=True)
class Changed:
    """How many alerts a look opened, found grown, and ended."""

    began: int = 0
    grew: int = 0
    over: int = 0


def watch() -> Changed:
    """Look what goes on, and let the alerts say so; the webhooks' rows are written in the same transaction.

    - *overdue*: invoices of a client beyond its patience, counted.
    - *breaker open*: a connection's breaker has not closed for longer than its first pause.
    - *credentials*: the ERP refused those of a connection.
    - *growing*: at least 5 attempts on one connection within the hour failed for the same entry of the catalogue (or,
      where none is known, in the same words), muted issues aside; over below 3.

    A count that is at least 5 and twice what it was when it was last told has grown, and is told again.
    Safe to run twice at once: the slower one changes nothing, and looks again in a minute.
    """
    now = clock.now()
    sights = {sight.key: sight for sight in (*_overdue(now), *_connections(now), *_failures(now))}
    try:
        return _carry_over(sights, now)
    except IntegrityError:
        log.info("another watch was quicker")
        return Changed()


@transaction.atomic
def _carry_over(sights: dict[Key, Sight], now: datetime) -> Changed:
    going_on = list(Alert.objects.going_on().select_for_update(of=("self",)).order_by("pk"))
    known = {(alert.client_id, alert.cause, alert.subject): alert for alert in going_on}
    began = [_alert(sight, now) for key, sight in sights.items() if sight.holds and key not in known]
    Alert.objects.bulk_create(began)
    kept = [alert for key, alert in known.items() if key in sights]
    # What another look has seen since ours began is not over.
    over = [alert for key, alert in known.items() if key not in sights and alert.last_seen_at <= now]
    grew = []
    for alert in kept:
        sight = sights[alert.client_id, alert.cause, alert.subject]
        alert.count, alert.facts, alert.last_seen_at = sight.count, sight.facts, now
        if alert.cause in COUNTED and alert.count >= max(GROWS_AT, 2 * alert.told_count):
            alert.told_count = alert.count
            grew.append(alert)
    for alert in over:
        alert.over_at = now
    update_rows(kept, ["count", "facts", "last_seen_at", "told_count"])
    Alert.objects.filter(pk__in=[alert.pk for alert in over]).update(over_at=now)
    write_deliveries([*_news(began, News.BEGAN), *_news(grew, News.GREW), *_news(over, News.OVER)], now)
    for alert in (*began, *over):
        log.info("alert over" if alert.is_over else "alert began", alert=alert.pk, cause=alert.cause)
    return Changed(len(began), len(grew), len(over))


def _news(alerts: Iterable[Alert], kind: News) -> list[tuple[Alert, News]]:
    return [(alert, kind) for alert in alerts]


def _alert(sight: Sight, now: datetime) -> Alert:
    return Alert(
        client_id=sight.client_id,
        cause=sight.cause,
        subject=sight.subject,
        began_at=now,
        last_seen_at=now,
        count=sight.count,
        told_count=sight.count,
        facts=sight.facts,
    )


def _overdue(now: datetime) -> list[Sight]:
    rows = Invoice.objects.overdue(now).order_by().values("client_id").annotate(count=Count("pk"))
    return [Sight(row["client_id"], Cause.OVERDUE, "", row["count"], {}) for row in rows]


def _connections(now: datetime) -> list[Sight]:
    """Return what is wrong with connections; a breaker that has just opened may close at its first try."""
    unwell = Q(needs_credentials=True) | ~Q(breaker_state=BreakerState.CLOSED) | Q(deletions_held__gt=0)
    found = []
    for each in Connection.objects.filter(unwell, is_enabled=True).order_by("pk"):
        error = each.last_error[:LONGEST_ERROR] or "–"
        facts = {"connection": each.pk, "system": each.get_connector_display(), "error": error}
        if each.deletions_held:
            found.append(Sight(each.client_id, Cause.DELETIONS, str(each.pk), each.deletions_held, facts))
        if each.needs_credentials:
            found.append(Sight(each.client_id, Cause.CREDENTIALS, str(each.pk), 1, facts))
        if each.breaker_state != BreakerState.CLOSED and not _is_momentary(each, now):
            failures = max(each.breaker_failures, 1)
            found.append(Sight(each.client_id, Cause.BREAKER_OPEN, str(each.pk), failures, facts))
    return found


def _is_momentary(each: Connection, now: datetime) -> bool:
    if each.breaker_failures > BREAKER_THRESHOLD or each.breaker_until is None:
        return False
    return now - MOMENT < each.breaker_until <= now + BREAKER_FIRST_PAUSE


def _failures(now: datetime) -> list[Sight]:
    """Return what keeps failing, for each connection and entry of the catalogue."""
    latest = Attempt.objects.order_by("-pk").values("pk")[:LOOKED_THROUGH]
    failed = (
        Attempt.objects.filter(
            pk__in=latest,
            started_at__gt=now - LATELY,
            outcome__in=(Attempt.Outcome.REFUSED, Attempt.Outcome.UNCERTAIN),
            message__client__connection__is_enabled=True,
        )
        .order_by("-pk")
        .values(
            "complaints",
            client_id=F("message__client_id"),
            connection=F("message__client__connection__pk"),
            system=F("message__client__connection__connector"),
        )[:FAILURES_AT_MOST]
    )
    labels = dict(Connection._meta.get_field("connector").flatchoices)
    counts: Counter[tuple[int, int, str, str, str]] = Counter()
    for row in failed:
        kinds = kinds_of(row["system"], row["complaints"])
        counts.update((row["client_id"], row["connection"], row["system"], *kind) for kind in kinds)
    muted = set(Issue.objects.filter(is_muted=True).order_by().values_list("connection_id", "system", "key"))
    found = []
    for (client_id, connection, system, key, title), count in counts.items():
        if count >= ENDS_BELOW and (connection, system, key) not in muted:
            facts = {"connection": connection, "system": str(labels.get(system, system)), "title": title}
            subject = f"{connection}:{key}"
            found.append(Sight(client_id, Cause.GROWING, subject, count, facts, holds=count >= GROWS_AT))
    return found
