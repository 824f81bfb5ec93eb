"""The outbox: writing a message with its step change, and taking what delivery learned about it.

Rooms above subscribe to be told, after commit, that a client has something to deliver. Lock order everywhere: the
invoice first, then its message.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from invoices import clock
from invoices.bulk import insert_rows, select_rows, update_rows
from invoices.events import compose, facts, plain
from invoices.faults import fault
from invoices.models import Attempt, Event, IntegrationMessage, Invoice, Payment
from invoices.models.payment import counts
from invoices.workflow import BOOKING_KINDS, MessageKind, MessageState, Step, booking_kind

log = structlog.get_logger(__name__)
PAYMENT_FIELDS: Final = ("remote_id", "pushed_at", "is_applied")
_subscribers: list[Callable[[int], None]] = []
MESSAGE_FIELDS: Final = (
    "state",
    "not_before",
    "lease_until",
    "doubtful_until",
    "reason",
    "complaints",
    "voucher",
    "posting_date",
    "remote_id",
    "settled_at",
    "look_up_count",
)


def subscribe(callback: Callable[[int], None]) -> None:
    """Have `callback(client_id)` called after each commit that wrote a message."""
    _subscribers.append(callback)


def _tell(client_id: int) -> None:
    for callback in _subscribers:
        callback(client_id)


def tell_after_commit(client_id: int) -> None:
    """Wake delivery once the transaction is in; a queue that is down must not undo the commit, so errors are logged."""
    transaction.on_commit(lambda: _tell(client_id), robust=True)


def write_message(invoice: Invoice) -> IntegrationMessage:
    """Write the message for the integration step that the invoice just entered, and point the invoice at it.

    Where an earlier message of this booking may have arrived, the new one begins as `unknown`: the ERP is asked before
    anything is sent, and "not found" is believed only once the earlier one cannot arrive any more.
    """
    kind = booking_kind(invoice.step)
    message = _write(invoice, kind, IntegrationMessage.objects.filter(invoice=invoice, kind=kind))
    invoice.current_message = message
    return message


def write_payment_message(payment: Payment) -> IntegrationMessage:
    """Write the message that pushes a payment; its invoice, which is locked, must be in the ERP and have none open."""
    return _write(payment.invoice, MessageKind.PUSH_PAYMENT, payment.messages.all(), payment)


def push_next_payment(invoice: Invoice, *, again: bool = False) -> IntegrationMessage | None:
    """Write the message for the oldest payment that waits to be pushed, one at a time for each invoice.

    Waits while the invoice has no id in the ERP. What the ERP refused goes out `again` only if a person asks for it.
    """
    if not invoice.remote_id or invoice.messages.filter(kind=MessageKind.PUSH_PAYMENT).open().exists():
        return None
    preference = invoice.client.submits_authorized_ach
    for payment in invoice.payments.unpushed().filter(is_applied=True):
        if counts(payment, preference) and (again or not payment.messages.exists()):
            payment.invoice = invoice
            return write_payment_message(payment)
    return None


def note_stuck_payments(invoice: Invoice, moment: datetime | None = None) -> None:
    """Keep since when a payment of the locked invoice needs a person, which is where the desk finds it.

    One does whose push was refused, or is in doubt or given up and goes on by itself no more; so does one that came to
    nothing after it was pushed. One that is tried again stays until it is heard what became of it.
    """
    since = (invoice.payment_stuck_since or moment or clock.now()) if _has_stuck_payment(invoice) else None
    if since != invoice.payment_stuck_since:
        invoice.payment_stuck_since = since
        invoice.save(update_fields=["payment_stuck_since"])


def _has_stuck_payment(invoice: Invoice) -> bool:
    latest = invoice.messages.filter(payment__isnull=False).order_by().values("payment_id")
    stopped = IntegrationMessage.objects.filter(invoice=invoice).stopped_pushes()
    return (
        stopped.filter(pk__in=latest.annotate(latest=Max("pk")).values("latest")).exists()
        or invoice.payments.failed_after_push().exists()
    )


def _write(
    invoice: Invoice, kind: MessageKind, earlier: Iterable[IntegrationMessage], payment: Payment | None = None
) -> IntegrationMessage:
    state, doubtful_until = first_state(earlier)
    moment = clock.now()
    message = IntegrationMessage.objects.create(
        client_id=invoice.client_id,
        invoice=invoice,
        payment=payment,
        kind=kind,
        key=uuid.uuid4().hex,
        state=state,
        not_before=moment,
        created_at=moment,
        doubtful_until=doubtful_until,
    )
    tell_after_commit(invoice.client_id)
    return message


def first_state(earlier: Iterable[IntegrationMessage]) -> tuple[MessageState, datetime | None]:
    """Return how a message begins after these of the same booking, and until when one of them may still arrive."""
    doubtful = [
        message
        for message in earlier
        if message.attempt_count and (message.state != MessageState.REFUSED or message.doubtful_until is not None)
    ]
    latest = max((message.doubtful_until for message in doubtful if message.doubtful_until is not None), default=None)
    return (MessageState.UNKNOWN if doubtful else MessageState.PENDING), latest


def abort_open_message(invoice: Invoice, reason: str) -> IntegrationMessage | None:
    """Mark the invoice's open message aborted, and return it; what the ERP does with it is not changed by that."""
    rows = IntegrationMessage.objects.select_for_update().filter(invoice=invoice, kind__in=BOOKING_KINDS)
    message = rows.open().first()
    if message is not None:
        mark_aborted(message, reason, clock.now())
        message.save(update_fields=["state", "reason", "not_before", "settled_at"])
    return message


