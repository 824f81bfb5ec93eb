"""Sync runs: all that waits is sent, or it says why not; then what changed in the ERP is taken (article 002).

    sending ──► reading ──► over      an item: not yet ─► sent | refused | waits, because … (and goes out by itself)
       └───────────┴─► over early: the ERP cannot be reached or refuses us, or somebody cancelled

A run sends nothing itself. It makes messages due, lets delivery drain the connection, and writes down what became of
each; so nothing is sent twice, whatever dies. An invoice in an error step is for a person: it is listed with its error.
A turn that can do nothing but wait ends, and the tick has another one begin.
"""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from integrations import delivery, pulling
from integrations.leases import RowLease
from integrations.models import Connection, SyncItem, SyncRun
from integrations.policy import BreakerState
from integrations.runs import LostRun, hold_run, mark_cancelled
from invoices import clock
from invoices.actions.receipts import push_waiting_payments
from invoices.bulk import update_rows
from invoices.errors import Conflict, NotThere
from invoices.events import record_for_client
from invoices.models import Client, IntegrationMessage, Invoice, Payment
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, MessageState, Step

log = structlog.get_logger(__name__)
TURN_AT_MOST: Final = timedelta(seconds=40)  # below the queue's time limit for a task
SEND_SLICE: Final = timedelta(seconds=2)  # then the counts move, and a cancelled run ends
READ_SLICE: Final = timedelta(seconds=10)
SOON: Final = timedelta(seconds=5)  # a try that is due by then is waited for
PATIENCE: Final = timedelta(minutes=6)  # for one step, and a pull has five; a run that hangs loses its lease then
HURRIED: Final = 100  # messages that are made due at once, so that a cancelled run leaves the rest as it was
BATCH: Final = 500
COUNTED: Final = 10_000  # drafts are not counted any further
KEPT: Final = timedelta(days=90)
KEPT_IDLE: Final = timedelta(days=1)  # a scheduled run that neither sent nor changed anything
SETTLED: Final = (MessageState.CONFIRMED, MessageState.REFUSED, MessageState.ABORTED)


# starting and cancelling ----------------------------------------------------------------------------------------------


@transaction.atomic
def sync_now(connection_id: int, *, by: User | None, reason: str = "") -> tuple[SyncRun, bool]:
    """Begin a run, or join the one that is not over; return it, and whether it is a new one.

    Raises Conflict for a connection that is switched off or needs new credentials.
    """
    rows = Connection.objects.select_for_update(of=("self",)).select_related("client")
    connection = rows.filter(pk=connection_id).first()
    if connection is None:
        raise NotThere(NOT_THERE)
    require(by, Right.SYNC, connection.client)
    refused = why_not_exchanged(connection)
    if refused:
        raise Conflict(refused)
    running = SyncRun.objects.unfinished().filter(connection=connection).first()
    if running is not None:
        return running, False
    now = clock.now()
    run = _begin(connection.pk, now, by=by, reason=reason.strip())
    Connection.objects.filter(pk=connection.pk).update(next_sync_at=next_sync(connection.sync_every_minutes, now))
    record_for_client(connection.client, "sync_now", by=by, reason=run.reason)
    return run, True


def connection_of(client: Client) -> Connection:
    """Return a client's connection; raises Conflict where there is none."""
    connection = Connection.objects.filter(client=client).first()
    if connection is None:
        raise Conflict(_("%(client)s is not connected to an ERP: connect it first.") % {"client": client})
    return connection


def why_not_exchanged(connection: Connection) -> str:
    """Say why nothing may be exchanged until a person acts; empty when it may."""
    if not connection.is_enabled:
        return _("The connection is switched off: an Integration manager connects it again first.")
    if connection.needs_credentials:
        return _("The ERP refused our credentials: an Integration manager enters new ones first.")
    return ""


def next_sync(every_minutes: int, now: datetime) -> datetime | None:
    """Return when a connection is due again; None: only when somebody presses Sync now."""
    return now + timedelta(minutes=every_minutes) if every_minutes else None


