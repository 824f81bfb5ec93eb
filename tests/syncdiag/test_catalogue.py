"""The catalogue: entries are checked, the most specific one wins, values are taken out of the text."""

import re

import pytest

from syncdiag.catalogue import FOLDER, entries_of, explain, plain_code, read_catalogue
from syncdiag.errors import CatalogueError
from tests.syncdiag.entries import write_entry as entry


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[entry]]\nid = ", "bad.toml is not TOML"),
        (entry() + entry(), "bad.toml: the entry one is there twice."),
        (entry(kind="odd"), "bad.toml, entry one: odd is not a kind."),
        (entry(patterns="['([']"), "bad.toml, entry one: the pattern '([' cannot be read"),
        (entry(codes="[]"), "it has neither codes nor patterns"),
        (entry(extra="button = 'dance'\n"), "bad.toml, entry one: dance is not a button."),
        (entry(extra="button = 'edit'\n"), "bad.toml, entry one: a field is named exactly where the button is edit."),
        (entry(extra="field = 'number'\n"), "bad.toml, entry one: a field is named exactly where the button is edit."),
        (entry(extra="colour = 'red'\n"), "bad.toml, entry one: colour is not a key of an entry."),
        ('[[entry]]\nid = "one"\n', "cause, fixed_in, kind, retry_helps, steps, title is missing."),
        (entry().replace('"here"', '"there"'), "fixed_in must be here, erp or connection."),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(text, sentence):
    with pytest.raises(CatalogueError, match=re.escape(sentence)):
        read_catalogue("bad", text, "bad.toml")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A system with entries of every weight, beside a general catalogue."""
    text = (
        entry("code")
        + entry("pattern", codes="[]", patterns="['lamp']")
        + entry("both", codes='["e1", "007"]', patterns="['old (?P<item>lamp)']")
    )
    (tmp_path / "shop.toml").write_text(text)
    (tmp_path / "general.toml").write_text(entry("anywhere", codes='["E1", "E9"]', patterns="['chair', 'table']"))
    monkeypatch.setattr("syncdiag.catalogue.FOLDER", tmp_path)
    entries_of.cache_clear()
    yield "shop"
    entries_of.cache_clear()


@pytest.mark.parametrize(
    ("code", "text", "winner"),
    [
        ("E1", "An OLD lamp", "both"),
        ("7", "an old lamp", "both"),
        ("E1", "a lamp", "pattern"),
        ("E1", "a stool", "code"),
        ("e1", "", "code"),
        ("", "an old lamp", "pattern"),
        ("E5", "one table", "anywhere"),
        ("", "two chairs", "anywhere"),
        ("E9", "a stool", None),
        ("", "a stool", None),
        ("", "", None),
    ],
)
def test_code_and_pattern_win_over_pattern_and_pattern_over_code(shop, code, text, winner):
    found = explain(shop, code, text)

    assert (found and found.entry.id) == winner


@pytest.mark.parametrize(
    ("code", "compared"), [("003001", "3001"), (" e1 ", "E1"), ("0 0x", "X"), ("0 0", ""), ("100", "100"), ("", "")]
)
def test_zeros_and_spaces_before_a_code_do_not_matter_however_often(code, compared):
    assert plain_code(code) == compared
    assert plain_code(plain_code(code)) == compared


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
    assert explain("no-such-system", "PERIOD_CLOSED", "What is this?") is None
