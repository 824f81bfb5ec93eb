"""Patterns that a text could keep busy for ever, told by their structure, before they are tried. Reads no database.

Where what stands within a repeat can be read in several ways, Python's matcher tries all of them for each turn: twice
as many for each further character of a text. `patterns.py` tries the rest on texts.
"""

import re
import re._constants as sre  # type: ignore[import-not-found]  # private, but the only one that knows what a pattern is
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, Final

LONGEST: Final = 500
TEXTS_AT_MOST: Final = 64
_REPEATS: Final = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}
_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: re.compile(r"\d"),
    sre.CATEGORY_WORD: re.compile(r"\w"),
    sre.CATEGORY_SPACE: re.compile(r"\s"),
}
_CHOICES: Final = {sre.BRANCH, sre.GROUPREF, sre.GROUPREF_EXISTS}


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
        if within and (name in _CHOICES or (name in _REPEATS and value[0] != value[1])):
            return True
        if name in _REPEATS and value[1] > 1 and (_is_read_in_one_way(value[2]) or _is_separated(value[2])):
            continue
        repeats = within or (name in _REPEATS and value[1] > 1)
        if any(_is_endless(part, within=repeats) for part in _parts(value)):
            return True
    return False


def _is_read_in_one_way(body: Any) -> bool:
    """Whether a repeat is over some fixed texts of which none is how another begins."""
    texts = _texts(body)
    if not texts:
        return False
    pairs = ((one, other) for place, one in enumerate(texts) for other in texts[:place])
    return not any(one.startswith(other) or other.startswith(one) for one, other in pairs)


def _texts(body: Any) -> list[str]:
    """Return all texts that fixed characters, choices and what may be left out can make; empty: too many, or not so."""
    made = [""]
    for name, value in body:
        if name is sre.LITERAL:
            each = [chr(value).lower()]
        elif name is sre.BRANCH:
            parts = [_texts(branch) for branch in value[1]]
            each = [text for part in parts for text in part] if all(parts) else []
        elif name is sre.SUBPATTERN:
            each = _texts(value[3])
        elif name in _REPEATS and (value[0], value[1]) == (0, 1):
            inner = _texts(value[2])
            each = ["", *inner] if inner else []
        else:
            each = []
        if len(made) * len(each) > TEXTS_AT_MOST:
            return []
        made = [begun + text for begun, text in product(made, each)]
    return made


def _is_separated(body: Any) -> bool:
    """Whether a repeat is over words, each beside a character that no word has, as in (?:[a-z]+ )+ or (?: [a-z]+)+."""
    parts = sorted(body, key=lambda part: part[0] is sre.LITERAL)
    if len(parts) != 2 or parts[0][0] not in _REPEATS or parts[1][0] is not sre.LITERAL:
        return False
    word, between = parts[0][1][2], parts[1][1]
    if len(word) != 1:
        return False
    name, value = word[0]
    return value == between if name is sre.NOT_LITERAL else name is sre.IN and not _holds(value, chr(between))


def _holds(members: Iterable[tuple[Any, Any]], character: str) -> bool:
    """Whether a class of characters holds one; what is not understood counts as holding it."""
    forms = {ord(character.lower()), ord(character.upper())}
    is_negated = False
    for name, value in members:
        if name is sre.NEGATE:
            is_negated = True
            continue
        if name is sre.LITERAL:
            found = value in forms
        elif name is sre.RANGE:
            found = any(value[0] <= form <= value[1] for form in forms)
        elif value in _CATEGORIES:
            found = _CATEGORIES[value].match(character) is not None
        else:
            return True
        if found:
            return not is_negated
    return is_negated


def _parts(value: Any) -> Iterator[Any]:
    """Yield the patterns within one part of a pattern."""
    if isinstance(value, sre_parser.SubPattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _parts(each)
