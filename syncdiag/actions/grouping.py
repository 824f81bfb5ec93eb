"""Grouping failures into issues: reads the attempts that are new, and looks which invoices came through meanwhile.

An issue counts the failed attempts of one kind on one connection, and keeps the invoices that they hit. A hit is open
until its invoice came through, left the steps that wait for the ERP, or failed for another reason since; an issue
without an open hit is resolved, and comes back as ongoing with the next failure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from invoices import clock
from invoices.bulk import update_rows
from invoices.models import Attempt
from invoices.workflow import LIVE_PAYMENT_STATES, MessageState
from syncdiag.kinds import Kind, kinds_of
from syncdiag.models import Bookmark, Issue, IssueDay, IssueHit
from syncdiag.stuck import STUCK_STEPS

log = structlog.get_logger(__name__)
PAGE: Final = 2_000
PAGES_AT_MOST: Final = 10  # a minute's look stays short; the rest is read in the next
READ_BACK: Final = 50_000  # attempts that are read where nothing was read before
SETTLES: Final = timedelta(minutes=1)  # a row with a lower id may become visible after one with a higher id
GIVEN_UP: Final = timedelta(minutes=15)  # an attempt without an answer for that long has none to come
FAILED: Final = (Attempt.Outcome.REFUSED, Attempt.Outcome.UNCERTAIN, Attempt.Outcome.NOT_SENT)


@dataclass(frozen=True, slots=True)
class Grouped:
    """How many failures a look counted, and how many issues it found resolved."""

    failures: int = 0
    resolved: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt as far as one issue is concerned."""

    attempt_id: int
    at: datetime
    invoice_id: int
    client_id: int
    connection_id: int
    system: str
    kind: Kind
    said: dict[str, str]

    @property
    def key(self) -> tuple[int, str, str]:
        """What makes its issue the same as another."""
        return self.connection_id, self.system, self.kind.key


def group_failures() -> Grouped:
    """Count the failures since the last look in their issues, and resolve those whose invoices all came through.

    Safe to run twice at once: the second one finds the bookmark taken, and leaves. An attempt that is read again is
    not counted again: the attempts of one invoice come one after the other, and each hit knows its last.
    """
    counted, after = 0, 0
    for _page in range(PAGES_AT_MOST):
        found = _read_page(after)
        if found is None:
            return Grouped(counted)
        counted += found[0]
        after = found[1]
        if not after:
            break
    resolved = _resolve()
    if counted or resolved:
        log.info("failures grouped", failures=counted, resolved=resolved)
    return Grouped(counted, resolved)


@transaction.atomic
def _read_page(after: int) -> tuple[int, int] | None:
    """Count one page behind `after`; return how many failures, and where the next page begins (0: there is none)."""
    bookmark = _take_bookmark()
    if bookmark is None:
        return None
    now = clock.now()
    begin = max(after, bookmark.read_to)
    rows = list(
        Attempt.objects.filter(pk__gt=begin)
        .order_by("pk")
        .values(
            "pk",
            "outcome",
            "started_at",
            "complaints",
            invoice_id=F("message__invoice_id"),
            client_id=F("message__client_id"),
            connection_id=F("message__client__connection__pk"),
            system=F("message__client__connection__connector"),
        )[:PAGE]
    )
    counted = _count([failure for row in rows for failure in _failures_of(row)])
    if begin == bookmark.read_to:  # nothing that may still change lies before this page
        for row in rows:
            if not _is_settled(row, now):
                break
            bookmark.read_to = row["pk"]
        bookmark.save(update_fields=["read_to"])
    return counted, rows[-1]["pk"] if len(rows) == PAGE else 0


def _take_bookmark() -> Bookmark | None:
    """Return the bookmark, locked; None while another look has it."""
    found = Bookmark.objects.select_for_update(skip_locked=True).order_by("pk").first()
    if found is None and not Bookmark.objects.exists():
        newest = Attempt.objects.aggregate(newest=Max("pk"))["newest"] or 0
        Bookmark.objects.get_or_create(pk=1, defaults={"read_to": max(0, newest - READ_BACK)})
        found = Bookmark.objects.select_for_update(skip_locked=True).first()
    return found


def _is_settled(row: Mapping[str, Any], now: datetime) -> bool:
    open_for = GIVEN_UP if row["outcome"] == Attempt.Outcome.OPEN else SETTLES
    return bool(row["started_at"] < now - open_for)


def _failures_of(row: Mapping[str, Any]) -> list[Failure]:
    if row["outcome"] not in FAILED or row["connection_id"] is None:
        return []
    return [
        Failure(
            attempt_id=row["pk"],
            at=row["started_at"],
            invoice_id=row["invoice_id"],
            client_id=row["client_id"],
            connection_id=row["connection_id"],
            system=row["system"],
            kind=kind,
            said=dict(said),
        )
        for kind, said in kinds_of(row["system"], row["complaints"]).items()
    ]


