"""What a pasted text means: its errors, most telling first, whichever system it was guessed to be from."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from syncdiag.catalogue import Explanation
from syncdiag.classifying import Classified, classify, guess
from syncdiag.systems import name_of


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
    guesses = () if system else guess(text)
    found = system or (guesses[0].system if guesses else "")
    errors = classify(found, text, code=code)
    return Reading(
        found, not system, tuple(each.system for each in guesses[1:4]), tuple(_read(each) for each in errors)
    )


def _read(classified: Classified) -> ReadError:
    said = classified.said
    return ReadError(said.code, said.text, said.field, said.trace_id, classified.explanation)