def mark_aborted(message: IntegrationMessage, reason: str, moment: datetime) -> None:
    """Take a message out of delivery; until when it may still arrive stays on it."""
    message.state = MessageState.ABORTED
    message.reason = reason
    message.not_before = None
    message.settled_at = moment


@dataclass(frozen=True, slots=True)
class Report:
    """What delivery learned about one message, and what it decided."""

    message_id: int
    state: MessageState
    attempt: int | None = None  # the attempt that learned it; of a look-up: the last one when the ERP was asked
    attempt_id: int | None = None  # its row, completed by `completed`
    only_if_leased_until: datetime | None = None  # said by the sweeper: nobody has reported meanwhile
    not_before: datetime | None = None
    keeps_doubt: bool = False  # the attempt may still arrive
    looked_up: bool = False
    reason: str = ""
    complaints: tuple[dict[str, str], ...] = ()
    voucher: str = ""
    posting_date: date | None = None
    remote_id: str = ""
    completed: dict[str, Any] = field(default_factory=dict)  # fields of the attempt row


@transaction.atomic
def settle(reports: Sequence[Report], *, by: User | None = None) -> list[MessageState]:
    """Take what delivery learned: move messages and invoices, complete the attempts, write the log.

    Looks again at what changed meanwhile: the answer to an aborted message is kept as evidence and moves nothing, and
    an old attempt's bad news does not undo a newer one's. Returns the state of each report's message afterwards.
    """
    if not reports:
        return []
    ids = {report.message_id for report in reports}
    owners = IntegrationMessage.objects.filter(pk__in=ids).values_list("invoice_id", flat=True).order_by()
    invoices = {invoice.pk: invoice for invoice in select_rows(Invoice, "id", set(owners), lock=True)}
    messages = {message.pk: message for message in select_rows(IntegrationMessage, "id", ids, lock=True)}
    paid = {message.payment_id for message in messages.values() if message.payment_id is not None}
    payments = {payment.pk: payment for payment in select_rows(Payment, "id", paid, lock=True)}
    moment = clock.now()
    events: list[Event] = []
    touched: dict[int, set[str]] = {}
    for report in reports:
        message = messages[report.message_id]
        invoice = invoices[message.invoice_id]
        before = facts(invoice)
        payment = payments.get(message.payment_id or 0)
        line = apply_report(report, message, invoice, moment, payment)
        if line is not None:
            event, fields = compose(
                invoice,
                line.action,
                by=by,
                before=before,
                reason=line.reason,
                level=line.level,
                evidence={"message_id": message.pk, **(payment_facts(payment) if payment else {}), **line.evidence},
                at=moment,
            )
            events.append(event)
            touched.setdefault(invoice.pk, set()).update(fields)
    fault("before_report_commit")
    _save(list(messages.values()), [invoices[pk] for pk in touched], sorted(set().union(*touched.values())), events)
    update_rows(list(payments.values()), PAYMENT_FIELDS)
    _complete_attempts(reports)
    for message in messages.values():
        payment = payments.get(message.payment_id or 0)
        if payment is not None:
            invoice = invoices[message.invoice_id]
            if not message.is_open:
                push_next_payment(invoice)
            is_well = message.state == MessageState.CONFIRMED and payment.is_live
            if not is_well or invoice.payment_stuck_since is not None:
                note_stuck_payments(invoice, moment)
    for report in reports if log.isEnabledFor(logging.INFO) else ():
        message = messages[report.message_id]
        log.info(
            "message reported", invoice=invoices[message.invoice_id].number, message_id=message.pk, state=message.state
        )
    return [MessageState(messages[report.message_id].state) for report in reports]


@dataclass(frozen=True, slots=True)
class Line:
    """What to write into the log about a report."""

    action: str
    reason: str
    level: Event.Level
    evidence: dict[str, Any]


def payment_facts(payment: Payment) -> dict[str, Any]:
    """Return a payment as the log's evidence has it."""
    names = ("amount", "currency", "method", "state", "reference", "remote_id")
    return {"payment_id": payment.pk, **{name: plain(getattr(payment, name)) for name in names}}


