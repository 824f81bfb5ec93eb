"""The payment side of a booked invoice: what the ERP or a manager says of its status (DESIGN §4, §7)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from invoices.actions.taking import require_reason, take_invoice
from invoices.bulk import new_row
from invoices.errors import BadInput, Conflict
from invoices.events import compose, facts, record
from invoices.models import Event, Invoice, Payment
from invoices.money import LARGEST, is_exact, shown
from invoices.roles import Right
from invoices.workflow import PaymentState, Status, Step, may_move


class Update(StrEnum):
    """What a status update says of an invoice."""

    PAID = "paid"
    PROCESSING_PAYMENT = "processing_payment"
    DENIED = "denied"
    FAILED_ERP_VALIDATION = "failed_erp_validation"
    NOTED = "noted"  # recorded, moves nothing


class Effect(StrEnum):
    """What a status update did."""

    APPLIED = "applied"
    ALREADY_THERE = "already_there"


GOALS: Final[dict[Update, Status]] = {
    Update.PAID: Status.PAID,
    Update.PROCESSING_PAYMENT: Status.PROCESSING_PAYMENT,
    Update.DENIED: Status.DENIED,
    Update.FAILED_ERP_VALIDATION: Status.FAILED_ERP_VALIDATION,
}


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """One thing said of one invoice; `amount` (in `currency`) is what was paid, absent: all that is open."""

    update: Update
    source: str  # who said it, e.g. the cXML sender
    reference: str = ""  # their name for the message
    amount: Decimal | None = None
    currency: str = ""
    reason: str = ""
    replayed_message: int | None = None  # where a person had one judged again that was refused


@transaction.atomic
def update_status(invoice_id: int, update: StatusUpdate, *, by: User | None) -> Effect:
    """Take what the ERP says of an invoice's status.

    Raises Conflict when the invoice's status does not allow it, BadInput for an amount that does not fit the balance.
    """
    return apply_update(take_invoice(invoice_id, by=by, right=Right.SET_STATUS), update, by=by)


@dataclass(frozen=True, slots=True)
class Change:
    """What an update makes of an invoice, ready to be saved: the invoice's fields, its line of the log, a payment."""

    invoice: Invoice
    fields: tuple[str, ...]
    event: Event
    payment: Payment | None


def apply_update(invoice: Invoice, update: StatusUpdate, *, by: User | None) -> Effect:
    """Do what `update_status` does on an invoice that the caller has locked, and for a person who was checked."""
    change = compose_update(invoice, update, by=by)
    if change is None:
        return Effect.ALREADY_THERE
    if change.payment is not None:
        change.payment.save()
    invoice.save(update_fields=change.fields)
    change.event.save()
    return Effect.APPLIED


def compose_update(invoice: Invoice, update: StatusUpdate, *, by: User | None) -> Change | None:
    """Return what the update makes of the invoice, nothing of it saved; None where it is so already.

    Raises what `update_status` raises. The invoice must be locked, or be saved only if its log has not grown since.
    """
    before = facts(invoice)
    effect, payment = _apply(invoice, update)
    if effect is Effect.ALREADY_THERE:
        return None
    event, fields = compose(
        invoice,
        f"status_{update.update}",
        by=by,
        reason=update.reason,
        before=before,
        level=Event.Level.WARNING if update.update is Update.FAILED_ERP_VALIDATION else Event.Level.INFO,
        evidence={
            "source": update.source,
            "reference": update.reference,
            "amount": update.amount,
            "currency": update.currency,
            **({"replayed_message": update.replayed_message} if update.replayed_message else {}),
        },
    )
    return Change(invoice, tuple(fields), event, payment)


def is_there(invoice: Invoice, update: Update) -> bool:
    """Say whether the invoice's status is already what the update would make it."""
    return update in GOALS and bool(invoice.status == GOALS[update])


def may_take(invoice: Invoice, update: Update) -> bool:
    """Say whether the invoice's status allows the update; what is only noted goes with anything that was booked."""
    if update is Update.NOTED:
        return bool(invoice.status != Status.NONE)
    return may_move(
        {
            Update.PAID: invoice.pay_in_full,
            Update.PROCESSING_PAYMENT: invoice.process_payment,
            Update.DENIED: invoice.deny,
            Update.FAILED_ERP_VALIDATION: invoice.fail_validation,
        }[update]
    )


