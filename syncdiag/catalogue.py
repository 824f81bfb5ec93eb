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
    example = "The period 2026-08 is …"  may be left out: what the system says, word for word; the patterns are in it

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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache, lru_cache
from operator import is_
from pathlib import Path
from typing import Any, Final

from syncdiag.errors import CatalogueError
from syncdiag.patterns import PatternIndex, compiled
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
_BEFORE_CODE: Final = re.compile(r"\A[\s0]+")
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
LISTS: Final = frozenset({"codes", "patterns", "steps"})
NEEDED: Final = frozenset({"id", "title", "cause", "steps"})
LONGEST_TEXT: Final = 2_000
LONGEST: Final[Mapping[str, int]] = {"id": 60, "title": 200, "codes": 200, "field": 60}
MOST: Final = 100  # codes, patterns or steps of one entry
SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
UNPAIRED: Final = re.compile("[\ud800-\udfff]")


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
    example: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether it knows the error, rather than what its words are likely to mean."""
        return not self.id.startswith(WIDE)

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


class Patterns:
    """The patterns of entries in the order in which they are asked."""

    __slots__ = ("_index", "_ready")

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take the entries, the ones that come first before the others."""
        self._ready = [(pattern, entry) for entry in entries for pattern in entry.patterns]
        self._index = PatternIndex([pattern for pattern, _ in self._ready])

    def find(self, words: PlainText, weight: Weight) -> Match | None:
        """Return the first that is in a text."""
        for place in self._index.places(words.lowered):
            pattern, entry = self._ready[place]
            if found := pattern.search(words.words):
                values = {name: words.cut(found.span(name)) for name in pattern.groupindex}
                return Match(Explanation(entry, values), weight, found.end() - found.start())
        return None


class Prepared:
    """Entries in the order in which they are asked, ready to be asked fast."""

    __slots__ = ("_all", "_by_code", "_code_alone", "_wide", "entries")

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        """Take the entries, the ones that come first before the others."""
        self.entries = entries
        self._all = Patterns(entry for entry in entries if entry.is_certain)
        self._wide = Patterns(entry for entry in entries if not entry.is_certain)
        with_code: dict[str, list[Entry]] = {}
        self._code_alone: dict[str, Entry] = {}
        for entry in entries:
            if not entry.is_certain:
                continue
            for code in entry.codes:
                if entry.patterns:
                    with_code.setdefault(code, []).append(entry)
                else:
                    self._code_alone.setdefault(code, entry)
        self._by_code = {code: Patterns(some) for code, some in with_code.items()}

    def find(self, code: str, text: str) -> Match | None:
        """Return what speaks of an error most specifically; either may be empty."""
        code = plain_code(code)
        found = words = None
        if text:
            words = plain(text)
            of_code = self._by_code.get(code)
            found = None if of_code is None else of_code.find(words, Weight.CODE_AND_PATTERN)
            found = found or self._all.find(words, Weight.PATTERN)
        if found is None and (alone := self._code_alone.get(code)) is not None:
            found = Match(Explanation(alone), Weight.CODE)
        if words is not None and (found is None or found.explanation.entry.id.startswith(WRAPPER)):
            return self._wide.find(words, Weight.WIDE) or found
        return found


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
        # Of two entries of one id the first counts: an added one stands in the place of the file's.
        entries = {(entry.system, entry.id): entry for part in reversed(parts) for entry in reversed(part)}
        known = _prepared[stem] = (parts, Prepared(tuple(reversed(entries.values()))))
    return known[1]


def _parts_of(stem: str) -> tuple[tuple[Entry, ...], ...]:
    return (*(source(stem) for source in _sources), entries_of(stem))


@lru_cache(maxsize=256)
def stem_of(system: str) -> str:
    """Return the name of a system's file, whichever of its names was given."""
    stem = re.sub(r"[\W_]+", "_", system.strip().lower()).strip("_")
    return ALIASES.get(stem, stem)


def has_entries(system: str) -> bool:
    """Return whether there is anything of a system's own, in a file or added."""
    return any(_parts_of(stem_of(system)))


