"""Workers that die by kill -9 at every point of a delivery, in processes of their own: every invoice is booked once."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from integrations import tasks
from integrations.models import Connection
from invoices import clock
from invoices.models import Attempt, IntegrationMessage, Invoice
from invoices.workflow import MessageState, Step
from tests import processes as real
from tests.delivery.desk import AGO
from tests.processes import Processes, Started, sessions, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class Workers:
    """Starts workers on the test's database and ERP."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    def start(self, fault: str = "") -> Started:
        """Start a worker that dies at `fault`, if one is named."""
        wish = {"UNSTUCK_FAULT": fault} if fault else {}
        return self.processes.python("-m", "tests.delivery.worker", DATABASE_URL=real.test_database_url(), **wish)


@pytest.fixture
def workers(desk) -> Iterator[Workers]:
    environment = {"SANDBOX_ERP_URL": desk.erp.url, "DJANGO_SETTINGS_MODULE": "config.settings", "UNSTUCK_FAULT": ""}
    before = sessions()
    with Processes(**environment) as processes:
        yield Workers(processes)
    wait_until(lambda: sessions() <= before, "the dead workers' sessions are gone", timeout=20)


def _bury() -> None:
    """Let the leases of dead workers pass. Until when their calls may still arrive is left as it is."""
    Connection.objects.update(drain_until=clock.now() - AGO)
    IntegrationMessage.objects.filter(state=MessageState.SENDING).update(lease_until=clock.now() - AGO)
    IntegrationMessage.objects.filter(state=MessageState.UNKNOWN).update(lease_until=None)


def _let_doubt_pass() -> None:
    """Let everything wait no longer: the ERP has nothing under way, so that what did not arrive never will."""
    IntegrationMessage.objects.open().update(doubtful_until=clock.now() - AGO)
    IntegrationMessage.objects.open().filter(not_before__gt=clock.now()).update(not_before=clock.now())


def _is_settled() -> bool:
    return not IntegrationMessage.objects.open().exists()


def _assert_booked_once(desk, invoice) -> None:
    invoice = desk.see(invoice)
    (document,) = desk.documents(invoice)
    (booking,) = document["bookings"]
    assert (invoice.step, invoice.preliminary_voucher) == (Step.APPROVAL, booking["voucher"])
    desk.assert_holds(settled=True)


DEATHS = {
    # where it dies: what the ERP has then, and how many attempts the whole takes
    "after_claim": ([], 2),
    "before_call": ([], 2),
    "after_erp_accept": (["booked"], 1),
    "before_report_commit": (["booked"], 1),
}


@pytest.mark.parametrize("point", DEATHS)
def test_a_worker_that_dies_leaves_an_invoice_that_is_booked_once(forgetful, workers, point):
    desk, (had, attempts) = forgetful, DEATHS[point]
    invoice = desk.post()

    assert workers.start(fault=f"{point}:kill9").wait() == -signal.SIGKILL

    message = desk.message(invoice)
    assert (message.state, message.attempt_count) == (MessageState.SENDING, 1)
    assert message.attempts.get().outcome == Attempt.Outcome.OPEN
    assert desk.calls(invoice) == had
    desk.assert_holds()
    _bury()
    second = workers.start()
    wait_until(lambda: desk.message(invoice).look_up_count, "the ERP was asked", by=second)
    assert desk.calls(invoice) == had
    _let_doubt_pass()
    wait_until(_is_settled, "it is settled", by=second)
    assert desk.calls(invoice) == ["booked"]
    assert desk.message(invoice).attempt_count == attempts
    _assert_booked_once(desk, invoice)


@pytest.mark.parametrize("point", DEATHS)
def test_a_worker_that_dies_leaves_a_payment_that_is_pushed_once(forgetful, workers, point):
    desk, attempts = forgetful, DEATHS[point][1]
    invoice = desk.book()
    payment = desk.pay(invoice)

    assert workers.start(fault=f"{point}:kill9").wait() == -signal.SIGKILL

    message = desk.message(invoice)
    assert (message.payment, message.state) == (payment, MessageState.SENDING)
    assert len(desk.payments(invoice)) == len(DEATHS[point][0])
    desk.assert_holds()
    _bury()
    second = workers.start()
    wait_until(lambda: desk.message(invoice).look_up_count, "the ERP was asked", by=second)
    _let_doubt_pass()
    wait_until(_is_settled, "it is settled", by=second)
    (there,) = desk.payments(invoice)
    payment.refresh_from_db()
    assert (payment.remote_id, desk.message(invoice).attempt_count) == (there["id"], attempts)
    assert desk.see(invoice).status == "paid"
    desk.assert_holds(settled=True)