def start_due(now: datetime) -> int:
    """Begin the runs that are due by the schedule; return how many. One that missed its time is due once."""
    due = Connection.objects.able(now).filter(sync_every_minutes__gt=0, next_sync_at__lte=now)
    rows = list(due.order_by("pk").values_list("pk", "sync_every_minutes"))
    return sum(_start_one(pk, every_minutes, now) for pk, every_minutes in rows)


@transaction.atomic
def _start_one(connection_id: int, every_minutes: int, now: datetime) -> bool:
    # Several clusters look at once: the one whose UPDATE hits the row begins. It holds the row as Sync now does.
    still_due = Connection.objects.filter(pk=connection_id, next_sync_at__lte=now)
    if not still_due.update(next_sync_at=next_sync(every_minutes, now)):
        return False
    if SyncRun.objects.unfinished().filter(connection_id=connection_id).exists():
        return False
    _begin(connection_id, now, by=None, reason="")
    return True


def _begin(connection_id: int, now: datetime, *, by: User | None, reason: str) -> SyncRun:
    run = SyncRun.objects.create(connection_id=connection_id, by=by, reason=reason, created_at=now, queued_at=now)
    # A queue that is down must not undo the press: the tick finds the run.
    transaction.on_commit(lambda: enqueue(run.pk), robust=True)
    return run


def enqueue(run_id: int) -> None:
    """Have the queue work on a run."""
    async_task("integrations.tasks.sync", run_id)


@transaction.atomic
def cancel_sync(run_id: int, *, by: User) -> SyncRun:
    """End a run: what was sent stays sent, and what waits goes out when its time comes, as without the run."""
    rows = SyncRun.objects.visible_to(by).select_for_update(of=("self",)).select_related("connection__client")
    run = rows.filter(pk=run_id).first()
    if run is None:
        raise NotThere(NOT_THERE)
    require(by, Right.SYNC, run.connection.client)
    if run.is_over:
        raise Conflict(_("This run is over already: there is nothing left to cancel."))
    mark_cancelled(run)
    return run


def prune() -> int:
    """Delete old runs with their items: scheduled ones that neither sent nor changed anything after a day."""
    now = clock.now()
    idle = Q(by__isnull=True, done=0, later=0, changed=0, failed=F("known"), finished_at__lt=now - KEPT_IDLE)
    _total, deleted = SyncRun.objects.filter(idle | Q(finished_at__lt=now - KEPT)).delete()
    return deleted.get("integrations.SyncRun", 0)


# working --------------------------------------------------------------------------------------------------------------


def work_on(run_id: int, *, at_most: timedelta = TURN_AT_MOST) -> bool:
    """Go on with a run until it is over, has to wait, or the time is up; return whether it can go on at once.

    Does nothing while another worker holds the run.
    """
    which = SyncRun.objects.filter(pk=run_id)
    lease = hold_run(which, PATIENCE)
    if lease is None:
        return False
    with lease.beating():
        work = _Work(which.select_related("connection").get(), lease)
        try:
            return work.until(time.monotonic() + at_most.total_seconds())
        except LostRun:
            log.info("the run was cancelled, or another worker holds it", run=run_id)
            return False
        except Exception:  # a run that breaks each turn anew must end, and say so
            log.exception("a sync run failed", run=run_id)
            work.finish(stopped=_("This is our fault: tell your administrator the number of this run."))
            return False


