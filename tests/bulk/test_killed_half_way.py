"""A thousand invoices, workers that die by kill -9, and two at once: each invoice is pressed once."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django_q.models import OrmQ

from integrations import bulk, tasks
from integrations.models import BulkItem, BulkRun
from invoices import clock
from invoices.models import Event, IntegrationMessage, Invoice
from invoices.workflow import MessageState, Step
from tests import processes as real
from tests.delivery.desk import AGO, Beside
from tests.processes import Processes, Started, sessions, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def processes(desk) -> Iterator[Processes]:
    environment = {"SANDBOX_ERP_URL": desk.erp.url, "DJANGO_SETTINGS_MODULE": "config.settings", "UNSTUCK_FAULT": ""}
    before = sessions()
    with Processes(**environment) as started:
        yield started
    wait_until(lambda: sessions() <= before, "the dead workers' sessions are gone", timeout=20)


def _start(processes: Processes) -> Started:
    return processes.python("-m", "tests.bulk.worker", DATABASE_URL=real.test_database_url())


def _bury() -> None:
    """Let the leases of dead workers pass."""
    BulkRun.objects.update(lease_until=clock.now() - AGO, queued_at=None)


def _presses() -> Counter[int]:
    """Return how often each invoice was posted again, by the log."""
    return Counter(Event.objects.filter(action="post_again").values_list("invoice_id", flat=True))


@pytest.mark.timeout(600)
def test_a_thousand_with_the_worker_killed_half_way_are_each_pressed_once(stuck, processes):
    desk = stuck.desk
    desk.tune(lanes=8)
    invoices = stuck.make(1000)
    run = stuck.start("post-again", invoices)
    first = _start(processes)
    wait_until(lambda: stuck.see(run).done >= 500, "half of it is done", timeout=200, by=first)

    first.kill9()

    half = stuck.see(run)
    assert not half.is_over
    assert 500 <= half.done < 1000
    assert sum(_presses().values()) == half.done == run.items.filter(state=BulkItem.State.DONE).count()
    assert bulk.work_on(run.pk) == 0  # the dead one's lease
    _bury()
    OrmQ.objects.all().delete()
    tasks.tick()
    assert "integrations.tasks.begin_bulk_runs" in {row.task["func"] for row in OrmQ.objects.all()}
    second = _start(processes)
    wait_until(lambda: stuck.see(run).is_over, "it is over", timeout=200, by=second)
    second.kill9()

    over = stuck.see(run)
    assert (over.done, over.refused, over.left) == (1000, 0, 0)
    assert _presses() == dict.fromkeys([invoice.pk for invoice in invoices], 1)
    assert IntegrationMessage.objects.count() == 1000
    desk.drain()
    assert set(IntegrationMessage.objects.values_list("state", flat=True)) == {MessageState.CONFIRMED}
    assert set(Invoice.objects.values_list("step", flat=True)) == {Step.APPROVAL}
    documents = [one for one in desk.erp.audit()["documents"] if one["company"] == desk.connection.company]
    assert Counter(one["number"] for one in documents) == dict.fromkeys([one.number for one in invoices], 1)


def test_two_workers_at_once_press_each_once(stuck):
    invoices = stuck.make(40)
    run = stuck.start("post-again", invoices)

    at_work = [Beside(lambda: bulk.work_on(run.pk)) for _number in range(2)]
    handled = sorted(worker.join() for worker in at_work)

    assert handled == [0, 40]
    assert _presses() == dict.fromkeys([invoice.pk for invoice in invoices], 1)
    assert (stuck.see(run).done, stuck.see(run).is_over) == (40, True)


def test_a_worker_that_lost_its_lease_stops_and_presses_nothing_twice(stuck):
    invoices = stuck.make(12)
    run = stuck.start("post-again", invoices)
    desk = stuck.desk
    desk.erp.faults(latency_ms=1500, times=1)
    slow = Beside(lambda: bulk.work_on(run.pk))
    wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP is being asked")
    _bury()

    quick = bulk.work_on(run.pk)

    assert (quick, slow.join()) == (12, 0)
    assert _presses() == dict.fromkeys([invoice.pk for invoice in invoices], 1)


def test_a_run_cancelled_while_it_runs_stops_there(stuck):
    invoices = stuck.make(12)
    run = stuck.start("post-again", invoices)
    stuck.work_on_some(run, 4)
    stuck.desk.erp.faults(latency_ms=1500, times=1)
    worker = Beside(lambda: bulk.work_on(run.pk))
    wait_until(lambda: not stuck.desk.erp.ask("GET", "/faults/")[1], "the ERP is being asked")

    bulk.cancel_bulk(run.pk, by=stuck.desk.handler)

    assert worker.join() == 0
    assert (stuck.see(run).done, stuck.see(run).left) == (4, 8)
    assert set(_presses()) == {invoice.pk for invoice in invoices[:4]}
