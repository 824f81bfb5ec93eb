"""Why do the balances differ? (article 001) Functions over evidence: both numbers, the payments, the last reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from integrations.models import Connection
from invoices import clock
from invoices.models import Invoice, Payment
from invoices.workflow import PaymentState
from syncdiag.answers.shared import amount_text
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, Turn, when

OLD: Final = timedelta(hours=24)
LIVE: Final = (PaymentState.AUTHORIZED, PaymentState.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Paid:
    """What counts of a payment when balances are compared; amounts in the payment's currency."""

    amount: Decimal
    currency: str
    method: str
    state: str
    is_applied: bool
    is_ours: bool  # recorded here, so that the ERP does not know of it by itself
    pushed_at: datetime | None
    is_gone: bool  # seen to be deleted there
    created_at: datetime
    pk: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether it counts here and is not in the ERP."""
        return self.is_ours and self.is_applied and self.state in LIVE and self.pushed_at is None

    def was_pushed_since(self, moment: datetime | None) -> bool:
        """Whether it came into the ERP after `moment`, so that the balance read then is without it."""
        return self.is_applied and self.pushed_at is not None and moment is not None and self.pushed_at > moment

    @property
    def is_left_there(self) -> bool:
        """Whether it came to nothing here and is still in the ERP."""
        return self.state not in LIVE and self.pushed_at is not None and not self.is_gone


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence on one invoice."""

    invoice: Invoice
    payments: tuple[Paid, ...]
    read_at: datetime | None  # when the ERP was last known to say this, by our clock
    submits_authorized_ach: bool
    now: datetime


def why_balances_differ(case: Case) -> Iterator[Finding]:
    """Give why the balance of a booked invoice is another one in the ERP, what mends it coming first."""
    invoice = case.invoice
    if invoice.is_synced and not invoice.is_archived and invoice.balance_differs:
        yield from judge(_seen(invoice, case.connection, case.payments, case.now))


def explain_balances(invoices: Sequence[Invoice]) -> Mapping[int, tuple[str, str]]:
    """Return for each invoice whose balances differ the first finding and its next step, by the invoice's id."""
    prefetch_related_objects(list(invoices), "payments")
    clients = {invoice.client_id for invoice in invoices}
    connections = {each.client_id: each for each in Connection.objects.filter(client_id__in=clients)}
    said, now = {}, clock.now()
    for invoice in invoices:
        if invoice.balance_differs:
            seen = _seen(invoice, connections.get(invoice.client_id), tuple(invoice.payments.all()), now)
            first = next(judge(seen))
            said[invoice.pk] = (str(first.what), str(first.next_step))
    return said


def judge(seen: Seen) -> Iterator[Finding]:
    """Give the reasons that the evidence shows; at least one."""
    found = [*_currency(seen), *_payments(seen)]
    yield from found
    if found:
        return
    last_edit = seen.invoice.erp_balance_at
    synced_at = seen.invoice.synced_at
    if seen.read_at is None or seen.read_at < seen.now - OLD:
        yield Finding(
            "balance-read-long-ago",
            _("The balance in the ERP was read long ago, so it may be another one now."),
            _proofs(seen),
            _("Press Re-sync: it is read again."),
            "re-sync",
        )
    elif last_edit is not None and (synced_at is None or last_edit > synced_at):
        yield Finding(
            "edited-in-erp",
            _("It was changed in the ERP since both sides were last the same."),
            (
                when(_("changed there"), last_edit),
                when(_("last the same on both sides"), synced_at),
                *_proofs(seen),
            ),
            _("Press Re-sync: what changed there is taken."),
            "re-sync",
        )
    else:
        yield Finding(
            "balance-not-explained",
            _("The balances differ, and nothing that is known here explains it."),
            _proofs(seen),
            _("Press Re-sync; if they still differ, compare the payments with those in the ERP."),
            "re-sync",
        )


