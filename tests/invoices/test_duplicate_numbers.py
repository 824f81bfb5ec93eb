"""A client's own numbers are unique, unless it allows duplicates: the verbs, the preference and the constraint."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from invoices.actions.intake import edit_invoice, hand_in
from invoices.actions.preferences import change_preferences
from invoices.errors import BadInput
from invoices.models import Client, Event, Invoice
from invoices.workflow import Direction, DocumentKind
from tests.factories import InvoiceFactory
from tests.invoices.test_intake import GIVEN

OURS = replace(GIVEN, direction=Direction.RECEIVABLE, number="R-1", party_code="CUS-1", party_name="Readers")
OTHERS = replace(OURS, party_code="CUS-2", party_name="Writers")
REFUSED = (
    "R-1 is the number of an invoice for Readers (CUS-1) here, and Acme does not allow duplicate invoice numbers: "
    "choose another one, or ask Manager Example to allow them."
)


@pytest.fixture
def give(acme, clerk):
    """Return what hands an invoice in for Acme."""

    def give(given):
        return hand_in(acme, given, by=clerk)[0]

    return give


@pytest.fixture
def allow(acme, manager):
    """Return what switches the preference."""

    def allow(is_allowed=True):
        return change_preferences(acme.pk, by=manager, allows_duplicate_numbers=is_allowed)

    return allow


def test_a_number_of_ours_is_given_once(give, manager):
    give(OURS)

    with pytest.raises(BadInput) as refused:
        give(OTHERS)

    assert refused.value.fields == {"number": REFUSED}
    assert Invoice.objects.count() == 1


def test_without_a_manager_the_sentence_names_the_role(give):
    give(OURS)

    with pytest.raises(BadInput) as refused:
        give(OTHERS)

    assert "or ask an Integration manager to allow them." in str(refused.value)


def test_the_database_refuses_it_too(acme, give):
    give(OURS)
    other = give(replace(OTHERS, number="R-2"))

    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=other.pk).update(number="R-1")

    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceFactory(client=acme, twin=1)


def test_a_suppliers_number_says_nothing_beside_another_suppliers(give):
    give(GIVEN)

    other = give(replace(GIVEN, party_code="SUP-2", party_name="Ink Ltd"))

    assert (other.number, other.twin) == ("I-1", 0)


def test_an_invoice_and_a_credit_memo_may_share_it(give):
    give(OURS)

    assert give(replace(OTHERS, kind=DocumentKind.CREDIT_MEMO)).number == "R-1"


def test_another_clients_number_does_not_count(give, globex, stranger):
    give(OURS)

    invoice, is_new = hand_in(globex, OTHERS, by=stranger)

    assert (invoice.number, is_new) == ("R-1", True)


def test_allowed_duplicates_of_several_customers_stand_side_by_side(give, allow):
    allow()

    places = [give(replace(OURS, party_code=f"CUS-{number}")).twin for number in range(3)]

    assert places == [0, 1, 2]


def test_one_customers_number_is_unique_even_so(give, allow):
    allow()
    give(OURS)

    with pytest.raises(BadInput) as refused:
        give(OURS)

    assert refused.value.fields == {"number": "R-1 of this counterparty is here already: look at that one first."}
    assert Invoice.objects.count() == 1


def test_editing_gives_no_duplicate_where_it_is_not_allowed(give, clerk, manager):
    give(OURS)
    other = give(replace(OTHERS, number="R-2"))

    with pytest.raises(BadInput) as refused:
        edit_invoice(other.pk, OTHERS, by=clerk)

    assert refused.value.fields == {"number": REFUSED}
    other.refresh_from_db()
    assert other.number == "R-2"


def test_editing_into_and_out_of_a_duplicate_keeps_the_places_apart(give, allow, clerk):
    allow()
    first = give(OURS)
    other = give(replace(OTHERS, number="R-2"))

    assert edit_invoice(other.pk, OTHERS, by=clerk).twin == 1
    edit_invoice(first.pk, replace(OURS, number="R-3"), by=clerk)
    third = give(replace(OURS, party_code="CUS-3"))
    again = edit_invoice(other.pk, replace(OTHERS, number="R-2"), by=clerk)

    assert (third.twin, again.twin) == (0, 0)
    assert list(Invoice.objects.order_by("pk").values_list("number", "twin")) == [("R-3", 0), ("R-2", 0), ("R-1", 0)]


def test_switching_off_with_duplicates_here_says_how_many_and_which_first(give, allow, acme):
    allow()
    for given in (OURS, OTHERS, replace(OURS, number="R-0"), replace(OTHERS, number="R-0")):
        give(given)

    with pytest.raises(BadInput) as refused:
        allow(False)

    assert refused.value.fields == {
        "allows_duplicate_numbers": "2 numbers of Acme are used more than once, first R-0, by 2 invoices. Give all but "
        "one of each another number first; a booked one gets it in the ERP."
    }
    assert Client.objects.get(pk=acme.pk).allows_duplicate_numbers


def test_after_the_duplicates_are_mended_it_is_switched_off_and_holds(give, allow, clerk, acme):
    allow()
    first, other = give(OURS), give(OTHERS)
    edit_invoice(first.pk, replace(OURS, number="R-9"), by=clerk)

    allow(False)

    other.refresh_from_db()
    assert (other.number, other.twin) == ("R-1", 0)
    assert Event.objects.filter(action="change_preferences").latest("pk").after == {"allows_duplicate_numbers": False}
    with pytest.raises(BadInput):
        give(replace(OURS, party_code="CUS-7"))
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceFactory(client=acme, direction=Direction.RECEIVABLE, number="R-1")
