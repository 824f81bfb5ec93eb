"""An invoice is named by its exact number, within its client alone."""

import pytest

from invoices.workflow import Status
from tests.cxmlgate.conftest import NOT_FOUND, book, send, status_of
from tests.cxmlgate.messages import message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


@pytest.mark.parametrize("number", ["INV-0001 ", " INV-0001", "INV-0001A", "INV-001", "INV-0001&#xA0;", "ＩＮＶ-0001"])
def test_neighbour_of_a_number_is_another_invoice(invoice, number):
    replies = [send(message(number=number)), send(message(number=None, invoice_id=number, payload_id="p-2"))]

    assert [reply.verdict for reply in replies] == [NOT_FOUND, NOT_FOUND]
    assert status_of(invoice) == Status.OK_TO_PAY


@pytest.mark.parametrize("number", ["Ü-1", "U\u0308-1"])
def test_letter_of_one_character_is_not_the_same_of_two(gate, number):
    mine = book(gate.client, number)
    other = book(gate.client, "U\u0308-1" if number == "Ü-1" else "Ü-1")

    send(message(number=number))

    assert (status_of(mine), status_of(other)) == (Status.PAID, Status.OK_TO_PAY)


def test_of_two_clients_with_one_number_the_addressed_one_is_meant(invoice, globex):
    theirs = book(globex)

    send(message())

    assert (status_of(invoice), status_of(theirs)) == (Status.PAID, Status.OK_TO_PAY)
