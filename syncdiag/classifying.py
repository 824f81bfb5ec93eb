"""What a whole answer means: each of its errors with the catalogue's entry, the most telling first.

An answer often holds the cause, and around it what the cause led to: "Could not create the record", "The transaction
has been rolled back". Those are wrappers: they lose against whatever else was said.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from syncdiag.catalogue import Explanation, Match, Prepared, Weight, entries_of, prepared_of, stem_of, systems
from syncdiag.parsing import SaidError, read_errors

# What says only that something else went wrong.
_WRAPPER: Final = re.compile(
    r"could ?n[o']t (?:create|update|save|delete|process) \S+(?: \S+)? record\b"
    r"|currently, we can'?t (?:create|update|save|delete) the (?:transaction|record)"
    r"|transaction .{0,40}\b(?:has been|was) rolled back"
    r"|\brequest on \S+ object was unsuccessful"
    r"|a validation exception occurred"
    r"|check the transaction for errors or inconsistencies"
    r"|was not processed (?:because|due to|since) .{0,60}\b(?:previous|earlier|another)\b"
    r"|did not (?:finish|complete) successfully\W*$"
    r"|one or more (?:errors|records?) (?:occurred|failed)",
    re.IGNORECASE,
)
_WRAPPER_CODES: Final = frozenset({"XL03000009", "REST-7001", "3231"})
# Codes under which a system says all kinds of things: an entry that went by such a code alone knows little.
_VAGUE_CODES: Final = frozenset({"BL01001973", "10", "6000", "USER_ERROR", "UNEXPECTED_ERROR", "HTTP 400", "HTTP 500"})


@dataclass(frozen=True, slots=True)
class Classified:
    """One error of an answer, and what the catalogue says of it."""

    said: SaidError
    explanation: Explanation | None = None
    is_wrapper: bool = False  # it only says that something else went wrong

    @property
    def kind(self) -> str:
        """The kind of the entry; "other" where none is known."""
        return self.explanation.entry.kind if self.explanation else "other"

    @property
    def is_known(self) -> bool:
        """Whether it says what is wrong, rather than that something is."""
        return self.kind != "other" and not self.is_wrapper


@dataclass(frozen=True, slots=True)
class Guess:
    """A system that may have said a text, and what the text means there."""

    system: str
    said: SaidError
    explanation: Explanation


def classify(system: str, answer: object, *, code: str = "", status: int | None = None) -> tuple[Classified, ...]:
    """Return the errors of an answer with what the catalogue says of each, the most telling first.

    `code` is the code of an answer that is a text without one. A system without a catalogue is guessed.
    """
    errors = read_errors(system, answer, status=status)
    if code and not errors and not str(answer or "").strip():
        errors = (SaidError(code=code),)
    return by_telling(classify_error(system, error, code) for error in errors)


def classify_error(system: str, error: SaidError, code: str = "") -> Classified:
    """Return one error with what the catalogue says of it."""
    code = error.code if error.code and not (code and error.code.startswith("HTTP ")) else code or error.code
    if stem_of(system) in systems() or entries_of(system):
        match = _match(prepared_of(system), code, error)
    else:
        match = next((match for _, match in _guesses(code, error)), None) or _match(prepared_of(system), code, error)
    is_wrapper = (
        code in _WRAPPER_CODES
        or _WRAPPER.search(error.message) is not None
        or (match is not None and match.weight is Weight.CODE and code.upper() in _VAGUE_CODES)
    )
    return Classified(error, None if match is None else match.explanation, is_wrapper)


def by_telling(classified: Iterable[Classified]) -> tuple[Classified, ...]:
    """Return errors with the most telling first, and else in their order."""

    def rank(one: Classified) -> tuple[bool, bool, bool]:
        return one.is_wrapper, one.kind == "other", one.explanation is None

    return tuple(sorted(classified, key=rank))


def guess(text: str) -> tuple[Guess, ...]:
    """Return the systems that may have said a text, the most specific first; none where no catalogue knows it."""
    best: dict[str, tuple[tuple[bool, int, int], Guess]] = {}
    for system in systems():
        for error in read_errors(system, text):
            for found, match in _guesses(error.code, error, (system,)):
                is_wrapper = error.code in _WRAPPER_CODES or _WRAPPER.search(error.message) is not None
                worth = (not is_wrapper, int(match.weight), match.length)
                if found not in best or worth > best[found][0]:
                    best[found] = worth, Guess(found, error, match.explanation)
    return tuple(known for _, known in sorted(best.values(), key=lambda each: each[0], reverse=True))


def _guesses(code: str, error: SaidError, among: Iterable[str] = ()) -> list[tuple[str, Match]]:
    """Return what the systems' own entries say of an error, the most specific first."""
    found = []
    for system in among or systems():
        match = _match(prepared_of(system), code, error)
        if match is not None and match.explanation.entry.system == system:
            found.append((system, match))
    return sorted(found, key=lambda each: (each[1].weight, each[1].length), reverse=True)


def _match(prepared: Prepared, code: str, error: SaidError) -> Match | None:
    """Return what entries say of an error: of its message and detail as one text, or of one of them."""
    return prepared.find(code, error.text)
