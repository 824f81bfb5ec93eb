"""Payments on receivables: recording, settling, failing and voiding them, and taking what the ERP has (DESIGN §4).

Recorded here means that the ERP is told: the message is written in the transaction that makes the payment count. An
invoice's `paid` is the sum of its payments that are applied; `invoices.models.payment.counts` is the one rule of that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices import clock
from invoices.actions.outbox import mark_aborted, note_stuck_payments, payment_facts, push_next_payment, set_paid
from invoices.actions.payments import refuse_amount
from invoices.actions.taking import require_reason, take_invoice, wrong_step
from invoices.errors import BadInput, Conflict, NotThere
from invoices.events import facts, record
from invoices.models import Event, IntegrationMessage, Invoice, Payment
from invoices.models.payment import counts
from invoices.permissions import NOT_THERE
from invoices.roles import Right
from invoices.workflow import LIVE_PAYMENT_STATES, Direction, MessageKind, MessageState, PaymentState, Step, may_move

HERE: Final = "by hand"
ERP: Final = "ERP"
REFERENCE_LENGTH: Final = 200
KEPT: Final = ("remote_id", "pushed_at", "gone_at", "is_applied", "failure_reason")  # what the ERP's list changes


def may_record(invoice: Invoice) -> bool:
    """Say whether a payment can be recorded on the invoice now."""
    return invoice.direction == Direction.RECEIVABLE and invoice.step == Step.BOOKED and not invoice.is_archived


@transaction.atomic
def record_payment(
    invoice_id: int,
    *,
    by: User | None,
    amount: Decimal,
    method: str,
    state: str = PaymentState.SUCCEEDED,
    paid_on: date | None = None,
    reference: str = "",
    reason: str = "",
) -> Payment:
    """Record a payment, authorized or succeeded, of at most the open balance (invoice's currency) on a receivable.

    It is pushed at once if it counts. Raises Conflict for a payable, whose payments the ERP tells, and before booking.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.RECORD_PAYMENT)
    _require_receivable(invoice)
    if invoice.is_archived:
        raise Conflict(_("It is archived: restore it first."))
    if method not in Payment.Method.values:
        raise BadInput({"method": _("Choose ach, card, check, transfer or other.")})
    if state not in LIVE_PAYMENT_STATES:
        raise BadInput({"state": _("Choose authorized or succeeded: others come later.")})
    if len(reference) > REFERENCE_LENGTH or not reference.isprintable():
        raise BadInput({"reference": _("A reference has at most 200 printable characters.")})
    refuse_amount(invoice, amount, "")
    before = facts(invoice)
    payment = Payment(
        invoice=invoice,
        amount=amount,
        currency=invoice.currency,
        method=method,
        state=state,
        source=HERE,
        reference=reference.strip(),
        paid_on=paid_on or timezone.now().date(),
        is_recorded_here=True,
        created_by=by,
    )
    payment.is_applied = counts(payment, invoice.client.submits_authorized_ach)
    payment.save()
    _count_again(invoice)
    push_next_payment(invoice)
    record(invoice, "record_payment", by=by, reason=reason, before=before, evidence=payment_facts(payment))
    return payment


@transaction.atomic
def settle_payment(payment_id: int, *, by: User | None, reason: str = "") -> Payment:
    """Note that an authorized payment succeeded. Raises Conflict if by now it is more than the open balance."""
    invoice, payment = _take_payment(payment_id, by=by)
    _require_move(payment, payment.succeed)
    before = facts(invoice)
    payment.succeed()
    if not payment.is_applied:
        if payment.amount > invoice.balance:
            raise Conflict(_("The payment is more than what is open by now: void another one first."))
        payment.is_applied = counts(payment, invoice.client.submits_authorized_ach)
    payment.save(update_fields=["state", "is_applied"])
    _count_again(invoice)
    push_next_payment(invoice)
    record(invoice, "settle_payment", by=by, reason=reason, before=before, evidence=payment_facts(payment))
    return payment


@transaction.atomic
def fail_payment(payment_id: int, *, by: User | None, reason: str) -> Payment:
    """Note that a payment failed or was returned. What the ERP has already keeps counting until it is deleted there."""
    invoice, payment = _take_payment(payment_id, by=by)
    _require_move(payment, payment.fail)
    return _end(invoice, payment, payment.fail, "fail_payment", by=by, reason=reason)


