"""One number at the same instant, twice: exactly one outcome each. PostgreSQL alone, for SQLite has one writer."""

from dataclasses import replace

import pytest
from django.db import connection as database
from django.db import transaction

from invoices.actions.intake import edit_invoice, hand_in
from invoices.actions.preferences import change_preferences
from invoices.errors import BadInput, Conflict
from invoices.models import Client, HandIn, Invoice
from tests.delivery.desk import Beside
from tests.importing.at_once import at_once, beside_until_they_wait, ends
from tests.invoices.test_duplicate_numbers import OTHERS, OURS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        database.vendor != "postgresql", reason="SQLite has one writer at a time: nothing happens at the same instant"
    ),
]


@pytest.fixture
def allow(acme, manager):
    def allow(is_allowed=True):
        return change_preferences(acme.pk, by=manager, allows_duplicate_numbers=is_allowed)

    return allow


def test_two_customers_get_one_number_and_one_of_them_wins(acme, clerk, clerk2):
    said = at_once(acme, lambda: hand_in(acme, OURS, by=clerk), lambda: hand_in(acme, OTHERS, by=clerk2))

    assert sorted(type(one).__name__ for one in said) == ["BadInput", "tuple"]
    assert Invoice.objects.get().number == "R-1"


def test_where_duplicates_are_allowed_both_come_in(acme, clerk, clerk2, allow):
    allow()

    said = at_once(acme, lambda: hand_in(acme, OURS, by=clerk), lambda: hand_in(acme, OTHERS, by=clerk2))

    assert [is_new for _invoice, is_new in said] == [True, True]
    assert sorted(Invoice.objects.values_list("number", "twin")) == [("R-1", 0), ("R-1", 1)]


@pytest.mark.parametrize("is_allowed", [False, True])
def test_the_same_request_twice_is_one_invoice(acme, clerk, allow, is_allowed):
    allow(is_allowed)

    said = at_once(acme, *[lambda: hand_in(acme, OURS, by=clerk, key="k-1")] * 2)

    assert sorted(is_new for _invoice, is_new in said) == [False, True]
    assert Invoice.objects.count() == HandIn.objects.count() == 1


def test_switching_off_waits_for_a_duplicate_that_is_being_handed_in_and_is_refused(acme, clerk, clerk2, allow):
    allow()
    hand_in(acme, OURS, by=clerk)

    with transaction.atomic():
        hand_in(acme, OTHERS, by=clerk2)
        beside = beside_until_they_wait(lambda: allow(False))
    (said,) = ends(beside)

    assert isinstance(said, BadInput)
    assert Client.objects.get(pk=acme.pk).allows_duplicate_numbers
    assert Invoice.objects.filter(number="R-1").count() == 2


def test_a_duplicate_waits_for_the_switching_off_and_is_refused(acme, clerk, clerk2, allow):
    allow()
    hand_in(acme, OURS, by=clerk)

    with transaction.atomic():
        allow(False)
        beside = beside_until_they_wait(lambda: hand_in(acme, OTHERS, by=clerk2))
    (said,) = ends(beside)

    assert isinstance(said, BadInput)
    assert not Client.objects.get(pk=acme.pk).allows_duplicate_numbers
    assert Invoice.objects.get().number == "R-1"


def test_switching_off_does_not_wait_behind_the_editing_of_a_former_duplicate(acme, clerk, allow):
    allow()
    first = hand_in(acme, OURS, by=clerk)[0]
    other = hand_in(acme, OTHERS, by=clerk)[0]
    edit_invoice(first.pk, replace(OURS, number="R-9"), by=clerk)

    with transaction.atomic():
        Invoice.objects.select_for_update().get(pk=other.pk)  # as an edit does, which asks for the client's row next
        (said,) = ends([Beside(lambda: allow(False))])

    assert isinstance(said, Conflict)
    assert allow(False).allows_duplicate_numbers is False
