"""The catalogues of QuickBooks Online and Desktop: each text finds the entry that means it."""

import re
import string

import pytest

from syncdiag.catalogue import entries_of, explain
from tests.syncdiag.catalogue_rows import rows_of

SYSTEMS = ("quickbooks_online", "quickbooks_desktop")
ROWS = [(system, row) for system in SYSTEMS for row in rows_of(system)]


@pytest.mark.parametrize(("system", "row"), ROWS, ids=lambda value: getattr(value, "entry", value))
def test_a_text_finds_its_entry_and_the_values_in_it(system, row):
    found = explain(system, row.code, row.text)

    assert found.entry.id == row.entry
    assert {name: found.values[name] for name in row.values} == row.values


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_entry_has_a_row(system):
    assert {entry.id for entry in entries_of(system)} == {row.entry for row in rows_of(system)}


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_step_names_is_taken_out_by_a_pattern_of_its_entry(system):
    for entry in entries_of(system):
        named = {
            name for text in (entry.cause, *entry.steps) for _, name, _, _ in string.Formatter().parse(text) if name
        }
        taken = {name for pattern in entry.patterns for name in pattern.groupindex}

        assert named <= taken, entry.id


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_text_of_one_pasted_line_needs_no_code(system):
    for row in rows_of(system):
        entry = next(entry for entry in entries_of(system) if entry.id == row.entry)
        if entry.patterns:
            assert explain(system, "", row.text).entry.kind == entry.kind, row


SEED = [
    ("quickbooks_desktop", 'The given object ID "{}" in the field "list id" is invalid', "customer_missing"),
    ("quickbooks_online", "CustomerRef is required: CustomerRef is missing in the request", "customer_missing"),
    (
        "quickbooks_online",
        "Invalid Reference Id: Invalid Reference Id : Product/Service assigned to this transaction has been deleted. "
        "Before you can modify this transaction, you must restore {} (Item Name)",
        "reference_inactive",
    ),
    (
        "quickbooks_online",
        "Duplicate Document Number Error: Duplicate Document Number Error : You must specify a different number. "
        "This number has already been used. DocNumber={} is assigned to TxnType=Invoice with TxnId={}",
        "duplicate_number",
    ),
    ("quickbooks_online", "Account Period Closed: The account period has closed.", "period_closed"),
    (
        "quickbooks_online",
        "Account Period Closed, Cannot Update Through Services API: The account period has closed and the account "
        "books cannot be updated through the QBO Services API. -",
        "period_closed",
    ),
    ("quickbooks_online", "Line items At least 1 line item is required", "no_lines"),
]


@pytest.mark.parametrize("value", ["XXX", "1042", "80000A2B-1234567890", "Ärger & Söhne (2)"])
@pytest.mark.parametrize(("system", "text", "kind"), SEED)
def test_the_messages_of_the_faq_are_known_with_placeholders_and_with_real_values(system, text, kind, value):
    assert explain(system, "", text.replace("{}", value)).entry.kind == kind


def test_a_taken_number_names_the_other_document_and_offers_to_adopt_it():
    text = "Duplicate Document Number Error : DocNumber=A 7/26 is assigned to TxnType=Credit Memo with TxnId=991"

    found = explain("quickbooks_online", "6140", text)

    assert found.values == {"number": "A 7/26", "txn_type": "Credit Memo", "txn_id": "991"}
    assert "Credit Memo 991" in found.steps[0]
    assert '"Skip integration step" with the voucher A 7/26' in found.steps[1]
    assert (found.entry.button, found.entry.fixed_in) == ("look-up", "here")


@pytest.mark.parametrize(
    ("system", "code", "text", "kind"),
    [
        ("quickbooks_online", "610", "Object Not Found : Another user has deleted this transaction.", "not_found"),
        (
            "quickbooks_online",
            "610",
            "Object Not Found: Something you're trying to use has been made inactive.",
            "reference_inactive",
        ),
        (
            "quickbooks_online",
            "6210",
            "Duplicate Document Number Error: This number has already been used.",
            "duplicate_number",
        ),
        ("quickbooks_online", "6210", "Account Period Closed", "period_closed"),
        ("quickbooks_online", "2020", "Required parameter Line is missing in the request", "no_lines"),
        ("quickbooks_online", "2020", "Required parameter Line.Amount is missing in the request", "amount"),
        ("quickbooks_online", "2020", "Required parameter VendorRef is missing in the request", "customer_missing"),
        ("quickbooks_online", "2020", "Required parameter TxnDate is missing in the request", "malformed"),
        ("quickbooks_online", "500", "Unsupported Operation", "malformed"),
        ("quickbooks_online", "500", "Internal Server Error", "unavailable"),
        (
            "quickbooks_desktop",
            "3000",
            'The given object ID "1" in the field "list id" is invalid.',
            "customer_missing",
        ),
        (
            "quickbooks_desktop",
            "3000",
            'The given object ID "1" in the field "Transaction id" is invalid.',
            "not_found",
        ),
        (
            "quickbooks_desktop",
            "3140",
            'There is an invalid reference to QuickBooks Customer "A" in the Invoice.',
            "customer_missing",
        ),
        (
            "quickbooks_desktop",
            "3140",
            'There is an invalid reference to QuickBooks Item "A" in the Invoice.',
            "reference_missing",
        ),
        (
            "quickbooks_desktop",
            "3180",
            "QuickBooks error message: This list has been modified by another user.",
            "stale_version",
        ),
        (
            "quickbooks_desktop",
            "3180",
            "QuickBooks error message: The date is before the closing date.",
            "period_closed",
        ),
        ("quickbooks_desktop", "3100", "The name of the list element is already in use.", "duplicate_number"),
        ("quickbooks_desktop", "3175", "The transaction is already in use.", "unavailable"),
    ],
)
def test_one_code_with_two_meanings_is_told_apart_by_its_text(system, code, text, kind):
    assert explain(system, code, text).entry.kind == kind


@pytest.mark.parametrize("code", ["3001", "003001"])
def test_zeros_before_a_code_do_not_matter(code):
    assert explain("quickbooks_online", code, "").entry.kind == "rate_limited"


@pytest.mark.parametrize("code", ["0x80040408", "80040408", "0X8004040a"])
def test_a_result_of_the_web_connector_is_known_in_any_writing(code):
    assert explain("quickbooks_desktop", code, "").entry.kind == "unavailable"


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_step_hides_a_missing_value_behind_an_empty_string(system):
    for row in rows_of(system):
        found = explain(system, row.code, row.text)

        assert "" not in found.values.values(), row
        assert not re.search(r"\{\w+\}", " ".join((found.cause, *found.steps))), row