class _Work:
    """One worker's turn at one run."""

    def __init__(self, run: SyncRun, lease: RowLease) -> None:
        self.run = run
        self.lease = lease

    def until(self, end: float) -> bool:
        """Take one step after the other, one at least; return whether the next one could be taken at once."""
        if self.run.started_at is None:
            _write_payments(self.run.connection.client_id)
            self._gather()
        while True:
            goes_on = self._step()
            if self.run.is_over or not goes_on:
                return False
            if time.monotonic() >= end:
                return True

    def _step(self) -> bool:
        now = self._keep()
        self.run.connection.refresh_from_db()
        stopped = why_not_exchanged(self.run.connection) or _why_paused(self.run.connection, now)
        if stopped:
            self.finish(stopped=stopped)
            return False
        return self._send_some() if self.run.phase == SyncRun.Phase.SENDING else self._read_some()

    # what there is to do

    def _gather(self) -> None:
        """List every open message, and every invoice that needs a person, in the transaction that begins the run."""
        client_id = self.run.connection.client_id
        with transaction.atomic():
            now = self._keep()
            wrong = Invoice.objects.filter(client_id=client_id, step__in=ERROR_STEPS, archived_at__isnull=True)
            listed = [
                SyncItem(
                    run=self.run,
                    invoice=invoice,
                    message=invoice.current_message,
                    state=SyncItem.State.FAILED,
                    sentence=_why_in_error(invoice),
                    said=invoice.current_message.complaints if invoice.current_message else [],
                )
                for invoice in wrong.select_related("current_message").order_by("step_since", "pk")
            ]
            unsent = IntegrationMessage.objects.filter(client_id=client_id).open().order_by("pk")
            rows = unsent.values_list("pk", "invoice_id")
            items = [SyncItem(run=self.run, invoice_id=invoice, message_id=pk) for pk, invoice in rows]
            SyncItem.objects.bulk_create([*items, *listed], batch_size=BATCH)
            drafts = Invoice.objects.filter(client_id=client_id, step=Step.DRAFT, archived_at__isnull=True)
            self._save(
                started_at=now,
                total=len(items) + len(listed),
                failed=len(listed),
                known=len(listed),
                drafts=drafts.order_by()[:COUNTED].count(),
            )

    # sending

    def _send_some(self) -> bool:
        """Have delivery work for a moment and note what became of the messages; False where it can only wait."""
        hurried = self._hurry()
        reported = delivery.drain(self.run.connection_id, at_most=SEND_SLICE)
        self._follow()
        if not self.run.items.filter(state=SyncItem.State.WAITING).exists():
            with transaction.atomic():
                self._keep()
                self._save(phase=SyncRun.Phase.READING)
            return True
        return bool(hurried or reported)

    def _hurry(self) -> int:
        """Make the next messages due that wait for a later try; return how many items had that turn.

        What waits for a person is tried again when a person asks for it, not by the schedule.
        """
        with transaction.atomic():
            now = self._keep()
            waiting = self.run.items.filter(state=SyncItem.State.WAITING)
            room = HURRIED - waiting.filter(pk__lte=self.run.hurried_until)[:HURRIED].count()
            rows = list(waiting.filter(pk__gt=self.run.hurried_until).values_list("pk", "message_id")[:room])
            if not rows:
                return 0
            messages = IntegrationMessage.objects.filter(
                pk__in=[message_id for _pk, message_id in rows],
                state__in=(MessageState.PENDING, MessageState.UNKNOWN),
            )
            for_a_person = Q(not_before__isnull=True) if self.run.by_id else Q()
            messages.filter(Q(not_before__gt=now) | for_a_person).update(not_before=now)
            self._save(hurried_until=rows[-1][0])
            return len(rows)

    def _follow(self) -> None:
        """Write down what became of the messages that are settled, or will not be tried again soon."""
        while True:
            with transaction.atomic():
                now = self._keep()
                is_far = Q(message__not_before__isnull=True) | Q(message__not_before__gt=now + SOON)
                is_open = Q(message__state__in=(MessageState.PENDING, MessageState.UNKNOWN))
                was_tried = Q(pk__lte=self.run.hurried_until)
                waiting = self.run.items.filter(state=SyncItem.State.WAITING)
                ended = waiting.filter(Q(message__state__in=SETTLED) | (was_tried & is_open & is_far))
                items = list(ended.select_related("message")[:BATCH])
                if not items:
                    return
                for item in items:
                    if item.message is not None:
                        item.state, item.sentence = _outcome(item.message)
                        item.said = item.message.complaints
                    item.finished_at = now
                update_rows(items, ["state", "sentence", "said", "finished_at"])
                counts = Counter(str(item.state) for item in items)
                self._ours().update(
                    done=F("done") + counts[SyncItem.State.DONE],
                    failed=F("failed") + counts[SyncItem.State.FAILED],
                    later=F("later") + counts[SyncItem.State.LATER],
                )

    # reading

    def _read_some(self) -> bool:
        """Take what changed in the ERP; False while another pull of the connection runs."""
        pulled = pulling.pull(self.run.connection_id, at_most=READ_SLICE)
        if pulled == pulling.Pulled():
            return False
        with transaction.atomic():
            self._keep()
            self._ours().update(changed=F("changed") + pulled.changed, unchanged=F("unchanged") + pulled.same)
        if pulled.error:
            self.finish(
                stopped=_("What changed in the ERP could not be read to its end (%(error)s). The next sync goes on.")
                % {"error": pulled.error}
            )
        elif pulled.is_whole:
            self.finish()
        return True

    # the end

    def finish(self, *, stopped: str = "") -> None:
        """End the run; `stopped` says why it ended early, and stands at every item that had no turn."""
        with transaction.atomic():
            now = self._keep()
            waiting = self.run.items.filter(state=SyncItem.State.WAITING)
            later = waiting.update(state=SyncItem.State.LATER, sentence=stopped, finished_at=now)
            unread = Invoice.objects.filter(client_id=self.run.connection.client_id, archived_at__isnull=True)
            problems = [
                SyncItem(run=self.run, invoice_id=pk, state=SyncItem.State.PROBLEM, sentence=why, finished_at=now)
                for pk, why in unread.exclude(sync_problem="").order_by("pk").values_list("pk", "sync_problem")
            ]
            SyncItem.objects.bulk_create(problems, batch_size=BATCH)
            self._ours().update(later=F("later") + later)
            self._save(problems=len(problems), stopped=stopped, phase=SyncRun.Phase.DONE, finished_at=now)

    def _keep(self) -> datetime:
        """Renew the lease and return the time; a transaction holds the run with it. Raises LostRun if it is gone."""
        now = clock.now()
        if not self.lease.keep(SyncRun.objects.filter(pk=self.run.pk, finished_at__isnull=True)):
            raise LostRun
        return now

    def _ours(self) -> QuerySet[SyncRun]:
        return self.lease.mine()

    def _save(self, **values: object) -> None:
        self._ours().update(**values)
        for name, value in values.items():
            setattr(self.run, name, value)


