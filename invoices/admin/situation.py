"""The present situation of an invoice in words: where it is, why it waits, and what to do next."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from invoices.actions.flow import OfferedBooking, offered_booking
from invoices.admin.words import amount_text, clock_text, span
from invoices.models import IntegrationMessage, Invoice
from invoices.preflight import preflight
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, Direction, MessageState, Status, Step


@dataclass(frozen=True, slots=True)
class Situation:
    """One sentence on where it is and why, one on what to do; `tone` is quiet, wait, warn, bad, todo, good or off."""

    tone: str
    sentence: str
    next_step: str = ""


def situation(invoice: Invoice, offered: OfferedBooking | None = None) -> Situation:
    """Return the situation of `invoice`; `offered` is the booking that the ERP is known to have."""
    if invoice.is_archived and invoice.archived_at is not None:
        return Situation(
            "off",
            _("Archived on %(when)s: %(reason)s")
            % {"when": clock_text(invoice.archived_at), "reason": invoice.archived_reason},
            _("Restore it to go on with it."),
        )
    if invoice.step in INTEGRATION_STEPS:
        return _waiting(invoice, invoice.current_message)
    if invoice.step in ERROR_STEPS:
        return _stopped(invoice, invoice.current_message, offered)
    return {Step.DRAFT: _draft, Step.APPROVAL: _approval, Step.BOOKED: _booked, Step.INVALIDATED: _invalidated}[
        Step(invoice.step)
    ](invoice)


def _draft(invoice: Invoice) -> Situation:
    problems = preflight(invoice)
    if problems:
        return Situation(
            "warn",
            _("A draft that cannot be posted yet. %(problem)s") % {"problem": problems[0].sentence},
            _("Edit it, then post it."),
        )
    return Situation("quiet", _("A draft: nothing was sent to the ERP yet."), _("When it is right, post it."))


def _waiting(invoice: Invoice, message: IntegrationMessage | None) -> Situation:
    if message is None or not message.is_open:
        return Situation(
            "bad",
            _("It waits for the ERP, but there is no open message to wait for."),
            _("Abort the message: the invoice goes to the error step, where it can be posted again."),
        )
    said = _(" The last word on it: %(reason)s") % {"reason": message.reason} if message.reason else ""
    since = span(timezone.now() - invoice.step_since)
    if message.is_for_a_person:
        return Situation(
            "bad",
            _("A person must look: nothing happens by itself any more, after %(since)s in this step.")
            % {"since": since}
            + said,
            _("Look it up in the ERP. If it is there, abort and skip with its voucher; if not, abort and post again."),
        )
    if message.state == MessageState.SENDING:
        return Situation(
            "wait",
            _("On its way: the ERP was called and has not answered yet (attempt %(count)s).")
            % {"count": message.attempt_count},
            _("Wait for the answer; a call that got lost is noticed and looked up by itself."),
        )
    when = clock_text(message.not_before) if message.not_before else ""
    if message.state == MessageState.UNKNOWN:
        return Situation(
            "warn",
            _("The ERP may have it: the answer was lost, so the ERP is asked again at %(when)s.") % {"when": when}
            + said,
            _("Nothing is sent a second time before the ERP has said that it is not there. Look it up now, or wait."),
        )
    if message.attempt_count:
        return Situation(
            "wait",
            _("Waiting for the ERP since %(since)s; %(count)s tries could not be made, the next is at %(when)s.")
            % {"since": since, "count": message.attempt_count, "when": when}
            + said,
            _("It goes out by itself as soon as the ERP can be reached."),
        )
    return Situation(
        "wait",
        _("Waiting to be sent to the ERP since %(since)s.") % {"since": since} + said,
        _("It goes out by itself."),
    )


def _stopped(invoice: Invoice, message: IntegrationMessage | None, offered: OfferedBooking | None) -> Situation:
    if offered is not None:
        return Situation(
            "bad",
            _("Stopped here, but the ERP has it under voucher %(voucher)s.") % {"voucher": offered.voucher},
            _("Skip the integration step with this voucher; no message is sent."),
        )
    if invoice.status == Status.FAILED_ERP_VALIDATION:
        return Situation(
            "bad",
            _("It was booked, then the ERP's validation failed."),
            _("Correct it, then post it again; the event log says what the ERP wrote."),
        )
    if message is not None and message.state == MessageState.REFUSED:
        complaints = " · ".join(str(each.get("message", "")) for each in message.complaints) or message.reason
        return Situation(
            "bad",
            _("The ERP refused it: %(complaints)s") % {"complaints": complaints or _("without a word")},
            _("Correct what it complains about, then post again."),
        )
    if message is not None and message.state == MessageState.ABORTED:
        return Situation(
            "bad",
            _("The message to the ERP was aborted: %(reason)s") % {"reason": message.reason},
            _("Look it up in the ERP. If it is there, skip the step with its voucher; if not, post again."),
        )
    return Situation(
        "bad", _("It did not come through to the ERP."), _("Look it up in the ERP, then skip or post again.")
    )


def _approval(invoice: Invoice) -> Situation:
    return Situation(
        "todo",
        _("Booked preliminarily under voucher %(voucher)s; it waits for approval.")
        % {"voucher": invoice.preliminary_voucher or "–"},
        _("Somebody other than who handed it in approves it."),
    )


def _booked(invoice: Invoice) -> Situation:
    voucher = invoice.final_voucher or "–"
    if invoice.direction == Direction.RECEIVABLE and invoice.payments.failed_after_push().exists():
        return Situation(
            "bad",
            _("Booked under voucher %(voucher)s. A payment came to nothing, but still counts, because the ERP has it.")
            % {"voucher": voucher},
            _("Delete the payment in the ERP, then press Re-sync."),
        )
    if invoice.status == Status.PAID:
        return Situation("good", _("Booked under voucher %(voucher)s, and paid in full.") % {"voucher": voucher})
    if invoice.status == Status.DENIED:
        return Situation(
            "bad",
            _("Booked under voucher %(voucher)s, then denied by the ERP.") % {"voucher": voucher},
            _("The timeline says what the ERP wrote; settle it there."),
        )
    return Situation(
        "good",
        _("Booked under voucher %(voucher)s; %(balance)s %(currency)s is open.")
        % {
            "voucher": voucher,
            "balance": amount_text(invoice.balance, invoice.currency),
            "currency": invoice.currency,
        },
        _("When it is paid, record the payment here, or in the ERP, which tells of it by itself.")
        if invoice.direction == Direction.RECEIVABLE
        else _("Nothing to do here: the ERP tells about payments by itself."),
    )


def _invalidated(invoice: Invoice) -> Situation:  # noqa: ARG001
    return Situation("off", _("Invalidated: it is out of the flow for good, and nothing more is sent."))


def offered_to(invoice: Invoice) -> OfferedBooking | None:
    """Return the booking that the ERP is known to have, in the steps where it can be used."""
    if invoice.step in (*INTEGRATION_STEPS, *ERROR_STEPS):
        return offered_booking(invoice)
    return None
