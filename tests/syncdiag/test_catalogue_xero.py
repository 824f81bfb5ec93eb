"""The catalogue of Xero: it gives no codes for its rules, so each text finds the entry that means it."""

import re
import string

import pytest

from syncdiag.catalogue import entries_of, explain
from tests.syncdiag.catalogue_rows import rows_of

ROWS = rows_of("xero")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.entry)
def test_a_text_finds_its_entry_and_the_values_in_it(row):
    found = explain("xero", row.code, row.text)

    assert found.entry.id == row.entry
    assert {name: found.values[name] for name in row.values} == row.values


def test_every_entry_has_a_row():
    assert {entry.id for entry in entries_of("xero")} == {row.entry for row in ROWS}


def test_what_a_step_names_is_taken_out_by_a_pattern_of_its_entry():
    for entry in entries_of("xero"):
        named = {
            name for text in (entry.cause, *entry.steps) for _, name, _, _ in string.Formatter().parse(text) if name
        }
        taken = {name for pattern in entry.patterns for name in pattern.groupindex}

        assert named <= taken, entry.id


def test_no_step_hides_a_missing_value_behind_an_empty_string():
    for row in ROWS:
        found = explain("xero", row.code, row.text)

        assert "" not in found.values.values(), row
        assert not re.search(r"\{\w+\}", " ".join((found.cause, *found.steps))), row


@pytest.mark.parametrize("code", ["10", ""])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Invoice # must be unique.", "duplicate_number"),
        ("Invoice not of valid status for modification", "already_paid"),
        ("The contact name Acme is already assigned to another contact.", "duplicate_number"),
        ("The contact with the specified contact details has been archived.", "reference_inactive"),
        ("A Contact must be specified for this type of transaction", "customer_missing"),
        ("The ContactID and the TargetTransaction ContactID do not match", "customer_missing"),
        ("Account code '200' has been archived, or has been deleted.", "reference_inactive"),
        ("Account code '200' is not a valid code for this document.", "reference_missing"),
        ("The document date cannot be before the period lock date", "period_closed"),
        ("The document DueDate field must be specified", "other"),
        ("You have reached the limit of invoices you can approve", "subscription"),
        ("You’ve reached the limit of 100 contact groups.", "other"),
        ("Organisation is not subscribed to currency EUR", "amount"),
        ("The organisation's subscription has been cancelled", "subscription"),
    ],
)
def test_one_exception_with_many_meanings_is_told_apart_by_its_text(code, text, kind):
    assert explain("xero", code, text).entry.kind == kind


@pytest.mark.parametrize("date", ["30-Sep-2021", "31 Mar 2026", "2026-03-31", "5/19/2017", "30 June 2025"])
def test_a_lock_date_is_read_in_any_writing(date):
    found = explain("xero", "10", f"The document date cannot be before the period lock date, currently set at {date}")

    assert found.values["lock_date"] == date
    assert date in found.steps[0]


def test_a_status_of_the_transport_is_known_without_a_text():
    kinds = {code: explain("xero", code, "").entry.kind for code in ("401", "403", "404", "412", "429", "503")}

    assert kinds == {
        "401": "credentials",
        "403": "permission",
        "404": "not_found",
        "412": "stale_version",
        "429": "rate_limited",
        "503": "unavailable",
    }
