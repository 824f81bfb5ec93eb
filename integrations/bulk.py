"""One press for many invoices: Post again, Look up, and "It is posted in the ERP", done by a worker.

    start_bulk ─► waiting ──► done       the lower verb and the item's mark stand in one transaction,
                     └──────► refused    so that a worker that dies presses nothing twice and leaves nothing out

The ERP is asked on threads, outside of any transaction; whatever is pressed is pressed here, one after the other.
One worker at a time holds a run: its lease is renewed, and checked, in the transaction of every item.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.http import QueryDict
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from integrations.delivery import keep_answer
from integrations.documents import document_of
from integrations.erps.contract import Booking, Connector, ErpError
from integrations.erps.registry import connect
from integrations.lanes import AHEAD, Job, Result, look
from integrations.models import BulkItem, BulkRun, BulkRunQuerySet, Connection
from integrations.policy import SLACK, Found
from integrations.reporting import report_look_up
from integrations.runs import LostRun, give_back, keep_run, mark_cancelled, take_run
from invoices import clock
from invoices.actions import flow, guided
from invoices.actions.outbox import settle, tell_after_commit
from invoices.actions.taking import require_reason, take_invoice, wrong_step
from invoices.buttons import find_button
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere, Refusal
from invoices.models import Client, Evidence, Invoice
from invoices.permissions import NOT_THERE, person_name, require
from invoices.workflow import MessageState, booking_kind

log = structlog.get_logger(__name__)
INVOICES_AT_MOST: Final = 1000
WORK_AT_MOST: Final = timedelta(seconds=45)  # below the queue's time limit for a task
REASON_AT_MOST: Final = 2000
LEASE_AT_FIRST: Final = 2 * SLACK  # until it is known how long a call may take

Selection = Callable[[User, QueryDict], list[int]]
_selections: Final[list[Selection]] = []


# starting and cancelling ----------------------------------------------------------------------------------------------


def register_selection(selection: Selection) -> None:
    """Have "all that match" mean what `selection(user, the list's filters)` returns; the desk calls this at the start.

    It returns ids of invoices, longest stuck first, and may stop at one more than `INVOICES_AT_MOST`.
    """
    _selections[:] = [selection]


def select_all(user: User, filters: QueryDict) -> list[int]:
    """Return the ids of all invoices that match; raises BadInput when they are too many, or there is no such list."""
    if not _selections:
        raise BadInput({"all": _("Choose the invoices one by one: this list cannot be taken as a whole.")})
    found = _selections[0](user, filters)
    check_count(found)
    return found


@transaction.atomic
def start_bulk(button: str, invoice_ids: Iterable[int], *, by: User, reason: str) -> BulkRun:
    """Have a worker press `button` for each of these invoices, the longest in their step first.

    Rights are asked when each one's turn comes, not here. Raises BadInput for a button that does not work in bulk, no
    or too many invoices, or no reason; NotThere when `by` may not see every one.
    """
    if button not in PRESSES:
        names = ", ".join(str(find_button(slug).label) for slug in PRESSES)
        raise BadInput({"button": _("Only these work for many invoices at once: %(names)s.") % {"names": names}})
    reason = require_reason(reason)
    if len(reason) > REASON_AT_MOST:
        raise BadInput({"reason": _("Say it in at most 2,000 characters.")})
    ids = set(invoice_ids)
    check_count(ids)
    visible = Invoice.objects.visible_to(by).filter(pk__in=ids).order_by("step_since", "pk")
    found = list(visible.values_list("pk", "client_id"))
    if len(found) != len(ids):
        raise NotThere(NOT_THERE)
    now = clock.now()
    run = BulkRun.objects.create(button=button, by=by, reason=reason, total=len(found), created_at=now, queued_at=now)
    run.clients.set({client_id for _pk, client_id in found})
    BulkItem.objects.bulk_create([BulkItem(run=run, invoice_id=pk) for pk, _client_id in found])
    # A queue that is down must not undo the press: the tick finds the run.
    transaction.on_commit(lambda: enqueue(run.pk), robust=True)
    return run


def check_count(ids: Collection[int]) -> None:
    """Raise BadInput for no invoice at all, and for more than go into one run."""
    if not ids:
        raise BadInput({"invoices": _("Choose at least one invoice.")})
    if len(ids) > INVOICES_AT_MOST:
        raise BadInput({"invoices": _("At most 1,000 invoices go into one run: narrow the filters, or choose fewer.")})


def enqueue(run_id: int) -> None:
    """Have the queue work on a run."""
    async_task("integrations.tasks.bulk", run_id)


@transaction.atomic
def cancel_bulk(run_id: int, *, by: User) -> BulkRun:
    """Stop a run: what is done stays done, and what has not had its turn is left as it is.

    May: who started it, and whoever may press its button for every client in it.
    """
    run = BulkRun.objects.visible_to(by).select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotThere(NOT_THERE)
    if not may_cancel(run, by):
        raise NotAllowed(_("Only %(name)s, who started this run, may cancel it.") % {"name": person_name(run.by)})
    if run.is_over:
        raise Conflict(_("This run is over already: there is nothing left to cancel."))
    mark_cancelled(run)
    return run


def may_cancel(run: BulkRun, user: User) -> bool:
    """Say whether `user` may stop a run that they see."""
    if run.by_id == user.pk:
        return True
    able = Client.objects.where(user, find_button(run.button).right)
    return not run.clients.exclude(pk__in=able).exists()


# working --------------------------------------------------------------------------------------------------------------


def work_on(run_id: int, *, at_most: timedelta = WORK_AT_MOST) -> int:
    """Take a run's invoices one after the other until none waits or the time is up; return how many had their turn.

    Does nothing while another worker holds the run, or when it is over.
    """
    which = BulkRun.objects.filter(pk=run_id)
    token = take_run(which, LEASE_AT_FIRST)
    if token is None:
        return 0
    which.filter(started_at__isnull=True).update(started_at=clock.now())
    end = time.monotonic() + at_most.total_seconds()
    handled = 0
    try:
        with _Work(which.get(), token) as work:
            for _item in work.until(end):
                handled += 1
    except LostRun:
        log.info("the run was cancelled, or another worker holds it", run=run_id)
    finally:
        give_back(which, token)
    return handled


@dataclass(frozen=True, slots=True)
class _Question:
    """What the ERP is asked about one invoice, and where the invoice stood then."""

    job: Job
    step: str
    message_id: int | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the ERP said to a question."""

    question: _Question
    result: Result