@transaction.atomic
def void_payment(payment_id: int, *, by: User | None, reason: str) -> Payment:
    """Take back a payment that should not have been recorded; the ERP's own copy must be deleted there."""
    invoice, payment = _take_payment(payment_id, by=by)
    _require_move(payment, payment.void)
    return _end(invoice, payment, payment.void, "void_payment", by=by, reason=reason)


@transaction.atomic
def push_waiting_payments(invoice_id: int, *, by: User | None) -> Invoice:
    """Push what of an invoice's payments waits: by the client's preference of today, and what the ERP refused before.

    Re-sync and every sync call it. Writes a line only if the balance changes by it; a payable is left alone.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    if not may_record(invoice):
        return invoice
    before = facts(invoice)
    applied = []
    for payment in invoice.payments.unpushed().filter(is_applied=False, state=PaymentState.AUTHORIZED):
        if counts(payment, invoice.client.submits_authorized_ach) and payment.amount <= invoice.balance:
            payment.is_applied = True
            payment.save(update_fields=["is_applied"])
            _count_again(invoice)
            applied.append(payment.pk)
    push_next_payment(invoice, again=True)
    if applied:
        record(invoice, "apply_payments", by=by, before=before, evidence={"payment_ids": applied})
    return invoice


# what the ERP has -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemotePaymentFacts:
    """A payment as the ERP has it; `key` is ours where the ERP keeps it."""

    remote_id: str
    amount: Decimal
    currency: str
    paid_on: date | None
    key: str = ""


@transaction.atomic
def take_remote_payments(
    invoice_id: int,
    payments: Sequence[RemotePaymentFacts],
    *,
    by: User | None = None,
    asked_at: datetime | None = None,
) -> bool:
    """Make our payments on a receivable what the ERP has: `payments` are all that it has for the invoice.

    What is unknown here is added, what is ours is recognised by key or id, and what was there and is gone no longer
    counts. What was pushed after `asked_at`, when the ERP was asked, is left alone. Where the ERP's payments leave no
    room for one of ours that it does not have, the ERP's win. Returns whether anything changed; if not, nothing is
    written.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    _require_receivable(invoice)
    before = facts(invoice)
    known = list(invoice.payments.select_for_update().order_by("pk"))
    were = [_kept(payment) for payment in known]
    changes: dict[str, list[int]] = {"recognised": [], "added": [], "gone": [], "no_room": []}
    there: list[Payment] = []
    moment = clock.now()
    for facts_there in payments:
        payment = _recognise(facts_there, known, there)
        if payment is None:
            payment = _add(invoice, facts_there, moment)
            changes["added"].append(payment.pk)
        else:
            if payment.pushed_at is None or payment.gone_at is not None:
                payment.remote_id, payment.pushed_at, payment.gone_at = facts_there.remote_id, moment, None
                changes["recognised"].append(payment.pk)
            payment.failure_reason = "" if payment.is_live else payment.failure_reason
            payment.is_applied = True
        there.append(payment)
    for payment in known:
        is_judged = payment.pushed_at is not None and (asked_at is None or payment.pushed_at <= asked_at)
        if payment not in there and is_judged and payment.gone_at is None:
            payment.gone_at, payment.is_applied = moment, False
            payment.failure_reason = payment.failure_reason or _("deleted in the ERP")
            changes["gone"].append(payment.pk)
    changes["no_room"] = _make_room(invoice, known, there)
    if not changes["added"] and were == [_kept(payment) for payment in known]:
        return False
    for payment in {payment.pk: payment for payment in (*known, *there)}.values():
        payment.save(update_fields=KEPT)
    _count_again(invoice)
    record(
        invoice,
        "take_remote_payments",
        by=by,
        before=before,
        level=Event.Level.WARNING if changes["gone"] or changes["no_room"] else Event.Level.INFO,
        evidence=changes,
    )
    note_stuck_payments(invoice)
    return True


def _kept(payment: Payment) -> tuple[object, ...]:
    return tuple(getattr(payment, name) for name in KEPT)


def _recognise(told: RemotePaymentFacts, known: Sequence[Payment], taken: Sequence[Payment]) -> Payment | None:
    """Return our row of a payment in the ERP: by its id, by the key of one of its messages, or as told by the gate."""
    free = [payment for payment in known if payment not in taken]
    by_id = next((payment for payment in free if payment.remote_id == told.remote_id), None)
    if by_id is not None:
        return by_id
    unnamed = [payment for payment in free if not payment.remote_id and payment.currency == told.currency]
    if told.key:
        owner = IntegrationMessage.objects.filter(key=told.key).values_list("payment_id", flat=True).first()
        by_key = next((payment for payment in unnamed if payment.pk == owner), None)
        if by_key is not None:
            return by_key
    same = (payment for payment in unnamed if payment.amount == told.amount and not payment.is_recorded_here)
    return next(same, None)


