"""The patterns of the catalogue: made ready to be fast, and refused where they could be endless.

An administrator may add a pattern. One that a text could keep busy for minutes would stop the desk, so what
`endless.py` tells by its structure is refused, and a new one is tried on texts made from itself: it may take
MOST_SECONDS of CPU time. Trying is for when a pattern is written; at the start it would make a slow machine refuse what
a fast one took.
"""

import re
import re._constants as sre  # type: ignore[import-not-found]  # private, but nothing else knows what a pattern is
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections import Counter
from collections.abc import Iterator, Sequence
from time import process_time
from typing import Any, Final

from syncdiag.endless import why_endless
from syncdiag.plaintext import LONGEST_COMPARED, plain_pattern

MOST_SECONDS: Final = 0.5  # of CPU, for one search in one text
MOST_LITERALS: Final = 16  # alternatives of which one must be in the text
MOST_GROUPS: Final = 3  # of such alternatives that are asked before the pattern

_OPEN_ENDED: Final = {sre.MAX_REPEAT, sre.MIN_REPEAT}


def compiled(pattern: str, *, is_new: bool = False) -> re.Pattern[str]:
    """Compile a pattern of the catalogue; raises ValueError with the reason why it cannot be used.

    One that is new, because somebody has just written it, is tried out as well.
    """
    try:
        ready = re.compile(plain_pattern(pattern), re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as exc:
        raise ValueError(f"the pattern {pattern!r} cannot be read ({exc}).") from exc
    tree = sre_parser.parse(ready.pattern, re.IGNORECASE)
    if ready.search(""):
        raise ValueError(f"the pattern {pattern!r} is found in every text.")
    if why := why_endless(pattern):
        raise ValueError(why)
    if is_new and any(_is_slow(ready, begun) for begun in _beginnings(tree)):
        raise ValueError(f"the pattern {pattern!r} takes too long on some texts; use fewer open-ended parts.")
    return ready


def needs_of(pattern: re.Pattern[str]) -> tuple[tuple[str, ...], ...]:
    """Return what a text must hold for a pattern to be found in it: of each group one, in lower case, the rarest first.

    Empty where nothing is known, so that the pattern itself must be asked.
    """
    groups = dict.fromkeys(_needs(sre_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)))
    return tuple(sorted(groups, key=_worth, reverse=True)[:MOST_GROUPS])


class PatternIndex:
    """Which of many patterns may be in a text, found by three letters that each of them needs."""

    __slots__ = ("_always", "_by_three", "_needs")

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        """Take the patterns in their order; of what one needs, the rarest three letters lead to it."""
        self._needs = [needs_of(pattern) for pattern in patterns]
        self._by_three: dict[str, list[int]] = {}
        self._always: list[int] = []
        common = Counter(three for needs in self._needs for group in needs for word in group for three in _threes(word))
        for place, needs in enumerate(self._needs):
            group = needs[0] if needs else ("",)
            keys = {min(_threes(word), key=common.__getitem__, default="") for word in group}
            if "" in keys:
                self._always.append(place)
            else:
                for key in keys:
                    self._by_three.setdefault(key, []).append(place)

    def places(self, lowered: str) -> list[int]:
        """Return the places of the patterns that may be in a text in lower case, in their order."""
        places = {place for three in self._by_three.keys() & _threes(lowered) for place in self._by_three[three]}
        return [place for place in sorted(places.union(self._always)) if self._may_be_in(lowered, place)]

    def _may_be_in(self, lowered: str, place: int) -> bool:
        for group in self._needs[place]:
            for word in group:
                if word in lowered:
                    break
            else:
                return False
        return True


def _threes(text: str) -> set[str]:
    return {text[place : place + 3] for place in range(len(text) - 2)}


def _needs(tree: Any) -> list[tuple[str, ...]]:
    """Return what a sequence cannot do without."""
    groups: list[tuple[str, ...]] = []
    run = ""
    for operator, value in [*tree, (None, None)]:
        if operator is sre.LITERAL and value < 128:  # beyond those, lower() and re do not agree on what is alike
            run += chr(value).lower()
            continue
        if run:
            groups.append((run,))
        run = ""
        if operator is sre.SUBPATTERN:
            groups += _needs(value[3])
        elif operator in _OPEN_ENDED and value[0] > 0:
            groups += _needs(value[2])
        elif operator is sre.BRANCH:
            best = [max(_needs(branch), key=_worth, default=()) for branch in value[1]]
            together = tuple(dict.fromkeys(literal for group in best for literal in group))
            if all(best) and len(together) <= MOST_LITERALS:
                groups.append(together)
    return groups


def _worth(group: tuple[str, ...]) -> tuple[int, int]:
    """Say how rarely a text holds one of a group."""
    return min(map(len, group), default=0), -len(group)


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
