"""How much of a corpus of error texts the catalogue knows: the table behind `make classify`."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncdiag.catalogue import stem_of
from syncdiag.classifying import Classified
from syncdiag.parsing.said import storable


@dataclass(slots=True)
class Count:
    """Of one system: all rows, those that are known, those that say what is right, and of these the right ones."""

    rows: int = 0
    known: int = 0
    expected: int = 0
    right: int = 0

    def line(self, system: str) -> str:
        """Return the line of the table."""
        right = f"{self.right} of {self.expected} ({_percent(self.right, self.expected)})" if self.expected else "–"
        known = f"{self.known} of {self.rows} ({_percent(self.known, self.rows)})"
        return f"{system:<20}  {known:<20}  {right}"


@dataclass(slots=True)
class Tally:
    """The counts of each system, and the rows that are not known or not right."""

    counts: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    misses: list[str] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], first: Classified | None) -> None:
        """Count a row with the most telling of its errors."""
        kind = first.kind if first else "other"
        expected = row.get("expect_kind")
        system = stem_of(str(row["system"]))
        for count in (self.counts[system], self.counts["all"]):
            count.rows += 1
            count.known += kind != "other"
            count.expected += bool(expected)
            count.right += bool(expected) and kind == expected
        if kind != (expected or kind) or (kind == "other" and not expected):
            wanted = f", not {expected}" if expected else ""
            said = row.get("message") or (first.said.text if first else "") or row.get("code")
            words = " ".join(storable(str(said)).split())
            code = f" [{row['code']}]" if row.get("code") else ""
            self.misses.append(f"{system} {row.get('id', '–')}: {kind}{wanted}{code} {words}")

    def report(self) -> str:
        """Return the table, the sum last, and below it the rows that are not known or not right."""
        names = [*sorted(self.counts.keys() - {"all"}), *(["all"] if self.counts else [])]
        lines = [f"{'system':<20}  {'known':<20}  right", *(self.counts[name].line(name) for name in names)]
        return "\n".join([*lines, "", *self.misses] if self.misses else lines)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