class _Asker:
    """A client's connector, with a thread for each of its lanes. The threads touch no database."""

    def __init__(self, connection: Connection) -> None:
        self.connector: Connector = connect(connection.connector, connection.access(), connection.lanes)
        self.lanes = min(connection.lanes, self.connector.capabilities.posting_lanes or connection.lanes)
        self._pool = ThreadPoolExecutor(self.lanes, thread_name_prefix="bulk")

    def ask(self, question: _Question) -> Future[_Answer]:
        """Look for the bookings on the next free lane; an ERP that does not answer is an answer too."""
        return self._pool.submit(self._find, question)

    def _find(self, question: _Question) -> _Answer:
        started = time.monotonic()
        bookings: tuple[Booking, ...] = ()
        error: ErpError | None = None
        try:
            bookings = look(self.connector, question.job)
        except ErpError as exc:
            error = exc
        took = timedelta(seconds=time.monotonic() - started)
        return _Answer(question, Result(question.job, bookings, error, took))

    def close(self) -> None:
        """Wait for what is under way; what was not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.connector.close()


class _Work:
    """One worker's turn at one run."""

    def __init__(self, run: BulkRun, token: str) -> None:
        self.run = run
        self.token = token
        self.button = find_button(run.button)
        self.lease = LEASE_AT_FIRST
        self._askers: dict[int, _Asker] = {}
        self._closing = ExitStack()

    def __enter__(self) -> "_Work":
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.close()

    def until(self, end: float) -> Iterator[BulkItem]:
        """Yield each invoice that had its turn, one at least: a run gets on however slow the ERP is.

        They are asked about in groups of two for each lane, so that an answer is young when it is acted on.
        """
        room = 1
        while True:
            items = list(self.run.items.filter(state=BulkItem.State.WAITING)[:room])
            if not items:
                self._finish()
                return
            for item, answer in zip(items, self._ask(items), strict=True):
                self._press(item, answer)
                yield item
                if time.monotonic() >= end:
                    return
            room = AHEAD * min((asker.lanes for asker in self._askers.values()), default=1)

    def _ask(self, items: Sequence[BulkItem]) -> list[Future[_Answer]]:
        """Have the ERP asked about a group; what is in the way of one is raised when it is that one's turn."""
        person, now = self._person(), clock.now()
        able = set(Client.objects.where(person, self.button.right).values_list("pk", flat=True))
        rows = Invoice.objects.filter(pk__in=[item.invoice_id for item in items])
        rows = rows.select_related("client", "counterparty", "current_message").prefetch_related("lines", "messages")
        invoices = {invoice.pk: invoice for invoice in rows}
        clients = {invoice.client_id for invoice in invoices.values()}
        connections = {each.client_id: each for each in Connection.objects.filter(client__in=clients)}
        answers: list[Future[_Answer]] = []
        for item in items:
            invoice = invoices[item.invoice_id]
            try:
                if invoice.client_id not in able:
                    require(person, self.button.right, invoice.client)
                if not self.button.works_from(invoice):
                    raise wrong_step(invoice)
                asker = self._asker_of(invoice.client, connections.get(invoice.client_id), now)
            except Exception as exc:  # noqa: BLE001 (raised again, and logged, by _outcome)
                answers.append(Future())
                answers[-1].set_exception(exc)
            else:
                answers.append(asker.ask(_question(invoice, now)))
        return answers

    def _asker_of(self, client: Client, connection: Connection | None, now: datetime) -> _Asker:
        """Return who asks for a client; raises Conflict while its connection is off or paused."""
        if connection is None or not connection.is_enabled:
            raise Conflict(_("%(client)s is not connected to an ERP: connect it first.") % {"client": client})
        if connection.needs_credentials or (connection.breaker_until and connection.breaker_until > now):
            raise Conflict(
                _("The ERP could not be asked, because the connection is paused (%(error)s). Try again when it runs.")
                % {"error": connection.last_error}
            )
        if client.pk not in self._askers:
            asker = _Asker(connection)
            self._closing.callback(asker.close)
            self._askers[client.pk] = asker
            self.lease = max(self.lease, AHEAD * asker.connector.longest_call + LEASE_AT_FIRST)
            self._keep_run()
        return self._askers[client.pk]

    def _press(self, item: BulkItem, answer: Future[_Answer]) -> None:
        """Wait for the ERP, then act and mark the item in one transaction."""
        given = answer.exception() or answer.result()
        with transaction.atomic():
            now = self._keep_run()
            state, sentence = self._outcome(item, given)
            waiting = BulkItem.objects.filter(pk=item.pk, state=BulkItem.State.WAITING)
            if not waiting.update(state=state, sentence=sentence, finished_at=now):
                raise LostRun
            counted = "done" if state == BulkItem.State.DONE else "refused"
            BulkRun.objects.filter(pk=self.run.pk).update(**{counted: F(counted) + 1})

    def _outcome(self, item: BulkItem, given: _Answer | BaseException) -> tuple[BulkItem.State, str]:
        """Act, and say what became of it; a refusal undoes the verb, but not the evidence."""
        try:
            if isinstance(given, BaseException):
                raise given
            return BulkItem.State.DONE, self._act(item.invoice_id, given)
        except Refusal as refusal:
            return BulkItem.State.REFUSED, str(refusal)
        except Exception:  # the one loop that must not stop
            log.exception("a bulk item failed", run=self.run.pk, invoice_id=item.invoice_id)
            return BulkItem.State.REFUSED, _(
                "This is our fault, and nothing was done: tell your administrator the number of this run and invoice."
            )

    def _act(self, invoice_id: int, answer: _Answer) -> str:
        """Keep what the ERP said, and press; raises Refusal, which leaves the evidence where it is."""
        person = self._person()
        with transaction.atomic():
            invoice = take_invoice(invoice_id, by=person, right=self.button.right)
            asked = _keep_evidence(invoice, answer, by=person, reason=self.run.reason)
        with transaction.atomic():
            return PRESSES[self.run.button](asked)

    def _person(self) -> User:
        """Return who pressed, as the database knows them now."""
        return User.objects.get(pk=self.run.by_id)

    def _keep_run(self) -> datetime:
        """Renew the lease and return the time; a transaction holds the run with it. Raises LostRun if it is gone."""
        return keep_run(BulkRun.objects.filter(pk=self.run.pk), self.token, self.lease)

    def _finish(self) -> None:
        self._ours().update(finished_at=clock.now())

    def _ours(self) -> BulkRunQuerySet:
        return BulkRun.objects.filter(pk=self.run.pk, lease_token=self.token, finished_at__isnull=True)


