"""Error texts with the entry that each must find: one file a system, one JSON object a line.

A row: {"code", "text", "entry"} and, where the text holds values, {"values"}. Adding an entry is adding its rows here.
"""

import json
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Row(NamedTuple):
    """What an accounting system said, and what the catalogue must make of it."""

    code: str
    text: str
    entry: str
    values: dict[str, str]


def rows_of(system):
    """Return the rows of a system in the order of its file."""
    lines = (FOLDER / f"{system}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Row(**{"values": {}, **json.loads(line)}) for line in lines]
