"""Who may send a message: one drain a connection, one worker a message, as many lanes as were asked for."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations import delivery
from invoices import clock
from invoices.actions.outbox import Report, settle
from invoices.models import Attempt, IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.delivery.desk import Beside
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def _booked(job, **more) -> Report:
    return Report(
        job.message_id,
        MessageState.CONFIRMED,
        attempt=job.attempt,
        attempt_id=job.attempt_id,
        voucher="P-1",
        remote_id="1",
        completed={"outcome": Attempt.Outcome.CONFIRMED, "duration_ms": 1},
        **more,
    )


def test_a_claim_leases_the_message_and_writes_the_attempt_before_any_call(desk):
    invoice = desk.post()

    (job,) = desk.claim()

    message = desk.message(invoice)
    assert (message.state, message.attempt_count) == (MessageState.SENDING, 1)
    assert message.lease_until > clock.now()
    assert message.doubtful_until > clock.now()
    attempt = message.attempts.get()
    assert (attempt.pk, attempt.number, attempt.outcome) == (job.attempt_id, 1, Attempt.Outcome.OPEN)
    assert attempt.request["key"] == message.key
    assert desk.claim() == []
    assert desk.calls(invoice) == []


def test_two_claims_at_once_share_the_messages(desk):
    for _round in range(5):
        for _number in range(12):
            desk.post()
        start = threading.Barrier(2)

        def claim(start: threading.Barrier = start) -> list:
            start.wait(10)
            return desk.claim(12)

        claims = [Beside(claim), Beside(claim)]
        taken = [job.message_id for claim in claims for job in claim.join()]

        assert len(taken) == len(set(taken)) == 12
        assert Attempt.objects.filter(message__in=taken).count() == 12
        IntegrationMessage.objects.open().update(not_before=None, lease_until=None, state=MessageState.UNKNOWN)


def test_a_second_drain_of_the_connection_does_nothing(desk):
    first, second = desk.post(), desk.post()
    desk.tune(lanes=1)
    desk.erp.faults(latency_ms=1500, times=1)
    draining = desk.start_drain()
    wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP has seen the call", timeout=10)

    assert desk.drain() == 0

    assert desk.calls(first) == desk.calls(second) == []
    assert draining.join() == 2
    assert [len(desk.documents(one)) for one in (first, second)] == [1, 1]
    desk.connection.refresh_from_db()
    assert (desk.connection.drain_token, desk.connection.drain_until) == ("", None)


def test_a_drain_takes_over_from_a_dead_one(desk):
    invoice = desk.post()
    desk.tune(drain_token="dead", drain_until=clock.now() + timedelta(seconds=30))
    assert desk.drain() == 0

    desk.tune(drain_until=clock.now())

    assert desk.drain() == 1
    assert desk.see(invoice).step == Step.APPROVAL


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_erp_never_sees_more_calls_at_once_than_there_are_lanes(desk, lanes):
    latency = 0.4
    desk.tune(lanes=lanes)
    invoices = [desk.post() for _number in range(6)]
    desk.erp.faults(latency_ms=int(latency * 1000))

    desk.drain()

    writes = [one for one in desk.erp.audit()["writes"] if one["company"] == desk.connection.company and one["number"]]
    saved = sorted(datetime.fromisoformat(one["time"]) for one in writes)
    assert len(saved) == len(invoices)
    # Each call was in the ERP from `latency` before its saving on.
    at_once = [sum(timedelta(0) <= later - one < timedelta(seconds=latency) for later in saved) for one in saved]
    assert max(at_once) == lanes


def test_the_sweeper_leaves_a_message_alone_while_its_lease_holds(desk):
    invoice = desk.post()
    desk.claim()

    assert delivery.sweep(desk.client.pk, clock.now()) == 0

    assert desk.message(invoice).state == MessageState.SENDING


def test_a_message_whose_worker_did_not_come_back_is_asked_about(forgetful):
    desk = forgetful
    invoice = desk.post()
    desk.claim()
    desk.let_pass("lease_until")

    desk.drain()

    message = desk.message(invoice)
    assert (message.state, message.attempt_count, message.look_up_count) == (MessageState.UNKNOWN, 1, 1)
    assert desk.actions(invoice) == ["hand_in", "post", "lose_answer"]
    assert desk.calls(invoice) == []
    desk.settle()
    assert desk.calls(invoice) == ["booked"]
    assert desk.message(invoice).attempt_count == 2
    desk.assert_holds(settled=True)


def test_a_report_that_comes_after_the_sweeper_counts(desk):
    invoice = desk.post()
    (job,) = desk.claim()
    desk.let_pass("lease_until")
    assert delivery.sweep(desk.client.pk, clock.now()) == 1
    assert desk.message(invoice).state == MessageState.UNKNOWN

    assert settle([_booked(job)]) == [MessageState.CONFIRMED]

    assert (desk.see(invoice).step, desk.see(invoice).preliminary_voucher) == (Step.APPROVAL, "P-1")
    assert desk.message(invoice).attempts.get().outcome == Attempt.Outcome.CONFIRMED
    assert desk.drain() == 0


def test_the_sweeper_comes_too_late_when_the_worker_has_reported(desk):
    invoice = desk.post()
    (job,) = desk.claim()
    message = desk.message(invoice)
    settle([_booked(job)])
    lost = Report(
        message.pk, MessageState.UNKNOWN, attempt=1, only_if_leased_until=message.lease_until, not_before=clock.now()
    )

    assert settle([lost]) == [MessageState.CONFIRMED]

    assert desk.see(invoice).step == Step.APPROVAL
    assert desk.actions(invoice) == ["hand_in", "post", "confirm"]


@pytest.fixture
def second_attempt(desk):
    """Return an invoice whose second attempt is on its way, and the job of the first."""
    invoice = desk.post()
    (first,) = desk.claim()
    desk.let_pass("lease_until")
    delivery.sweep(desk.client.pk, clock.now())
    desk.let_pass("not_before", "doubtful_until")
    (ask,) = desk.claim()
    settle([delivery.judge_look_up(delivery.Result(ask, bookings=()), clock.now())])
    (second,) = desk.claim()
    assert (first.attempt, second.attempt) == (1, 2)
    return invoice, first


@pytest.mark.parametrize("state", [MessageState.REFUSED, MessageState.PENDING, MessageState.UNKNOWN])
def test_bad_news_of_an_old_attempt_does_not_undo_a_newer_one(desk, second_attempt, state):
    invoice, first = second_attempt
    before = desk.message(invoice)

    settle([Report(first.message_id, state, attempt=1, attempt_id=first.attempt_id, completed={"outcome": "refused"})])

    after = desk.message(invoice)
    assert (after.state, after.lease_until, after.doubtful_until) == (
        MessageState.SENDING,
        before.lease_until,
        before.doubtful_until,
    )
    assert desk.see(invoice).step == Step.PRELIMINARY_INTEGRATION
    assert Attempt.objects.get(pk=first.attempt_id).outcome == "refused"


def test_good_news_of_an_old_attempt_counts(desk, second_attempt):
    invoice, first = second_attempt

    settle([_booked(first)])

    assert desk.see(invoice).step == Step.APPROVAL


def test_claiming_and_settling_fifty_takes_as_many_statements_as_five(desk):
    counts = []
    for number in (5, 50):
        for _number in range(number):
            desk.post()
        with CaptureQueriesContext(database) as claiming:
            jobs = desk.claim(number)
        with CaptureQueriesContext(database) as settling:
            settle([_booked(job) for job in jobs])
        assert len(jobs) == number
        counts.append((len(claiming), len(settling)))

    assert counts[0] == counts[1]
    assert sum(counts[0]) <= 20