def _question(invoice: Invoice, now: datetime) -> _Question:
    kind = booking_kind(invoice.step)
    message = invoice.current_message
    job = Job(
        message_id=message.pk if message else 0,
        attempt=0,
        attempt_id=0,
        attempts_made=message.attempt_count if message else 0,
        document=document_of(invoice, kind),
        key="",
        keys=tuple(each.key for each in invoice.messages.all() if each.kind == kind),
        creates_party=False,
        start_by=0.0,
        claimed_at=now,
    )
    return _Question(job, invoice.step, invoice.current_message_id)


def _keep_evidence(invoice: Invoice, answer: _Answer, *, by: User, reason: str) -> "_Asked":
    """Write down what the ERP said; raises Conflict when the invoice is not any more what it was asked about."""
    question, kind = answer.question, booking_kind(invoice.step)
    is_same = (invoice.step, invoice.current_message_id) == (question.step, question.message_id)
    if not is_same or document_of(invoice, kind) != question.job.document:
        raise Conflict(
            _("%(number)s changed while the ERP was asked: look at it, then press again.") % {"number": invoice.number}
        )
    message = invoice.current_message
    # As old as the question, not as the answer: what was on its way may have arrived in between.
    asked_at = question.job.claimed_at
    evidence, found = keep_answer(invoice, kind, answer.result, message=message, by_id=by.pk, now=asked_at)
    return _Asked(invoice, answer.result, evidence, found, by, reason)