def _apply(invoice: Invoice, update: StatusUpdate) -> tuple[Effect, Payment | None]:
    """Move the invoice; return what that did, and the payment to save with it."""
    payment = None
    if update.update is Update.NOTED:
        return Effect.APPLIED, payment
    if is_there(invoice, update.update):
        return Effect.ALREADY_THERE, payment
    if not may_take(invoice, update.update):
        raise wrong_status(invoice)
    if update.update is Update.PAID:
        payment = _pay(invoice, update)
    elif update.update is Update.PROCESSING_PAYMENT:
        invoice.process_payment()
    elif update.update is Update.DENIED:
        invoice.deny()
    else:
        invoice.fail_validation()
        invoice.reopen()
    return Effect.APPLIED, payment


def _pay(invoice: Invoice, update: StatusUpdate) -> Payment:
    amount = invoice.balance if update.amount is None else update.amount
    refuse_amount(invoice, amount, update.currency)
    payment = new_row(
        Payment,
        invoice_id=invoice.pk,
        amount=amount,
        currency=invoice.currency,
        state=PaymentState.SUCCEEDED,
        source=update.source,
        reference=update.reference,
    )
    invoice.paid += amount
    if invoice.balance == 0:
        invoice.pay_in_full()
    else:
        invoice.pay_part()
    return payment


def refuse_amount(invoice: Invoice, amount: Decimal, currency: str) -> None:
    """Raise BadInput unless `amount` in `currency` (empty: the invoice's) can be paid on the invoice."""
    if currency and currency != invoice.currency:
        raise BadInput(
            {
                "currency": _("The invoice is in %(ours)s, the amount in %(theirs)s.")
                % {"ours": invoice.currency, "theirs": currency}
            }
        )
    if amount <= 0 or amount > LARGEST or not is_exact(amount, invoice.currency):
        raise BadInput({"amount": _("The amount must be above zero, with the decimal places of its currency.")})
    if amount > invoice.balance:
        raise BadInput(
            {
                "amount": _("The amount %(amount)s is more than the open balance of %(balance)s %(currency)s.")
                % {
                    "amount": shown(amount, invoice.currency),
                    "balance": shown(invoice.balance, invoice.currency),
                    "currency": invoice.currency,
                }
            }
        )


def wrong_status(invoice: Invoice) -> Conflict:
    """Return the refusal for an update that does not fit the invoice's status."""
    where = invoice.get_status_display() if invoice.step == Step.BOOKED else invoice.get_step_display()
    return Conflict(
        _("%(number)s is %(where)s; that does not allow this.") % {"number": invoice.number, "where": where}
    )


@transaction.atomic
def set_status(invoice_id: int, *, by: User | None, reason: str, status: str, amount: Decimal | None = None) -> Invoice:
    """Set the status by hand, from ok_to_pay … partially_paid, where the ERP does not tell it.

    `paid` books the open balance as a payment, `partially_paid` needs the amount (invoice's currency).
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.SET_STATUS)
    reason = require_reason(reason)
    if invoice.status not in (Status.OK_TO_PAY, Status.PROCESSING_PAYMENT, Status.PARTIALLY_PAID):
        raise wrong_status(invoice)
    if status == Status.PARTIALLY_PAID and (amount is None or not 0 < amount < invoice.balance):
        raise BadInput({"amount": _("Give the amount that was paid: above zero and below the open balance.")})
    if status == Status.PAID and amount is not None and amount != invoice.balance:
        raise BadInput({"amount": _("Paid means all of the open balance: leave the amount empty.")})
    if status not in (Status.PAID, Status.PARTIALLY_PAID) and amount is not None:
        raise BadInput({"amount": _("An amount goes with partially_paid alone: leave it empty.")})
    updates = {
        Status.PROCESSING_PAYMENT: Update.PROCESSING_PAYMENT,
        Status.PARTIALLY_PAID: Update.PAID,
        Status.PAID: Update.PAID,
        Status.DENIED: Update.DENIED,
        Status.FAILED_ERP_VALIDATION: Update.FAILED_ERP_VALIDATION,
    }
    if status not in updates:
        raise BadInput(
            {"status": _("Choose processing_payment, partially_paid, paid, denied or failed_erp_validation.")}
        )
    before = facts(invoice)
    update = StatusUpdate(updates[Status(status)], source="by hand", amount=amount, reason=reason)
    effect, payment = _apply(invoice, update)
    if effect is Effect.ALREADY_THERE:
        raise Conflict(_("It has this status already."))
    if payment is not None:
        payment.save()
    record(invoice, "set_status", by=by, reason=reason, before=before, evidence={"amount": amount})
    return invoice
