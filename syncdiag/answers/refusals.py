"""What the ERP complained of: its own words, what the catalogue calls them, and what to do. No question to a database.

The desk's rows are made of the first of these findings too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices.models import Attempt, IntegrationMessage
from syncdiag.classifying import explain_complaint, words_of
from syncdiag.findings import Finding, Proof, Said, Turn, when

TURNS: Final = {"connection": Turn.FIRST, "wait": Turn.WAIT}
EVERYWHERE: Final = frozenset({"connection", "wait"})  # what helps a payment too


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The next step for words that the catalogue does not know, and for all complaints about a payment."""

    next_step: Said
    button: str


POST_AGAIN: Final = Otherwise(gettext_lazy("Correct what the ERP names, then post it again."), "post-again")


def explain_refusal(
    system: str,
    message: IntegrationMessage,
    otherwise: Otherwise,
    *,
    attempt: Attempt | None = None,
    more: tuple[Proof, ...] = (),
) -> Iterator[Finding]:
    """Give a finding for each complaint of a refused message; one without a word is a finding too."""
    at = attempt.started_at if attempt else message.settled_at or message.created_at
    subject = f"payment {message.payment_id}" if message.payment_id else ""
    around = [when(_("refused"), message.settled_at)] if message.settled_at else []
    around.append(Proof(_("attempts"), str(message.attempt_count), at))
    for complaint in message.complaints or [{"message": message.reason or _("It refused it without a word.")}]:
        words, code = words_of(complaint), complaint.get("code") or ""
        evidence = (
            Proof(_("the ERP said"), words or "–", at, is_quote=True),
            Proof(_("code"), code or "–", at),
            Proof(_("trace id"), attempt.trace_id if attempt and attempt.trace_id else "–", at),
            *around,
            *more,
        )
        known = explain_complaint(system, complaint)
        if known is None:
            yield Finding(
                "refused",
                _("The ERP refused it, with words that are not in the catalogue yet."),
                evidence,
                otherwise.next_step,
                otherwise.button,
                subject=subject,
                unknown=(code, words) if words else None,
            )
            continue
        entry = known.entry
        button = entry.button if not message.payment_id or entry.button in EVERYWHERE else otherwise.button
        yield Finding(
            entry.id,
            entry.title,
            evidence,
            " ".join(known.steps),
            button,
            field=entry.field if button == "edit" else "",
            turn=TURNS.get(button, Turn.ACT),
            cause=known.cause,
            steps=known.steps,
            fixed_in=entry.fixed_in,
            retry_helps=entry.retry_helps,
            guide=f"{entry.system}#{entry.id}",
            until=message.not_before if button == "wait" else None,
            subject=subject,
        )
