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
text); then the code of an entry without patterns. A system's own entries come before the general ones.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from syncdiag.errors import CatalogueError

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

    def find_in(self, text: str) -> re.Match[str] | None:
        """Return the match of the first pattern that is in a text."""
        return next((match for pattern in self.patterns if (match := pattern.search(text))), None)

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


def explain(system: str, code: str, text: str) -> Explanation | None:
    """Return what the catalogue says of one error, or None when it is not known.

    `text` is the message and its detail; either `code` or `text` may be empty.
    """
    entries = (*entries_of(system), *entries_of(GENERAL))
    code = plain_code(code)
    for speaks_of in (code_and_pattern, pattern_alone, code_alone):
        for entry in entries:
            values = speaks_of(entry, code, text)
            if values is not None:
                return Explanation(entry, values)
    return None


def code_and_pattern(entry: Entry, code: str, text: str) -> Mapping[str, str] | None:
    """Return the values in the text where both speak of it."""
    return pattern_alone(entry, code, text) if code in entry.codes else None


def pattern_alone(entry: Entry, _code: str, text: str) -> Mapping[str, str] | None:
    """Return the values in the text where the text speaks of it."""
    match = entry.find_in(text)
    return None if match is None else {name: value or "" for name, value in match.groupdict().items()}


def code_alone(entry: Entry, code: str, _text: str) -> Mapping[str, str] | None:
    """Return no values where the entry is about a code whatever the text."""
    return {} if code in entry.codes and not entry.patterns else None


def plain_code(code: str) -> str:
    """Return a code as it is compared: some systems put zeros before it, or write it in lower case."""
    return code.strip().lstrip("0").upper()


@cache
def entries_of(system: str) -> tuple[Entry, ...]:
    """Return the entries of a system in the order of its file; none for a system without a catalogue."""
    path = FOLDER / f"{system}.toml"
    if not path.exists():
        return ()
    return read_catalogue(system, path.read_text(encoding="utf-8"), path.name)


def read_catalogue(system: str, text: str, file: str) -> tuple[Entry, ...]:
    """Read one catalogue; raises CatalogueError naming `file` and the entry."""
    try:
        tables = tomllib.loads(text).get("entry", [])
    except tomllib.TOMLDecodeError as exc:
        raise CatalogueError(f"{file} is not TOML: {exc}.") from exc
    entries = [_read_entry(system, table, file) for table in tables]
    ids = [entry.id for entry in entries]
    for name in ids:
        if ids.count(name) > 1:
            raise CatalogueError(f"{file}: the entry {name} is there twice.")
    return tuple(entries)


def _read_entry(system: str, table: dict[str, Any], file: str) -> Entry:
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
    patterns = tuple(_compiled(pattern, where) for pattern in values.get("patterns", ()))
    return Entry(
        **{
            **values,
            "system": system,
            "steps": tuple(values["steps"]),
            "codes": frozenset(plain_code(code) for code in values.get("codes", ())),
            "patterns": patterns,
        }
    )


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as exc:
        raise CatalogueError(f"{where}: the pattern {pattern!r} cannot be read ({exc}).") from exc


def _filled(step: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1]) or "…", step)
