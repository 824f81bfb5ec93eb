r"""The error catalogue: what an ERP's words mean, and what to do about them (DESIGN §8). Readable without a database.

One TOML file a system in `catalogues/`; `general.toml` holds what every system may answer. An entry:

    [[entry]]
    id = "period-closed"                 unique within the file
    kind = "period_closed"               one of KINDS
    codes = ["PERIOD_CLOSED"]            any of them; case and leading zeros do not matter
    patterns = ['period (?P<period>\S+) is']    any of them, searched in the text without regard to case
    title, cause, steps                  in our own words; "{period}" stands for the group named period
    fixed_in = "here"                    here | erp | connection
    retry_helps = true                   whether sending again can help once the steps are done
    button = "edit"                      the button or page that does it, one of BUTTONS; empty: none
    field = "invoice_date"               with "edit" alone: the field to edit

An error has a code, a text, or both. The most specific entry wins, and among equals the first in the file: code and
pattern; then pattern (an error without a code, as a person pastes it, or with a code that nobody has met with this
text); then the code of an entry without patterns. A system's own entries come before the general ones. What only wraps
a cause (an id that begins with "wrapper-") loses to what is only likely (an id that begins with "wide-"), and that is
asked when nothing else speaks of the error.

Texts are made plain before they are compared (plaintext.py), patterns are looked at when they are loaded (patterns.py).
Entries that are kept elsewhere come before the files': `add_source` takes the function that knows them.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from operator import is_
from pathlib import Path
from typing import Any, Final

from syncdiag.errors import CatalogueError
from syncdiag.patterns import compiled, literals_of
from syncdiag.plaintext import PlainText, plain

FOLDER: Final = Path(__file__).parent / "catalogues"
KINDS: Final = frozenset(
    {
        "reference_missing",
        "reference_inactive",
        "customer_missing",
        "duplicate_number",
        "period_closed",
        "no_lines",
        "location_missing",
        "amount",
        "length",
        "permission",
        "credentials",
        "subscription",
        "rate_limited",
        "stale_version",
        "already_paid",
        "not_found",
        "unavailable",
        "malformed",
        "other",
    }
)
PLACES: Final = frozenset({"here", "erp", "connection"})
GENERAL: Final = "general"
# How the ids begin of entries that are only likely, and of those that say only that something else went wrong.
WIDE: Final = "wide-"
WRAPPER: Final = "wrapper-"
# Under which names a system is known: connectors, people, and files of others say them differently.
ALIASES: Final = {
    "qbo": "quickbooks_online",
    "quickbooks": "quickbooks_online",
    "intuit": "quickbooks_online",
    "qbd": "quickbooks_desktop",
    "quickbooks_web_connector": "quickbooks_desktop",
    "qbwc": "quickbooks_desktop",
    "intacct": "sage_intacct",
    "sage": "sage_intacct",
    "myob_accountright": "myob",
    "accountright": "myob",
    "oracle_netsuite": "netsuite",
    "suitetalk": "netsuite",
    "sandbox_erp": "sandbox",
}
# Slugs of the buttons on an invoice's page, and what leads elsewhere: edit form, connection, import, nobody.
BUTTONS: Final = frozenset(
    {"", "post-again", "look-up", "skip", "re-sync", "invalidate", "edit", "connection", "import", "wait"}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One known error."""

    system: str
    id: str
    kind: str
    title: str
    cause: str
    steps: tuple[str, ...]
    fixed_in: str
    retry_helps: bool
    codes: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()
    button: str = ""
    field: str = ""

    @property
    def general_cause(self) -> str:
        """The cause without the values of one error, as a guide tells it."""
        return _filled(self.cause, {})

    @property
    def general_steps(self) -> tuple[str, ...]:
        """The steps without the values of one error."""
        return tuple(_filled(step, {}) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An entry with the values that the text held filled into its cause and steps."""

    entry: Entry
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """Why it happened."""
        return _filled(self.entry.cause, self.values)

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, in order."""
        return tuple(_filled(step, self.values) for step in self.entry.steps)


class Weight(IntEnum):
    """How specific a match is."""

    WIDE = 0
    CODE = 1
    PATTERN = 2
    CODE_AND_PATTERN = 3


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that speaks of an error, how specifically, and how much of the text it is about."""

    explanation: Explanation
    weight: Weight
    length: int = 0


Ready = tuple[tuple[str, ...], re.Pattern[str], Entry]  # a pattern behind the literals of which it needs one


class Prepared:
    """Entries in the order in which they are asked, ready to be asked fast.

    Most patterns cannot be in a text because a word that they need is not; that is asked first.
    """

    __slots__ = ("_all", "_by_code", "_code_alone", "_wide", "entries")

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        """Take the entries, the ones that come first before the others."""
        self.entries = entries
        self._all: list[Ready] = []
        self._by_code: dict[str, list[Ready]] = {}
        self._code_alone: dict[str, Entry] = {}
        self._wide: list[Ready] = []
        for entry in entries:
            ready = [(literals_of(pattern), pattern, entry) for pattern in entry.patterns]
            if entry.id.startswith(WIDE):
                self._wide += ready
                continue
            self._all += ready
            for code in entry.codes:
                if ready:
                    self._by_code.setdefault(code, []).extend(ready)
                else:
                    self._code_alone.setdefault(code, entry)

    def find(self, code: str, text: str) -> Match | None:
        """Return what speaks of an error most specifically; either may be empty."""
        code = plain_code(code)
        found = words = None
        if text:
            words = plain(text)
            found = _search(self._by_code.get(code, ()), words, Weight.CODE_AND_PATTERN)
            found = found or _search(self._all, words, Weight.PATTERN)
        if found is None and (alone := self._code_alone.get(code)) is not None:
            found = Match(Explanation(alone), Weight.CODE)
        if words is not None and (found is None or found.explanation.entry.id.startswith(WRAPPER)):
            return _search(self._wide, words, Weight.WIDE) or found
        return found


def _search(patterns: Sequence[Ready], words: PlainText, weight: Weight) -> Match | None:
    lowered, searched = words.lowered, words.words
    for literals, pattern, entry in patterns:
        for literal in literals:
            if literal in lowered:
                break
        else:
            if literals:
                continue
        if found := pattern.search(searched):
            return _match(entry, found, words, weight)
    return None


def _match(entry: Entry, found: re.Match[str], words: PlainText, weight: Weight) -> Match:
    values = {name: words.cut(found.span(name)) for name in found.re.groupindex}
    return Match(Explanation(entry, values), weight, found.end() - found.start())


def explain(system: str, code: str, text: str) -> Explanation | None:
    """Return what the catalogue says of one error, or None when it is not known.

    `text` is the message and its detail; either `code` or `text` may be empty.
    """
    match = prepared_of(system).find(code, text)
    return None if match is None else match.explanation


_sources: list[Callable[[str], tuple[Entry, ...]]] = []
_prepared: dict[str, tuple[tuple[tuple[Entry, ...], ...], Prepared]] = {}


def add_source(source: Callable[[str], tuple[Entry, ...]]) -> None:
    """Ask a function for entries of a system that come before the files'; the same tuple as long as nothing changed."""
    if source not in _sources:
        _sources.append(source)


def prepared_of(system: str) -> Prepared:
    """Return the entries that are asked about a system's errors: its own, then the general ones, added ones first."""
    stem = stem_of(system)
    parts = _parts_of(stem) if stem != GENERAL else ()
    if not any(parts):
        stem, parts = GENERAL, ()
    parts += _parts_of(GENERAL)
    known = _prepared.get(stem)
    if known is None or len(known[0]) != len(parts) or not all(map(is_, known[0], parts)):
        known = _prepared[stem] = (parts, Prepared(tuple(entry for part in parts for entry in part)))
    return known[1]


def _parts_of(stem: str) -> tuple[tuple[Entry, ...], ...]:
    return (*(source(stem) for source in _sources), entries_of(stem))


def stem_of(system: str) -> str:
    """Return the name of a system's file, whichever of its names was given."""
    stem = re.sub(r"[\W_]+", "_", system.strip().lower()).strip("_")
    return ALIASES.get(stem, stem)


def systems() -> tuple[str, ...]:
    """Return the systems that have a file, without the general one."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != GENERAL))


def plain_code(code: str) -> str:
    """Return a code as it is compared: some systems put zeros before it, or write it in lower case."""
    return code.strip().lstrip("0").upper()


@cache
def entries_of(system: str) -> tuple[Entry, ...]:
    """Return the entries of a system in the order of its file; none for a system without a catalogue."""
    stem = stem_of(system)
    path = FOLDER / f"{stem}.toml"
    if not path.exists():
        return ()
    return read_catalogue(stem, path.read_text(encoding="utf-8"), path.name)


def read_catalogue(system: str, text: str, file: str, *, is_new: bool = False) -> tuple[Entry, ...]:
    """Read one catalogue; raises CatalogueError naming `file` and the entry.

    One that is new, because somebody has just written it, has its patterns tried out as well (patterns.py).
    """
    try:
        tables = tomllib.loads(text).get("entry", [])
    except tomllib.TOMLDecodeError as exc:
        raise CatalogueError(f"{file} is not TOML: {exc}.") from exc
    entries = [_read_entry(system, table, file, is_new=is_new) for table in tables]
    ids = [entry.id for entry in entries]
    for name in ids:
        if ids.count(name) > 1:
            raise CatalogueError(f"{file}: the entry {name} is there twice.")
    return tuple(entries)


def _read_entry(system: str, table: dict[str, Any], file: str, *, is_new: bool) -> Entry:
    where = f"{file}, entry {table.get('id', '(without an id)')}"
    values = dict(table)
    missing = {"id", "kind", "title", "cause", "steps", "fixed_in", "retry_helps"} - values.keys()
    if missing:
        raise CatalogueError(f"{where}: {', '.join(sorted(missing))} is missing.")
    unknown = values.keys() - {name for name in Entry.__dataclass_fields__ if name != "system"}
    if unknown:
        raise CatalogueError(f"{where}: {', '.join(sorted(unknown))} is not a key of an entry.")
    if values["kind"] not in KINDS:
        raise CatalogueError(f"{where}: {values['kind']} is not a kind.")
    if values["fixed_in"] not in PLACES:
        raise CatalogueError(f"{where}: fixed_in must be here, erp or connection.")
    if not values.get("codes") and not values.get("patterns"):
        raise CatalogueError(f"{where}: it has neither codes nor patterns, so it would match nothing.")
    if values.get("button", "") not in BUTTONS:
        raise CatalogueError(f"{where}: {values['button']} is not a button.")
    if (values.get("button") == "edit") != bool(values.get("field")):
        raise CatalogueError(f"{where}: a field is named exactly where the button is edit.")
    patterns = tuple(_compiled(pattern, where, is_new=is_new) for pattern in values.get("patterns", ()))
    return Entry(
        **{
            **values,
            "system": system,
            "steps": tuple(values["steps"]),
            "codes": frozenset(plain_code(code) for code in values.get("codes", ())),
            "patterns": patterns,
        }
    )


def _compiled(pattern: str, where: str, *, is_new: bool) -> re.Pattern[str]:
    try:
        return compiled(pattern, is_new=is_new)
    except ValueError as exc:
        raise CatalogueError(f"{where}: {exc}") from exc


def _filled(step: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1]) or "…", step)
