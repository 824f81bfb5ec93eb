"""What makes two failures one of a kind: the catalogue's entry, else the words without what differs each time.

Readable without a database.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from syncdiag.catalogue import WRAPPER
from syncdiag.classifying import explain_complaint, words_of
from syncdiag.redacting import common_words, key_of

LONGEST_TITLE: Final = 200


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
    """Return the kind of one error: the id of the entry that knows it, else its code and its words without values.

    An entry that only guesses from the words would make one kind of many.
    """
    known = explain_complaint(system, complaint)
    if known is not None and known.entry.is_certain:
        return Kind(known.entry.id, known.entry.title)
    code, words = complaint.get("code") or "", words_of(complaint)
    return Kind(f"said:{key_of(system, code, common_words(words))}", (words or code)[:LONGEST_TITLE])
