"""The breaker: an ERP that cannot be reached pauses its connection instead of burning attempts."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.delivery import has_due
from integrations.models import Connection
from integrations.policy import BREAKER_FIRST_PAUSE, BREAKER_THRESHOLD, Breaker, BreakerState
from invoices import clock
from invoices.models import Attempt, IntegrationMessage
from invoices.workflow import MessageState

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def invoices(desk):
    """Return eight posted invoices on a connection of one lane, after a drain that found the ERP down."""
    desk.tune(lanes=1)
    posted = [desk.post() for _number in range(8)]
    desk.erp.faults(down=True)
    desk.drain()
    return posted


def _attempts() -> int:
    return Attempt.objects.count()


def test_it_opens_after_five_failures_and_the_others_say_why_they_wait(desk, invoices):
    connection = Connection.objects.get()

    assert (connection.breaker_state, connection.breaker_failures) == ("open", BREAKER_THRESHOLD)
    assert connection.breaker_until - clock.now() <= BREAKER_FIRST_PAUSE
    assert "under maintenance" in connection.last_error
    untried = [desk.message(invoice) for invoice in invoices if not desk.message(invoice).attempt_count]
    # One more than five may be claimed: one waits for the lane while the fifth fails.
    assert len(untried) in (2, 3)
    for message in untried:
        assert (message.state, message.not_before) == (MessageState.PENDING, connection.breaker_until)
        assert message.reason.startswith("The ERP is not reachable: The system is under maintenance.")
    desk.assert_holds()


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_the_pause():
    opened = Breaker(BreakerState.CLOSED, BREAKER_THRESHOLD - 1).after_failure(NOON)
    assert (opened.state, opened.until) == (BreakerState.OPEN, NOON + BREAKER_FIRST_PAUSE)

    assert opened.after_failure(NOON + timedelta(seconds=1)) == opened

    tried = opened.after_failure(NOON + BREAKER_FIRST_PAUSE)
    assert tried.until == NOON + 3 * BREAKER_FIRST_PAUSE


def test_while_it_is_open_nothing_is_sent(desk, invoices):
    before = _attempts()
    desk.tune(breaker_until=clock.now() + timedelta(hours=1))
    desk.let_pass("not_before")

    assert not has_due(desk.connection.pk)
    assert desk.drain() == 0

    assert _attempts() == before
    connection = Connection.objects.get()
    assert set(IntegrationMessage.objects.values_list("not_before", flat=True)) == {connection.breaker_until}


def test_after_the_pause_one_is_tried_and_a_failure_doubles_the_pause(desk, invoices):
    before, failures = _attempts(), Connection.objects.get().breaker_failures
    desk.end_pause()
    desk.let_pass("not_before")

    assert desk.drain() == 1

    connection = Connection.objects.get()
    assert _attempts() == before + 1
    assert (connection.breaker_state, connection.breaker_failures) == ("open", failures + 1)
    assert connection.breaker_until - Attempt.objects.latest("pk").started_at >= 2 * BREAKER_FIRST_PAUSE


def test_a_success_closes_it_and_wakes_the_rest_in_order_of_age(desk, invoices):
    desk.erp.faults()
    desk.end_pause()
    IntegrationMessage.objects.filter(invoice=invoices[3]).update(not_before=clock.now())

    assert desk.drain() == len(invoices)

    connection = Connection.objects.get()
    assert (connection.breaker_state, connection.breaker_failures, connection.breaker_until) == ("closed", 0, None)
    booked = [one["number"] for one in desk.erp.audit()["writes"] if one["company"] == connection.company]
    order = [invoices[3], *invoices[:3], *invoices[4:]]
    assert [number for number in booked if number][-8:] == [invoice.number for invoice in order]
    desk.assert_holds(settled=True)


def test_a_refusal_is_an_answer_and_closes_it(desk, invoices):
    desk.erp.faults()
    desk.erp.close_period("2026-11", desk.connection.company)
    desk.end_pause()
    desk.let_pass("not_before")

    desk.drain()

    assert Connection.objects.get().breaker_state == "closed"
    assert {desk.message(invoice).state for invoice in invoices} == {MessageState.REFUSED}
    desk.assert_holds(settled=True)
