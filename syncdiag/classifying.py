"""What a whole answer means: each of its errors with the catalogue's entry, the most telling first.

An answer often holds the cause, and around it what the cause led to: "Could not create the record", "The transaction
has been rolled back". Those are wrappers: they lose against whatever else was said.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from syncdiag.catalogue import Explanation, Match, Weight, explain, has_entries, prepared_of, systems
from syncdiag.parsing import SaidError, read_errors
from syncdiag.parsing.said import LONGEST_TEXT

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

    @property
    def is_certain(self) -> bool:
        """Whether it is known by more than a likely meaning of its words."""
        return self.is_known and self.explanation is not None and self.explanation.entry.is_certain


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
    if code and not errors:
        errors = (SaidError(code=code, message=answer[:LONGEST_TEXT] if isinstance(answer, str) else ""),)
    if isinstance(answer, str):  # the code that was found in a text may be none
        classified = [_classify(system, error, code, error.code) for error in errors]
        if len(errors) > 1 and not any(one.is_certain for one in classified):
            # The lines of a text that were taken for several errors may be one.
            whole = _classify(system, replace(errors[0], message=answer[:LONGEST_TEXT], detail=""), code)
            is_better = whole.is_certain or (whole.is_known and not any(one.is_known for one in classified))
            classified = [whole] if is_better else classified
        return by_telling(classified)
    return by_telling(_classify(system, error, error.code or code) for error in errors)


def words_of(complaint: Mapping[str, str]) -> str:
    """Return the words of an error as messages and attempts keep it: its message and its detail."""
    return " ".join(filter(None, (complaint.get("message"), complaint.get("detail"))))


def explain_complaint(system: str, complaint: Mapping[str, str]) -> Explanation | None:
    """Return what the catalogue says of an error as messages and attempts keep it: code, message and detail."""
    said = SaidError(message=complaint.get("message") or "", detail=complaint.get("detail") or "")
    return explain(system, complaint.get("code") or "", said.text)


def _classify(system: str, error: SaidError, *codes: str) -> Classified:
    """Return an error with what is said of it under the best of its codes."""
    codes = tuple(dict.fromkeys(filter(None, codes))) or ("",)
    known = has_entries(system)
    found = [match for code in codes if (match := _match(system, code, error, known=known)) is not None]
    match = max(found, key=lambda one: one.weight, default=None)
    is_wrapper = _is_wrapper(error, codes) or (
        match is not None and match.weight is Weight.CODE and not _VAGUE_CODES.isdisjoint(codes)
    )
    return Classified(error, None if match is None else match.explanation, is_wrapper)


def _is_wrapper(error: SaidError, codes: Iterable[str]) -> bool:
    return not _WRAPPER_CODES.isdisjoint(codes) or _WRAPPER.search(error.message) is not None


def by_telling(classified: Iterable[Classified]) -> tuple[Classified, ...]:
    """Return errors with the most telling first, the certain before the likely, and else in their order."""

    def rank(one: Classified) -> tuple[bool, bool, bool, bool]:
        return one.is_wrapper, one.kind == "other", not one.is_certain, one.explanation is None

    return tuple(sorted(classified, key=rank))


def guess(text: str) -> tuple[Guess, ...]:
    """Return the systems that may have said a text, the most specific first; none where no catalogue knows it."""
    best: dict[str, tuple[tuple[bool, int, int], Guess]] = {}
    for system in systems():
        for error in read_errors(system, text):
            for found, match in _guesses(error.code, error, (system,)):
                is_wrapper = _is_wrapper(error, (error.code,))
                worth = (not is_wrapper, int(match.weight), match.length)
                if found not in best or worth > best[found][0]:
                    best[found] = worth, Guess(found, error, match.explanation)
    return tuple(known for _, known in sorted(best.values(), key=lambda each: each[0], reverse=True))


def _match(system: str, code: str, error: SaidError, *, known: bool) -> Match | None:
    """Return what is said of an error; where nobody knows the system, what the system that fits best says of it."""
    if not known:
        guessed = next((match for _, match in _guesses(code, error)), None)
        if guessed is not None:
            return guessed
    return prepared_of(system).find(code, error.text)


def _guesses(code: str, error: SaidError, among: Iterable[str] = ()) -> list[tuple[str, Match]]:
    """Return what the systems' own entries say of an error, the most specific first."""
    found = []
    for system in among or systems():
        match = prepared_of(system).find(code, error.text)
        if match is not None and match.explanation.entry.system == system:
            found.append((system, match))
    return sorted(found, key=lambda each: (each[1].weight, each[1].length), reverse=True)


def classify_row(row: Mapping[str, Any]) -> tuple[Classified, ...]:
    """Return what a row of a corpus says, the most telling first: its message and code, and beside it its payload.

    The payload often holds more errors than the message; among equals the message comes first.
    """
    system, code = _text(row.get("system")), _text(row.get("code"))
    own = classify(system, _text(row.get("message")), code=code)
    payload = row.get("payload")
    return by_telling((*own, *(classify(system, payload, code=code) if payload else ())))


def _text(value: object) -> str:
    """Return a value of a row as text; codes are sometimes written as numbers."""
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)
