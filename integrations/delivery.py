"""Delivery: exactly once, whatever crashes (DESIGN §5).

A drain takes a connection's due messages in batches: claims them (a lease, and the attempt row, committed before any
call), has them called on the lanes, and reports what came back in groups. One drain at a time for each connection;
what a dead one had on its way is swept to `unknown`, and the ERP is asked.
"""

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from integrations.documents import as_kept, document_of, judge, payment_of
from integrations.erps.contract import Connector, Document, ErrorKind, RemotePayment
from integrations.erps.registry import connect
from integrations.lanes import AHEAD, Job, Lanes, Result
from integrations.leases import RowLease
from integrations.models import Connection
from integrations.policy import LOOK_UPS_AT_MOST, SLACK, Breaker, BreakerState, Found, Lease, lease
from integrations.reporting import report_call, report_look_up, report_lost_worker
from invoices import clock
from invoices.actions.evidence import keep_evidence
from invoices.actions.outbox import Report, settle
from invoices.bulk import insert_rows, select_rows
from invoices.faults import fault
from invoices.models import Attempt, Counterparty, Evidence, IntegrationMessage, Invoice, InvoiceLine, Payment
from invoices.workflow import MessageKind, MessageState

log = structlog.get_logger(__name__)
GLANCE: Final = 0.25  # seconds: so soon a drain notices that its client was disconnected
DRAIN_AT_MOST: Final = timedelta(seconds=45)  # below the queue's time limit for a task


def drain(connection_id: int, *, at_most: timedelta = DRAIN_AT_MOST) -> int:
    """Deliver what is due on a connection until nothing is, or the time is up; return how many calls were reported.

    Does nothing when another drain of the connection runs: that one looks again before it ends.
    """
    reported = 0
    end = time.monotonic() + at_most.total_seconds()
    while time.monotonic() < end:
        lease = RowLease(Connection.objects.filter(pk=connection_id), "drain_token", "drain_until")
        if not lease.take(span=SLACK):
            break
        try:
            reported += _Drain(connection_id, lease, end).run()
        finally:
            lease.give_back()
        if not has_due(connection_id):
            break
    return reported


def has_due(connection_id: int) -> bool:
    """Say whether a drain of the connection would find something to do now."""
    now = clock.now()
    connection = Connection.objects.able(now).filter(pk=connection_id).first()
    if connection is None:
        return False
    messages = IntegrationMessage.objects.filter(client_id=connection.client_id)
    return messages.due(now).exists() or messages.lease_ran_out(now).exists()


