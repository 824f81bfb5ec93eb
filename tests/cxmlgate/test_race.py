"""Messages at the same instant, and a commit that fails."""

from decimal import Decimal

import pytest
from django.db import transaction

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices import faults
from invoices.models import Event, Invoice, Payment
from invoices.workflow import Status
from tests.cxmlgate.conftest import (
    ALREADY,
    NOT_FOUND,
    OK,
    PERMANENT,
    TRANSIENT,
    WRONG_STATUS,
    book,
    everything,
    send,
    status_of,
)
from tests.cxmlgate.messages import IDENTITY, credential, message, money, notice
from tests.cxmlgate.racing import (
    assert_the_gate_holds,
    at_once,
    end_waiting,
    failing_commits,
    needs_postgresql,
    told,
    while_held,
)
from tests.delivery.desk import Beside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("cxmlgate.urls")]


@pytest.mark.parametrize("partial", ["", money("1.00")])
def test_same_message_fifty_times_at_the_same_instant_acts_once(invoice, partial):
    verdicts = at_once(*[message(partial=partial)] * 50)

    assert sorted(verdicts) == sorted([OK] + [ALREADY] * 49)
    assert Payment.objects.count() == 1
    assert Event.objects.filter(invoice=invoice).count() == 1
    assert GateMessage.objects.get().repeats == 49
    assert_the_gate_holds(told("p-1", *verdicts))


@needs_postgresql
def test_same_message_twice_while_its_invoice_is_held_acts_once(invoice):
    verdicts = while_held([invoice], *[message(partial=money("1.00"))] * 2)

    assert sorted(verdicts) == sorted([OK, ALREADY])
    assert (Payment.objects.count(), GateMessage.objects.get().repeats) == (1, 1)
    assert_the_gate_holds(told("p-1", *verdicts))


@needs_postgresql
@pytest.mark.parametrize("_round", range(3))
def test_two_different_partial_payments_both_count(invoice, _round):
    bodies = [message(partial=money(amount), payload_id=amount) for amount in ("4.00", "5.99")]

    verdicts = while_held([invoice], *bodies)

    assert verdicts == [OK, OK]
    now = Invoice.objects.get()
    assert (now.paid, now.balance, now.status) == (Decimal("9.99"), Decimal("1.00"), Status.PARTIALLY_PAID)
    assert sorted(Payment.objects.values_list("amount", flat=True)) == [Decimal("4.00"), Decimal("5.99")]
    assert_the_gate_holds(told("4.00", OK), told("5.99", OK))


@needs_postgresql
def test_two_partial_payments_that_make_the_whole_leave_it_paid(invoice):
    bodies = [message(partial=money(amount), payload_id=amount) for amount in ("4.00", "6.99")]

    assert while_held([invoice], *bodies) == [OK, OK]
    assert (Invoice.objects.get().balance, status_of(invoice)) == (Decimal("0.00"), Status.PAID)
    assert_the_gate_holds()


@needs_postgresql
def test_of_paid_and_rejected_one_wins_and_the_other_is_in_the_wrong_status(gate):
    won = set()
    for number in range(24):
        invoice = book(gate.client, f"INV-{number}")
        bodies = {
            type_: message(type_=type_, number=invoice.number, payload_id=f"{type_}-{number}")
            for type_ in ("paid", "rejected")
        }
        order = sorted(bodies, reverse=number % 2 == 1)

        verdicts = dict(zip(order, while_held([invoice], *[bodies[type_] for type_ in order]), strict=True))

        assert sorted(verdicts.values()) == [OK, WRONG_STATUS]
        winner = next(type_ for type_ in order if verdicts[type_] == OK)
        won.add(winner)
        assert status_of(invoice) == {"paid": Status.PAID, "rejected": Status.DENIED}[winner]
        assert Payment.objects.filter(invoice=invoice).count() == (winner == "paid")
        assert Event.objects.filter(invoice=invoice).count() == 1
        assert_the_gate_holds(*(told(f"{type_}-{number}", verdicts[type_], number=invoice.number) for type_ in order))
    assert won == {"paid", "rejected"}


def test_of_sixteen_messages_that_pay_in_full_one_does(invoice):
    verdicts = at_once(*[message(payload_id=f"p-{number}") for number in range(16)])

    assert sorted(verdicts) == sorted([OK] + [ALREADY] * 15)
    assert (Payment.objects.count(), Invoice.objects.get().balance) == (1, Decimal("0.00"))
    assert Event.objects.filter(invoice=invoice).count() == 1
    assert_the_gate_holds(*(told(f"p-{number}", verdict) for number, verdict in enumerate(verdicts)))


