"""Why has this invoice or payment not synced? (article 002) What is not in the ERP, or not taken from it.

An invoice that is not booked yet has not synced for the reason for which it is stuck.
"""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from invoices.models import IntegrationMessage, Invoice, Payment
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageState, PaymentState, Step
from syncdiag.answers.refusals import Otherwise, explain_refusal
from syncdiag.answers.shared import amount_of, noted
from syncdiag.answers.stuck import why_failed, why_not_exchanged, why_waiting
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, Turn, when


def why_not_synced(case: Case) -> Iterator[Finding]:
    """Give what keeps an invoice, or a payment on it, from being the same on both sides."""
    invoice = case.invoice
    if invoice.is_archived:
        return
    if invoice.erp_state == Invoice.InErp.MISSING:
        yield _missing(case)
    if invoice.step in INTEGRATION_STEPS:
        yield from why_waiting(case)
    elif invoice.step in ERROR_STEPS:
        yield from why_failed(case)
    elif invoice.step == Step.BOOKED:
        yield from _payments(case)
    if invoice.is_synced:
        yield from _not_taken(case)


def _missing(case: Case) -> Finding:
    """Return what to do about an invoice whose document is gone there; also while it is on its way or in error."""
    invoice = case.invoice
    noticed = noted(case, "missing_in_erp", "deleted_in_erp")
    proofs = [Proof(_("id there"), invoice.remote_id, invoice.erp_read_at), *noticed]
    if invoice.deleted_in_erp_at is not None:
        proofs.insert(0, when(_("deleted there"), invoice.deleted_in_erp_at))
    what = _("The ERP does not have it any more.")
    if invoice.step in INTEGRATION_STEPS:
        step = _("It is on its way: abort the message, then look it up, and archive it or post it again.")
        return Finding("missing-in-erp", what, tuple(proofs), step, turn=Turn.FIRST)
    step = _("If it was deleted there on purpose, archive it here.")
    return Finding("missing-in-erp", what, tuple(proofs), step, "archive", turn=Turn.FIRST)


def _not_taken(case: Case) -> Iterator[Finding]:
    invoice = case.invoice
    if invoice.erp_state == Invoice.InErp.VOIDED:
        yield Finding(
            "voided-in-erp",
            _("It was voided in the ERP."),
            (Proof(_("id there"), invoice.remote_id, invoice.erp_read_at), *noted(case, "voided_in_erp")),
            _("If that is right, archive it here."),
            "archive",
        )
    if invoice.sync_problem:
        yield Finding(
            "not-taken",
            _("What changed in the ERP could not be taken here."),
            (Proof(_("why"), invoice.sync_problem, invoice.erp_read_at), *noted(case, "not_taken")),
            _("Put right what it names, then press Re-sync."),
            "re-sync",
        )


def _payments(case: Case) -> Iterator[Finding]:
    waiting = [one for one in case.payments if one.is_recorded_here and one.pushed_at is None and one.is_live]
    if any((message := case.message_of(one)) is not None and message.is_open for one in waiting):
        yield from why_not_exchanged(case)
    for payment in waiting:
        yield from _payment(case, payment, case.message_of(payment))


def _payment(case: Case, payment: Payment, message: IntegrationMessage | None) -> Iterator[Finding]:
    """Give why one payment is not there; one that is not pushed before it succeeded waits, whether it counts or not."""
    subject = f"payment {payment.pk}"
    if message is not None and message.state == MessageState.REFUSED:
        otherwise = Otherwise(
            _("Correct what the ERP names, then press Re-sync: the payment is pushed again."), "re-sync"
        )
        yield from explain_refusal(case.system, message, otherwise, attempt=case.attempt_at(message))
    elif message is not None and message.is_open:
        attempt = case.attempt_at(message)
        is_unknown = message.state == MessageState.UNKNOWN
        yield Finding(
            "payment-on-its-way",
            _("A payment of %(amount)s is not in the ERP yet.") % {"amount": amount_of(payment)},
            (
                Proof(_("message"), message.get_state_display(), message.created_at),
                Proof(_("what was said"), message.reason or "–", attempt.started_at if attempt else None),
                when(_("next try"), message.not_before),
            ),
            _("The ERP is asked by itself; it is never simply sent again.")
            if is_unknown
            else _("It goes out by itself as soon as the ERP can be reached."),
            "re-sync",
            turn=Turn.ACT if message.is_for_a_person else Turn.WAIT,
            until=message.not_before,
            subject=subject,
            covers=("payment-not-synced",),
        )
    elif payment.state == PaymentState.AUTHORIZED and not _is_pushed_at_once(case, payment):
        yield Finding(
            "payment-authorized",
            _("An authorized payment of %(amount)s is not pushed before it succeeded.")
            % {"amount": amount_of(payment)},
            (
                Proof(_("method"), payment.get_method_display(), payment.created_at),
                when(_("received"), payment.created_at),
            ),
            _("Wait until it succeeded. For ACH, Submit authorized ACH payments changes this for the client."),
            turn=Turn.WAIT,
            subject=subject,
        )
    elif payment.is_applied:
        yield Finding(
            "payment-not-pushed",
            _("A payment of %(amount)s was not pushed to the ERP.") % {"amount": amount_of(payment)},
            (
                Proof(_("state"), payment.get_state_display(), payment.created_at),
                Proof(_("message"), message.get_state_display() if message else _("none"), case.now),
            ),
            _("Press Re-sync: it is pushed."),
            "re-sync",
            subject=subject,
            covers=("payment-not-synced",),
        )


def _is_pushed_at_once(case: Case, payment: Payment) -> bool:
    return payment.method == Payment.Method.ACH and case.invoice.client.submits_authorized_ach
