"""The buttons of the step machine: post, approve, abort, skip, post again, invalidate, archive (DESIGN §4)."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices import clock
from invoices.actions.outbox import abort_open_message, write_message
from invoices.actions.taking import require_reason, take_invoice, wrong_step
from invoices.errors import BadInput, Conflict, NotAllowed
from invoices.events import facts, record
from invoices.models import Evidence, Invoice
from invoices.preflight import preflight
from invoices.roles import Right
from invoices.workflow import (
    ERROR_STEPS,
    INTEGRATION_STEPS,
    PRELIMINARY_STEPS,
    MessageKind,
    Step,
    booking_kind,
    may_move,
)

EVIDENCE_LASTS: Final = timedelta(minutes=10)
VOUCHER_LENGTH: Final = 60
ABOUT_DOCUMENT: Final = (
    "erp_state", "sync_problem", "erp_balance", "erp_balance_at", "erp_currency", "erp_read_at", "deleted_in_erp_at"
)  # fmt: skip


@transaction.atomic
def post_invoice(invoice_id: int, *, by: User | None, reason: str = "") -> Invoice:
    """Hand a draft to the ERP: write its message and wait in the integration step.

    Raises BadInput naming what the preflight found; the ERP may be down, then the message waits.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.POST)
    if not may_move(invoice.post):
        raise wrong_step(invoice)
    _refuse_archived(invoice)
    _require_preflight(invoice)
    before = facts(invoice)
    invoice.post()
    write_message(invoice)
    record(invoice, "post", by=by, reason=reason, before=before)
    return invoice


@transaction.atomic
def approve_invoice(invoice_id: int, *, by: User | None, reason: str = "") -> Invoice:
    """Release an invoice for final booking. Raises NotAllowed for the person who handed it in (four eyes)."""
    invoice = take_invoice(invoice_id, by=by, right=Right.APPROVE)
    if not may_move(invoice.approve):
        raise wrong_step(invoice)
    _refuse_archived(invoice)
    if by is not None and invoice.created_by_id == by.pk:
        raise NotAllowed(_("You handed this invoice in, so somebody else must approve it."))
    before = facts(invoice)
    invoice.approve()
    write_message(invoice)
    record(invoice, "approve", by=by, reason=reason, before=before)
    return invoice


@transaction.atomic
def abort_message(
    invoice_id: int, *, by: User | None, reason: str, voucher: str = "", posting_date: date | None = None
) -> Invoice:
    """Stop waiting for the ERP and park the invoice in the error step. Nothing in the ERP is changed.

    A voucher and posting date typed beside the button are kept on the invoice (article 000).
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    reason = require_reason(reason)
    if not may_move(invoice.stop):
        raise wrong_step(invoice)
    before = facts(invoice)
    _note_voucher(invoice, voucher, posting_date)
    message = abort_open_message(invoice, reason)
    invoice.stop()
    record(
        invoice, "abort", by=by, reason=reason, before=before, evidence={"message_id": message.pk if message else None}
    )
    return invoice


@transaction.atomic
def skip_step(
    invoice_id: int, *, by: User | None, reason: str, voucher: str = "", posting_date: date | None = None
) -> Invoice:
    """Go on to the next step because the ERP has the invoice under `voucher`; no message is sent to the ERP.

    Raises BadInput without a voucher: typed now, typed before, or found in the ERP meanwhile.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    reason = require_reason(reason)
    if not may_move(invoice.skip):
        raise wrong_step(invoice)
    _refuse_archived(invoice)
    before = facts(invoice)
    offered = offered_booking(invoice)
    _note_voucher(invoice, voucher, posting_date)
    if offered is not None and not step_voucher(invoice):
        _note_voucher(invoice, offered.voucher, posting_date or offered.posting_date)
    chosen = step_voucher(invoice)
    if not chosen:
        raise BadInput({"voucher": _("Type the voucher under which the ERP has this invoice, then skip the step.")})
    if offered is not None and offered.voucher == chosen:
        invoice.remote_id = offered.remote_id or invoice.remote_id
    invoice.skip()
    if invoice.step == Step.BOOKED:
        invoice.begin_payment()
    record(invoice, "skip", by=by, reason=reason, before=before, evidence={"voucher": chosen})
    return invoice


