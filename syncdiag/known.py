"""The stored entries of the catalogue, as every process knows them; `catalogue.explain` asks here before the files.

    add_source(stored_of)        # in AppConfig.ready

A process reads them again at most every few seconds, and only if any of them changed: no look-up costs a query. The
process that changes one forgets at once what it knew.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Final

import structlog
from django.db import DatabaseError, connection
from django.db.models import Count, Sum

from syncdiag import catalogue
from syncdiag.catalogue import FOLDER, Entry, read_entry
from syncdiag.errors import CatalogueError
from syncdiag.stored import CatalogueEntry

log = structlog.get_logger(__name__)
FRESH_FOR: Final = 3.0  # seconds; as long another process may not know of a change
Entries = tuple[Entry, ...]


@dataclass(slots=True)
class Kept:
    """The stored entries as they were when they were last read; `state` tells them from any others."""

    state: str
    looked_at: float
    by_system: Mapping[str, Entries]


_kept: list[Kept] = []  # one at most


def stored_of(system: str) -> Entries:
    """Return the stored entries of a system; the same tuple as long as none was changed."""
    return _read().by_system.get(system, ())


def entries_of(system: str) -> Entries:
    """Return all entries of a system: the stored ones, then those of its file that none of them replaces."""
    stored = stored_of(system)
    replaced = {entry.id for entry in stored}
    return (*stored, *(entry for entry in catalogue.entries_of(system) if entry.id not in replaced))


def catalogue_state() -> str:
    """Return what tells the catalogue of now from another one: of the files, and of the stored entries."""
    return f"{_files()}:{_read().state}"


def forget() -> None:
    """Read the stored entries again at the next look-up; called where they are changed."""
    _kept.clear()


def _read() -> Kept:
    now = time.monotonic()
    kept = _kept[0] if _kept else None
    if kept is not None and now - kept.looked_at < FRESH_FOR:
        return kept
    try:
        # Nothing is ever deleted and each change counts one up, so equal sums mean that nothing changed.
        found = CatalogueEntry.objects.order_by().aggregate(rows=Count("pk"), revisions=Sum("revision"))
        state = f"{found['rows']}-{found['revisions'] or 0}"
        if kept is not None and kept.state == state:
            kept.looked_at = now
            return kept
        fresh = Kept(state, now, _stored() if found["rows"] else {})
    except DatabaseError:
        if connection.in_atomic_block:
            raise
        log.warning("stored entries cannot be read, so the files alone are asked")  # before the first migration
        fresh = kept or Kept("", now, {})
        fresh.looked_at = now
    _kept[:] = [fresh]
    return fresh


def _stored() -> Mapping[str, Entries]:
    found: dict[str, list[Entry]] = {}
    for row in CatalogueEntry.objects.in_use():
        try:
            entry = read_entry(row.system, row.table, f"stored entry {row.entry_id} of {row.system}: ")
        except CatalogueError as exc:  # written by another version, to which another kind or button was known
            log.warning("stored entry left out", entry=row.entry_id, system=row.system, why=str(exc))
            continue
        found.setdefault(row.system, []).append(entry)
    return {system: tuple(entries) for system, entries in found.items()}


@cache
def _files() -> str:
    files = sorted(FOLDER.glob("*.toml"))
    return sha256(b"\0".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:16]
