"""The catalogue of Tryton: it has no codes, so each of its recorded texts finds the entry that means it."""

import re

import pytest

from syncdiag.catalogue import entries_of, explain
from tests.syncdiag.catalogue_rows import rows_of

ROWS = rows_of("tryton")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.entry)
def test_a_text_finds_its_entry_and_the_values_in_it(row):
    found = explain("tryton", row.code, row.text)

    assert found is not None
    assert (found.entry.system, found.entry.id) == ("tryton", row.entry)
    assert {name: found.values[name] for name in row.values} == row.values


def test_every_entry_has_a_row():
    assert {entry.id for entry in entries_of("tryton") if entry.system == "tryton"} == {row.entry for row in ROWS}


@pytest.mark.parametrize("row", [row for row in ROWS if row.code and not row.code.startswith("HTTP_")], ids=str)
def test_a_text_of_our_own_is_known_without_its_code(row):
    assert explain("tryton", "", row.text).entry.id == row.entry


def test_no_step_shows_a_name_in_braces():
    for row in ROWS:
        found = explain("tryton", row.code, row.text)

        assert not re.search(r"\{\w+\}", " ".join(found.steps)), row
