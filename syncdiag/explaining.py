"""What a pasted text means: its errors, most telling first, whichever system it was guessed to be from."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from syncdiag.catalogue import Explanation
from syncdiag.classifying import Classified, Guess, classify, guess
from syncdiag.systems import name_of

# A system that is named in its own words.
NAMED: Final = {
    "quickbooks_online": re.compile(r"\b(?:qbo|intuit|quickbooks online)\b", re.IGNORECASE),
    "quickbooks_desktop": re.compile(r"\b(?:qbxml|qbwc|quickbooks desktop)\b", re.IGNORECASE),
    "sage_intacct": re.compile(r"\bintacct\b", re.IGNORECASE),
    "xero": re.compile(r"\bxero\b", re.IGNORECASE),
    "myob": re.compile(r"\b(?:myob|accountright)\b", re.IGNORECASE),
    "netsuite": re.compile(r"\b(?:netsuite|suitetalk|suitescript)\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class ReadError:
    """One error of a text as it reads, and what is known of it."""

    code: str
    text: str
    field: str
    trace_id: str
    explanation: Explanation | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text means; `system` is empty where nobody said it and nothing told."""

    system: str
    was_guessed: bool
    others: tuple[str, ...]  # that may have said it as well, likeliest first
    errors: tuple[ReadError, ...]

    @property
    def has_unknown(self) -> bool:
        """Whether there is anything that no entry knows; a text without an error is unknown too."""
        return not self.errors or any(error.explanation is None for error in self.errors)

    @property
    def certainty(self) -> str:
        """How sure the system is: chosen, sure, likely or unknown."""
        if not self.was_guessed:
            return "chosen"
        if not self.system:
            return "unknown"
        return "likely" if self.others else "sure"

    @property
    def system_sentence(self) -> str:
        """Say whose words they are, and how sure that is."""
        if self.certainty == "chosen":
            return _("Read as words of %(system)s, as you chose.") % {"system": name_of(self.system)}
        if self.certainty == "unknown":
            return _("Which system said it cannot be told from the text: choose one if you know it.")
        if self.certainty == "sure":
            return _("These are words of %(system)s: no other system says them.") % {"system": name_of(self.system)}
        return _("Most likely words of %(system)s; they may be of %(others)s as well.") % {
            "system": name_of(self.system),
            "others": ", ".join(name_of(each) for each in self.others),
        }


def explain_text(text: str, system: str = "", *, code: str = "") -> Reading:
    """Return what a text means in `system`; empty: in the one that it is guessed to be from. Never raises."""
    guesses = () if system else likeliest_first(text, guess(text))
    found = system or (guesses[0].system if guesses else "")
    errors = classify(found, text, code=code)
    return Reading(
        found, not system, tuple(each.system for each in guesses[1:4]), tuple(_read(each) for each in errors)
    )


def likeliest_first(text: str, guesses: Sequence[Guess]) -> tuple[Guess, ...]:
    """Return guesses with the system that the text names first; else those of the kind that most of them say.

    One pattern that is found by chance must not win over what the words mean to most systems.
    """
    kinds = Counter(each.explanation.entry.kind for each in guesses)
    first = kinds[guesses[0].explanation.entry.kind] if guesses else 0

    def rank(each: Guess) -> tuple[bool, int]:
        said_by = kinds[each.explanation.entry.kind]
        is_named = each.system in NAMED and NAMED[each.system].search(text) is not None
        return not is_named, -said_by if said_by >= 2 * first else 0

    return tuple(sorted(guesses, key=rank))


def _read(classified: Classified) -> ReadError:
    said = classified.said
    return ReadError(said.code, said.text, said.field, said.trace_id, classified.explanation)
