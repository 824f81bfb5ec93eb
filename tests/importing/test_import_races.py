"""An import at the same instant as something else: exactly one outcome each. PostgreSQL alone."""

import pytest
from django.db import connection as database
from django.db import transaction

from invoices.actions.importing import Imported, Outcome
from invoices.actions.intake import hand_in
from invoices.actions.preferences import change_preferences
from invoices.errors import BadInput
from invoices.models import Client, Event, Invoice
from tests.importing.at_once import at_once, beside_until_they_wait, ends
from tests.invoices.test_duplicate_numbers import OTHERS, OURS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        database.vendor != "postgresql", reason="SQLite has one writer at a time: nothing happens at the same instant"
    ),
]


def test_the_same_document_twice_is_one_invoice(there, bring, acme, clerk2):
    there("R-1")

    said = at_once(acme, lambda: bring("R-1"), lambda: bring("R-1", by=clerk2))

    assert sorted(one.outcome for one in said) == [Outcome.HERE, Outcome.IMPORTED]
    assert said[0].invoice == said[1].invoice == Invoice.objects.get()
    assert Event.objects.filter(action="import").count() == 1


@pytest.mark.parametrize(("given", "outcome"), [(OURS, Outcome.HERE), (OTHERS, Outcome.NUMBER_TAKEN)])
def test_an_import_and_a_hand_in_of_one_number(there, bring, acme, clerk2, given, outcome):
    there("R-1")

    said = at_once(acme, lambda: bring("R-1"), lambda: hand_in(acme, given, by=clerk2))

    invoice = Invoice.objects.get()
    imported, handed_in = said
    if isinstance(handed_in, BadInput):
        assert (imported.outcome, invoice.step) == (Outcome.IMPORTED, "booked")
    else:
        assert (imported.outcome, imported.invoice, invoice.step) == (outcome, invoice, "draft")


@pytest.mark.parametrize(("given", "outcome"), [(OURS, Outcome.HERE), (OTHERS, Outcome.NUMBER_TAKEN)])
def test_an_import_waits_for_a_hand_in_that_was_quicker(there, bring, acme, clerk2, given, outcome):
    there("R-1")

    with transaction.atomic():
        invoice, _is_new = hand_in(acme, given, by=clerk2)
        beside = beside_until_they_wait(lambda: bring("R-1"))
    (said,) = ends(beside)

    assert isinstance(said, Imported)
    assert (said.outcome, said.invoice) == (outcome, invoice)
    assert Invoice.objects.get() == invoice


def test_switching_off_against_the_import_of_a_duplicate(desk, there, bring, acme, manager, clerk2):
    change_preferences(acme.pk, by=manager, allows_duplicate_numbers=True)
    hand_in(acme, OTHERS, by=clerk2)
    there("R-1")

    with transaction.atomic():
        change_preferences(acme.pk, by=manager, allows_duplicate_numbers=False)
        beside = beside_until_they_wait(lambda: bring("R-1"))
    (said,) = ends(beside)

    assert said.outcome is Outcome.NUMBER_TAKEN
    assert not Client.objects.get(pk=acme.pk).allows_duplicate_numbers
    assert Invoice.objects.count() == 1