def test_two_workers_push_each_of_many_payments_once(forgetful, workers):
    desk = forgetful
    invoices = [desk.post(direction="receivable") for _number in range(12)]
    desk.drain()
    for invoice in invoices:
        desk.pay(invoice, "5.00")
        desk.pay(invoice, "5.99")
    desk.erp.faults(lose_answers=3, latency_ms=20)

    both = [workers.start(), workers.start()]
    both[0].kill9()
    wait_until(lambda: desk.erp.ask("GET", "/faults/")[1].get("lose_answers") is None, "answers are lost", by=both[1])
    both[1].kill9()
    _wait_until_idle(desk)
    _bury()
    _let_doubt_pass()
    desk.erp.faults()
    last = workers.start()

    def is_settled() -> bool:
        _let_doubt_pass()  # what a new message begins with is what the one before it ended with
        return _is_settled()

    wait_until(is_settled, "all are settled", by=last)

    assert [[one["amount"] for one in desk.payments(invoice)] for invoice in invoices] == [["5.00", "5.99"]] * 12
    assert {desk.see(invoice).status for invoice in invoices} == {"paid"}
    desk.assert_holds(settled=True)


def test_a_worker_killed_before_the_erp_saved_is_followed_by_one_that_waits(forgetful, workers):
    desk = forgetful
    desk.tune(call_timeout_seconds=10)
    invoice = desk.post()
    desk.erp.faults(latency_ms=5000, times=1)
    first = workers.start()
    wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP has seen the call", by=first)
    first.kill9()
    assert desk.documents(invoice) == []

    _bury()
    second = workers.start()
    wait_until(lambda: desk.message(invoice).look_up_count, "the ERP was asked", by=second)
    wait_until(lambda: desk.documents(invoice), "the ERP has saved it", by=second)
    IntegrationMessage.objects.open().update(not_before=clock.now())
    wait_until(_is_settled, "it is settled", by=second)

    assert desk.calls(invoice) == ["booked"]
    assert desk.message(invoice).attempt_count == 1
    _assert_booked_once(desk, invoice)


def test_a_worker_killed_after_the_erp_saved_is_followed_by_one_that_finds_it(forgetful, workers):
    desk = forgetful
    desk.tune(call_timeout_seconds=10)
    invoice = desk.post()
    desk.erp.faults(latency_after_ms=8000, times=1)
    first = workers.start()
    wait_until(lambda: desk.documents(invoice), "the ERP has saved it", by=first)
    first.kill9()

    _bury()
    second = workers.start()
    wait_until(_is_settled, "it is settled", by=second)

    assert desk.calls(invoice) == ["booked"]
    assert desk.message(invoice).attempt_count == 1
    _assert_booked_once(desk, invoice)


def test_a_worker_of_the_real_queue_that_dies_is_followed_by_another_queue(forgetful, workers):
    desk = forgetful
    invoice = desk.post()
    first = workers.processes.manage("qcluster", UNSTUCK_FAULT="after_erp_accept:kill9")
    wait_until(lambda: desk.calls(invoice), "the ERP has booked it", by=first)
    first.kill9()
    wait_until(lambda: _kill_what_is_left(workers), "the whole cluster is gone")
    assert desk.message(invoice).state == MessageState.SENDING

    _bury()
    tasks.tick()
    second = workers.processes.manage("qcluster")
    wait_until(_is_settled, "it is settled", by=second)

    assert desk.calls(invoice) == ["booked"]
    _assert_booked_once(desk, invoice)


def _kill_what_is_left(workers: Workers) -> bool:
    living = workers.processes.living()
    for pid in living:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not living


def test_sixty_invoices_two_workers_and_kills_at_random_book_each_once(forgetful, workers):
    desk, chance = forgetful, random.Random(4711)
    invoices = [desk.post() for _number in range(60)]
    pending = IntegrationMessage.objects.filter(state=MessageState.PENDING)
    kills = []
    for _round in range(3):
        desk.erp.faults(lose_answers=chance.randint(1, 3), drop_before_saving=chance.randint(1, 2), latency_ms=100)
        at_work = [workers.start(), workers.start()]
        chance.shuffle(at_work)
        for worker in at_work:
            goal = pending.count() - chance.randint(3, 9)
            wait_until(lambda goal=goal: pending.count() <= max(goal, 0), "some have gone out", by=worker)
            worker.kill9()
            kills.append(worker.pid)
            Connection.objects.update(drain_until=clock.now() - AGO)  # if the dead one had it; the living one goes on
        _wait_until_idle(desk)
        _bury()
        _let_doubt_pass()
    desk.erp.faults()
    last = workers.start()
    wait_until(_is_settled, "all are settled", by=last)

    assert len(set(kills)) == 6
    assert set(Invoice.objects.values_list("step", flat=True)) == {Step.APPROVAL}
    assert [len(desk.documents(invoice)) for invoice in invoices] == [1] * len(invoices)
    outcomes = [outcome for invoice in invoices for outcome in desk.calls(invoice)]
    assert "lost" in outcomes
    assert "dropped" in outcomes
    desk.assert_holds(settled=True)


def _wait_until_idle(desk) -> None:
    """Wait until nothing arrives at the ERP any more: nobody is sending, and every call there takes 0.1 s."""
    seen, since = -1, 0.0

    def is_idle() -> bool:
        nonlocal seen, since
        count = len(desk.erp.audit()["writes"])
        if count != seen:
            seen, since = count, time.monotonic()
        return time.monotonic() - since > 0.5

    wait_until(is_idle, "the ERP is idle")
