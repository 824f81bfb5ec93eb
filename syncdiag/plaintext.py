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

_UNPLAIN: Final = re.compile(r"[&<\[]|\s\s|[^\S ]|[\u200b-\u200d\ufeff]|[nN]['’‘‛ʼ´][tT]\b")
_NOISE: Final = re.compile(
    r"\s*\[(?:support|request|trace|correlation) id[^\[\]]{0,200}\]"
    r"|\s*\b(?:intuit_tid|(?:support|trace|correlation|request) id)\s*[:=]\s*[\w.~%-]{8,80}"
    r"|</?(?:a|b|i|u|p|br|em|strong|span|font|div|ul|ol|li)\b[^<>]{0,500}>"
    r"|[\u200b-\u200d\ufeff]+"
    r"|\b(?P<verb>is|are|was|were|has|have|had|does|did|could|would|should)n['’‘‛ʼ´]t\b"
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
    words, places = text, 0
    if _UNPLAIN.search(text):
        words = text = unescape(text) if "&" in text else text
        words, kept = _without_noise(text)
        begin = _begin(words)
        return _made(words[begin:], text, kept[begin:])
    begin = _begin(words)
    return _made(words[begin:], text, places + begin)


def _begin(words: str) -> int:
    """Return where a text begins behind its prefixes; one that is nothing else keeps them."""
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