class _Drain:
    """One run over one connection."""

    def __init__(self, connection_id: int, lease: RowLease, end: float) -> None:
        self.connection = Connection.objects.select_related("client").get(pk=connection_id)
        self.drain_lease = lease
        self.end = end
        self.breaker: Breaker = self.connection.breaker
        self.connector: Connector = connect(self.connection.connector, self.connection.access(), self.connection.lanes)
        limit = self.connector.capabilities.posting_lanes
        self.next_housekeeping = self.next_glance = time.monotonic()
        self.lane_count = min(self.connection.lanes, limit or self.connection.lanes)

    def run(self) -> int:
        """Claim, call and report until nothing is due or the time is up."""
        reported = 0
        with Lanes(self.connector, self.lane_count) as lanes:
            while True:
                self._stop_if_disconnected(lanes)
                for job in self._next_jobs(lanes):
                    lanes.submit(job)
                if not lanes.in_flight:
                    return reported
                results = lanes.collect(at_most=GLANCE)
                if results:
                    self._report(results)
                reported += len(results)

    def _stop_if_disconnected(self, lanes: Lanes) -> None:
        """Have no further call begin once the client was disconnected; what is under way is heard to its end."""
        if time.monotonic() < self.next_glance:
            return
        self.next_glance = time.monotonic() + GLANCE
        self.connection.is_enabled = Connection.objects.filter(pk=self.connection.pk, is_enabled=True).exists()
        if not self.connection.is_enabled:
            lanes.stop()

    def _next_jobs(self, lanes: Lanes) -> list[Job]:
        """Claim as much as fits; more than there are lanes, so that no lane waits for the database."""
        wanted = AHEAD * self.lane_count - lanes.in_flight
        if wanted < max(1, self.lane_count // 4) or time.monotonic() >= self.end or not self._is_able():
            return []
        self._keep_house()
        if self.breaker != Breaker():
            now = clock.now()
            wanted = self.breaker.room(wanted, now)
            if self.breaker.state is not BreakerState.CLOSED and lanes.in_flight:
                wanted = 0
            if wanted == 0:
                explain_pause(self.connection, self.breaker, now)
                return []
        return claim(self.connection, self.connector, wanted)

    def _keep_house(self) -> None:
        """Each second: keep the drain ours, and look after messages whose worker did not come back."""
        if time.monotonic() < self.next_housekeeping:
            return
        self.next_housekeeping = time.monotonic() + 1
        now = clock.now()
        self.drain_lease.keep(span=self.connector.longest_call + 2 * SLACK)
        sweep(self.connection.client_id, now)

    def _is_able(self) -> bool:
        return self.connection.is_enabled and not self.connection.needs_credentials

    def _report(self, results: Sequence[Result]) -> None:
        now = clock.now()
        settle([self._judge(result, now) for result in results])
        self._keep_health(results, now)

    def _judge(self, result: Result, now: datetime) -> Report:
        """Turn one result into a report, by the policy."""
        if result.job.is_look_up:
            return judge_look_up(result, now)
        return report_call(result, now, random.random())  # noqa: S311 (jitter)

    def _keep_health(self, results: Sequence[Result], now: datetime) -> None:
        """Move the breaker by what a group of calls showed; save it when it moved."""
        errors = [result.error for result in results if result.error is not None]
        kinds = [error.kind for error in errors]
        was = self.breaker
        waits = [error.retry_after or SLACK for error in errors if error.kind is ErrorKind.RATE_LIMITED]
        self.breaker = was.after_calls(
            kinds, answered=len(errors) < len(results), wait=max(waits, default=None), now=now
        )
        if ErrorKind.CREDENTIALS in kinds:
            self.connection.needs_credentials = True
        if self.breaker == was and not errors:
            return
        self.connection.breaker_state = self.breaker.state
        self.connection.breaker_failures = self.breaker.failures
        self.connection.breaker_until = self.breaker.until
        self.connection.last_error = str(errors[-1]) if errors else ""
        fields = ["breaker_state", "breaker_failures", "breaker_until", "last_error", "needs_credentials"]
        # Only while the drain is ours: a link that was changed meanwhile is not judged by the old one's answers.
        self.drain_lease.mine().update(**{name: getattr(self.connection, name) for name in fields})
        if was.state is not BreakerState.CLOSED and self.breaker.state is BreakerState.CLOSED:
            log.info("breaker closed", connection=self.connection.pk)
            wake_waiting(self.connection, now)
        elif was.state is BreakerState.CLOSED and self.breaker.state is BreakerState.OPEN:
            log.warning("breaker opened", connection=self.connection.pk, until=self.breaker.until)


def claim(connection: Connection, connector: Connector, room: int) -> list[Job]:
    """Take up to `room` due messages, oldest first: lease them, and write the attempt of each that will be sent.

    The message whose outcome is unknown is leased for a look-up and stays unknown.
    """
    # Both before the transaction, which may wait: the last moment for the call must not come after that of the lease.
    start_by = time.monotonic() + SLACK.total_seconds()
    now = clock.now()
    with transaction.atomic():
        if not Connection.objects.select_for_update().filter(pk=connection.pk, is_enabled=True).exists():
            return []  # disconnected a moment ago
        due = IntegrationMessage.objects.filter(client_id=connection.client_id).due(now)
        messages = list(due.select_for_update(skip_locked=True, of=("self",))[:room])
        if not messages:
            return []
        _lease(messages, lease(now, connector.longest_call, connector.longest_write))
        jobs = _jobs(connection, messages, now, start_by)
    fault("after_claim")
    return jobs


def _lease(messages: Sequence[IntegrationMessage], leased: Lease) -> None:
    to_send = [message.pk for message in messages if message.state == MessageState.PENDING]
    to_ask = [message.pk for message in messages if message.state == MessageState.UNKNOWN]
    taken = IntegrationMessage.objects.filter(pk__in=to_send, state=MessageState.PENDING).update(
        state=MessageState.SENDING,
        attempt_count=F("attempt_count") + 1,
        lease_until=leased.until,
        doubtful_until=leased.doubtful_until,
    )
    if taken != len(to_send):
        raise RuntimeError("A message was claimed twice at once.")
    if to_ask:
        IntegrationMessage.objects.filter(pk__in=to_ask).update(lease_until=leased.until)


def _jobs(connection: Connection, messages: Sequence[IntegrationMessage], now: datetime, start_by: float) -> list[Job]:
    keys = _keys_of([message for message in messages if message.state == MessageState.UNKNOWN])
    documents = _documents(messages, accepts_duplicates=connection.client.allows_duplicate_numbers)
    attempts = [
        Attempt(
            message=message,
            number=message.attempt_count + 1,
            started_at=now,
            request=as_kept(documents[message.pk], message.key),
        )
        for message in messages
        if message.state == MessageState.PENDING
    ]
    insert_rows(attempts)
    written = {attempt.message_id: attempt for attempt in attempts}
    return [
        Job(
            message_id=message.pk,
            attempt=written[message.pk].number if message.pk in written else 0,
            attempt_id=written[message.pk].pk if message.pk in written else 0,
            attempts_made=written[message.pk].number if message.pk in written else message.attempt_count,
            document=documents[message.pk],
            key=message.key,
            keys=keys.get((message.invoice_id, message.kind, message.payment_id), (message.key,)),
            creates_party=connection.client.creates_counterparties,
            start_by=start_by,
            claimed_at=now,
        )
        for message in messages
    ]


def _documents(
    messages: Sequence[IntegrationMessage], *, accepts_duplicates: bool
) -> dict[int, Document | RemotePayment]:
    """Return what each message tells: its invoice as a document, or its payment."""
    ids = {message.invoice_id for message in messages}
    invoices = {invoice.pk: invoice for invoice in select_rows(Invoice, "id", ids)}
    paid = {message.payment_id for message in messages if message.payment_id is not None}
    payments = {payment.pk: payment for payment in select_rows(Payment, "id", paid)}
    codes = {invoice.counterparty_id for invoice in invoices.values()}
    parties = {party.pk: party for party in select_rows(Counterparty, "id", codes)}
    lines: defaultdict[int, list[InvoiceLine]] = defaultdict(list)
    for line in sorted(select_rows(InvoiceLine, "invoice_id", ids), key=attrgetter("position")):
        lines[line.invoice_id].append(line)
    documents: dict[int, Document | RemotePayment] = {}
    for message in messages:
        invoice = invoices[message.invoice_id]
        if message.payment_id is not None:
            documents[message.pk] = payment_of(payments[message.payment_id], invoice)
            continue
        invoice.counterparty = parties[invoice.counterparty_id]
        document = document_of(invoice, MessageKind(message.kind), lines[invoice.pk])
        documents[message.pk] = replace(document, accepts_duplicate=True) if accepts_duplicates else document
    return documents


def _keys_of(messages: Sequence[IntegrationMessage]) -> dict[tuple[int, str, int | None], tuple[str, ...]]:
    """Return every key under which a booking may stand in the ERP, for each invoice, kind and payment."""
    if not messages:
        return {}
    found: defaultdict[tuple[int, str, int | None], list[str]] = defaultdict(list)
    rows = IntegrationMessage.objects.filter(invoice__in={message.invoice_id for message in messages})
    for invoice_id, kind, payment_id, key in rows.values_list("invoice_id", "kind", "payment_id", "key"):
        found[invoice_id, kind, payment_id].append(key)
    return {which: tuple(keys) for which, keys in found.items()}


def judge_look_up(result: Result, now: datetime, *, by_id: int | None = None) -> Report:
    """Keep what a look-up found as evidence, and turn it into a report, by the policy; `by_id` is who had it asked."""
    job = result.job
    message = IntegrationMessage.objects.select_related("invoice").get(pk=job.message_id)
    if message.payment_id is not None:
        result = _without_known(result, message)
    evidence, found = keep_answer(
        message.invoice, MessageKind(message.kind), result, message=message, by_id=by_id, now=now
    )
    ours = result.bookings[0] if found is Found.OURS else None
    report = report_look_up(job, message, found, ours, now, random.random())  # noqa: S311 (jitter)
    return replace(report, reason=_look_up_reason(report.state, evidence))


def _without_known(result: Result, message: IntegrationMessage) -> Result:
    """Leave out the payments of the ERP that are known to be others of ours: two of one amount and day look alike."""
    others = Payment.objects.filter(~Q(pk=message.payment_id), invoice_id=message.invoice_id)
    known = set(others.exclude(remote_id="").values_list("remote_id", flat=True))
    return replace(result, bookings=tuple(each for each in result.bookings if each.remote_id not in known))


def keep_answer(
    invoice: Invoice,
    kind: MessageKind,
    result: Result,
    *,
    message: IntegrationMessage | None = None,
    by_id: int | None = None,
    now: datetime,
    gone: str = "",
) -> tuple[Evidence, Found]:
    """Write down what the ERP said when it was asked.

    `gone` says what became of the document that the invoice names, where it is in force no more: the evidence names it.
    """
    if result.error is not None:
        evidence = keep_evidence(
            invoice,
            kind,
            Evidence.Verdict.COULD_NOT_ASK,
            asked_at=now,
            asked_by_id=by_id,
            message=message,
            detail=str(result.error),
        )
        return evidence, Found.COULD_NOT_ASK
    found, odd = judge(result.job.document, result.bookings)
    if not result.bookings:
        return keep_evidence(
            invoice,
            kind,
            Evidence.Verdict.NOT_FOUND,
            asked_at=now,
            asked_by_id=by_id,
            message=message,
            remote_id=invoice.remote_id if gone else "",
            detail=gone,
        ), found
    booking = result.bookings[0]
    evidence = keep_evidence(
        invoice,
        kind,
        Evidence.Verdict.FOUND,
        asked_at=now,
        asked_by_id=by_id,
        message=message,
        voucher=booking.voucher,
        posting_date=booking.posting_date,
        total=booking.total,
        currency=booking.currency,
        party_code=booking.party_code,
        remote_id=booking.remote_id,
        url=booking.url,
        matches=len(result.bookings),
        difference=odd,
    )
    return evidence, found


def _look_up_reason(state: MessageState, evidence: Evidence) -> str:
    if state == MessageState.CONFIRMED:
        return _("The answer was lost; the ERP was asked and has it.")
    if evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
        return _("The answer was lost, and the ERP could not be asked yet: %(detail)s") % {"detail": evidence.detail}
    if evidence.verdict == Evidence.Verdict.NOT_FOUND and state == MessageState.PENDING:
        return _("The answer was lost; the ERP was asked, does not have it, and it is sent again.")
    if evidence.verdict == Evidence.Verdict.NOT_FOUND:
        return _("The answer was lost. The ERP does not have it yet, but it may still arrive: it is asked again.")
    return _("The ERP has something else under this number: %(difference)s") % {"difference": evidence.difference}


def sweep(client_id: int, now: datetime) -> int:
    """Turn messages whose worker did not come back into `unknown`; return how many there were."""
    waiting = IntegrationMessage.objects.filter(client_id=client_id).select_related("invoice")
    lost = list(waiting.lease_ran_out(now)[:500])
    reason = _("The worker that was sending it did not come back: the ERP is asked whether it has it.")
    for message in lost:
        log.warning("lease ran out", invoice=message.invoice.number, message_id=message.pk)
    settle([replace(report_lost_worker(message, now), reason=reason) for message in lost])
    return len(lost)


def explain_pause(connection: Connection, breaker: Breaker, now: datetime) -> None:
    """Let the messages that wait behind a pause say so, with the time of the next try."""
    if breaker.until is None or breaker.until <= now:
        return
    reason = _("The ERP is not reachable: %(error)s") % {"error": connection.last_error}
    waiting = IntegrationMessage.objects.filter(client_id=connection.client_id).due(now)
    waiting.order_by().update(not_before=breaker.until, reason=reason)


def wake_waiting(connection: Connection, now: datetime) -> None:
    """Let what waited for the ERP go out now, in order of age, and have it asked about all that is unknown.

    What was given up during the outage was certainly not sent; it goes out by itself where the client wants that.
    """
    messages = IntegrationMessage.objects.filter(client_id=connection.client_id)
    later = Q(not_before__gt=now)
    given_up = Q(not_before__isnull=True)
    pending = later | given_up if connection.client.posts_again_by_itself else later
    messages.filter(pending, state=MessageState.PENDING).update(not_before=now)
    could_not_ask = Q(state=MessageState.UNKNOWN) & (later | Q(given_up, look_up_count__gte=LOOK_UPS_AT_MOST))
    messages.filter(could_not_ask).update(not_before=now, look_up_count=0)
