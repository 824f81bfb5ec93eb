"""Patterns that a text could keep busy for ever, told by their structure, before they are tried. Reads no database.

Where something of several lengths, or a choice that can be read in two ways, stands within a repeat, Python's
matcher tries every way in which a text can be divided among them: twice as many for each further character.
`patterns.py` tries the rest on texts.
"""

import re._constants as sre  # type: ignore[import-untyped]  # private, but the only one that knows what a pattern is
import re._parser as sre_parser  # type: ignore[import-untyped]
from collections.abc import Iterable, Iterator
from typing import Any, Final

LONGEST: Final = 500
_REPEATS: Final = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}
_REFERENCES: Final = {sre.GROUPREF, sre.GROUPREF_EXISTS}


def why_endless(pattern: str) -> str:
    """Return why a pattern, which can be read, must not be used; empty where it may."""
    if len(pattern) > LONGEST:
        return f"a pattern has at most {LONGEST} characters."
    if _is_endless(sre_parser.parse(pattern)):
        return (
            f"the pattern {pattern!r} has a repeat or a choice within a repeat, which a text could make endless; "
            "write a class of characters instead, as in [^,]*."
        )
    return ""


def _is_endless(parsed: Iterable[tuple[Any, Any]], *, within: bool = False) -> bool:
    for name, value in parsed:
        if within and (name in _REFERENCES or (name in _REPEATS and value[0] != value[1])):
            return True
        if within and name is sre.BRANCH and not _is_plain_choice(value[1]):
            return True
        repeats = within or (name in _REPEATS and value[1] > 1)
        if any(_is_endless(part, within=repeats) for part in _parts(value)):
            return True
    return False


def _is_plain_choice(branches: Iterable[Any]) -> bool:
    """Whether a text can be read in one way only: all are fixed texts, and none is how another begins."""
    texts = []
    for branch in branches:
        if any(name is not sre.LITERAL for name, _value in branch):
            return False
        texts.append("".join(chr(value) for _name, value in branch).lower())
    return not any(one.startswith(other) for one in texts for other in texts if one is not other)


def _parts(value: Any) -> Iterator[Any]:
    """Yield the patterns within one part of a pattern."""
    if isinstance(value, sre_parser.SubPattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _parts(each)
