"""Why is it stuck? (article 000) It waits for the ERP, came back from it, or cannot be posted."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from invoices.models import Evidence, IntegrationMessage
from invoices.permissions import person_name
from invoices.preflight import preflight
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageState, Status, Step
from syncdiag.answers.refusals import POST_AGAIN, explain_refusal
from syncdiag.answers.shared import event_proofs, look_up_proofs, since
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, Turn, when


def why_stuck(case: Case) -> Iterator[Finding]:
    """Give what keeps an invoice from its next step."""
    invoice = case.invoice
    if invoice.is_archived and invoice.step not in (Step.BOOKED, Step.INVALIDATED):
        yield Finding(
            "archived",
            _("It is archived, so nothing is done with it."),
            (
                when(_("archived"), invoice.archived_at),
                Proof(_("why"), invoice.archived_reason or "–", invoice.archived_at),
            ),
            _("Restore it; then it can go on from where it was."),
            "restore",
            turn=Turn.FIRST,
        )
    elif invoice.step == Step.DRAFT:
        yield from _draft(case)
    elif invoice.step == Step.APPROVAL:
        yield _approval(case)
    elif invoice.step in INTEGRATION_STEPS:
        yield from why_waiting(case)
    elif invoice.step in ERROR_STEPS:
        yield from why_failed(case)
    elif invoice.status == Status.DENIED:
        yield Finding(
            "denied",
            _("The ERP denied it after booking."),
            event_proofs(case, "status_denied") or (since(case),),
            _("Ask the ERP's people why; a corrected invoice is handed in under a new number."),
        )


def _draft(case: Case) -> Iterator[Finding]:
    for problem in preflight(case.invoice):
        yield Finding(
            f"preflight-{problem.field}",
            problem.sentence,
            (Proof(_("field"), _field_text(problem.field), case.now),),
            _("Edit the invoice, then post it."),
            "edit",
            field=problem.field,
        )


def _approval(case: Case) -> Finding:
    author = case.invoice.created_by
    return Finding(
        "waits-for-approval",
        _("It waits for a person to approve it."),
        (Proof(_("handed in by"), person_name(author) if author else "–", case.invoice.created_at), since(case)),
        _("Somebody of the finance staff other than the one who handed it in approves it."),
        "approve",
    )


def why_waiting(case: Case) -> Iterator[Finding]:
    """Give what an invoice in an integration step waits for: the connection first, for it holds the message back."""
    yield from why_not_exchanged(case)
    yield from _two_or_other(case)
    message = case.invoice.current_message
    if message is None or not message.is_open:
        yield Finding(
            "no-open-message",
            _("It waits for the ERP, but there is no open message to wait for."),
            (Proof(_("message"), message.get_state_display() if message else _("none"), case.now), since(case)),
            _("Abort the integration message; then look it up, and skip the step or post it again."),
            "abort",
        )
        return
    yield from _open_message(case, message)


def why_not_exchanged(case: Case) -> Iterator[Finding]:
    """Give why nothing is exchanged with the ERP at all."""
    connection = case.connection
    if connection is None or not connection.is_enabled:
        yield Finding(
            "not-connected",
            _("The client is not connected to an ERP."),
            (
                Proof(_("client"), str(case.invoice.client), case.now),
                *((Proof(_("connection"), _("switched off"), case.now),) if connection else ()),
            ),
            _("An Integration manager connects it; then the invoice goes out by itself."),
            "connection",
            turn=Turn.FIRST,
        )
    elif connection.needs_credentials:
        yield Finding(
            "credentials",
            _("The ERP refused our credentials."),
            (
                Proof(_("the ERP said"), connection.last_error or "–", is_quote=True),
                when(_("last answer"), connection.last_answer_at),
            ),
            _("An Integration manager enters new ones on the connection; then the invoice goes out by itself."),
            "connection",
            turn=Turn.FIRST,
        )
    elif case.is_paused:
        yield Finding(
            "erp-down",
            _("The ERP cannot be reached, so the queue is paused."),
            (
                Proof(_("failures in a row"), str(connection.breaker_failures), case.now),
                Proof(_("the ERP said"), connection.last_error or "–", is_quote=True),
                when(_("paused until"), connection.breaker_until),
                when(_("last answer"), connection.last_answer_at),
            ),
            _("Nothing needs to be done: it goes out by itself. A queue handler may abort the message instead."),
            "wait",
            turn=Turn.FIRST,
            until=connection.breaker_until,
        )


def _open_message(case: Case, message: IntegrationMessage) -> Iterator[Finding]:
    attempt = case.attempt_at(message)
    proofs = (
        Proof(_("message"), message.get_state_display(), message.created_at),
        Proof(_("attempts"), str(message.attempt_count), attempt.started_at if attempt else message.created_at),
        Proof(_("what was said"), message.reason or "–", attempt.started_at if attempt else None),
        when(_("next try"), message.not_before),
        *look_up_proofs(case),
        since(case),
    )
    if message.state == MessageState.SENDING:
        yield Finding(
            "on-its-way",
            _("It is on its way: the ERP was called and has not answered yet."),
            (
                when(_("called"), attempt.started_at if attempt else None),
                when(_("counts as lost after"), message.lease_until),
                *proofs[:2],
                since(case),
            ),
            _("Wait for the answer; a call that got lost is noticed and looked up by itself."),
            "wait",
            turn=Turn.WAIT,
            until=message.lease_until,
        )
    elif message.state == MessageState.UNKNOWN:
        what = _("The answer of the ERP was lost, so nobody knows yet whether it booked the invoice.")
        if message.is_for_a_person:
            step = _("Look it up in the ERP, then abort, and skip or post again.")
            yield Finding("unknown-for-a-person", what, proofs, step, "look-up")
        else:
            step = _("The ERP is asked by itself; it is never simply sent again.")
            yield Finding("unknown", what, proofs, step, "look-up", turn=Turn.WAIT, until=message.not_before)
    elif message.is_for_a_person:
        yield Finding(
            "given-up",
            _("It could not be sent, and nothing happens by itself any more."),
            proofs,
            _("Press Re-sync when the ERP answers again: it is sent then."),
            "re-sync",
        )
    elif message.attempt_count:
        yield Finding(
            "not-sent",
            _("It could not be sent yet."),
            proofs,
            _("It is tried again by itself at the time shown."),
            "re-sync",
            turn=Turn.WAIT,
            until=message.not_before,
        )
    else:
        yield Finding(
            "in-queue",
            _("It waits in the queue."),
            proofs,
            _("It goes out by itself within a minute."),
            "re-sync",
            turn=Turn.WAIT,
            until=message.not_before,
        )


def _two_or_other(case: Case) -> Iterator[Finding]:
    """Give what the ERP has that is not the invoice: two documents, or one that differs."""
    found = case.look_up
    if found is None or found.verdict != Evidence.Verdict.FOUND or found.asked_at < case.invoice.step_since:
        return
    if found.matches > 1:
        yield Finding(
            "two-documents",
            _("The ERP has more than one document for the invoice."),
            (Proof(_("documents there"), str(found.matches), found.asked_at), *look_up_proofs(case)),
            _("Void all but one of them there, then look it up again."),
            "look-up",
            turn=Turn.FIRST,
        )
    elif found.difference:
        yield Finding(
            "differs-there",
            _("The ERP has a document for the invoice, but it is not the same."),
            (Proof(_("what differs"), found.difference, found.asked_at), *look_up_proofs(case)),
            _("Correct the one that is wrong, here or there, then look it up again."),
            "look-up",
            turn=Turn.FIRST,
        )


def why_failed(case: Case) -> Iterator[Finding]:
    """Give why an invoice is in an error step; that the ERP has it after all comes first."""
    invoice = case.invoice
    offered = case.offered
    if offered is not None:
        yield Finding(
            "erp-has-it",
            _("The ERP has it, under voucher %(voucher)s.") % {"voucher": offered.voucher},
            (
                Proof(_("voucher"), offered.voucher, case.look_up.asked_at if case.look_up else None),
                Proof(_("posting date"), str(offered.posting_date or "–")),
                *look_up_proofs(case),
            ),
            _("Skip the integration step with this voucher."),
            "skip",
            turn=Turn.FIRST,
        )
    yield from _two_or_other(case)
    if invoice.status == Status.FAILED_ERP_VALIDATION:
        yield Finding(
            "failed-validation",
            _("The ERP's validation failed after booking, so the invoice came back for correction."),
            event_proofs(case, "status_failed_erp_validation") or (since(case),),
            _("Correct it, then skip the step with its voucher or post it again."),
            "edit",
        )
    message = invoice.current_message
    if message is not None and message.state == MessageState.ABORTED:
        yield Finding(
            "aborted",
            _("A person aborted the message."),
            (
                Proof(_("why"), message.reason or "–", message.settled_at),
                when(_("when"), message.settled_at),
                *look_up_proofs(case),
            ),
            _("Look it up in the ERP: if it is there, skip the step; if not, post it again."),
            "look-up",
        )
    elif message is not None and message.state == MessageState.REFUSED:
        yield from explain_refusal(
            case.system,
            message,
            POST_AGAIN,
            attempt=case.attempt_at(message),
            more=(since(case), *look_up_proofs(case)),
        )
    elif offered is None and invoice.status != Status.FAILED_ERP_VALIDATION:
        yield Finding(
            "stopped",
            _("It did not come through to the ERP, and no message says why."),
            (Proof(_("message"), message.get_state_display() if message else _("none"), case.now), since(case)),
            _("Look it up in the ERP: if it is there, skip the step; if not, post it again."),
            "look-up",
        )


def _field_text(field: str) -> str:
    """Return what a person calls a field: `lines[0].unit_price` is the unit price of line 1."""
    place, dot, name = field.partition("].")
    index = place.removeprefix("lines[")
    if dot and index.isdigit():
        return _("%(name)s of line %(number)s") % {"name": name.replace("_", " "), "number": int(index) + 1}
    return field.replace("_", " ").replace(".", " ")