def _count(failures: Sequence[Failure]) -> int:
    """Count failures in their issues and hits, those that are counted already left out; return how many were new."""
    issues = _issues_of(failures)
    known = IssueHit.objects.filter(
        issue__in=list(issues.values()), invoice_id__in={failure.invoice_id for failure in failures}
    )
    hits = {(hit.issue_id, hit.invoice_id): hit for hit in known}
    days: Counter[tuple[int, date]] = Counter()
    for failure in failures:
        issue = issues[failure.key]
        hit = hits.get((issue.pk, failure.invoice_id))
        if hit is not None and hit.attempt_id >= failure.attempt_id:
            continue
        if hit is None:
            hit = hits[issue.pk, failure.invoice_id] = IssueHit(
                issue=issue, invoice_id=failure.invoice_id, first_at=failure.at
            )
            issue.invoice_count += 1
        hit.attempt_id, hit.last_at, hit.is_open = failure.attempt_id, failure.at, True
        hit.count += 1
        _see(issue, failure)
        days[issue.pk, failure.at.date()] += 1
    IssueHit.objects.bulk_create([hit for hit in hits.values() if hit.pk is None])
    update_rows([hit for hit in hits.values() if hit.pk], ["attempt", "count", "last_at", "is_open"])
    seen = {issue for issue, _day in days}
    update_rows([issue for issue in issues.values() if issue.pk in seen], SEEN)
    _count_days(days)
    return sum(days.values())


SEEN: Final = (
    *("title", "said", "state", "resolved_at", "count"),
    *("invoice_count", "return_count", "first_seen_at", "last_seen_at"),
)


def _see(issue: Issue, failure: Failure) -> None:
    issue.count += 1
    issue.first_seen_at = min(issue.first_seen_at, failure.at)
    if failure.at >= issue.last_seen_at:
        issue.last_seen_at, issue.title, issue.said = failure.at, failure.kind.title, failure.said
    if issue.state == Issue.State.RESOLVED:
        issue.state, issue.resolved_at = Issue.State.ONGOING, None
        issue.return_count += 1


def _issues_of(failures: Sequence[Failure]) -> dict[tuple[int, str, str], Issue]:
    """Return the issue of each failure, made where there is none yet."""
    first = {failure.key: failure for failure in reversed(failures)}
    known = Issue.objects.filter(
        connection_id__in={failure.connection_id for failure in failures},
        key__in={failure.kind.key for failure in failures},
    )
    issues = {(issue.connection_id, issue.system, issue.key): issue for issue in known}
    new = [
        Issue(
            client_id=failure.client_id,
            connection_id=failure.connection_id,
            system=failure.system,
            key=failure.kind.key,
            title=failure.kind.title,
            said=failure.said,
            first_seen_at=failure.at,
            last_seen_at=failure.at,
        )
        for key, failure in first.items()
        if key not in issues
    ]
    Issue.objects.bulk_create(new)
    return issues | {(issue.connection_id, issue.system, issue.key): issue for issue in new}


def _count_days(counts: Counter[tuple[int, date]]) -> None:
    rows = IssueDay.objects.filter(issue_id__in={issue for issue, _day in counts}, day__in={day for _i, day in counts})
    known = {(row.issue_id, row.day): row for row in rows}
    for (issue, day), count in counts.items():
        row = known.setdefault((issue, day), IssueDay(issue_id=issue, day=day))
        row.count += count
    IssueDay.objects.bulk_create([row for row in known.values() if row.pk is None])
    update_rows([row for row in known.values() if row.pk], ["count"])


@transaction.atomic
def _resolve() -> int:
    """Close the hits whose invoices came through, and resolve the issues that have no open hit; return how many."""
    if _take_bookmark() is None:
        return 0
    over = [pk for hits in (_over_bookings(), _over_payments()) for pk in hits.values_list("pk", flat=True)]
    IssueHit.objects.filter(pk__in=over).update(is_open=False)
    still = IssueHit.objects.filter(is_open=True).order_by().values("issue_id").annotate(number=Count("pk"))
    counts = {row["issue_id"]: row["number"] for row in still}
    now, changed = clock.now(), []
    for issue in Issue.objects.ongoing().order_by("pk"):
        number = counts.get(issue.pk, 0)
        if number and number == issue.open_count:
            continue
        issue.open_count = number
        if not number:
            issue.state, issue.resolved_at = Issue.State.RESOLVED, now
        changed.append(issue)
    update_rows(changed, ["open_count", "state", "resolved_at"])
    return sum(issue.state == Issue.State.RESOLVED for issue in changed)


def _over_bookings() -> QuerySet[IssueHit]:
    hits = IssueHit.objects.filter(is_open=True, attempt__message__payment__isnull=True)
    newer = IssueHit.objects.filter(
        invoice=OuterRef("invoice"), attempt_id__gt=OuterRef("attempt_id"), attempt__message__payment__isnull=True
    )
    return hits.filter(
        Q(attempt__message__state=MessageState.CONFIRMED)
        | ~Q(invoice__step__in=STUCK_STEPS)
        | Q(invoice__archived_at__isnull=False)
        | Exists(newer)
    )


def _over_payments() -> QuerySet[IssueHit]:
    hits = IssueHit.objects.filter(is_open=True, attempt__message__payment__isnull=False)
    newer = IssueHit.objects.filter(
        invoice=OuterRef("invoice"),
        attempt_id__gt=OuterRef("attempt_id"),
        attempt__message__payment=OuterRef("attempt__message__payment"),
    )
    return hits.filter(
        Q(attempt__message__payment__pushed_at__isnull=False)
        | ~Q(attempt__message__payment__state__in=LIVE_PAYMENT_STATES)
        | Q(invoice__archived_at__isnull=False)
        | Exists(newer)
    )
