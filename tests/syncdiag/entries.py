"""Writes an entry of a catalogue as TOML; a test says only what matters to it."""

ENTRY = """
[[entry]]
id = "{id}"
kind = "{kind}"
codes = {codes}
patterns = {patterns}
title = "A title"
cause = "A cause"
steps = ["{step}"]
fixed_in = "here"
retry_helps = true
"""


def write_entry(id="one", kind="other", codes='["E1"]', patterns="[]", *, extra="", step="Do this with {item}."):
    return ENTRY.format(id=id, kind=kind, codes=codes, patterns=patterns, step=step) + extra
