"""Messages at the same instant, and a commit that fails."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection, connections

from cxmlgate.models import GateMessage
from invoices import faults
from invoices.models import Event, Invoice, Payment
from tests.cxmlgate.conftest import ALREADY, NOT_FOUND, OK, PERMANENT, TRANSIENT, everything, send
from tests.cxmlgate.messages import message, money

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("cxmlgate.urls")]


def at_once(*bodies):
    """Send all bodies at the same instant, and return the verdicts in their order."""
    barrier = Barrier(len(bodies))

    def one(body):
        barrier.wait(timeout=20)
        try:
            return send(body).verdict
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(one, bodies))


@pytest.fixture
def postgresql(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: there is no race to lose")


@pytest.mark.parametrize("partial", ["", money("1.00")])
def test_same_message_at_the_same_instant_acts_once(postgresql, invoice, partial):
    verdicts = at_once(*[message(partial=partial)] * 8)

    assert sorted(verdicts) == sorted([OK] + [ALREADY] * 7)
    assert Payment.objects.count() == 1
    assert Event.objects.filter(invoice=invoice).count() == 1
    assert GateMessage.objects.get().repeats == 7


def test_different_messages_at_the_same_instant_both_act(postgresql, invoice):
    verdicts = at_once(*[message(partial=money("1.00"), payload_id=f"p-{n}") for n in range(8)])

    assert verdicts == [OK] * 8
    now = Invoice.objects.get()
    assert (now.paid, Payment.objects.count(), now.event_count) == (Decimal("8.00"), 8, 8)


def test_more_than_the_balance_is_never_paid(postgresql, invoice):
    verdicts = at_once(*[message(partial=money("4.00"), payload_id=f"p-{n}") for n in range(6)])

    assert sorted(verdicts) == sorted([OK] * 2 + [PERMANENT] * 4)
    assert Invoice.objects.get().paid == Decimal("8.00")


def test_same_refused_message_at_the_same_instant_is_one_row(postgresql, gate):
    verdicts = at_once(*[message()] * 8)

    assert verdicts == [NOT_FOUND] * 8
    assert GateMessage.objects.get().repeats == 7


def test_commit_that_fails_is_transient_and_the_resend_is_judged_anew(invoice, monkeypatch):
    faults._passed.clear()
    monkeypatch.setenv("UNSTUCK_FAULT", "before_gate_commit:raise")
    before = everything()

    reply = send(message())

    assert reply.verdict == TRANSIENT
    assert everything() == before
    monkeypatch.delenv("UNSTUCK_FAULT")
    assert send(message()).verdict == OK
    assert send(message()).verdict == ALREADY
    assert Payment.objects.count() == 1
    assert sorted(GateMessage.objects.values_list("code", flat=True)) == [200, 500]
