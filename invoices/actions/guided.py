"""The two guided ways out of a stuck step (article 000): the ERP has it, or it has not.

Each is one confirmation, one reason and one transaction over the verbs of `flow`. Both stand on evidence of the last
ten minutes; where the ERP could not be asked, a person says what they saw there, and that is kept as their word.
"""

from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from invoices import clock
from invoices.actions.evidence import keep_evidence
from invoices.actions.flow import EVIDENCE_LASTS, abort_message, post_again, skip_step
from invoices.actions.taking import require_reason, take_invoice, wrong_step
from invoices.errors import BadInput, Conflict
from invoices.models import Evidence, Invoice
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageKind, booking_kind


@transaction.atomic
def go_on_as_posted(
    invoice_id: int,
    *,
    by: User,
    reason: str,
    voucher: str = "",
    posting_date: date | None = None,
    seen: str = "",
) -> Invoice:
    """Take the way "the ERP has it": abort an open message, skip the step with the voucher. No message is sent.

    The voucher is the one that was found, unless another was typed. Raises Conflict when the ERP does not have it, has
    it twice, or has it differently; BadInput when it could not be asked and nobody says what they saw.
    """
    invoice = _take(invoice_id, by=by, reason=reason)
    kind = booking_kind(invoice.step)
    evidence = latest_evidence(invoice, kind)
    if evidence is None or evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
        _require_word(seen)
        if not voucher.strip():
            raise BadInput({"voucher": _("Type the voucher that you saw in the ERP.")})
        evidence = _keep_word(invoice, kind, Evidence.Verdict.FOUND, by=by, seen=seen, voucher=voucher.strip())
    elif evidence.verdict == Evidence.Verdict.NOT_FOUND:
        raise Conflict(_("The ERP was asked and does not have it: go the other way, It is not posted in the ERP."))
    elif evidence.difference or evidence.matches > 1:
        raise Conflict(
            _("What the ERP has is not this invoice as it stands here: %(difference)s Settle that first.")
            % {"difference": evidence.difference}
        )
    chosen, day = voucher or evidence.voucher, posting_date or evidence.posting_date
    if invoice.step in INTEGRATION_STEPS:
        abort_message(invoice_id, by=by, reason=reason, voucher=chosen, posting_date=day)
    return skip_step(invoice_id, by=by, reason=reason, voucher=chosen, posting_date=day)


@transaction.atomic
def go_on_as_not_posted(invoice_id: int, *, by: User, reason: str, seen: str = "") -> Invoice:
    """Take the way "the ERP does not have it": abort an open message, and post again.

    Raises Conflict when the ERP has it; BadInput when it could not be asked and nobody says what they saw, or when the
    preflight finds something. Where an earlier message may still arrive, delivery asks again before it sends.
    """
    invoice = _take(invoice_id, by=by, reason=reason)
    kind = booking_kind(invoice.step)
    evidence = latest_evidence(invoice, kind)
    if evidence is None or evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
        _require_word(seen)
        _keep_word(invoice, kind, Evidence.Verdict.NOT_FOUND, by=by, seen=seen)
    if invoice.step in INTEGRATION_STEPS:
        abort_message(invoice_id, by=by, reason=reason)
    return post_again(invoice_id, by=by, reason=reason)


def latest_evidence(invoice: Invoice, kind: MessageKind) -> Evidence | None:
    """Return what the ERP, or a person, said last of a booking; None when that is older than ten minutes."""
    evidence = invoice.evidence.filter(kind=kind).first()
    if evidence is None or evidence.asked_at < clock.now() - EVIDENCE_LASTS:
        return None
    return evidence


def _take(invoice_id: int, *, by: User, reason: str) -> Invoice:
    invoice = take_invoice(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    require_reason(reason)
    if invoice.step not in (*INTEGRATION_STEPS, *ERROR_STEPS):
        raise wrong_step(invoice)
    return invoice


def _require_word(seen: str) -> None:
    if not seen.strip():
        raise BadInput(
            {"seen": _("The ERP cannot be asked: look there yourself and say what you saw; it is kept as your word.")}
        )


def _keep_word(
    invoice: Invoice, kind: MessageKind, verdict: Evidence.Verdict, *, by: User, seen: str, voucher: str = ""
) -> Evidence:
    return keep_evidence(
        invoice,
        kind,
        verdict,
        asked_at=clock.now(),
        asked_by_id=by.pk,
        message=invoice.current_message,
        voucher=voucher,
        detail=seen.strip(),
        matches=int(verdict == Evidence.Verdict.FOUND),
        is_word=True,
    )
