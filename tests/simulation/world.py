"""One run of the simulation: everything happens in an order that a seed chooses, under a virtual clock.

What is real: `integrations.policy` (decisions, breaker, lease), `integrations.reporting` (from results to reports),
`invoices.actions.outbox.apply_report`, `first_state` and `mark_aborted`, the moves of `invoices.workflow`, and the
models themselves, never saved.

What is mirrored, because there it is SQL:
- `World.due`, `World.lost`: `IntegrationMessageQuerySet.due` and `lease_ran_out`
- `World.claim`: `delivery.claim` (one transaction) and the room that `_Drain._next_jobs` leaves
- `World.report`: `delivery._Drain._report` and `outbox.settle` (one transaction)
- `World.pause`, `World.wake`: `delivery.explain_pause`, `wake_waiting`
- `Worker` beginning its calls: `lanes.call` (nothing is sent after `start_by`)
- the buttons: `flow.abort_message`, `skip_step`, `post_again`, `approve_invoice`, and `actions.look_up`

A worker may stop for any time between two steps, or die. Two drains of one connection run at once here: the lease of
the drain saves work, the promise does not rest on it.
"""

from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from integrations.erps.contract import Booking, ErpError, ErrorKind
from integrations.lanes import Job, Result
from integrations.policy import SLACK, Breaker, BreakerState, Found, lease
from integrations.reporting import report_call, report_look_up, report_lost_worker
from invoices.actions.flow import EVIDENCE_LASTS
from invoices.actions.outbox import Report, apply_report, first_state, mark_aborted
from invoices.models import IntegrationMessage, Invoice
from invoices.workflow import (
    ERROR_STEPS,
    INTEGRATION_STEPS,
    Direction,
    MessageKind,
    MessageState,
    Step,
    booking_kind,
)
from tests.simulation.erp import LONGEST_CALL, LONGEST_WRITE, Call, FakeErp
from tests.simulation.paying import TOTAL, BrokenPromiseError, Paying

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
STEPS = 250
ROUNDS_UNTIL_SETTLED = 400
WORDS = "because the test says so"


