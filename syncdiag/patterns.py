"""What a pattern of the catalogue may be: one that cannot keep a process busy, whatever the text. Reads no database.

Python's own matcher tries every way in which a text can be divided among the repeats of a pattern. Where one repeat
stands within another that is exponential, and where several in a row may take the same characters it grows with a power
of the text's length; both are refused before they are ever tried.
"""

import re
from collections.abc import Iterable, Sequence
from re import _parser  # type: ignore[attr-defined]  # the only reader of patterns that Python has
from typing import Any, Final

LONGEST: Final = 500
TEXT_AT_MOST: Final = 2_000  # of an error's words; what the catalogue looks through (`known.py`)
TRIES_AT_MOST: Final = 500_000_000  # of the matcher in the worst text of that length: some seconds
COPIES_AT_MOST: Final = 40
REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
PROBES: Final = (*tuple(map(chr, range(32, 127))), "\t", "\n", "é", "€")
Parsed = Sequence[tuple[Any, Any]]


class PatternError(ValueError):
    """A pattern that cannot be used, and why, as the end of a sentence."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern that is searched without regard to case; raises PatternError where it must not be used."""
    if len(pattern) > LONGEST:
        raise PatternError(f"it has more than {LONGEST} characters")
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
        parsed = _parser.parse(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as exc:
        raise PatternError(str(exc)) from exc
    if compiled.search(""):
        raise PatternError("it is found in an empty text, so it would match everything")
    if _has_nested(parsed):
        raise PatternError("a repeat stands within a repeat, which can take for ever; write a character class instead")
    if _tries(list(_flat(parsed))) > TRIES_AT_MOST:
        raise PatternError(
            "several open repeats in it can take what should follow them, which can take very long; say how long each "
            "may be, as in .{0,80}, or which characters it has, as in [^,]*"
        )
    return compiled


def _has_nested(parsed: Iterable[tuple[Any, Any]], *, within: bool = False) -> bool:
    """Whether something of several lengths, or a choice, stands within an open repeat."""
    for name, value in parsed:
        if str(name) in REPEATS:
            least, most, body = value
            if (within and least != most) or _has_nested(body, within=within or _is_open(least, most)):
                return True
        elif (within and str(name) in ("BRANCH", "GROUPREF", "GROUPREF_EXISTS")) or any(
            _has_nested(part, within=within) for part in _parts(value)
        ):
            return True
    return False


def _is_open(least: Any, most: Any) -> bool:
    return bool(most != least and int(most) > 1)


def _tries(parts: Parsed) -> float:
    """Return about how often the matcher must begin anew in the worst text: a product over what can be divided."""
    found = TEXT_AT_MOST / _literals(parts)
    factors, scans = 1, False
    for place, (name, value) in enumerate(parts):
        rest = parts[place + 1 :]
        if str(name) == "BRANCH":
            found *= max(1.0, *(_tries(list(_flat(branch))) / TEXT_AT_MOST for branch in value[1]))
        elif str(name) in REPEATS and value[0] != value[1]:
            takes = _takes(value[2])
            is_divided = any(takes & first for first in _firsts(rest))
            length = min(int(value[1]), TEXT_AT_MOST)
            if is_divided and length > 1:
                factors, scans = factors + 1, False
                found *= max(1.0, length / _literals(rest)) / factors
            else:
                scans = scans or length == TEXT_AT_MOST
    return found * TEXT_AT_MOST / (factors + 1) if scans else found


def _literals(parts: Parsed) -> int:
    """Return with how many fixed characters these parts begin, at least 1."""
    count = 0
    while count < len(parts) and str(parts[count][0]) == "LITERAL":
        count += 1
    return max(1, count)


def _flat(parsed: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    """Yield the parts in a row, those of groups, of what may be left out, and of what is there so many times."""
    for name, value in parsed:
        if str(name) == "SUBPATTERN":
            yield from _flat(value[-1])
        elif str(name) == "ATOMIC_GROUP":
            yield from _flat(value)
        elif str(name) in REPEATS and (value[0] == value[1] or int(value[1]) <= 1):
            for _copy in range(min(int(value[1]), COPIES_AT_MOST)):
                yield from _flat(value[2])
        else:
            yield name, value


def _firsts(rest: Parsed) -> list[frozenset[str]]:
    """Return what the parts after a repeat may begin with, up to the first that the repeat cannot skip."""
    for name, value in rest:
        if str(name) == "AT" or str(name).startswith("ASSERT"):
            continue
        if str(name) in REPEATS:
            firsts = [_takes(value[2])]
            return firsts if int(value[0]) else firsts + _firsts(rest[1:])
        return [_takes([(name, value)])]
    return []


def _takes(body: Any) -> frozenset[str]:
    """Return which of the probes a part of one character can take; for anything longer, its own first characters."""
    parts = list(_flat(list(body)))
    if not parts:
        return frozenset()
    name, value = str(parts[0][0]), parts[0][1]
    if name == "LITERAL":
        return frozenset({chr(value).lower(), chr(value).upper()})
    if name == "NOT_LITERAL":
        return frozenset(PROBES) - {chr(value).lower(), chr(value).upper()}
    if name == "ANY":
        return frozenset(PROBES) - {"\n"}
    if name == "IN":
        return _class(value)
    if name == "BRANCH":
        return frozenset().union(*(_takes(branch) for branch in value[1]))
    return frozenset(PROBES)


def _class(items: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    found: set[str] = set()
    negated = False
    for name, value in items:
        if str(name) == "NEGATE":
            negated = True
        elif str(name) == "LITERAL":
            found |= {chr(value).lower(), chr(value).upper()}
        elif str(name) == "RANGE":
            inside = [probe for probe in PROBES if value[0] <= ord(probe) <= value[1]]
            found |= {form for probe in inside for form in (probe.lower(), probe.upper())}
        else:
            found |= {probe for probe in PROBES if CATEGORIES[str(value)].match(probe)}
    return frozenset(PROBES) - found if negated else frozenset(found)


CATEGORIES: Final = {
    "CATEGORY_DIGIT": re.compile(r"\d"),
    "CATEGORY_NOT_DIGIT": re.compile(r"\D"),
    "CATEGORY_SPACE": re.compile(r"\s"),
    "CATEGORY_NOT_SPACE": re.compile(r"\S"),
    "CATEGORY_WORD": re.compile(r"\w"),
    "CATEGORY_NOT_WORD": re.compile(r"\W"),
}


def _parts(value: Any) -> Iterable[Any]:
    """Return the patterns within one part of a pattern."""
    for each in value if isinstance(value, tuple | list) else (value,):
        if isinstance(each, _parser.SubPattern):
            yield each
        elif isinstance(each, list):
            yield from (part for part in each if isinstance(part, _parser.SubPattern))
