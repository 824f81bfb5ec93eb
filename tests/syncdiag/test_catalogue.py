"""The catalogue: entries are checked, the most specific one wins, values are taken out of the text."""

import re

import pytest

from syncdiag.catalogue import FOLDER, entries_of, explain, read_catalogue
from syncdiag.errors import CatalogueError

ENTRY = """
[[entry]]
id = "{id}"
kind = "{kind}"
codes = {codes}
pattern = '{pattern}'
title = "A title"
cause = "A cause"
steps = ["Do this with {{item}}."]
fixed_in = "here"
retry_helps = true
"""


def entry(id="one", kind="other", codes='["E1"]', pattern="", extra=""):
    return ENTRY.format(id=id, kind=kind, codes=codes, pattern=pattern) + extra


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[entry]]\nid = ", "bad.toml is not TOML"),
        (entry() + entry(), "bad.toml: the entry one is there twice."),
        (entry(kind="odd"), "bad.toml, entry one: odd is not a kind."),
        (entry(pattern="(["), "bad.toml, entry one: the pattern cannot be read"),
        (entry(codes="[]"), "it has neither codes nor a pattern"),
        (entry(extra="colour = 'red'\n"), "bad.toml, entry one: colour is not a key of an entry."),
        ('[[entry]]\nid = "one"\n', "cause, fixed_in, kind, retry_helps, steps, title is missing."),
        (entry().replace('"here"', '"there"'), "fixed_in must be here, erp or connection."),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(text, sentence):
    with pytest.raises(CatalogueError, match=re.escape(sentence)):
        read_catalogue("bad", text, "bad.toml")


def test_code_and_pattern_win_over_pattern_and_pattern_over_code(monkeypatch):
    text = entry("code") + entry("pattern", codes="[]", pattern="lamp") + entry("both", pattern="old lamp")
    entries = read_catalogue("shop", text, "shop.toml")

    def first(code, said):
        return next(one.id for one in entries if one.matches(code, said))

    assert first("E1", "an old lamp") == "both"
    assert first("E1", "a lamp") == "pattern"
    assert first("E1", "a chair") == "code"
    assert not any(one.matches("E2", "a chair") for one in entries)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.name)
def test_every_catalogue_of_ours_can_be_used(path):
    assert entries_of(path.stem)


def test_values_in_the_text_are_filled_into_the_steps():
    found = explain("sandbox", "PERIOD_CLOSED", "The accounting period 2026-08 is closed.")

    assert found.entry.kind == "period_closed"
    assert found.values == {"period": "2026-08"}
    assert found.steps[0] == "Set a date in an open period, or have 2026-08 opened again in the ERP."


def test_an_unknown_error_and_an_unknown_system_have_no_entry():
    assert explain("sandbox", "NEVER_SEEN", "What is this?") is None
    assert explain("no-such-system", "PERIOD_CLOSED", "The accounting period 2026-08 is closed.") is None
