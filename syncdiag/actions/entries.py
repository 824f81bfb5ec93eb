"""Changing the stored entries of the catalogue. Superusers alone: an entry is read on the pages of all clients.

A role is granted on a client and holds there and below, so no role says that somebody may put words, and patterns that
everybody's errors are held against, before the people of other clients.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices import clock
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.permissions import NOT_THERE, person_name
from syncdiag import known
from syncdiag.actions.unknown import look_again
from syncdiag.catalogue import Entry, read_catalogue, read_entry
from syncdiag.errors import CatalogueError
from syncdiag.stored import KEYS, MAY_BE_LEFT_OUT, CatalogueEntry
from syncdiag.systems import all_systems
from syncdiag.writing import write_catalogue

FIELD_OF: Final = {"id": "entry_id"}  # as the form calls it
TAKEN: Final = gettext_lazy("There is a stored entry of this id already: change that one.")
IMPORTED_AT_MOST: Final = 1_000


def checked_entry(system: str, given: Mapping[str, Any]) -> Entry:
    """Return the entry that was typed; raises BadInput naming the field, by the same rules as a file's."""
    if system not in all_systems():
        raise BadInput({"system": _("Choose one of the systems.")})
    table = {key: value for key, value in given.items() if value not in ("", []) or key not in MAY_BE_LEFT_OUT}
    try:
        return read_entry(system, table, "", is_new=True)
    except CatalogueError as exc:
        raise BadInput({FIELD_OF.get(exc.field, exc.field or "__all__"): _sentence(exc.said)}) from exc


def set_entry(
    system: str,
    given: Mapping[str, Any],
    *,
    by: User,
    entry_pk: int | None = None,
    is_enabled: bool = True,
    revision: int | None = None,
) -> CatalogueEntry:
    """Add an entry, or change the one with this key; what was unknown and is known now leaves the list.

    `revision` is what the page showed: whoever changed the entry since is not overwritten. System and id stay what
    they are. Raises NotAllowed, BadInput naming the field, NotThere, Conflict.
    """
    require_administrator(by)
    entry = checked_entry(system, given)
    try:
        with transaction.atomic():
            row = _row(entry, entry_pk, revision)
            _save(row, table_of(entry), by=by, is_enabled=is_enabled)
    except IntegrityError as exc:  # somebody added the same at the same moment
        raise BadInput({"entry_id": TAKEN}) from exc
    return row


def import_entries(system: str, text: str, *, by: User) -> tuple[int, int]:
    """Take the entries of a catalogue's file, all or none; return how many were added and how many changed.

    One that is there already is changed to what the file says, and switched on. Raises BadInput naming the entry.
    """
    require_administrator(by)
    if system not in all_systems():
        raise BadInput({"system": _("Choose one of the systems.")})
    try:
        entries = read_catalogue(system, text, _("The file"), is_new=True)
    except CatalogueError as exc:
        raise BadInput({"file": str(exc)}) from exc
    if not entries:
        raise BadInput({"file": _("There is no entry in the file: each begins with [[entry]].")})
    if len(entries) > IMPORTED_AT_MOST:
        raise BadInput({"file": _("Import at most 1,000 entries at a time.")})
    added = changed = 0
    with transaction.atomic():
        rows = CatalogueEntry.objects.select_for_update().filter(system=system)
        there = {row.entry_id: row for row in rows.order_by("pk")}
        for entry in entries:
            row = there.get(entry.id)
            table = table_of(entry)
            if row is None:
                added += 1
                _save(CatalogueEntry(system=system, entry_id=entry.id), table, by=by, is_enabled=True)
            elif row.table != _plain(table) or not row.is_enabled:
                changed += 1
                _save(row, table, by=by, is_enabled=True)
    return added, changed


def export_entries(system: str, *, by: User) -> str:
    """Return the stored entries of a system as a catalogue's file, those that are switched off left out."""
    require_administrator(by)
    rows = CatalogueEntry.objects.in_use().filter(system=system)
    return write_catalogue([row.table for row in rows], f"Entries of {system} that were added in the admin.")


def table_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as a file would have it."""
    table: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(entry, key)
        if key == "patterns":
            value = [pattern.pattern for pattern in value]
        elif key == "codes":
            value = sorted(value)
        elif key == "steps":
            value = list(value)
        table[key] = value
    return table


def may_administer(user: User) -> bool:
    """Say whether a person may change the catalogue."""
    return user.is_active and user.is_superuser


def require_administrator(by: User) -> None:
    """Let an administrator pass; raises NotAllowed saying who is one."""
    if may_administer(by):
        return
    people = User.objects.filter(is_active=True, is_superuser=True).order_by("username")[:5]
    names = ", ".join(person_name(each) for each in people)
    if names:
        raise NotAllowed(
            _("Only an administrator may change the catalogue, which is the same for all clients. Ask %(people)s.")
            % {"people": names}
        )
    raise NotAllowed(_("Only an administrator may change the catalogue, which is the same for all clients."))


def _row(entry: Entry, entry_pk: int | None, revision: int | None) -> CatalogueEntry:
    rows = CatalogueEntry.objects.select_for_update()
    if entry_pk is None:
        if rows.filter(system=entry.system, entry_id=entry.id).exists():
            raise BadInput({"entry_id": TAKEN})
        return CatalogueEntry(system=entry.system, entry_id=entry.id)
    row = rows.filter(pk=entry_pk).first()
    if row is None:
        raise NotThere(NOT_THERE)
    if (row.system, row.entry_id) != (entry.system, entry.id):
        raise BadInput({"entry_id": _("System and id stay what they are: links lead to them.")})
    if revision is not None and revision != row.revision:
        raise Conflict(_("Somebody changed the entry meanwhile: open it again, and look at what is there now."))
    return row


def _save(row: CatalogueEntry, given: Mapping[str, Any], *, by: User, is_enabled: bool) -> None:
    """Write the entry and who changed what, and look through the list of unknown errors again."""
    is_new = row.pk is None
    before = {} if is_new else {**row.table, "is_enabled": row.is_enabled}
    for key in KEYS:
        if key != "id":
            empty: Any = [] if key in ("codes", "patterns", "steps") else ""
            setattr(row, key, given.get(key, empty))
    row.is_enabled = is_enabled
    row.revision = 1 if is_new else row.revision + 1
    row.changed_at, row.changed_by = clock.now(), by
    row.save()
    after = {**row.table, "is_enabled": row.is_enabled}
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(CatalogueEntry),
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=ADDITION if is_new else CHANGE,
        change_message=_changes(before, after),
    )
    known.forget()
    transaction.on_commit(known.forget)  # what another thread read meanwhile was still the old state
    look_again([row.system])


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say what changed, a line each."""
    names = [name for name in (*KEYS, "is_enabled") if before.get(name) != after.get(name)]
    if not before:
        return "\n".join(f"{name}: {_said(after.get(name))}" for name in names)
    return "\n".join(f"{name}: {_said(before.get(name))} → {_said(after.get(name))}" for name in names)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " | ".join(value) or "–"
    return str(value or "–")


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value not in ("", []) or key not in MAY_BE_LEFT_OUT}


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]