@transaction.atomic
def post_again(invoice_id: int, *, by: User | None, reason: str) -> Invoice:
    """Send the invoice to the ERP once more. The ERP must just have said that it does not have it.

    Where it also said that the document which the invoice names was voided or deleted, a new one is booked.

    Raises Conflict when it was not asked within ten minutes, when it could not be asked, or when it has the invoice.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    reason = require_reason(reason)
    if not may_move(invoice.post_again):
        raise wrong_step(invoice)
    _refuse_archived(invoice)
    evidence = require_not_in_erp(invoice)
    _require_preflight(invoice)
    before = facts(invoice)
    gone = _forget_document(invoice, evidence)
    invoice.post_again()
    write_message(invoice)
    record(invoice, "post_again", by=by, reason=reason, before=before, evidence={"evidence_id": evidence.pk, **gone})
    return invoice


def _forget_document(invoice: Invoice, evidence: Evidence) -> dict[str, str]:
    """Take the invoice off a document that was voided or deleted in the ERP; return what the line in the log keeps.

    Nothing can be booked on that document any more, so its vouchers of both bookings go with its id: the invoice is
    booked as a new document. What the ERP said of the old one says nothing of the new one.
    """
    if not evidence.remote_id or evidence.remote_id != invoice.remote_id:
        return {}
    kept = {
        "gone": evidence.detail,
        "remote_id": invoice.remote_id,
        "preliminary_voucher": invoice.preliminary_voucher,
        "final_voucher": invoice.final_voucher,
    }
    invoice.remote_id = invoice.preliminary_voucher = invoice.final_voucher = ""
    invoice.erp_state, invoice.sync_problem = Invoice.InErp.UNKNOWN, ""
    invoice.erp_balance, invoice.erp_balance_at, invoice.erp_currency, invoice.erp_read_at = None, None, "", None
    invoice.deleted_in_erp_at = None
    invoice.save(update_fields=ABOUT_DOCUMENT)
    return kept


@transaction.atomic
def invalidate_invoice(invoice_id: int, *, by: User | None, reason: str) -> Invoice:
    """Take an invoice out of the flow for good. What was sent to the ERP before must have been asked for there.

    Raises Conflict when the ERP has the booking that the step is about; a preliminary booking of an invoice in approval
    does not stop it, but the line in the log names the voucher that must be voided there.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    reason = require_reason(reason)
    if not may_move(invoice.invalidate):
        raise wrong_step(invoice)
    _refuse_archived(invoice)
    kept: dict[str, int | str] = {}
    if invoice.step in ERROR_STEPS:
        kept["evidence_id"] = require_not_in_erp(invoice).pk
    elif invoice.step == Step.APPROVAL:
        asked = fresh_evidence(invoice, MessageKind.BOOK_PRELIMINARY)
        kept.update(evidence_id=asked.pk, voucher=asked.voucher)
    before = facts(invoice)
    invoice.invalidate()
    record(invoice, "invalidate", by=by, reason=reason, before=before, evidence=kept)
    return invoice


