"""Pasted texts: one error or several, with the code and the ids that stand in them."""

import pytest

from syncdiag.parsing import read_errors


@pytest.mark.parametrize(
    ("system", "text", "said"),
    [
        (
            "",
            "CustomerRef is required: CustomerRef is missing",
            [("", "CustomerRef is required: CustomerRef is missing")],
        ),
        (
            "qbo",
            "6140: Duplicate Document Number Error\n2500: Invalid Reference Id",
            [("6140", "Duplicate Document Number Error"), ("2500", "Invalid Reference Id")],
        ),
        ("qbo", "Error: Duplicate\nDuplicate : Another is needed.", [("", "Duplicate : Another is needed.")]),
        ("qbd", "Error code 3140: There is an invalid reference", [("3140", "There is an invalid reference")]),
        ("qbd", "QBWC1039: There was a problem", [("QBWC1039", "There was a problem")]),
        ("qbd", "It failed (error 3200) at noon", [("3200", "It failed (error 3200) at noon")]),
        ("myob", "[4227] CategoryId:(SaleEvent)", [("4227", "CategoryId:(SaleEvent)")]),
        (
            "intacct",
            "BL01001973 Invalid Project 'P'\nCould not create the record!",
            [("BL01001973", "Invalid Project 'P'"), ("", "Could not create the record!")],
        ),
        ("netsuite", "USER_ERROR: Please enter value(s)", [("USER_ERROR", "Please enter value(s)")]),
        ("", "- The item is gone\n- The date is closed", [("", "The item is gone"), ("", "The date is closed")]),
        (
            "",
            "The customer of this invoice is inactive in the company file, so\nmake it active.",
            [("", "The customer of this invoice is inactive in the company file, so make it active.")],
        ),
        ("", "First error.\n\nSecond error.", [("", "First error."), ("", "Second error.")]),
        ("", "Year 2026 has 365 days", [("", "Year 2026 has 365 days")]),
    ],
)
def test_a_pasted_text_is_read(system, text, said):
    assert [(error.code, error.message) for error in read_errors(system, text)] == said


def test_labelled_lines_are_one_error():
    (error,) = read_errors(
        "qbo", "Error code: 6140\nMessage: Duplicate\nDetail: It is taken\nintuit_tid: 1-5f\nField: DocNumber"
    )

    assert (error.code, error.message, error.detail) == ("6140", "Duplicate", "It is taken")
    assert (error.field, error.trace_id) == ("DocNumber", "1-5f")
