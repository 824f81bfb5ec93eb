"""Numbers that are nearly the one that was typed: other case, zeros, signs between; by index, five at most."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from syncdiag.near import SPELT_AT_MOST, alike, near_misses, spell_out
from tests.factories import InvoiceFactory


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        ("inv-0007", "INV-0007"),
        ("INV-0007", "inv-0007"),
        ("INV-7", "INV-0007"),
        ("INV-00007", "INV-0007"),
        ("INV0007", "INV-0007"),
        ("INV-0007", "INV0007"),
        ("INV 7", "INV/0007"),
        ("7", "INV-0007"),
        ("0007", "INV-7"),
        ("Ärger-1", "ärger-01"),
        ("abc", "ABC"),
    ],
)
def test_one_that_is_nearly_the_same_is_found(acme, typed, here):
    InvoiceFactory(client=acme, number=here)

    assert [invoice.number for invoice in near_misses(acme, typed)] == [here]


@pytest.mark.parametrize(
    ("typed", "here"), [("INV-7", "INV-8"), ("INV-7", "INV-7"), ("INV-7", "INV-70"), ("abc", "abd"), ("INV-7", "ACC-7")]
)
def test_another_number_is_none(acme, typed, here):
    InvoiceFactory(client=acme, number=here)

    assert near_misses(acme, typed) == []


def test_those_of_other_clients_are_not_shown(acme, globex):
    InvoiceFactory(client=globex, number="INV-0007")

    assert near_misses(acme, "INV-7") == []


def test_five_at_most_the_latest_first_in_two_queries(acme):
    for zeros in range(1, 8):
        InvoiceFactory(client=acme, number=f"INV-{'0' * zeros}7")

    with CaptureQueriesContext(database) as captured:
        found = near_misses(acme, "INV-7")

    assert [invoice.number for invoice in found] == [f"INV-{'0' * zeros}7" for zeros in (7, 6, 5, 4, 3)]
    assert len(captured) == 2


def test_what_is_spelt_out_is_bounded_and_fits_a_number():
    others = [f"{chr(65 + number % 26)}{chr(65 + number // 26)}-{number:0{1 + number % 30}d}" for number in range(400)]

    spelt = spell_out("1", others)

    assert len(spelt) <= SPELT_AT_MOST
    assert all(0 < len(each) <= 40 for each in spelt)


@pytest.mark.parametrize("number", ["", "0", "-", "٣", "9" * 40, "\x00", "a" * 40, "²"])
def test_nothing_that_can_be_typed_breaks_it(acme, number):
    assert near_misses(acme, number) == []


def test_the_same_in_case_zeros_and_signs_is_alike():
    assert alike("INV-0007") == alike("inv 7") == alike("Inv/07") != alike("INV-70")
