"""The diagnosis of an invoice: the questions asked of its case. It reads, returns findings, and changes nothing."""

from dataclasses import replace

from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext as _

from invoices.models import Invoice
from syncdiag.case import Case, gather
from syncdiag.findings import Finding, Proof, Turn, in_order, when
from syncdiag.questions import QUESTIONS, Question, find_question


def diagnose(invoice: Invoice, *, by: User | AnonymousUser | None = None, question: str = "") -> list[Finding]:
    """Return what stands in the way of an invoice, what to do first coming first; `by` None is the system.

    With the slug of a question only that one is answered, and fully. Where nothing is wrong the only finding says what
    was checked. Raises BadInput for a slug that is none.
    """
    asked = find_question(question) if question else None  # before anything is read
    case = gather(invoice, by=by)
    return ask(case, asked) if asked else ask_all(case)


def ask(case: Case, question: Question) -> list[Finding]:
    """Return the answer to one question; that nothing wrong was found is one."""
    found = [replace(finding, question=question.slug) for finding in question.answer(case)]
    return in_order(found) or [_nothing_wrong(case, (question,))]


def ask_all(case: Case) -> list[Finding]:
    """Return what all questions find without being asked, together and in order."""
    found = [replace(finding, question=question.slug) for question in QUESTIONS for finding in question.volunteer(case)]
    return in_order(found) or [_nothing_wrong(case, QUESTIONS[:-1])]


def _nothing_wrong(case: Case, questions: tuple[Question, ...]) -> Finding:
    """Return the finding that says what was looked at, a line for each question, and how old the last word there is."""
    invoice = case.invoice
    connection = case.connection
    proofs = [Proof(_("step"), invoice.get_step_display(), invoice.step_since)]
    proofs += [Proof(question.asks, str(question.checks), case.now) for question in questions]
    if case.look_up is not None:
        proofs.append(when(_("the ERP was asked about it"), case.look_up.asked_at))
    if invoice.synced_at is not None:
        proofs.append(when(_("last the same on both sides"), invoice.synced_at))
    if connection is not None:
        proofs.append(when(_("last sync of the connection"), connection.pulled_at))
    return Finding(
        "nothing-wrong",
        _("Nothing wrong was found."),
        tuple(proofs),
        _("Nothing needs to be done."),
        turn=Turn.KNOW,
        question=questions[0].slug if len(questions) == 1 else "",
    )