@transaction.atomic
def note_voucher(
    invoice_id: int, *, by: User | None, reason: str = "", voucher: str = "", posting_date: date | None = None
) -> Invoice:
    """Keep the voucher and posting date that a queue handler typed, in an integration or error step."""
    invoice = take_invoice(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    if invoice.step not in (*INTEGRATION_STEPS, *ERROR_STEPS):
        raise wrong_step(invoice)
    if not voucher.strip() and posting_date is None:
        raise BadInput({"voucher": _("Type the voucher or the posting date that is to be kept.")})
    before = facts(invoice)
    _note_voucher(invoice, voucher, posting_date)
    record(invoice, "note_voucher", by=by, reason=reason, before=before)
    return invoice


@transaction.atomic
def archive_invoice(invoice_id: int, *, by: User | None, reason: str) -> Invoice:
    """Put an invoice away; it stays where it is and can be restored."""
    invoice = take_invoice(invoice_id, by=by, right=Right.ARCHIVE)
    reason = require_reason(reason)
    if invoice.step in INTEGRATION_STEPS:
        raise wrong_step(invoice)
    if invoice.is_archived:
        raise Conflict(_("It is archived already."))
    before = facts(invoice)
    invoice.archived_at, invoice.archived_reason = timezone.now(), reason[:500]
    record(invoice, "archive", by=by, reason=reason, before=before)
    return invoice


@transaction.atomic
def restore_invoice(invoice_id: int, *, by: User | None, reason: str) -> Invoice:
    """Take an invoice out of the archive."""
    invoice = take_invoice(invoice_id, by=by, right=Right.ARCHIVE)
    reason = require_reason(reason)
    if invoice.step in INTEGRATION_STEPS:
        raise wrong_step(invoice)
    if not invoice.is_archived:
        raise Conflict(_("It is not archived."))
    before = facts(invoice)
    invoice.archived_at, invoice.archived_reason = None, ""
    record(invoice, "restore", by=by, reason=reason, before=before)
    return invoice


# what the ERP is known to have ----------------------------------------------------------------------------------------


def step_voucher(invoice: Invoice) -> str:
    """Return the voucher of the booking that the invoice's step waits for or failed at."""
    return invoice.preliminary_voucher if invoice.step in PRELIMINARY_STEPS else invoice.final_voucher


@dataclass(frozen=True, slots=True)
class OfferedBooking:
    """A booking that Skip offers."""

    voucher: str
    posting_date: date | None
    remote_id: str


def offered_booking(invoice: Invoice) -> OfferedBooking | None:
    """Return the booking that the ERP is known to have for the invoice's step: a late answer, or the last look-up."""
    kind = booking_kind(invoice.step)
    gone = invoice.evidence.filter(verdict=Evidence.Verdict.NOT_FOUND).exclude(remote_id="").values("remote_id")
    late = invoice.messages.filter(kind=kind).exclude(voucher="").exclude(remote_id__in=gone).first()
    if late is not None:
        return OfferedBooking(late.voucher, late.posting_date, late.remote_id)
    found = invoice.evidence.filter(kind=kind).first()
    if found is not None and found.verdict == Evidence.Verdict.FOUND and found.matches == 1 and not found.difference:
        return OfferedBooking(found.voucher, found.posting_date, found.remote_id)
    return None


def fresh_evidence(invoice: Invoice, kind: MessageKind) -> Evidence:
    """Return what the ERP said last about `kind`; raises Conflict when that is too old or it could not be asked."""
    evidence = invoice.evidence.filter(kind=kind).first()
    if evidence is None or evidence.asked_at < clock.now() - EVIDENCE_LASTS:
        raise Conflict(_("The ERP must be asked first whether it has this invoice: look it up, then press again."))
    if evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
        raise Conflict(
            _("The ERP could not be asked whether it has this invoice (%(detail)s). Press again when it answers.")
            % {"detail": evidence.detail}
        )
    return evidence


def require_not_in_erp(invoice: Invoice) -> Evidence:
    """Return the evidence that the ERP does not have the step's booking; raises Conflict with its voucher if it has."""
    evidence = fresh_evidence(invoice, booking_kind(invoice.step))
    if evidence.verdict == Evidence.Verdict.FOUND:
        raise Conflict(
            _(
                "The ERP has this invoice already, under voucher %(voucher)s. "
                "Use Skip integration step with that voucher."
            )
            % {"voucher": evidence.voucher}
        )
    return evidence


def _note_voucher(invoice: Invoice, voucher: str, posting_date: date | None) -> None:
    voucher = voucher.strip()
    if len(voucher) > VOUCHER_LENGTH or not voucher.isprintable():
        raise BadInput({"voucher": _("A voucher has at most 60 printable characters.")})
    preliminary = invoice.step in PRELIMINARY_STEPS
    if voucher:
        setattr(invoice, "preliminary_voucher" if preliminary else "final_voucher", voucher)
    if posting_date:
        setattr(invoice, "preliminary_posting_date" if preliminary else "final_posting_date", posting_date)


def _require_preflight(invoice: Invoice) -> None:
    problems = preflight(invoice)
    if problems:
        raise BadInput({problem.field: problem.sentence for problem in reversed(problems)})


def _refuse_archived(invoice: Invoice) -> None:
    if invoice.is_archived:
        raise Conflict(_("It is archived: restore it first."))
