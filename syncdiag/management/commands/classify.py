"""`manage.py classify FILE.jsonl`: what error texts mean; a line of JSON a row, a table, or how many are known."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from syncdiag.classifying import Classified, classify_row
from syncdiag.corpus import Tally
from syncdiag.parsing.said import storable

WIDTH = 80  # characters of a text in the table


class Command(BaseCommand):
    """Prints the entry and the kind of each error of a file."""

    help = "Says which entry of the catalogue speaks of each error in a file of JSON lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, and how to print."""
        parser.add_argument("file", help="lines of {id, system, code, message, payload}; - reads the standard input")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print {id, entry, kind}, a line a row")
        form.add_argument("--measure", action="store_true", help="print the share that is known, a line a system")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Read line after line, print, and end with 1 where a line could not be read."""
        wrong, tally = 0, Tally()
        for number, row in self._rows(options["file"]):
            if isinstance(row, str):
                wrong += 1
                self.stderr.write(f"Line {number}: {row}")
                continue
            first = next(iter(classify_row(row)), None)
            if options["measure"]:
                tally.add(row, first)
            else:
                self.stdout.write(_as_json(row, first) if options["json"] else _as_line(row, first))
        if options["measure"]:
            self.stdout.write(tally.report())
        if wrong:
            raise CommandError(f"Lines that could not be read: {wrong}. Mend them, and run this again.")

    def _rows(self, name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Yield each line's number with the row, or with the sentence that says why it is none."""
        try:
            with _opened(name) as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield number, _row_of(line)
        except OSError as exc:
            raise CommandError(f"{name} cannot be read: {exc.strerror}.") from exc


def _opened(name: str) -> TextIO:
    """Open a file, or the standard input; bytes that are no UTF-8 must not stop the other lines."""
    is_named = name != "-"
    return open(name if is_named else sys.stdin.fileno(), encoding="utf-8-sig", errors="replace", closefd=is_named)


def _row_of(line: str) -> dict[str, Any] | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return f"it is not JSON ({exc})."
    if not isinstance(row, dict):
        return 'it is not an object; write {"id": 1, "system": "xero", "message": "…"}.'
    if not isinstance(row.get("system"), str):
        return "system is missing; name one, such as quickbooks_online, sage_intacct or xero."
    if not any(row.get(name) for name in ("message", "code", "payload")):
        return "message, code and payload are all missing; give at least one of them."
    return row


def _as_json(row: dict[str, Any], first: Classified | None) -> str:
    entry = first.explanation.entry.id if first and first.explanation else ""
    return json.dumps({"id": row.get("id"), "entry": entry, "kind": first.kind if first else "other"})


def _as_line(row: dict[str, Any], first: Classified | None) -> str:
    entry = first.explanation.entry.id if first and first.explanation else "–"
    said = row.get("message") or (first.said.text if first else "") or row.get("code")
    words = " ".join(storable(str(said)).split())[:WIDTH]
    row_id = storable(str(row.get("id", "–")))
    kind = first.kind if first else "other"
    return f"{row_id:>6}  {storable(row['system']):<18}  {kind:<18}  {entry:<30}  {words}"
