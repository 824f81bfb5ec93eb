"""Telling people by mail what goes on: one digest a person, at most one mail a person and cause an hour."""

import random
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.policy import backoff
from invoices import clock
from invoices.models import RoleGrant
from invoices.permissions import person_name
from invoices.roles import Right, roles_with
from syncdiag.actions.family import Family
from syncdiag.alerts import link, next_step, sentence
from syncdiag.models import Alert, AlertMail, Digest, News, Sending

log = structlog.get_logger(__name__)
ONCE_IN: Final = timedelta(hours=1)
STILL_NEWS: Final = timedelta(days=1)  # later nobody is told any more that something was over
TRIES_AT_MOST: Final = 20  # about three hours
LEASE: Final = timedelta(minutes=2)  # longer than the queue lets a task run
RUN_AT_MOST: Final = 30.0  # seconds; with one more mail below the queue's time limit for a task
MAIL_TIMEOUT: Final = 15  # seconds
TOLD: Final = frozenset({*roles_with(Right.HANDLE_QUEUE), *roles_with(Right.MANAGE_CONNECTION)})


class Audience:
    """Who is told of a client's alerts: its queue handlers and managers, and its parents', active and with an address.

    Read at once from the roles in force now, so that a role that was revoked tells nothing more.
    """

    def __init__(self) -> None:
        grants = RoleGrant.objects.in_force().filter(role__in=TOLD, user__is_active=True).exclude(user__email="")
        self._on: defaultdict[int, set[int]] = defaultdict(set)
        for client_id, user_id in grants.order_by().values_list("client_id", "user_id").distinct():
            self._on[client_id].add(user_id)
        self._family = Family()
        self._known: dict[int, frozenset[int]] = {}

    def of(self, client_id: int) -> frozenset[int]:
        """Return the ids of the people who are told."""
        if client_id not in self._known:
            lineage = self._family.lineage(client_id)
            self._known[client_id] = frozenset().union(*(self._on.get(each, set()) for each in lineage))
        return self._known[client_id]


def send_digests() -> int:
    """Write each person a digest of what is new for them, and mail what is due; return how many mails went out.

    New is an alert that goes on and that the person was not told of, one that grew to twice what they were told, and
    the end of one that they were told of. For each cause a person gets at most one mail an hour of what began or grew,
    and at most one of what is over; what came too early is in the next digest, and what began and ended between two is
    in none. A mail that fails is tried again later and later, and given up in the end.
    """
    try:
        write_digests()
    except IntegrityError:
        log.info("another worker wrote the same digest")
    return mail_digests()


@transaction.atomic
def write_digests() -> int:
    """Write the digests of everybody for whom something is new now; return how many.

    People are locked while theirs is written, so that two workers cannot both find the same thing new; whoever is
    locked by somebody else gets theirs a minute later.
    """
    now = clock.now()
    going_on = list(Alert.objects.going_on().order_by("pk"))
    ended = set(_told_and_over(now).values_list("person_id", flat=True))
    if not going_on and not ended:
        return 0
    audience = Audience()
    concerned = ended.union(*(audience.of(alert.client_id) for alert in going_on))
    lock = User.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).filter(pk__in=concerned)
    people = set(lock.order_by("pk").values_list("pk", flat=True))
    told = _told(people, going_on)
    early = _too_early(people, now)
    lines: defaultdict[int, list[AlertMail]] = defaultdict(list)
    for alert in going_on:
        for person_id in audience.of(alert.client_id) & people:
            count = told.get((person_id, alert.pk))
            if (person_id, alert.cause, False) not in early and (count is None or alert.told_count > count):
                kind = News.BEGAN if count is None else News.GREW
                lines[person_id].append(_line(person_id, alert, kind))
    for began in _told_and_over(now).filter(person__in=people).select_related("alert").order_by("pk"):
        alert = began.alert
        if (began.person_id, alert.cause, True) not in early and began.person_id in audience.of(alert.client_id):
            lines[began.person_id].append(_line(began.person_id, alert, News.OVER))
    _save(lines, now)
    return len(lines)


def _line(person_id: int, alert: Alert, kind: News) -> AlertMail:
    return AlertMail(person_id=person_id, alert=alert, kind=kind, count=alert.count)


def _save(lines: dict[int, list[AlertMail]], now: datetime) -> None:
    digests = [Digest(person_id=person_id, created_at=now, not_before=now) for person_id in lines]
    Digest.objects.bulk_create(digests)
    for digest in digests:
        for line in lines[digest.person_id]:
            line.digest = digest
    AlertMail.objects.bulk_create([line for digest in digests for line in lines[digest.person_id]])


def _told_and_over(now: datetime) -> Any:
    """Return the lines that told somebody of the beginning of what has ended since, and that nobody told them."""
    said = AlertMail.objects.filter(person_id=OuterRef("person_id"), alert_id=OuterRef("alert_id"), kind=News.OVER)
    return AlertMail.objects.filter(
        ~Exists(said), kind=News.BEGAN, digest__state=Sending.DELIVERED, alert__over_at__gt=now - STILL_NEWS
    )


