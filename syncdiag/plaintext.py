"""Texts as they are compared: what differs from one answer to the next, or by who copied it, is taken out.

Ids in brackets, HTML's entities and tags, repeated white space, typographic quotes and prefixes like "Error:" do not
matter, and "isn't" is compared as "is not" ("can't", "don't" and "won't" stay). What is then taken out of a text is cut
from the text before that, so that a name keeps its characters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final

LONGEST_COMPARED: Final = 2_000  # characters of a text that are compared; the longest real one met had 1,100

QUOTES: Final = str.maketrans({**dict.fromkeys("’‘‛ʼ´", "'"), **dict.fromkeys("“”„‟", '"')})
# Characters that `re` takes for i and s where case does not matter, and that lower() leaves as they are.
_FOLDED: Final = str.maketrans({"ı": "i", "ſ": "s", "\u0307": None})

_NEGATION: Final = r"\b(?P<verb>is|are|was|were|has|have|had|does|did|could|would|should)n['’‘‛ʼ´]t\b"
_NOISE: Final = re.compile(
    r"\s*\[(?:support|request|trace|correlation) id[^\[\]]{0,200}\]"
    r"|</?(?:a|b|i|u|p|br|em|strong|span|font|div|ul|ol|li)\b[^<>]{0,500}>"
    r"|[\u200b-\u200d\ufeff]+"
    rf"|{_NEGATION}"
    r"|(?P<space>\s+)",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"\s*(?:(?:error|fault|exception|error message|message)\s*:\s*)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text as it is compared, which knows where its characters came from."""

    words: str
    lowered: str
    _before: str
    _places: Sequence[int] | int  # of each character, or by how much all of them are moved

    def cut(self, span: tuple[int, int]) -> str:
        """Return a part of it with the characters that it had; empty for the span of a group that took no part."""
        start, end = span
        if start < 0 or start == end:
            return ""
        if isinstance(self._places, int):
            return self._before[start + self._places : end + self._places]
        return self._before[self._places[start] : self._places[end - 1] + 1]


def plain(text: str) -> PlainText:
    """Return a text as it is compared."""
    text = text[:LONGEST_COMPARED]
    # Line breaks, tabs, and spaces of any kind but one are not printable. This is asked of every text, and so is short.
    is_plain = text.isprintable() and "  " not in text and "&" not in text and "<" not in text and "[" not in text
    if is_plain and "n't" not in text and "n’t" not in text and "N'T" not in text:
        begin = _begin(text)
        return _made(text[begin:] if begin else text, text, begin)
    text = unescape(text)
    words, places = _without_noise(text)
    begin = _begin(words)
    return _made(words[begin:], text, places[begin:])


def plain_pattern(pattern: str) -> str:
    """Return a pattern as it is searched in plain texts."""
    return re.sub(_NEGATION, r"\g<verb> not", pattern.translate(QUOTES), flags=re.IGNORECASE)


def _begin(words: str) -> int:
    """Return where a text begins behind its prefixes; one that is nothing else keeps them."""
    if ":" not in words[:20]:
        return 0
    found = _PREFIX.match(words)
    return found.end() if found and found.end() < len(words) else 0


def _made(words: str, before: str, places: Sequence[int] | int) -> PlainText:
    if words.isascii():
        return PlainText(words, words.lower(), before, places)
    words = words.translate(QUOTES)
    return PlainText(words, words.lower().translate(_FOLDED), before, places)


def _without_noise(text: str) -> tuple[str, list[int]]:
    pieces: list[str] = []
    places: list[int] = []
    position = 0
    for noise in _NOISE.finditer(text):
        pieces.append(text[position : noise.start()])
        places += range(position, noise.start())
        if noise["space"] and places:
            pieces.append(" ")
            places.append(noise.start())
        elif verb := noise["verb"]:
            pieces.append(f"{verb} not")
            end = noise.end()
            places += [*range(noise.start(), end - 3), end - 3, end - 3, end - 2, end - 1]
        position = noise.end()
    pieces.append(text[position:])
    places += range(position, len(text))
    return "".join(pieces), places