def _why_paused(connection: Connection, now: datetime) -> str:
    """Say why the ERP is not called now although it may be; empty when it is."""
    if connection.breaker_until is None or connection.breaker_until <= now:
        return ""
    if connection.breaker_state == BreakerState.CLOSED:
        return _("The ERP asks us to wait. What waits goes out by itself.")
    return _("The ERP is not reachable. What waits goes out by itself.")


def _why_in_error(invoice: Invoice) -> str:
    message = invoice.current_message
    if message is not None and message.state == MessageState.REFUSED:
        return _("Refused before: %(said)s Correct it, and post it again.") % {"said": message.reason}
    return _("It is in the step %(step)s: correct it and post it again, or skip the step.") % {
        "step": invoice.get_step_display()
    }


def _outcome(message: IntegrationMessage) -> tuple[SyncItem.State, str]:
    """Return what became of a message, and the sentence about it."""
    said = {"reason": message.reason, "voucher": message.voucher}
    if message.state == MessageState.CONFIRMED:
        sentence = _("The ERP has it under %(voucher)s.") % said if message.voucher else _("The ERP has it.")
        return SyncItem.State.DONE, sentence
    if message.state == MessageState.REFUSED:
        return SyncItem.State.FAILED, _("Refused: %(reason)s") % said
    if message.state == MessageState.ABORTED:
        return SyncItem.State.FAILED, _("Stopped by a person: %(reason)s") % said
    if message.not_before is None:
        return SyncItem.State.FAILED, _("It waits for a person: %(reason)s") % said
    if message.state == MessageState.UNKNOWN:
        return SyncItem.State.LATER, _("Its answer was lost; the ERP is asked again by itself. %(reason)s") % said
    return SyncItem.State.LATER, _("It could not be sent, and goes out by itself: %(reason)s") % said


def _write_payments(client_id: int) -> None:
    """Write the messages of payments that may go out now and have none, e.g. by a preference that was switched on."""
    waiting = Payment.objects.unpushed().filter(invoice__client_id=client_id, invoice__step=Step.BOOKED)
    for pk in list(waiting.order_by("invoice_id").values_list("invoice_id", flat=True).distinct()):
        push_waiting_payments(pk, by=None)