def _told(people: set[int], alerts: Iterable[Alert]) -> dict[tuple[int, int], int]:
    """Return how often each alert was when each person was last told of it."""
    rows = AlertMail.objects.filter(person__in=people, alert__in=[alert.pk for alert in alerts])
    told: dict[tuple[int, int], int] = {}
    for person_id, alert_id, count in rows.values_list("person_id", "alert_id", "count"):
        told[person_id, alert_id] = max(count, told.get((person_id, alert_id), 0))
    return told


def _too_early(people: set[int], now: datetime) -> set[tuple[int, str, bool]]:
    """Return who has had a mail about which cause within the hour, or has one on its way; True: about its end."""
    lately = Q(digest__state=Sending.PENDING) | Q(digest__state=Sending.DELIVERED, digest__sent_at__gt=now - ONCE_IN)
    rows = AlertMail.objects.filter(lately, person__in=people).order_by()
    return {
        (person_id, cause, kind == News.OVER)
        for person_id, cause, kind in rows.values_list("person_id", "alert__cause", "kind").distinct()
    }


def mail_digests() -> int:
    """Mail the digests that are due until none is, or the time is up; return how many went out.

    A digest is claimed, committed, and then sent; one whose worker died is sent again when its lease has run out.
    """
    sent = 0
    end = time.monotonic() + RUN_AT_MOST
    due = list(Digest.objects.due(clock.now()).order_by("not_before", "pk").values_list("pk", flat=True)[:500])
    audience = Audience() if due else None
    for pk in due:
        if audience is None or time.monotonic() >= end:
            break
        sent += _mail(pk, audience)
    return sent


def _mail(pk: int, audience: Audience) -> bool:
    now = clock.now()
    if not Digest.objects.due(now).filter(pk=pk).update(attempts=F("attempts") + 1, lease_until=now + LEASE):
        return False
    digest = Digest.objects.select_related("person").get(pk=pk)
    ours = Digest.objects.filter(pk=pk, state=Sending.PENDING, attempts=digest.attempts)
    lines = [
        line
        for line in digest.lines.select_related("alert__client")
        if digest.person_id in audience.of(line.alert.client_id)
    ]
    if not lines or digest.attempts > TRIES_AT_MOST:
        why = _("The tries were used up.") if lines else _("The person is no longer told of these clients.")
        ours.update(state=Sending.GIVEN_UP, lease_until=None, last_error=why)
        return False
    try:
        compose(digest, lines).send(fail_silently=False)
    except Exception as exc:  # a mail backend may raise anything, and the next person's mail must go out
        log.exception("mail failed", digest=pk, tries=digest.attempts)
        state = Sending.GIVEN_UP if digest.attempts >= TRIES_AT_MOST else Sending.PENDING
        wait = backoff(digest.attempts, random.random())  # noqa: S311 (jitter)
        error = f"{type(exc).__name__}: {exc}"
        ours.update(state=state, not_before=clock.now() + wait, lease_until=None, last_error=error)
        return False
    ours.update(state=Sending.DELIVERED, sent_at=clock.now(), lease_until=None, last_error="")
    return True


def compose(digest: Digest, lines: list[AlertMail]) -> EmailMessage:
    """Return the mail: plain text, each alert with what to do and a link, as things are when it is sent."""
    values = {
        "person": person_name(digest.person),
        "alerts": "\n\n".join(_paragraph(line) for line in lines),
        "url": settings.SITE_URL + reverse("admin:syncdiag_alert_changelist"),
    }
    body = _(
        "Hello %(person)s,\n\n%(alerts)s\n\nAll alerts: %(url)s\n\nYou get this as Integration queue handler or"
        " Integration manager: at most one mail an hour for each kind of alert, and one when it is over.\n"
    )
    return EmailMessage(
        subject=" ".join(_subject(lines).split()),  # a header is one line
        body=body % values,
        to=[digest.person.email],
        connection=get_connection(timeout=MAIL_TIMEOUT),
    )


def _subject(lines: list[AlertMail]) -> str:
    first = lines[0]
    values = {"client": first.alert.client, "cause": first.alert.get_cause_display(), "count": len(lines) - 1}
    if len(lines) > 1:
        return (
            ngettext(
                "%(client)s: %(cause)s, and %(count)d more alert",
                "%(client)s: %(cause)s, and %(count)d more alerts",
                len(lines) - 1,
            )
            % values
        )
    if first.kind == News.OVER:
        return _("Over: %(cause)s (%(client)s)") % values
    return _("%(client)s: %(cause)s") % values


def _paragraph(line: AlertMail) -> str:
    alert = line.alert
    values = {
        "client": alert.client,
        "sentence": sentence(alert),
        "began": _clock(alert.began_at),
        "over": _clock(alert.over_at) if alert.over_at else "",
        "next_step": next_step(alert),
        "url": link(alert),
    }
    if alert.is_over:
        return _("%(client)s: %(sentence)s\nIt began at %(began)s and was over at %(over)s.\n%(url)s") % values
    return _("%(client)s: %(sentence)s\nSince %(began)s.\nWhat to do: %(next_step)s\n%(url)s") % values


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M %Z}"