def _add(invoice: Invoice, told: RemotePaymentFacts, moment: datetime) -> Payment:
    if told.currency != invoice.currency:
        raise BadInput(
            {
                "currency": _("The invoice is in %(ours)s, the amount in %(theirs)s.")
                % {"ours": invoice.currency, "theirs": told.currency}
            }
        )
    return Payment.objects.create(
        invoice=invoice,
        amount=told.amount,
        currency=told.currency,
        state=PaymentState.SUCCEEDED,
        source=ERP,
        paid_on=told.paid_on,
        remote_id=told.remote_id,
        pushed_at=moment,
    )


def _make_room(invoice: Invoice, known: Sequence[Payment], there: Sequence[Payment]) -> list[int]:
    """Leave out what goes above the total, first of what the ERP does not have; return the ids of what was left out."""
    added = [payment for payment in there if payment not in known]
    applied = [payment for payment in (*known, *added) if payment.is_applied]
    too_much = sum((payment.amount for payment in applied), Decimal(0)) - invoice.total
    left_out = []
    for payment in sorted(applied, key=lambda payment: (payment in there, -payment.pk)):
        if too_much <= 0:
            break
        too_much -= payment.amount
        payment.is_applied = False
        payment.failure_reason = _("more than the open balance")
        left_out.append(payment.pk)
    return left_out


# what the verbs have in common ----------------------------------------------------------------------------------------


def _require_receivable(invoice: Invoice) -> None:
    if invoice.direction != Direction.RECEIVABLE:
        raise Conflict(_("Payments of a payable are made in the ERP, which tells of them: record this one there."))
    if invoice.step != Step.BOOKED:
        raise wrong_step(invoice)


def _require_move(payment: Payment, move: Callable[[], None]) -> None:
    if not may_move(move):
        raise Conflict(
            _("The payment is %(state)s, from which this is not possible. Look at the page again: it has moved.")
            % {"state": payment.get_state_display()}
        )


def _take_payment(payment_id: int, *, by: User | None) -> tuple[Invoice, Payment]:
    """Return a payment recorded here and its invoice, both locked, the invoice first."""
    owner = Payment.objects.filter(pk=payment_id).values_list("invoice_id", flat=True).first()
    if owner is None:
        raise NotThere(NOT_THERE)
    invoice = take_invoice(owner, by=by, right=Right.RECORD_PAYMENT)
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    payment.invoice = invoice
    _require_receivable(invoice)
    if not payment.is_recorded_here:
        raise Conflict(_("The ERP told of this payment: change it there; the next sync brings it here."))
    return invoice, payment


def _end(
    invoice: Invoice, payment: Payment, move: Callable[[], None], action: str, *, by: User | None, reason: str
) -> Payment:
    """Let a payment fail or void it: an unsent message is aborted, and what the ERP may have keeps counting."""
    reason = require_reason(reason)
    before = facts(invoice)
    rows = IntegrationMessage.objects.select_for_update().filter(payment=payment, kind=MessageKind.PUSH_PAYMENT)
    message = rows.open().first()
    if message is not None and message.state == MessageState.PENDING:  # pending means: certainly not in the ERP
        mark_aborted(message, reason, clock.now())
        message.save(update_fields=["state", "reason", "not_before", "settled_at"])
    move()
    payment.failure_reason = reason[:500]
    is_on_its_way = message is not None and message.is_open
    payment.is_applied = counts(payment, invoice.client.submits_authorized_ach, is_on_its_way=is_on_its_way)
    payment.save(update_fields=["state", "failure_reason", "is_applied"])
    _count_again(invoice)
    push_next_payment(invoice)
    record(
        invoice,
        action,
        by=by,
        reason=reason,
        before=before,
        level=Event.Level.WARNING if payment.failed_after_push else Event.Level.INFO,
        evidence={**payment_facts(payment), "message_id": message.pk if message else None},
    )
    note_stuck_payments(invoice)
    return payment


def _count_again(invoice: Invoice) -> None:
    """Set what is paid to the sum of the payments that are applied, and the status with it."""
    applied = invoice.payments.filter(is_applied=True).values_list("amount", flat=True)
    set_paid(invoice, sum(applied, Decimal(0)))
