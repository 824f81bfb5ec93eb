"""The patterns of the catalogue: made ready to be fast, and refused where they could be endless.

An administrator may add a pattern. One that a text could keep busy for minutes would stop the desk, so no pattern may
repeat what repeats already, and a new one is tried on texts made from itself: it may take MOST_SECONDS of CPU time.
Trying is for when a pattern is written; at the start it would make a slow machine refuse what a fast one took.
"""

import re
import re._constants as sre  # type: ignore[import-not-found]  # private, but nothing else knows what a pattern is
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from time import process_time
from typing import Any, Final

from syncdiag.plaintext import LONGEST_COMPARED, QUOTES

MOST_SECONDS: Final = 0.5  # of CPU, for one search in one text
MANY: Final = 25  # repeats up to this many are as good as a fixed length
MOST_LITERALS: Final = 6  # alternatives of which one must be in the text

_OPEN_ENDED: Final = {sre.MAX_REPEAT, sre.MIN_REPEAT}


def compiled(pattern: str, *, is_new: bool = False) -> re.Pattern[str]:
    """Compile a pattern of the catalogue; raises ValueError with the reason why it cannot be used.

    One that is new, because somebody has just written it, is tried out as well.
    """
    try:
        ready = re.compile(pattern.translate(QUOTES), re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as exc:
        raise ValueError(f"the pattern {pattern!r} cannot be read ({exc}).") from exc
    tree = sre_parser.parse(ready.pattern, re.IGNORECASE)
    if ready.search(""):
        raise ValueError(f"the pattern {pattern!r} is found in every text.")
    if _is_nested(tree):
        raise ValueError(f"the pattern {pattern!r} repeats what repeats already, which a text could make endless.")
    if is_new and any(_is_slow(ready, begun) for begun in _beginnings(tree)):
        raise ValueError(f"the pattern {pattern!r} takes too long on some texts; use fewer open-ended parts.")
    return ready


def literals_of(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return texts in lower case of which a text must hold one for the pattern to be found in it; none: not known."""
    return _required(sre_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)) or ()


def _required(tree: Any) -> tuple[str, ...]:
    """Return the most telling of what a sequence cannot do without."""
    best: tuple[str, ...] = ()
    run = ""
    for operator, value in [*tree, (None, None)]:
        if operator is sre.LITERAL and value < 128:
            run += chr(value).lower()
            continue
        best, run = _better(best, (run,) if run else ()), ""
        if operator is sre.SUBPATTERN:
            best = _better(best, _required(value[3]))
        elif operator in _OPEN_ENDED and value[0] > 0:
            best = _better(best, _required(value[2]))
        elif operator is sre.BRANCH:
            each = [_required(branch) for branch in value[1]]
            together = tuple(dict.fromkeys(literal for one in each for literal in one))
            if all(each) and len(together) <= MOST_LITERALS:
                best = _better(best, together)
    return best


def _better(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    def worth(literals: tuple[str, ...]) -> tuple[int, int]:
        return (min(map(len, literals), default=0), -len(literals))

    return max(one, other, key=worth)


def _parts(operator: Any, value: Any) -> list[Any]:
    """Return the sequences within one part of a pattern."""
    if operator is sre.SUBPATTERN:
        return [value[3]]
    if operator in _OPEN_ENDED or operator is getattr(sre, "POSSESSIVE_REPEAT", None):
        return [value[2]]
    if operator is sre.BRANCH:
        return list(value[1])
    if operator in {sre.ASSERT, sre.ASSERT_NOT}:
        return [value[1]]
    if operator is sre.GROUPREF_EXISTS:
        return [part for part in value[1:] if part]
    return [value] if operator is getattr(sre, "ATOMIC_GROUP", None) else []


def _repeats(tree: Any) -> Iterator[Any]:
    """Yield the open-ended repeats of a pattern."""
    for operator, value in tree:
        if operator in _OPEN_ENDED and value[1] > MANY:
            yield value[2]
        for part in _parts(operator, value):
            yield from _repeats(part)


def _is_nested(tree: Any) -> bool:
    return any(next(_repeats(body), None) is not None for body in _repeats(tree))


def _is_slow(pattern: re.Pattern[str], begun: str) -> bool:
    """Try longer and longer texts, until the longest is sure to be fast enough or one was not."""
    length = 32
    while length < LONGEST_COMPARED:
        length *= 2
        text = (begun * (length // len(begun) + 1))[:length] + "\0"
        began = process_time()
        pattern.search(text)
        spent = process_time() - began
        if spent > MOST_SECONDS:
            return True
        if spent * (LONGEST_COMPARED / length) ** 3 < MOST_SECONDS:
            return False
    return False


def _beginnings(tree: Any) -> Iterator[str]:
    """Yield what a text against a pattern repeats: what its parts match, alone and after one another."""
    for end in range(1, len(tree) + 1):
        yield from filter(None, {_sample(tree, end), _sample(tree[end - 1 : end], 1)})


def _sample(tree: Any, end: int) -> str:
    """Return a text that the first parts of a sequence match, or nearly."""
    made = ""
    for operator, value in tree[:end]:
        if operator is sre.LITERAL:
            made += chr(value)
        elif operator in {sre.ANY, sre.NOT_LITERAL}:
            made += "a"
        elif operator is sre.IN:
            made += _member(value)
        elif operator in _OPEN_ENDED:
            made += _sample(value[2], len(value[2])) * max(value[0], 1)
        else:
            made += "".join(_sample(part, len(part)) for part in _parts(operator, value)[:1])
    return made


def _member(members: Any) -> str:
    for operator, value in members:
        if operator is sre.LITERAL:
            return chr(value)
        if operator is sre.RANGE:
            return chr(value[0])
        if operator is sre.CATEGORY:
            return {sre.CATEGORY_DIGIT: "0", sre.CATEGORY_SPACE: " "}.get(value, "a")
    return "a"
