"""`canceled` is the client's to decide: refused by default, or it denies the invoice."""

import pytest

from cxmlgate.actions import configure_gate
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, OK, PERMANENT, WRONG_STATUS, book, everything, send, status_of
from tests.cxmlgate.messages import IDENTITY, message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


def test_it_is_refused_by_default_and_the_reason_says_what_is_taken(invoice):
    before = everything()

    reply = send(message(type_="canceled"))

    assert reply.verdict == PERMANENT
    assert reply.reason.startswith("InvoiceStatus type canceled is not taken here: send one of paid, ")
    assert everything() == before


class TestWhereItDenies:
    @pytest.fixture(autouse=True)
    def _denies(self, gate):
        configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, on_canceled="deny")

    @pytest.mark.parametrize(
        ("status", "verdict", "then"),
        [
            (Status.OK_TO_PAY, OK, Status.DENIED),
            (Status.PROCESSING_PAYMENT, OK, Status.DENIED),
            (Status.DENIED, ALREADY, Status.DENIED),
            (Status.PARTIALLY_PAID, WRONG_STATUS, Status.PARTIALLY_PAID),
            (Status.PAID, WRONG_STATUS, Status.PAID),
        ],
    )
    def test_it_is_judged_as_a_rejection(self, gate, status, verdict, then):
        invoice = book(gate.client, status=status)

        assert send(message(type_="canceled")).verdict == verdict
        assert status_of(invoice) == then

    def test_one_more_l_is_another_word(self, gate):
        book(gate.client)

        assert send(message(type_="cancelled")).verdict == PERMANENT