def _currency(seen: Seen) -> Iterator[Finding]:
    ours, theirs = seen.invoice.currency, seen.invoice.erp_currency
    if theirs and theirs != ours:
        yield Finding(
            "currency-differs",
            _("It is in %(ours)s here and in %(theirs)s in the ERP.") % {"ours": ours, "theirs": theirs},
            _proofs(seen),
            _("Correct the currency there, then press Re-sync. Amounts are never converted."),
            "re-sync",
            turn=Turn.FIRST,
        )


def _payments(seen: Seen) -> Iterator[Finding]:
    for payment in seen.payments:
        subject = f"payment {payment.pk}"
        is_ach = payment.method == Payment.Method.ACH and payment.state == PaymentState.AUTHORIZED
        if payment.is_left_there:
            yield Finding(
                "failed-payment-pushed",
                _("A payment came to nothing here, but is in the ERP, which cannot take it back."),
                _payment_proofs(payment, seen),
                _("Delete the payment in the ERP, then press Re-sync."),
                "re-sync",
                subject=subject,
            )
        elif payment.is_waiting and is_ach and not seen.submits_authorized_ach:
            yield Finding(
                "authorized-ach-not-pushed",
                _("An authorized ACH payment is not pushed: Submit Authorized ACH payments is off for the client."),
                _payment_proofs(payment, seen),
                _("Wait: it is pushed when it has succeeded. Or an Integration manager switches the preference on."),
                turn=Turn.WAIT,
                subject=subject,
                covers=("payment-authorized",),
            )
        elif payment.is_waiting:
            yield Finding(
                "payment-not-synced",
                _("A payment is not in the ERP yet."),
                _payment_proofs(payment, seen),
                _("Press Re-sync: it is pushed."),
                "re-sync",
                subject=subject,
            )
        elif payment.was_pushed_since(seen.read_at):
            yield Finding(
                "payment-pushed-since",
                _("A payment was pushed after the balance in the ERP was last read."),
                _payment_proofs(payment, seen),
                _("Nothing is wrong: the next sync reads it again. Press Re-sync to see it now."),
                "re-sync",
                turn=Turn.WAIT,
                subject=subject,
            )


def _payment_proofs(payment: Paid, seen: Seen) -> tuple[Proof, ...]:
    method, state = Payment.Method(payment.method).label, PaymentState(payment.state).label
    return (
        Proof(_("payment"), f"{method} {amount_text(payment.amount, payment.currency)}, {state}", payment.created_at),
        when(_("received"), payment.created_at),
        when(_("pushed"), payment.pushed_at),
        *_proofs(seen),
    )


def _proofs(seen: Seen) -> tuple[Proof, ...]:
    invoice = seen.invoice
    return (
        Proof(_("balance here"), amount_text(invoice.balance, invoice.currency), seen.now),
        Proof(_("balance in the ERP"), amount_text(invoice.erp_balance, invoice.erp_currency), seen.read_at),
        when(_("read"), seen.read_at),
    )


def _seen(invoice: Invoice, connection: Connection | None, payments: tuple[Payment, ...], now: datetime) -> Seen:
    """Collect the evidence; a pull that read everything confirms what did not change."""
    times = [invoice.erp_read_at, connection.pulled_at if connection else None]
    return Seen(
        invoice=invoice,
        payments=tuple(_paid(payment) for payment in payments),
        read_at=max(filter(None, times), default=None),
        submits_authorized_ach=invoice.client.submits_authorized_ach,
        now=now,
    )


def _paid(payment: Payment) -> Paid:
    return Paid(
        amount=payment.amount,
        currency=payment.currency,
        method=payment.method,
        state=payment.state,
        is_applied=payment.is_applied,
        is_ours=payment.is_recorded_here,
        pushed_at=payment.pushed_at,
        is_gone=payment.gone_at is not None,
        created_at=payment.created_at,
        pk=payment.pk,
    )
