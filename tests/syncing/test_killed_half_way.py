"""Workers that die by kill -9, two at once, two presses at once, two ticks at once: nothing is sent twice."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django_q.models import OrmQ

from integrations import sync_runs, tasks
from integrations.models import Connection, SyncItem, SyncRun
from invoices import clock
from invoices.models import IntegrationMessage
from invoices.workflow import MessageState
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
    return processes.python("-m", "tests.syncing.worker", DATABASE_URL=real.test_database_url())


def _bury() -> None:
    """Let the leases of dead workers pass."""
    past = clock.now() - AGO
    SyncRun.objects.filter(lease_until__isnull=False).update(lease_until=past, queued_at=None)
    Connection.objects.filter(drain_until__isnull=False).update(drain_until=past)
    Connection.objects.filter(pull_until__isnull=False).update(pull_until=past)
    IntegrationMessage.objects.filter(lease_until__isnull=False).update(lease_until=past)


@pytest.mark.timeout(240)
def test_with_the_worker_killed_half_way_the_run_goes_on_and_sends_each_once(desk, syncing, processes):
    desk.tune(lanes=2)
    invoices = [desk.post() for _number in range(120)]
    desk.erp.faults(latency_ms=40)
    run = syncing.press()
    first = _start(processes)
    confirmed = IntegrationMessage.objects.filter(state=MessageState.CONFIRMED)
    wait_until(lambda: confirmed.count() >= 40, "a third of it is sent", timeout=60, by=first)

    first.kill9()

    half = syncing.see(run)
    assert not half.is_over
    assert 40 <= confirmed.count() < 120
    assert sync_runs.work_on(run.pk) is False  # the dead one's lease
    _bury()
    desk.erp.faults()
    OrmQ.objects.all().delete()
    tasks.tick()
    assert "integrations.tasks.begin_sync_runs" in {row.task["func"] for row in OrmQ.objects.all()}
    second = _start(processes)
    desk.let_pass("doubtful_until")
    wait_until(lambda: syncing.see(run).is_over, "it is over", timeout=60, by=second)
    second.kill9()

    over = syncing.see(run)
    assert (over.total, over.done + over.later, over.failed, over.left) == (120, 120, 0, 0)
    assert Counter(run.items.values_list("state", flat=True))["done"] == over.done
    desk.settle()
    assert {len(desk.documents(invoice)) for invoice in invoices} == {1}
    desk.assert_holds()


def test_two_workers_at_once_count_each_once(desk, syncing):
    invoices = [desk.post() for _number in range(30)]
    run = syncing.press()

    at_work = [Beside(lambda: sync_runs.work_on(run.pk)) for _number in range(2)]
    for worker in at_work:
        worker.join()
    syncing.finish(run)

    assert syncing.counts(run) == {"total": 30, "done": 30}
    assert {len(desk.documents(invoice)) for invoice in invoices} == {1}


def test_of_two_presses_at_once_one_joins_the_other(desk, clerk2):
    presses = [Beside(lambda who=who: sync_runs.sync_now(desk.connection.pk, by=who)) for who in (desk.clerk, clerk2)]

    runs = [press.join() for press in presses]

    assert sorted(is_new for _run, is_new in runs) == [False, True]
    assert len({run.pk for run, _is_new in runs}) == 1


def test_of_two_ticks_at_once_one_begins_the_run_that_is_due(desk):
    desk.tune(next_sync_at=clock.now() - AGO)

    ticks = [Beside(lambda: sync_runs.start_due(clock.now())) for _number in range(4)]

    assert sorted(tick.join() for tick in ticks) == [0, 0, 0, 1]
    assert SyncRun.objects.get().by is None


def test_a_run_cancelled_while_it_sends_ends_and_leaves_what_was_sent(desk, syncing):
    desk.tune(lanes=1)
    invoices = [desk.post() for _number in range(6)]
    desk.erp.faults(latency_ms=700)
    run = syncing.press()
    worker = Beside(lambda: sync_runs.work_on(run.pk))
    sent = IntegrationMessage.objects.filter(state=MessageState.CONFIRMED)
    wait_until(sent.exists, "one is sent")

    sync_runs.cancel_sync(run.pk, by=desk.clerk)

    assert worker.join() is False
    assert syncing.see(run).cancelled_at is not None
    assert syncing.see(run).phase == SyncRun.Phase.SENDING
    assert 1 <= sent.count() < 6
    assert not run.items.exclude(state=SyncItem.State.WAITING).exists()
    desk.erp.faults()
    desk.settle()
    assert {len(desk.documents(invoice)) for invoice in invoices} == {1}
