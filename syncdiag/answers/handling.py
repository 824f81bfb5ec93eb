"""Why may I not edit or handle it? (articles 000 and 001) It is about a person: their rights, and where the invoice is.

What it says of a button is what the button itself says: whether it works from here, and who has its right.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from invoices.actions.intake import why_read_only
from invoices.buttons import Button, all_buttons
from invoices.models import Invoice
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageState, Step
from syncdiag.answers.shared import since
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, Turn, when

ASK: Final = "ask-handler"
QUEUE_STEPS: Final = (*INTEGRATION_STEPS, *ERROR_STEPS)


def why_not_handle(case: Case) -> Iterator[Finding]:
    """Give what keeps the person of the case from editing the invoice, and from each of its buttons."""
    yield from _locked(case)
    yield from _edit(case)
    yield from _buttons(case)


def _locked(case: Case) -> Iterator[Finding]:
    message = case.invoice.current_message
    if message is None or message.state != MessageState.SENDING:
        return
    attempt = case.attempt_at(message)
    yield Finding(
        "locked-by-call",
        _("The ERP is being called with it at this moment; what is changed meanwhile is not in that call."),
        (
            when(_("called"), attempt.started_at if attempt else message.created_at),
            when(_("counts as lost after"), message.lease_until),
        ),
        _("Wait for the answer, or abort the message: then the answer is kept as evidence and moves nothing."),
        "wait",
        turn=Turn.WAIT,
        until=message.lease_until,
    )


def _edit(case: Case) -> Iterator[Finding]:
    read_only = why_read_only(case.invoice)
    if read_only:
        next_step, button = _way_to_edit(case.invoice)
        yield Finding("may-not-edit", read_only, _whereabouts(case), next_step, button)
    elif not case.standing.may(Right.HAND_IN):
        yield _no_right(case, Right.HAND_IN, "may-not-edit", _("You have no right to edit it."), _("the fields"))


def _way_to_edit(invoice: Invoice) -> tuple[str, str]:
    """Return how it can be edited all the same, and the button for that."""
    if invoice.is_archived:
        return _("Restore it; what can be edited then, depends on its step."), "restore"
    if invoice.step in INTEGRATION_STEPS:
        return _("Abort the message; then finance staff can edit it. Till then its voucher can be kept."), "abort"
    if invoice.step == Step.APPROVAL:
        return _("If it is wrong, invalidate it and hand it in again under another number."), "invalidate"
    if invoice.step == Step.BOOKED:
        return _("Edit it in the ERP, then press Re-sync."), "re-sync"
    return _("Hand it in again under another number."), ""


def _buttons(case: Case) -> Iterator[Finding]:
    """Give the buttons that the person may not press, those with the same reason together."""
    lacking: defaultdict[Right, list[Button]] = defaultdict(list)
    later: list[Button] = []
    for button in all_buttons():
        if not button.concerns(case.invoice):
            continue
        if not button.works_from(case.invoice):
            later.append(button)
        elif not case.standing.may(button.right):
            lacking[button.right].append(button)
        elif button.slug == "approve" and case.invoice.created_by_id == case.standing.user_id:
            yield Finding(
                "approve-own",
                _("You handed this invoice in, so somebody else must approve it."),
                (
                    when(_("handed in"), case.invoice.created_at),
                    Proof(_("who may approve"), _names(case, Right.APPROVE), case.now),
                ),
                _("Ask one of them to approve it."),
            )
    for right, buttons in lacking.items():
        labels = _labels(buttons)
        name = right.value.rpartition(".")[2].replace("_", "-")
        what = _("You have no right to press: %(buttons)s.") % {"buttons": labels}
        yield _no_right(case, right, f"no-right-{name}", what, labels)
    if later:
        yield Finding(
            "not-from-here",
            _("From where it is, these do not work: %(buttons)s.") % {"buttons": _labels(later)},
            _whereabouts(case),
            _("They work again when it has moved on; what works now stands on its page."),
            turn=Turn.KNOW,
        )


def _no_right(case: Case, right: Right, name: str, what: str, about: str) -> Finding:
    evidence = (
        Proof(_("what needs it"), about, case.now),
        Proof(_("the right"), str(right.label), case.now),
        Proof(_("who has it"), _names(case, right), case.now),
    )
    may_be_asked = right is Right.HANDLE_QUEUE and case.invoice.step in QUEUE_STEPS and case.standing.holders[right]
    return Finding(name, what, evidence, case.standing.who_may(right), ASK if may_be_asked else "")


def _names(case: Case, right: Right) -> str:
    return ", ".join(case.standing.holders[right]) or _("nobody yet")


def _labels(buttons: list[Button]) -> str:
    return str(get_text_list([str(button.label) for button in buttons], _("and")))


def _whereabouts(case: Case) -> tuple[Proof, ...]:
    """Show where the invoice is: what decides on its fields and buttons."""
    invoice = case.invoice
    proofs = [Proof(_("step"), invoice.get_step_display(), invoice.step_since), since(case)]
    if invoice.status:
        proofs.append(Proof(_("status"), invoice.get_status_display(), case.now))
    if invoice.is_synced:
        proofs.append(Proof(_("id in the ERP"), invoice.remote_id, invoice.synced_at))
    if invoice.archived_at is not None:
        proofs.append(Proof(_("archived"), invoice.archived_reason or "–", invoice.archived_at))
    return tuple(proofs)
