"""An import at the same instant as something else: exactly one outcome each. PostgreSQL alone."""

from contextlib import closing
from dataclasses import replace

import pytest
from django.db import connection as database
from django.db import transaction

from integrations.pulling import facts_of
from invoices.actions.importing import Imported, Outcome, Vouchers, import_document
from invoices.actions.intake import hand_in
from invoices.actions.preferences import change_preferences
from invoices.errors import BadInput
from invoices.models import Client, Event, Invoice
from tests.factories import CounterpartyFactory
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


def test_one_document_that_is_renumbered_between_two_imports_is_one_invoice(desk, there, acme, clerk, clerk2):
    there("R-1")
    CounterpartyFactory(client=acme, direction="receivable", code="CUS-1")  # else the two meet at making it
    with closing(desk.connector()) as connector:
        (document,) = connector.search("R-1", "receivable")
    said, vouchers = facts_of(document), Vouchers(final_voucher="F-000001")

    made = at_once(
        acme,
        lambda: import_document(acme, said, vouchers, by=clerk),
        lambda: import_document(acme, replace(said, number="R-2"), vouchers, by=clerk2),
    )

    assert sorted(one.outcome for one in made) == [Outcome.HERE, Outcome.IMPORTED]
    assert Invoice.objects.count() == 1


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