@needs_postgresql
@pytest.mark.parametrize("_round", range(4))
def test_two_messages_that_name_two_invoices_in_opposite_order_both_act(gate, _round):
    invoices = [book(gate.client, number) for number in ("INV-A", "INV-B")]
    notices = [notice(number=number, partial=money("1.00")) for number in ("INV-A", "INV-B")]
    bodies = [message(*notices, payload_id="a"), message(*reversed(notices), payload_id="b")]

    verdicts = while_held(invoices, *bodies)

    assert verdicts == [OK, OK]
    assert list(Invoice.objects.values_list("paid", flat=True)) == [Decimal("2.00")] * 2
    assert_the_gate_holds()


@needs_postgresql
def test_different_messages_at_the_same_instant_both_act(invoice):
    verdicts = at_once(*[message(partial=money("1.00"), payload_id=f"p-{n}") for n in range(8)])

    assert verdicts == [OK] * 8
    now = Invoice.objects.get()
    assert (now.paid, Payment.objects.count(), now.event_count) == (Decimal("8.00"), 8, 8)


@needs_postgresql
def test_more_than_the_balance_is_never_paid(invoice):
    verdicts = at_once(*[message(partial=money("4.00"), payload_id=f"p-{n}") for n in range(6)])

    assert sorted(verdicts) == sorted([OK] * 2 + [PERMANENT] * 4)
    assert Invoice.objects.get().paid == Decimal("8.00")


@needs_postgresql
def test_same_refused_message_at_the_same_instant_is_one_row(gate):
    verdicts = at_once(*[message()] * 8)

    assert verdicts == [NOT_FOUND] * 8
    assert GateMessage.objects.get().repeats == 7


@needs_postgresql
def test_a_message_that_was_let_in_before_the_gate_was_closed_still_acts(invoice, gate):
    with transaction.atomic():
        Invoice.objects.select_for_update().get(pk=invoice.pk)
        beside = Beside(lambda: send(message(partial=money("1.00"))).verdict)
        end_waiting(1, kills=False)
        closing = Beside(lambda: configure_gate(gate.client, by=None, enabled=False, identity=IDENTITY))
        closing.join()

    assert beside.join() == OK
    assert send(message(partial=money("1.00"), payload_id="p-2")).verdict == PERMANENT
    assert_the_gate_holds(told("p-1", OK), told("p-2", PERMANENT))


def test_while_the_secret_changes_each_message_acts_or_is_refused(invoice, gate):
    old = [message(partial=money("0.10"), payload_id=f"old-{number}") for number in range(12)]
    fresh = credential(secret="hocuspocus")
    new = [message(partial=money("0.10"), payload_id=f"new-{number}", sender=fresh) for number in range(12)]
    changing = Beside(
        lambda: configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")
    )

    verdicts = at_once(*old, *new)

    changing.join()
    assert set(verdicts) <= {OK, PERMANENT}
    assert Invoice.objects.get().paid == Decimal("0.10") * verdicts.count(OK)
    assert send(message(partial=money("0.10"), payload_id="late")).verdict == PERMANENT
    assert send(message(partial=money("0.10"), payload_id="last", sender=fresh)).verdict == OK
    names = [f"{kind}-{number}" for kind in ("old", "new") for number in range(12)]
    assert_the_gate_holds(*(told(name, verdict) for name, verdict in zip(names, verdicts, strict=True)))


def test_fault_before_the_commit_is_transient_and_the_resend_is_judged_anew(invoice, monkeypatch):
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


@needs_postgresql
@pytest.mark.parametrize("sqlstate", ["P0001", "23505", "40001"])
def test_a_commit_that_fails_after_the_verdict_is_transient_and_the_resend_is_judged_anew(invoice, sqlstate):
    before = everything()

    with failing_commits(sqlstate):
        verdicts = [send(message()).verdict for _time in range(2)]
        assert verdicts == [TRANSIENT, TRANSIENT]
        assert everything() == before

    assert [send(message()).verdict for _time in range(2)] == [OK, ALREADY]
    assert dict(GateMessage.objects.values_list("code", "repeats")) == {200: 1, 500: 1}
    assert_the_gate_holds(told("p-1", TRANSIENT, TRANSIENT, OK, ALREADY))


@needs_postgresql
def test_a_database_session_that_is_ended_in_mid_message_is_transient_and_the_resend_acts(invoice):
    before = everything()

    with transaction.atomic():
        Invoice.objects.select_for_update().get(pk=invoice.pk)
        beside = Beside(lambda: [send(message()).verdict for _time in range(2)])
        end_waiting(1)
        end_waiting(1, kills=False)  # the resend
        assert everything() == before

    assert beside.join() == [TRANSIENT, OK]
    assert send(message()).verdict == ALREADY
    assert_the_gate_holds(told("p-1", TRANSIENT, OK, ALREADY))