# what each button does with the answer --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """A locked invoice, what the ERP has just said about it, and who presses why."""

    invoice: Invoice
    result: Result
    evidence: Evidence
    found: Found
    by: User
    reason: str


def _look_up(asked: _Asked) -> str:
    """Let the answer decide an unknown outcome as delivery's own question would; say what the ERP said."""
    _require_answer(asked.evidence)
    message = asked.invoice.current_message
    if message is not None and message.state == MessageState.UNKNOWN:
        ours = asked.result.bookings[0] if asked.found is Found.OURS else None
        report = report_look_up(asked.result.job, message, asked.found, ours, clock.now(), jitter=0.5)
        (state,) = settle([replace(report, reason=asked.reason)])
        if state == MessageState.PENDING:
            tell_after_commit(asked.invoice.client_id)
    evidence = asked.evidence
    if asked.found is Found.NOTHING:
        return _("The ERP does not have it.")
    if asked.found is Found.OURS:
        return _("The ERP has it under voucher %(voucher)s.") % {"voucher": evidence.voucher}
    return _("The ERP has something else under this number: %(difference)s") % {"difference": evidence.difference}


def _post_again(asked: _Asked) -> str:
    flow.post_again(asked.invoice.pk, by=asked.by, reason=asked.reason)
    return _("The ERP does not have it: handed to the ERP again.")


def _posted_in_erp(asked: _Asked) -> str:
    """Skip over a voucher that the ERP has just shown; in bulk nobody's word will do."""
    _require_answer(asked.evidence)
    if asked.found is Found.OURS and not asked.evidence.voucher:
        raise Conflict(_("The ERP has it, but showed no voucher: nothing was skipped. Look there yourself."))
    guided.go_on_as_posted(asked.invoice.pk, by=asked.by, reason=asked.reason, voucher=asked.evidence.voucher)
    return _("Gone on under the ERP's voucher %(voucher)s; no message was sent.") % {"voucher": asked.evidence.voucher}


def _require_answer(evidence: Evidence) -> None:
    if evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
        raise Conflict(
            _("The ERP could not be asked whether it has this invoice (%(detail)s). Press again when it answers.")
            % {"detail": evidence.detail}
        )


PRESSES: Final[dict[str, Callable[[_Asked], str]]] = {
    "post-again": _post_again,
    "look-up": _look_up,
    "posted-in-erp": _posted_in_erp,
}
