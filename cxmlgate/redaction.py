"""Takes the shared secret out of what is kept; where that cannot be done with certainty, a note is kept instead."""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _

from cxmlgate.credentials import SHORTEST_SECRET
from cxmlgate.parsing import MAX_BYTES, Document, open_texts, presented_secrets, width_of

HIDDEN: Final = "(removed)"
SHORTEST_SEARCHED: Final = 4  # a wrong secret like "a" is in every word
ENCODINGS: Final = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
MOST_FROM_STRANGERS: Final = 16 * 1024
OPENING: Final = re.compile(r"""<(?P<name>[^\s/>]+)(?:[^<>"']|"[^"]*"|'[^']*')*?(?P<closed>/?)>""")
MOST_KEPT: Final = 2 * MAX_BYTES  # secrets like "remo" stand in what replaces others, and would make it grow for ever
WORD: Final = re.compile(r"[^\s<>=\"'&;/]+")
MARK: Final = "\0"  # stands in no XML, so in no secret


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a message: its bytes, or a note why not."""

    raw: bytes
    note: str = ""


def remove_secrets(raw: bytes, document: Document | None, secrets: tuple[str, ...]) -> Kept:
    """Return the bytes without anything that stands where a secret stands, wherever else it stands as well.

    `document` is None for XML that could not be read; `secrets` are looked for in all of it.
    """
    if document is None:
        return _not_kept(raw, _("it could not be read as XML, so that the secret could not be found in it"))
    kept = _cut(raw, document.secret_spans)
    for secret in secrets:
        for form in {secret, escape(secret)}:
            for encoding in ENCODINGS:
                kept = kept.replace(_encoded(form, encoding), _encoded(HIDDEN, encoding))
                if len(kept) > MOST_KEPT:
                    return _not_kept(raw, _("the secret stands in it too often"))
    if _shows(kept, secrets):
        return _not_kept(raw, _("the secret stands in it in more than one place or spelling"))
    return Kept(kept)


def keep_less_of_strangers(kept: Kept) -> Kept:
    """Return what is kept of a message whose sender is not known: large ones are not."""
    if len(kept.raw) <= MOST_FROM_STRANGERS:
        return kept
    return _not_kept(kept.raw, _("the sender is not known and the message is large"))


def searched_secrets(document: Document) -> tuple[str, ...]:
    """Return the secrets that were presented and are long enough to be looked for elsewhere."""
    return tuple(secret for secret in presented_secrets(document) if len(secret) >= SHORTEST_SEARCHED)


def misplaced_secrets(document: Document, is_secret: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the texts and words outside a secret's place that are the client's own secret all the same."""
    texts = set(open_texts(document))
    texts |= {word for text in texts for word in WORD.findall(text)}
    return tuple(text for text in texts if len(text) >= SHORTEST_SECRET and is_secret(text))


def conceal(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without any of `secrets`."""
    for secret in secrets:
        text = text.replace(secret, MARK)
    return text.replace(MARK, HIDDEN)


def _cut(raw: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    encoding = width_of(raw)
    parts, done = [], 0
    for start, end in spans:
        parts += [raw[done:start], _encoded(_emptied(raw[start:end].decode(encoding, errors="ignore")), encoding)]
        done = max(done, end)
    return b"".join([*parts, raw[done:]])


def _emptied(element: str) -> str:
    """Return a secret's element without what stood in it, up to its closing tag, so that the rest stays XML."""
    tag = OPENING.match(element)
    if tag is None:
        return f"<SharedSecret>{HIDDEN}"
    closing = f"</{tag['name']}>" if tag["closed"] else ""
    return f"<{tag['name']}>{HIDDEN}{closing}"


def _shows(kept: bytes, secrets: tuple[str, ...]) -> bool:
    texts = [html.unescape(kept.decode(encoding, errors="ignore")) for encoding in ENCODINGS] if secrets else []
    return any(secret in text for secret in secrets for text in texts)


def _encoded(text: str, encoding: str) -> bytes:
    """Return `text` in `encoding`, or what UTF-8 makes of it where that cannot be."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode()


def _not_kept(raw: bytes, why: str) -> Kept:
    return Kept(b"", _("The %(size)s bytes are not kept, because %(why)s.") % {"size": len(raw), "why": why})
