"""What makes two failures one of a kind: the catalogue's entry, else the words without what differs each time.

Readable without a database.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from syncdiag.catalogue import WRAPPER
from syncdiag.classifying import explain_complaint

LONGEST_TITLE: Final = 200
_QUOTED = re.compile(r"\"[^\"]{1,80}\"|'[^']{1,80}'|“[^”]{1,80}”|\[[^\]]{1,80}\]")
_NUMBERED = re.compile(r"\b[\w.-]*\d[\w.-]*")


class Kind(NamedTuple):
    """A key that is the same for all failures of a kind, and what they are called."""

    key: str
    title: str


def kinds_of(system: str, complaints: Sequence[Mapping[str, str]]) -> dict[Kind, Mapping[str, str]]:
    """Return the kinds of the errors that one answer of a system named, each with the first error of its kind.

    An error that only wraps another one is left out where that other one is there.
    """
    found: dict[Kind, Mapping[str, str]] = {}
    for complaint in complaints:
        found.setdefault(kind_of(system, complaint), complaint)
    telling = {kind: said for kind, said in found.items() if not kind.key.startswith(WRAPPER)}
    return telling or found


def kind_of(system: str, complaint: Mapping[str, str]) -> Kind:
    """Return the kind of one error: the id of its entry, else its code and its words without names and numbers."""
    known = explain_complaint(system, complaint)
    if known is not None:
        return Kind(known.entry.id, known.entry.title)
    code, message = complaint.get("code") or "", complaint.get("message") or ""
    words = without_values(message)
    return Kind(f"said:{sha256(f'{code} {words}'.encode()).hexdigest()[:40]}", (message or code)[:LONGEST_TITLE])


def without_values(text: str) -> str:
    """Return a text in which what stands in quotes or holds a digit is a placeholder, so that its kind shows."""
    return " ".join(_NUMBERED.sub("#", _QUOTED.sub("#", text)).split()).lower()