def apply_report(
    report: Report,
    message: IntegrationMessage,
    invoice: Invoice,
    moment: datetime,
    payment: Payment | None = None,
) -> Line | None:
    """Move one message and its invoice, or the payment that it pushes; all are locked.

    Returns the line to write, if anything worth a line happened. A payment never moves the invoice's step. Saves
    nothing: the seeded simulation runs it without a database.
    """
    if not message.is_open:
        return _take_late(report, message)
    if report.attempt is not None and report.attempt < message.attempt_count and report.state != MessageState.CONFIRMED:
        return None
    if report.looked_up and message.state != MessageState.UNKNOWN and report.state != MessageState.CONFIRMED:
        return None  # it was asked about before it was sent again: what was not there then says nothing now
    if report.only_if_leased_until is not None and message.lease_until != report.only_if_leased_until:
        return None
    was = message.state
    message.state = report.state
    message.not_before = report.not_before
    message.lease_until = None
    message.reason = report.reason
    message.complaints = list(report.complaints)
    message.look_up_count += int(report.looked_up)
    if not report.keeps_doubt:
        message.doubtful_until = None
    found = {"voucher": report.voucher, "remote_id": report.remote_id}
    if report.state == MessageState.CONFIRMED:
        _take_booking(report, message)
        message.settled_at = moment
        if payment is not None:
            payment.remote_id, payment.pushed_at = report.remote_id, payment.pushed_at or moment
            level = Event.Level.INFO if payment.is_live else Event.Level.WARNING
            return Line("payment_pushed", report.reason, level, {"remote_id": report.remote_id})
        _book(report, message, invoice)
        return Line("confirm", report.reason, Event.Level.INFO, found)
    if report.state == MessageState.REFUSED:
        message.settled_at = moment
        said = {"complaints": list(report.complaints)}
        if payment is not None:
            drop_if_dead(payment, invoice)
            return Line("payment_push_refused", report.reason, Event.Level.ERROR, said)
        invoice.stop()
        return Line("refuse", report.reason, Event.Level.ERROR, said)
    if report.state == MessageState.PENDING and payment is not None and not payment.is_live:
        mark_aborted(message, report.reason or payment.failure_reason, moment)
        drop_if_dead(payment, invoice)
        return Line("payment_not_sent", message.reason, Event.Level.INFO, {})
    if report.state == MessageState.UNKNOWN and was != MessageState.UNKNOWN:
        return Line("lose_answer", report.reason, Event.Level.WARNING, {})
    if report.state == MessageState.UNKNOWN and report.not_before is None:
        return Line("need_person", report.reason, Event.Level.ERROR, {})
    return None


def drop_if_dead(payment: Payment, invoice: Invoice) -> None:
    """Take a payment that came to nothing, and that is certainly not in the ERP, off the balance."""
    if not payment.is_live and payment.is_applied:
        payment.is_applied = False
        set_paid(invoice, invoice.paid - payment.amount)


def set_paid(invoice: Invoice, paid: Decimal) -> None:
    """Set what is paid of a receivable, and move its status accordingly."""
    was, invoice.paid = invoice.paid, paid
    if paid == was:
        return
    if paid == 0:
        invoice.take_back_all()
    elif paid < was:
        invoice.take_back_part()
    elif paid == invoice.total:
        invoice.pay_in_full()
    else:
        invoice.pay_part()


def _take_booking(report: Report, message: IntegrationMessage) -> None:
    message.voucher = report.voucher
    message.posting_date = report.posting_date
    message.remote_id = report.remote_id


def _book(report: Report, message: IntegrationMessage, invoice: Invoice) -> None:
    """Put the ERP's voucher on the invoice and let it go on."""
    invoice.remote_id = report.remote_id or invoice.remote_id
    if message.kind == MessageKind.BOOK_PRELIMINARY:
        invoice.preliminary_voucher = report.voucher
        invoice.preliminary_posting_date = report.posting_date
    else:
        invoice.final_voucher = report.voucher
        invoice.final_posting_date = report.posting_date
    invoice.confirm()
    if invoice.step == Step.BOOKED:
        invoice.begin_payment()


def _take_late(report: Report, message: IntegrationMessage) -> Line | None:
    """Keep an answer to a message that nobody waits for any more; the step does not move."""
    if report.state == MessageState.CONFIRMED and message.voucher != report.voucher:
        known = message.voucher
        evidence = {"voucher": report.voucher, "remote_id": report.remote_id}
        if known:
            return Line("find_second_booking", report.reason, Event.Level.ERROR, {**evidence, "known": known})
        _take_booking(report, message)
        return Line("book_after_abort", report.reason, Event.Level.WARNING, evidence)
    if report.attempt == message.attempt_count and not report.keeps_doubt:
        message.doubtful_until = None
    return None


def _save(messages: list[IntegrationMessage], invoices: list[Invoice], fields: list[str], events: list[Event]) -> None:
    update_rows(messages, MESSAGE_FIELDS)
    update_rows(invoices, fields)
    insert_rows(events)


def _complete_attempts(reports: Sequence[Report]) -> None:
    attempts = [Attempt(pk=report.attempt_id, **report.completed) for report in reports if report.attempt_id]
    if attempts:
        fields = ["duration_ms", "outcome", "response", "error_kind", "complaints", "trace_id"]
        update_rows(attempts, fields)
