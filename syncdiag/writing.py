"""Writing entries as the TOML that `read_catalogue` takes again; Python reads TOML only. Reads no database."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def write_catalogue(tables: Iterable[Mapping[str, Any]], heading: str = "") -> str:
    """Return a catalogue's file: an `[[entry]]` for each table, its keys in their order; `heading` is a comment."""
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    entries = ("[[entry]]\n" + "".join(f"{key} = {_value(table[key])}\n" for key in table) for table in tables)
    return "\n".join(filter(None, (comment, *entries)))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    return "[" + ", ".join(_text(text) for text in value) + "]"


def _text(text: str) -> str:
    """Return a text as TOML has it; JSON escapes the same way, but for DEL.

    What has backslashes and neither quotes nor line breaks, as patterns do, stands in single quotes as it is.
    """
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
