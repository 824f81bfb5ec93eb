"""Several updates in one request: one answer, one transaction, one kept row."""

from decimal import Decimal

import pytest

from cxmlgate.models import GateMessage
from invoices.models import Event, Invoice
from invoices.workflow import Status
from tests.cxmlgate.conftest import (
    ALREADY,
    OK,
    PERMANENT,
    WRONG_STATUS,
    book,
    everything,
    send,
    status_of,
)
from tests.cxmlgate.messages import message, money, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


@pytest.fixture
def second(gate):
    return book(gate.client, "INV-0002")


@pytest.fixture
def paid(gate):
    return book(gate.client, "INV-0003", status=Status.PAID)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        (notice("rejected", number="INV-0003"), WRONG_STATUS),
        (notice(number="INV-0001", partial=money("11")), PERMANENT),
    ],
)
def test_wherever_the_refused_one_stands_none_counts(invoice, second, paid, place, bad, verdict):
    good = [notice(partial=money("1.00")), notice(number="INV-0002")]
    before = everything()

    reply = send(message(*good[:place], bad, *good[place:]))

    assert reply.verdict == verdict
    assert everything() == before
    assert GateMessage.objects.get().code == verdict[0]


def test_they_count_in_their_order(invoice):
    reply = send(message(notice("processing_payment"), notice(partial=money("4.00")), notice()))

    assert reply.verdict == OK
    now = Invoice.objects.get()
    assert (now.status, now.paid, now.event_count) == (Status.PAID, Decimal("10.99"), 3)
    actions = list(Event.objects.filter(invoice=invoice).order_by("pk").values_list("action", flat=True))
    assert actions == ["status_processing_payment", "status_paid", "status_paid"]


def test_in_the_wrong_order_none_counts(invoice):
    before = everything()

    assert send(message(notice(), notice("processing_payment"))).verdict == WRONG_STATUS
    assert everything() == before


def test_together_they_cannot_pay_more_than_the_balance(invoice):
    before = everything()

    assert send(message(notice(partial=money("6.00")), notice(partial=money("5.00")))).verdict == PERMANENT
    assert everything() == before


def test_one_that_is_there_already_does_not_stop_the_others(invoice, paid):
    assert send(message(notice(number="INV-0003"), notice())).verdict == OK
    assert status_of(invoice) == Status.PAID


def test_all_there_already_is_already_received(paid, gate):
    book(gate.client, "INV-0004", status=Status.DENIED)
    before = everything()

    assert send(message(notice(number="INV-0003"), notice("rejected", number="INV-0004"))).verdict == ALREADY
    assert everything() == before


def test_sent_again_none_counts_again(invoice, second):
    body = message(notice(partial=money("4.00")), notice(partial=money("4.00"), number="INV-0002"))

    assert [send(body).verdict, send(body).verdict] == [OK, ALREADY]
    assert [row.paid for row in Invoice.objects.order_by("pk")] == [Decimal("4.00")] * 2
