r"""The error catalogue: what an ERP's words mean, and what to do about them (DESIGN §8). Readable without a database.

One TOML file a system in `catalogues/`. An entry:

    [[entry]]
    id = "period-closed"            unique within the file
    kind = "period_closed"          one of KINDS
    codes = ["PERIOD_CLOSED"]       any of them; empty: the text alone decides
    pattern = 'period (?P<period>\S+) is'    searched in message and detail; named groups are filled into the steps
    title, cause, steps             in our own words; "{period}" stands for the group named period
    fixed_in = "here"               here | erp | connection
    retry_helps = true              whether sending again can help once the steps are done
    button = "post-again"           the button that does it, if one does

The most specific entry wins: code and pattern, then pattern, then code alone.
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
    pattern: re.Pattern[str] | None = None
    button: str = ""

    def matches(self, code: str, text: str) -> re.Match[str] | bool:
        """Say whether this entry speaks of an error; a match of the pattern holds its values."""
        if self.codes and code not in self.codes:
            return False
        if self.pattern is not None:
            return self.pattern.search(text) or False
        return bool(self.codes)

    @property
    def general_cause(self) -> str:
        """The cause without the values of one error, as a guide tells it."""
        return _filled(self.cause, {})

    @property
    def general_steps(self) -> tuple[str, ...]:
        """The steps without the values of one error."""
        return tuple(_filled(step, {}) for step in self.steps)

    @property
    def weight(self) -> int:
        """How specific it is."""
        return 2 * (self.pattern is not None) + bool(self.codes)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An entry with the values that the text held filled into its steps."""

    entry: Entry
    steps: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)


def explain(system: str, code: str, text: str) -> Explanation | None:
    """Return what the catalogue says of one error, or None when it is not known."""
    for entry in entries_of(system):
        match = entry.matches(code, text)
        if match:
            values = {} if match is True else {name: value or "" for name, value in match.groupdict().items()}
            return Explanation(entry, tuple(_filled(step, values) for step in entry.steps), values)
    return None


@cache
def entries_of(system: str) -> tuple[Entry, ...]:
    """Return the entries of a system, most specific first; none for a system without a catalogue."""
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
    return tuple(sorted(entries, key=lambda entry: -entry.weight))


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
    if not values.get("codes") and not values.get("pattern"):
        raise CatalogueError(f"{where}: it has neither codes nor a pattern, so it would match nothing.")
    try:
        pattern = re.compile(values["pattern"], re.IGNORECASE) if values.get("pattern") else None
    except re.error as exc:
        raise CatalogueError(f"{where}: the pattern cannot be read ({exc}).") from exc
    return Entry(
        **{
            **values,
            "system": system,
            "steps": tuple(values["steps"]),
            "codes": frozenset(values.get("codes", ())),
            "pattern": pattern,
        }
    )


def _filled(step: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "…"), step)