def systems() -> tuple[str, ...]:
    """Return the systems that have a file, without the general one."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != GENERAL))


def plain_code(code: str) -> str:
    """Return a code as it is compared: some systems put zeros before it, or write it in lower case."""
    return _BEFORE_CODE.sub("", code).rstrip().upper()


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
        raise CatalogueError(file, f" is not TOML: {exc}.") from exc
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError(file, ": each entry begins with [[entry]].")
    entries = [
        read_entry(system, table, f"{file}, entry {table.get('id', '(without an id)')}: ", is_new=is_new)
        for table in tables
    ]
    ids = [entry.id for entry in entries]
    for name in ids:
        if ids.count(name) > 1:
            raise CatalogueError(file, f": the entry {name} is there twice.")
    return tuple(entries)


def read_entry(system: str, table: Mapping[str, Any], where: str, *, is_new: bool = False) -> Entry:
    """Return an entry from its keys and values; raises CatalogueError naming `where` and the key that is wrong.

    Every entry is checked here: those of the files, and those that an administrator adds.
    """
    values = dict(table)
    missing = {"id", "kind", "title", "cause", "steps", "fixed_in", "retry_helps"} - values.keys()
    if missing:
        raise CatalogueError(where, f"{', '.join(sorted(missing))} is missing.", min(missing))
    unknown = values.keys() - {name for name in Entry.__dataclass_fields__ if name != "system"}
    if unknown:
        raise CatalogueError(where, f"{', '.join(sorted(unknown))} is not a key of an entry.")
    for name in values:
        _check_form(name, values[name], where)
    if not SLUG.fullmatch(values["id"]):
        raise CatalogueError(where, "id must be small letters, digits and hyphens, at most 60.", "id")
    if values["kind"] not in KINDS:
        raise CatalogueError(where, f"{values['kind']} is not a kind.", "kind")
    if values["fixed_in"] not in PLACES:
        raise CatalogueError(where, "fixed_in must be here, erp or connection.", "fixed_in")
    if not values.get("codes") and not values.get("patterns"):
        raise CatalogueError(where, "it has neither codes nor patterns, so it would match nothing.", "patterns")
    if values.get("button", "") not in BUTTONS:
        raise CatalogueError(where, f"{values['button']} is not a button.", "button")
    if (values.get("button") == "edit") != bool(values.get("field")):
        raise CatalogueError(where, "a field is named exactly where the button is edit.", "field")
    if not all(plain_code(code) for code in values.get("codes", ())):  # it would be about every error without a code
        raise CatalogueError(where, "a code must be more than zeros.", "codes")
    patterns = tuple(_compiled(pattern, where, is_new=is_new) for pattern in values.get("patterns", ()))
    entry = Entry(
        **{
            **values,
            "system": system,
            "steps": tuple(values["steps"]),
            "codes": frozenset(plain_code(code) for code in values.get("codes", ())),
            "patterns": patterns,
        }
    )
    if entry.example and patterns and Prepared((entry,)).find("", entry.example) is None:
        raise CatalogueError(where, "no pattern is in the example.", "example")
    return entry


def _check_form(name: str, value: Any, where: str) -> None:
    """Check that a value has the form of its key: a text, a list of texts, or true or false."""
    if name == "retry_helps":
        if not isinstance(value, bool):
            raise CatalogueError(where, "retry_helps must be true or false.", name)
        return
    texts = value if name in LISTS and isinstance(value, list | tuple) else [value]
    if (name in LISTS) != isinstance(value, list | tuple) or not all(isinstance(text, str) for text in texts):
        form = "a list of texts" if name in LISTS else "a text"
        raise CatalogueError(where, f"{name} must be {form}.", name)
    if ((name in NEEDED or name in LISTS) and not all(text.strip() for text in texts)) or (
        name in NEEDED and not texts
    ):
        raise CatalogueError(where, f"{name} must not be empty.", name)
    if any("\x00" in text or (not text.isascii() and UNPAIRED.search(text)) for text in texts):
        raise CatalogueError(where, f"{name} has a character that cannot be stored.", name)
    if any(len(text) > LONGEST.get(name, LONGEST_TEXT) for text in texts):
        longest = LONGEST.get(name, LONGEST_TEXT)
        raise CatalogueError(where, f"{name} is longer than {longest} characters.", name)
    if len(texts) > MOST:
        raise CatalogueError(where, f"{name} has more than {MOST} lines.", name)


def _compiled(pattern: str, where: str, *, is_new: bool) -> re.Pattern[str]:
    try:
        return compiled(pattern, is_new=is_new)
    except ValueError as exc:
        raise CatalogueError(where, str(exc), "patterns") from exc


def _filled(step: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1]) or "…", step)
