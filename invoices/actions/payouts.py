"""Payments of payables, as an ERP that no gate speaks for has made them: the sync brings them here (DESIGN §4).

A payable's status only goes forward. What the ERP took back, or paid although the status here forbids it, is a sentence
on the invoice for a person, as with everything that a sync cannot take.
"""

from collections.abc import Sequence
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from invoices import clock
from invoices.actions.receipts import ERP, RemotePaymentFacts
from invoices.actions.remote import note_sync_problem
from invoices.actions.taking import take_invoice
from invoices.events import facts, record
from invoices.models import Invoice, Payment
from invoices.money import shown
from invoices.roles import Right
from invoices.workflow import Direction, PaymentState, Step, may_move


@transaction.atomic
def take_made_payments(
    invoice_id: int, payments: Sequence[RemotePaymentFacts], *, is_being_paid: bool, by: User | None = None
) -> bool:
    """Take what the ERP has paid of a booked payable: `payments` are all that it has for the invoice.

    What is unknown here is added, and what the gate or a person told before is recognised by its amount. With
    `is_being_paid` an invoice that is Ok to Pay becomes Processing Payment. Returns whether anything changed; what does
    not fit is noted on the invoice, and then nothing of it is taken.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    if invoice.direction != Direction.PAYABLE or invoice.step != Step.BOOKED:
        return False
    before = facts(invoice)
    known = list(invoice.payments.select_for_update().order_by("pk"))
    added, recognised = _sort(invoice, payments, known)
    problem = _why_unfit(invoice, payments, known, added)
    if problem:
        _note(invoice, problem, by=by)
        return False
    moves = is_being_paid and not added and may_move(invoice.process_payment)
    if not (added or recognised or moves):
        return False
    for payment in (*recognised, *added):
        payment.save()
    if added:
        invoice.paid += sum((payment.amount for payment in added), Decimal(0))
        if invoice.balance == 0:
            invoice.pay_in_full()
        else:
            invoice.pay_part()
    elif moves:
        invoice.process_payment()
    told = {
        "recognised": [payment.pk for payment in recognised],
        "added": [payment.pk for payment in added],
        "is_being_paid": is_being_paid,
    }
    record(invoice, "take_made_payments", by=by, before=before, evidence=told)
    return True


def _note(invoice: Invoice, problem: str, *, by: User | None) -> None:
    """Keep the problem; one that the log ends with already is no second line."""
    last = invoice.events.order_by("-sequence").values_list("action", "reason").first()
    if last == ("not_taken", problem):
        invoice.sync_problem = problem
        invoice.save(update_fields=["sync_problem"])
    else:
        note_sync_problem(invoice.pk, problem, by=by)


def _sort(
    invoice: Invoice, payments: Sequence[RemotePaymentFacts], known: Sequence[Payment]
) -> tuple[list[Payment], list[Payment]]:
    """Return the payments that are new here, and those that the gate or a person told of before; nothing is saved."""
    ids = {payment.remote_id for payment in known}
    unnamed = [payment for payment in known if not payment.remote_id and payment.is_applied]
    added, recognised = [], []
    moment = clock.now()
    for told in payments:
        if told.remote_id in ids:
            continue
        payment = next((one for one in unnamed if (one.amount, one.currency) == (told.amount, told.currency)), None)
        if payment is not None:
            unnamed.remove(payment)
            payment.remote_id, payment.pushed_at = told.remote_id, moment
            recognised.append(payment)
            continue
        added.append(
            Payment(
                invoice=invoice,
                amount=told.amount,
                currency=told.currency,
                state=PaymentState.SUCCEEDED,
                source=ERP,
                paid_on=told.paid_on,
                remote_id=told.remote_id,
                pushed_at=moment,
            )
        )
    return added, recognised


def _why_unfit(
    invoice: Invoice, payments: Sequence[RemotePaymentFacts], known: Sequence[Payment], added: Sequence[Payment]
) -> str:
    """Say why the payments there cannot stand here; empty when they can."""
    there = {told.remote_id for told in payments}
    gone = [payment for payment in known if payment.remote_id and payment.is_applied and payment.remote_id not in there]
    amount = sum((payment.amount for payment in gone or added), Decimal(0))
    said = {
        "amount": shown(amount, invoice.currency),
        "currency": invoice.currency,
        "status": invoice.get_status_display(),
        "balance": shown(invoice.balance, invoice.currency),
    }
    if gone:
        return _("A payment of %(amount)s %(currency)s was taken back in the ERP; here it is %(status)s.") % said
    if any(payment.currency != invoice.currency for payment in added) or amount > invoice.balance:
        return _("The ERP has paid %(amount)s more, and %(balance)s %(currency)s are open here.") % said
    if added and not (may_move(invoice.pay_in_full) and may_move(invoice.pay_part)):
        return _("The ERP has paid %(amount)s %(currency)s of it, although here it is %(status)s.") % said
    return ""
