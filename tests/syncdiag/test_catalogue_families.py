"""One wording, many objects: rows of Sage Intacct, NetSuite, MYOB and of all systems, each with its entry.

The rows stand in catalogue_rows; what every entry of a file needs is held in the tests of that file.
"""

import pytest

from syncdiag.catalogue import GENERAL, WRAPPER, explain
from syncdiag.classifying import classify
from tests.syncdiag.catalogue_rows import rows_of

SYSTEMS = ["sage_intacct", "netsuite", "myob", GENERAL]
ROWS = [(system, *row) for system in SYSTEMS for row in rows_of(system)]


@pytest.mark.parametrize(
    ("system", "code", "text", "entry", "values"), ROWS, ids=[f"{row[0]}-{row[3]}-{n}" for n, row in enumerate(ROWS)]
)
def test_a_text_of_a_family_leads_to_its_entry(system, code, text, entry, values):
    found = explain("a-system-without-catalogue" if system == GENERAL else system, code, text)

    assert (found.entry.system, found.entry.id) == (system, entry)
    assert {name: found.values[name] for name in values} == values


@pytest.mark.parametrize("verb", ["isn't", "isn’t", "ISN'T", "is not"])
def test_a_negation_is_the_same_however_it_is_written(verb):
    assert explain("netsuite", "", f"The account {verb} valid").entry.id == "account-ref-invalid"


def test_what_stands_around_a_negation_keeps_its_place():
    found = explain(
        "a-system-without-catalogue", "", "It wasn’t sent: didn't you say “Lämp 7” cannot be found in the list?"
    )

    assert found.values["value"] == "Lämp 7"


def test_a_negation_that_belongs_to_a_name_is_given_back_as_it_was():
    found = explain("a-system-without-catalogue", "", "'Isn't it' cannot be found in the list")

    assert found.values["value"] == "Isn't it"


@pytest.mark.parametrize(
    ("code", "text", "entry"),
    [
        ("SSS_REQUEST_LIMIT_EXCEEDED", "The vendor is not to be had", "concurrency-by-code"),
        ("", "The vendor is not to be had", "wide-party"),
    ],
)
def test_what_is_only_likely_loses_to_a_code(code, text, entry):
    assert explain("netsuite", code, text).entry.id == entry


def test_what_is_only_likely_beats_what_only_wraps():
    wrapped = "Could not create Bill record"

    assert explain("sage_intacct", "BL01001973", wrapped).entry.id.startswith(WRAPPER)
    assert explain("sage_intacct", "BL01001973", f"{wrapped}: the vendor is not to be had").entry.id == "wide-party"


def test_of_several_errors_the_certain_stands_before_the_likely():
    likely, certain = "The vendor is not to be had", "Invalid account reference key 12."
    answer = {"o:errorDetails": [{"detail": text} for text in (likely, certain)]}

    found = classify("netsuite", answer)

    assert [one.explanation.entry.id for one in found] == ["account-ref-invalid", "wide-party"]


def test_a_likely_line_does_not_hide_what_the_whole_text_says():
    found = classify("netsuite", "- The task is unknown for the account\n- 12 is not valid")

    assert found[0].explanation.entry.id == "account-ref-invalid"
