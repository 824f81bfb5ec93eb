"""Trying an entry before it is kept: which unknown errors it would know, and what it would take from other entries."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from django.utils.text import slugify

from invoices.models import Event
from syncdiag.actions.unknown import samples_of
from syncdiag.catalogue import GENERAL, Entry, Prepared
from syncdiag.classifying import explain_complaint, words_of
from syncdiag.known import entries_of
from syncdiag.stored import UnknownError

UNKNOWN_AT_MOST: Final = 500
LINES_AT_MOST: Final = 20_000  # of the event log, the latest, in which errors are looked for
REFUSALS_AT_MOST: Final = 500
SHOWN: Final = 10
SHORTEST_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """What an entry would do."""

    matched: tuple[UnknownError, ...]
    total: int  # unknown errors of its system
    taken: tuple[tuple[str, int], ...]  # title of another entry → how many of the latest refusals it would lose
    refusals: int  # latest refusals that were looked at


def try_entry(entry: Entry) -> Trial:
    """Return what an entry would do, were it stored now: with the unknown errors, and with the latest refusals."""
    prepared = _with(entry)
    unknown = UnknownError.objects.open().order_by("-last_seen_at", "-pk")
    if entry.system != GENERAL:
        unknown = unknown.filter(system__in=(entry.system, ""))
    rows = list(unknown[:UNKNOWN_AT_MOST])
    samples = samples_of([row.pk for row in rows])
    matched = tuple(row for row in rows if _wins(prepared, entry, row.code, samples.get(row.pk) or row.words))
    taken: Counter[str] = Counter()
    refusals = 0
    for system, complaint in _latest_refusals(entry.system):
        refusals += 1
        before = explain_complaint(system, complaint)
        if before is None or before.entry.id == entry.id:
            continue
        taken[before.entry.title] += _wins(prepared, entry, complaint.get("code") or "", words_of(complaint))
    return Trial(
        matched, len(rows), tuple((title, count) for title, count in taken.most_common(SHOWN) if count), refusals
    )


def suggested_pattern(words: str) -> str:
    """Return a pattern for the words of an unknown error, whose gaps may hold anything short; empty where none fits."""
    pieces = [re.escape(piece.strip()).replace("\\ ", " ") for piece in words.split("…")]
    while pieces and not pieces[0]:
        pieces.pop(0)
    while pieces and not pieces[-1]:
        pieces.pop()
    made = r"\s*.{1,80}?\s*".join(filter(None, pieces[:2])) if len(pieces) < 3 else max(pieces, key=len)
    return made if sum(map(len, pieces)) >= SHORTEST_WORDS and len(made) <= 400 else ""


def suggested_id(words: str, code: str) -> str:
    """Return an id for an entry about these words, or about the code where there are none."""
    return "-".join(slugify(words.replace("…", " ")).split("-")[:6])[:60].strip("-") or slugify(code)[:60].strip("-")


def _with(entry: Entry) -> Prepared:
    """Return the entries that would be asked about a system's errors, were this one stored."""
    systems = (entry.system,) if entry.system == GENERAL else (entry.system, GENERAL)
    others = [each for system in systems for each in entries_of(system)]
    return Prepared((entry, *(each for each in others if (each.system, each.id) != (entry.system, entry.id))))


def _wins(prepared: Prepared, entry: Entry, code: str, text: str) -> bool:
    match = prepared.find(code, text)
    return match is not None and match.explanation.entry is entry


def _latest_refusals(system: str) -> list[tuple[str, dict[str, str]]]:
    latest = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    lines = Event.objects.filter(pk__gt=latest - LINES_AT_MOST, level=Event.Level.ERROR, invoice__isnull=False)
    if system != GENERAL:
        lines = lines.filter(client__connection__connector=system)
    rows = lines.order_by("-pk").values_list("client__connection__connector", "evidence")[:REFUSALS_AT_MOST]
    return [
        (connector, complaint)
        for connector, evidence in rows
        for complaint in evidence.get("complaints") or ()
        if connector
    ]