@dataclass(slots=True)
class Worker:
    """A process: what it holds in memory is lost when it dies."""

    breaker: Breaker
    jobs: list[Job] = field(default_factory=list)
    calls: list[tuple[Job, Call]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    swept: list[Report] = field(default_factory=list)


@dataclass(slots=True)
class Question:
    """A person's look-up: the ERP has answered, the answer is not yet written down."""

    invoice: Invoice
    message: IntegrationMessage  # as it was read before the ERP was asked
    asked_at: datetime
    said: tuple[Booking, ...] | ErpError


@dataclass(frozen=True, slots=True)
class Said:
    """The last evidence about a booking."""

    found: Found
    asked_at: datetime
    voucher: str


class World(Paying):
    """Some invoices, an ERP, two workers, and people who press buttons."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.now = BEGIN
        self.erp = FakeErp(rng, native_key=rng.random() < 0.5)
        self.breaker = Breaker()
        self.workers = [Worker(self.breaker), Worker(self.breaker)]
        self.awake = self.workers
        self.messages: list[IntegrationMessage] = []
        self.invoices = [
            Invoice(pk=pk, client_id=1, direction=rng.choice(tuple(Direction)), total=TOTAL)
            for pk in range(1, rng.randint(1, 3) + 1)
        ]
        self.questions: list[Question] = []
        self.evidence: dict[tuple[int, str], Said] = {}
        self.typed: set[str] = set()
        self.history: list[str] = []
        self.open_cash_desk()

    # the run -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let everything happen, then let the dust settle, and check the promise."""
        for invoice in self.invoices:
            self.move(invoice, "post")
        for action in self.rng.choices(ACTIONS, WEIGHTS, k=STEPS):
            action(self)
        self.settle_dust()
        self.check()

    def settle_dust(self) -> None:
        """Let the ERP be well and the workers live, until nothing happens by itself any more."""
        self.erp.is_down, self.erp.behaves = False, True
        for _round in range(ROUNDS_UNTIL_SETTLED):
            for worker in self.workers:
                self.sweep(worker)
                self.report_swept(worker)
                self.claim(worker)
                self.begin(worker, 99)
            if any(worker.calls for worker in self.workers):
                self.pass_time(LONGEST_CALL)
                for worker in self.workers:
                    self.end(worker)
            for worker in self.workers:
                self.report(worker)
            waits = [message.not_before or message.lease_until for message in self.messages if message.is_open]
            moments = [moment for moment in waits if moment is not None]
            if not moments:
                return
            self.pass_time(max(min(moments) - self.now, timedelta(seconds=1)))
        raise BrokenPromiseError("It never settles.")

    def check(self) -> None:
        """Check the promise of DESIGN §5."""
        self.pass_time(LONGEST_WRITE)
        self.check_payments()
        for which, bookings in self.erp.bookings.items():
            if len(bookings) > 1 and which[1] != MessageKind.PUSH_PAYMENT:
                raise BrokenPromiseError(f"Invoice {which[0]} is booked {len(bookings)} times ({which[1]}).")
        for invoice in self.invoices:
            message = self.messages[invoice.current_message_id - 1]
            if invoice.step in INTEGRATION_STEPS and not (message.is_for_a_person and message.reason):
                raise BrokenPromiseError(f"Invoice {invoice.pk} waits in {invoice.step}, and nobody is told.")
            if invoice.step in ERROR_STEPS and not message.reason:
                raise BrokenPromiseError(f"Invoice {invoice.pk} stopped in {invoice.step}, and nobody is told why.")
            for kind, voucher in (
                (MessageKind.BOOK_PRELIMINARY, invoice.preliminary_voucher),
                (MessageKind.BOOK_FINAL, invoice.final_voucher),
            ):
                held = [booking.voucher for booking in self.erp.bookings.get((invoice.pk, kind), [])]
                if voucher and voucher not in self.typed and voucher not in held:
                    raise BrokenPromiseError(f"Invoice {invoice.pk} carries {voucher}, and the ERP holds {held}.")
            if invoice.step in (Step.APPROVAL, Step.BOOKED):
                kind = booking_kind(invoice.step)
                if not (invoice.preliminary_voucher if kind == MessageKind.BOOK_PRELIMINARY else invoice.final_voucher):
                    raise BrokenPromiseError(f"Invoice {invoice.pk} is in {invoice.step} without a voucher.")

    def note(self, line: str) -> None:
        """Keep one line of what happened, for a failing seed."""
        self.history.append(f"{(self.now - BEGIN).total_seconds():8.2f} {line}")

    def pass_time(self, span: timedelta) -> None:
        """Let time pass; what was on its way in the ERP lands."""
        self.now += span
        self.erp.land(self.now)

    # the outbox ----------------------------------------------------------------------------------------------------

    def due(self, message: IntegrationMessage) -> bool:
        """Mirror `IntegrationMessageQuerySet.due`."""
        return (
            message.state in (MessageState.PENDING, MessageState.UNKNOWN)
            and message.not_before is not None
            and message.not_before <= self.now
            and (message.lease_until is None or message.lease_until <= self.now)
        )

    def lost(self, message: IntegrationMessage) -> bool:
        """Mirror `IntegrationMessageQuerySet.lease_ran_out`."""
        return message.state == MessageState.SENDING and message.lease_until <= self.now

    def move(self, invoice: Invoice, name: str) -> None:
        """Make a move that writes a message."""
        getattr(invoice, name)()
        kind = booking_kind(invoice.step)
        earlier = [message for message in self.messages if message.invoice_id == invoice.pk and message.kind == kind]
        invoice.current_message_id = self.write(kind, invoice, *first_state(earlier))
        self.note(f"{name} {invoice.pk}: message {invoice.current_message_id} {self.messages[-1].state}")

    def write(
        self,
        kind: str,
        invoice: Invoice,
        state: MessageState,
        doubtful_until: datetime | None,
        payment_id: int | None = None,
    ) -> int:
        """Mirror `outbox._write`."""
        pk = len(self.messages) + 1
        self.messages.append(
            IntegrationMessage(
                pk=pk,
                invoice_id=invoice.pk,
                payment_id=payment_id,
                kind=kind,
                key=f"k{pk}",
                state=state,
                not_before=self.now,
                doubtful_until=doubtful_until,
                created_at=self.now,
            )
        )
        return pk

    def claim(self, worker: Worker) -> None:
        """Mirror `delivery.claim`."""
        room = worker.breaker.room(3, self.now)
        due = [message for message in self.messages if self.due(message)]
        if worker.breaker.state is not BreakerState.CLOSED and (worker.jobs or worker.calls or worker.results):
            room = 0
        if room == 0:
            self.pause(worker, due)
            return
        leased = lease(self.now, LONGEST_CALL, LONGEST_WRITE)
        for message in due[:room]:
            sends = message.state == MessageState.PENDING
            payment = self.payment_of(message)
            if sends and payment is not None and not payment.is_live:
                raise BrokenPromiseError(f"Payment {payment.pk} came to nothing, and is sent.")
            if sends:
                message.state = MessageState.SENDING
                message.attempt_count += 1
                message.doubtful_until = leased.doubtful_until
            message.lease_until = leased.until
            worker.jobs.append(self.job(message, sends=sends, start_by=leased.start_by))
            self.note(f"claim message {message.pk} to {'send' if sends else 'ask'}")

    def job(self, message: IntegrationMessage, *, sends: bool, start_by: datetime) -> Job:
        """Mirror `delivery._jobs`."""
        nothing: Any = None
        return Job(
            message.pk,
            message.attempt_count if sends else 0,
            0,
            message.attempt_count,
            nothing,
            message.key,
            self.keys(message.invoice_id, message.kind, message.payment_id),
            creates_party=False,
            start_by=start_by.timestamp(),
            claimed_at=self.now,
        )

    def keys(self, invoice_id: int, kind: str, payment_id: int | None = None) -> tuple[str, ...]:
        """Return every key under which a booking may stand."""
        which = (invoice_id, kind, payment_id)
        return tuple(m.key for m in self.messages if (m.invoice_id, m.kind, m.payment_id) == which)

    def pause(self, worker: Worker, due: list[IntegrationMessage]) -> None:
        """Mirror `delivery.explain_pause`."""
        if worker.breaker.until is not None and worker.breaker.until > self.now:
            for message in due:
                message.not_before, message.reason = worker.breaker.until, "not reachable"

    def wake(self) -> None:
        """Mirror `delivery.wake_waiting`."""
        for message in self.messages:
            if message.state == MessageState.PENDING and message.not_before and message.not_before > self.now:
                message.not_before = self.now

    # a worker ------------------------------------------------------------------------------------------------------

    def begin(self, worker: Worker, count: int) -> None:
        """Begin calls: mirror of `lanes.call`, which sends nothing after `start_by`."""
        for job in worker.jobs[:count]:
            message = self.messages[job.message_id - 1]
            which = (message.invoice_id, message.kind)
            if self.now.timestamp() > job.start_by:
                late = ErpError(ErrorKind.UNAVAILABLE, [])
                worker.results.append(Result(job, error=late))
            elif job.is_look_up:
                said = self.erp.look(which, job.keys)
                failed = isinstance(said, ErpError)
                worker.results.append(Result(job, error=said) if failed else Result(job, said))
                self.note(f"look up message {job.message_id}: {'?' if failed else len(said)}")
            else:
                call = self.erp.send(which, job.key, self.now)
                worker.calls.append((job, call))
                self.note(f"call message {job.message_id} attempt {job.attempt}: {call.error}, {call.lands_at}")
        del worker.jobs[:count]

    def end(self, worker: Worker) -> None:
        """See the answers of the calls that are over."""
        over = [one for one in worker.calls if one[1].ends_at <= self.now]
        worker.calls = [one for one in worker.calls if one[1].ends_at > self.now]
        for job, call in over:
            message = self.messages[job.message_id - 1]
            if call.error is not None:
                worker.results.append(Result(job, error=call.error))
            else:
                booking = self.erp.booked((message.invoice_id, message.kind), call.key)
                worker.results.append(Result(job, (booking,)))

    def report(self, worker: Worker) -> None:
        """Mirror `_Drain._report`: settle a group, then move the breaker."""
        results, worker.results = worker.results, []
        if not results:
            return
        self.settle([self.judge(result) for result in results])
        errors = [result.error for result in results if result.error is not None]
        waits = [error.retry_after or SLACK for error in errors if error.kind is ErrorKind.RATE_LIMITED]
        was = worker.breaker
        worker.breaker = self.breaker = was.after_calls(
            [error.kind for error in errors],
            answered=len(errors) < len(results),
            wait=max(waits, default=None),
            now=self.now,
        )
        if was.state is not BreakerState.CLOSED and worker.breaker.state is BreakerState.CLOSED:
            self.wake()

    def judge(self, result: Result) -> Report:
        """Turn a result into a report."""
        job = result.job
        if not job.is_look_up:
            return self.report_call(result)
        message = self.messages[job.message_id - 1]
        bookings = self.unknown_to_us(message, result.bookings)
        return self.report_look_up(job, message, judged(result.error or bookings), bookings)

    def report_call(self, result: Result) -> Report:
        """Report a write; a test of the simulation breaks this."""
        return report_call(result, self.now, self.rng.random())

    def report_look_up(
        self, job: Job, message: IntegrationMessage, found: Found, bookings: tuple[Booking, ...]
    ) -> Report:
        """Report a look-up; a test of the simulation breaks this."""
        ours = bookings[0] if found is Found.OURS else None
        return replace(report_look_up(job, message, found, ours, self.now, self.rng.random()), reason="looked up")

    def settle(self, reports: list[Report]) -> None:
        """Mirror `outbox.settle`."""
        for report in reports:
            message = self.messages[report.message_id - 1]
            was = message.state
            invoice = self.invoices[message.invoice_id - 1]
            apply_report(report, message, invoice, self.now, self.payment_of(message))
            self.note(f"report {report.state} of message {message.pk}: {was} → {message.state}")

        self.push_after([self.messages[report.message_id - 1] for report in reports])

    def sweep(self, worker: Worker) -> None:
        """Read what dead workers left; the reports are settled in a step of their own."""
        lost = [message for message in self.messages if self.lost(message)]
        worker.swept += [replace(report_lost_worker(message, self.now), reason="lost worker") for message in lost]

    def report_swept(self, worker: Worker) -> None:
        """Settle what was swept."""
        reports, worker.swept = worker.swept, []
        self.settle(reports)

    def crash(self, worker: Worker) -> None:
        """Lose all that is in memory; the ERP goes on with what it was sent."""
        worker.jobs, worker.calls, worker.results, worker.swept = [], [], [], []
        worker.breaker = self.breaker
        self.note(f"worker {self.workers.index(worker)} dies")

    # people --------------------------------------------------------------------------------------------------------

    def approve(self, invoice: Invoice) -> None:
        """Press Approve."""
        if invoice.step == Step.APPROVAL:
            self.move(invoice, "approve")

    def abort(self, invoice: Invoice) -> None:
        """Press Abort integration message."""
        if invoice.step not in INTEGRATION_STEPS:
            return
        message = self.messages[invoice.current_message_id - 1]
        if message.is_open:
            mark_aborted(message, WORDS, self.now)
        invoice.stop()
        self.note(f"abort {invoice.pk}")

    def skip(self, invoice: Invoice) -> None:
        """Press Skip: with the voucher that is offered, or seldom with one that somebody typed."""
        if invoice.step not in ERROR_STEPS:
            return
        kind = booking_kind(invoice.step)
        said = self.evidence.get((invoice.pk, kind))
        late = [m.voucher for m in self.messages if m.invoice_id == invoice.pk and m.kind == kind and m.voucher]
        voucher = late[-1] if late else said.voucher if said else ""
        if not voucher and self.rng.random() < 0.2:
            voucher = f"TYPED-{invoice.pk}"
            self.typed.add(voucher)
        if voucher:
            name = "preliminary_voucher" if kind == MessageKind.BOOK_PRELIMINARY else "final_voucher"
            setattr(invoice, name, voucher)
            invoice.remote_id = invoice.remote_id if voucher in self.typed else voucher
            invoice.skip()
            if invoice.step == Step.BOOKED:
                invoice.begin_payment()
            self.note(f"skip {invoice.pk} with {voucher}")

    def ask(self, invoice: Invoice) -> None:
        """Press Look up: the ERP is asked now, the answer is written down in a later step."""
        self.ask_about(self.messages[invoice.current_message_id - 1])

    def ask_about(self, message: IntegrationMessage) -> None:
        """Ask the ERP about a message."""
        which = (message.invoice_id, message.kind)
        said = self.erp.look(which, self.keys(*which, message.payment_id))
        self.questions.append(Question(self.invoices[message.invoice_id - 1], copy(message), self.now, said))

    def hear(self) -> None:
        """Write down what the ERP said; where the outcome was unknown, it decides."""
        if not self.questions:
            return
        question = self.questions.pop(self.rng.randrange(len(self.questions)))
        message = question.message
        bookings = () if isinstance(question.said, ErpError) else self.unknown_to_us(message, question.said)
        found = judged(question.said if isinstance(question.said, ErpError) else bookings)
        voucher = bookings[0].voucher if found is Found.OURS else ""
        self.evidence[question.invoice.pk, message.kind] = Said(found, question.asked_at, voucher)
        if message.state == MessageState.UNKNOWN and found is not Found.COULD_NOT_ASK:
            job = replace(self.job(message, sends=False, start_by=self.now), claimed_at=question.asked_at)
            self.settle([self.report_look_up(job, message, found, bookings)])

    def post_again(self, invoice: Invoice) -> None:
        """Press Post again: refused unless the ERP has just said that it does not have it."""
        if invoice.step not in ERROR_STEPS:
            return
        said = self.evidence.get((invoice.pk, booking_kind(invoice.step)))
        if said is None:
            self.ask(invoice)
        elif said.found is Found.NOTHING and said.asked_at >= self.now - EVIDENCE_LASTS:
            self.move(invoice, "post_again")

    # one step ------------------------------------------------------------------------------------------------------

    def some_worker(self) -> Worker:
        """Choose a worker, of those that are awake."""
        return self.awake[int(self.rng.random() * len(self.awake))]

    def some_invoice(self) -> Invoice:
        """Choose an invoice."""
        return self.invoices[int(self.rng.random() * len(self.invoices))]

    def wait_a_moment(self) -> None:
        """Let up to two seconds pass."""
        self.pass_time(timedelta(seconds=2 * self.rng.random()))

    def wait_long(self) -> None:
        """Let up to a minute pass."""
        self.pass_time(timedelta(seconds=60 * self.rng.random()))

    def turn_erp(self) -> None:
        """Let the ERP come back, or seldom go down."""
        self.erp.is_down = not self.erp.is_down and self.rng.random() < 0.3

    def nap(self) -> None:
        """Let one worker stand still where it is, or wake up."""
        self.awake = self.rng.choice((self.workers, self.workers[:1], self.workers[1:]))


def judged(said: tuple[Booking, ...] | ErpError) -> Found:
    """Mirror `documents.judge`: every booking here is of the right amount and party."""
    if isinstance(said, ErpError):
        return Found.COULD_NOT_ASK
    return Found.NOTHING if not said else Found.OURS if len(said) == 1 else Found.OTHERWISE


TABLE = (
    (16, lambda world: world.claim(world.some_worker())),
    (22, lambda world: world.begin(world.some_worker(), 1)),
    (14, lambda world: world.end(world.some_worker())),
    (14, lambda world: world.report(world.some_worker())),
    (4, lambda world: world.sweep(world.some_worker())),
    (4, lambda world: world.report_swept(world.some_worker())),
    (1, lambda world: world.crash(world.some_worker())),
    (20, World.wait_a_moment),
    (1, World.wait_long),
    (1, World.turn_erp),
    (2, World.nap),
    (4, lambda world: world.approve(world.some_invoice())),
    (0.5, lambda world: world.abort(world.some_invoice())),
    (0.5, lambda world: world.skip(world.some_invoice())),
    (2, lambda world: world.ask(world.some_invoice())),
    (2, World.hear),
    (3, lambda world: world.post_again(world.some_invoice())),
    (4, lambda world: world.record(world.some_invoice())),
    (2, World.succeed),
    (1, World.end_payment),
    (2, World.ask_payment),
    (0.5, lambda world: world.push_next(world.some_invoice(), again=True)),
)
WEIGHTS = tuple(weight for weight, _action in TABLE)
ACTIONS = tuple(action for _weight, action in TABLE)
