"""The seven questions (DESIGN §8), as people ask them: each a function from a case to findings, and what it looks at.

Adding one is adding its module to `syncdiag.answers` and its entry here. The missing invoice is asked for by its number
(`syncdiag.answers.missing`), all others of an invoice that is here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.errors import BadInput
from syncdiag.answers.balances import why_balances_differ
from syncdiag.answers.handling import why_not_handle
from syncdiag.answers.paid import why_paid_although_failed
from syncdiag.answers.pdf import why_no_pdf, why_no_pdf_yet
from syncdiag.answers.stuck import why_stuck
from syncdiag.answers.unsynced import why_not_synced
from syncdiag.case import Case
from syncdiag.findings import Finding

Answer = Callable[[Case], Iterable[Finding]]


def _nothing(_case: Case) -> Iterable[Finding]:
    return ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `answer` is for somebody who asks it; `volunteer` gives what is said without being asked."""

    slug: str
    asks: str | Promise
    checks: str | Promise  # what it looks at; said where nothing wrong was found
    answer: Answer
    volunteer: Answer


QUESTIONS: Final = (
    Question(
        "stuck",
        _("Why is it stuck?"),
        _("its step, the message to the ERP and its last attempt, the connection, and what may be posted"),
        why_stuck,
        why_stuck,
    ),
    Question(
        "not-synced",
        _("Why has this invoice or payment not synced?"),
        _("whether the ERP has it, what of its changes could not be taken, and each payment's message"),
        why_not_synced,
        why_not_synced,
    ),
    Question(
        "balances",
        _("Why do the balances differ?"),
        _("both balances and currencies, the payments, and when the ERP was last read"),
        why_balances_differ,
        why_balances_differ,
    ),
    Question(
        "paid",
        _("Why is it paid although the payment failed?"),
        _("payments that came to nothing after they were pushed"),
        why_paid_although_failed,
        why_paid_although_failed,
    ),
    Question("pdf", _("Why is there no PDF?"), _("what came when the PDF was asked for"), why_no_pdf_yet, why_no_pdf),
    Question(
        "handling",
        _("Why may I not edit or handle it?"),
        _("the person's rights, the step, the status, the archive, and what is being sent"),
        why_not_handle,
        _nothing,
    ),
)
MISSING: Final = "missing"
MISSING_ASKS: Final = _("Where is my missing invoice?")
SLUGS: Final = tuple(question.slug for question in QUESTIONS)


def find_question(slug: str) -> Question:
    """Return the question named `slug`; raises BadInput."""
    for question in QUESTIONS:
        if question.slug == slug:
            return question
    sentence = _("There is no question of this name: ask %(slugs)s, or leave it out to have all of them answered.")
    raise BadInput({"question": sentence % {"slugs": ", ".join(SLUGS)}})
