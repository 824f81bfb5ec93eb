"""Pulls, syncs and reconciliations that die by kill -9, in a process of their own: the next one does it all, once."""

from datetime import date
from decimal import Decimal

import pytest
from django_q.models import OrmQ

from integrations import reconcile, sync_runs, tasks
from integrations.leases import SPAN
from integrations.models import Connection, Reconciliation, SyncRun
from integrations.pulling import pull
from invoices import clock
from invoices.models import InvoicePdf
from tests import processes as real
from tests.delivery.desk import AGO
from tests.processes import Processes, sessions, wait_until
from tests.pulling.test_reconcile import counts, differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("fault", "applied"), [("before_cursor:kill9", 2), ("after_pdf_file:kill9:2", 2)])
def test_the_next_pull_brings_the_rest_and_nothing_twice(desk, book, edit_there, media, fault, applied):
    invoices = [book(), book()]
    for invoice in invoices:
        edit_there(invoice, due_date="2026-12-24")
    before = sessions()
    environment = {"SANDBOX_ERP_URL": desk.erp.url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    with Processes(**environment, UNSTUCK_DATA=str(media.parent), UNSTUCK_FAULT=fault) as processes:
        started = processes.python("-m", "tests.pulling.puller", DATABASE_URL=real.test_database_url())
        assert started.popen.wait(timeout=60) == -9, started.output()
    wait_until(lambda: sessions() <= before, "the dead pull's session is gone", timeout=20)
    assert [desk.see(invoice).due_date for invoice in invoices].count(date(2026, 12, 24)) == applied
    assert Connection.objects.get(pk=desk.connection.pk).changes_until is None
    assert pull(desk.connection.pk).read == 0  # the dead one's lease
    assert Connection.objects.get(pk=desk.connection.pk).pull_until <= clock.now() + SPAN

    desk.tune(pull_until=clock.now() - AGO)
    pulled = pull(desk.connection.pk)

    assert (pulled.read, pulled.is_whole) == (2, True)
    assert [desk.see(invoice).due_date for invoice in invoices] == [date(2026, 12, 24)] * 2
    assert [desk.actions(invoice).count("changed_in_erp") for invoice in invoices] == [1, 1]
    assert InvoicePdf.objects.filter(trouble="").count() == 2
    assert sum(path.is_file() for path in media.rglob("*")) == 2
    desk.assert_holds()


@pytest.mark.timeout(120)
def test_after_a_worker_died_while_pulling_the_sync_goes_on_within_half_a_minute(desk, book, edit_there, processes):
    invoice = book()
    edit_there(invoice, due_date="2026-12-24")
    run, _is_new = sync_runs.sync_now(desk.connection.pk, by=desk.clerk)
    desk.erp.faults(latency_ms=60_000, times=1)
    worker = processes.python("-m", "tests.pulling.worker", "sync", DATABASE_URL=real.test_database_url())
    pulling = Connection.objects.filter(pk=desk.connection.pk).exclude(pull_token="")
    wait_until(pulling.exists, "it pulls", by=worker)
    wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP is being asked", by=worker)

    worker.kill9()
    desk.erp.faults()

    assert sync_runs.work_on(run.pk) is False  # the dead one's leases
    wait_until(lambda: sync_runs.work_on(run.pk) or SyncRun.objects.get(pk=run.pk).is_over, "it goes on", timeout=30)
    while not SyncRun.objects.get(pk=run.pk).is_over:
        assert sync_runs.work_on(run.pk) or SyncRun.objects.get(pk=run.pk).is_over
    assert (SyncRun.objects.get(pk=run.pk).changed, SyncRun.objects.get(pk=run.pk).stopped) == (1, "")
    assert str(desk.see(invoice).due_date) == "2026-12-24"
    desk.assert_holds()


def bury(run):
    """Let the lease of a dead worker pass."""
    Reconciliation.objects.filter(pk=run.pk).update(lease_until=clock.now() - AGO)


@pytest.fixture
def differing(desk, book, pay_there):
    """Return what a reconciliation of three invoices and a foreign document must find."""
    same, paid, gone = book("K-1"), book("K-2"), book("K-3")
    pay_there(paid, "4.00")
    desk.ask("DELETE", f"documents/{gone.remote_id}/")
    desk.book_by_hand(same, number="THEIRS")
    return [
        ("differs", "K-2", paid.pk, Decimal("10.99"), Decimal("6.99"), "USD", "USD"),
        ("missing_here", "THEIRS", None, None, Decimal("10.99"), "", "USD"),
        ("missing_there", "K-3", gone.pk, Decimal("10.99"), None, "USD", ""),
    ]


@pytest.mark.parametrize("point", ["while the ERP is asked", "between the list and the join", "before the commit"])
def test_a_reconciliation_whose_worker_died_begins_anew_and_finds_the_same(desk, differing, processes, point):
    run = reconcile.press_reconcile(desk.connection.pk, by=desk.clerk)
    there = {"DATABASE_URL": real.test_database_url()}
    if point == "while the ERP is asked":
        desk.erp.faults(latency_ms=60_000, times=1)
        worker = processes.python("-m", "tests.pulling.worker", "reconcile", **there)
        wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP is being asked", by=worker)
        worker.kill9()
        desk.erp.faults()
    else:
        fault = "before_reconciled" if point.startswith("between") else "after_reconciled"
        worker = processes.python("-m", "tests.pulling.worker", "reconcile", **there, UNSTUCK_FAULT=f"{fault}:kill9")
        assert worker.wait() == -9, worker.output()

    half = Reconciliation.objects.get(pk=run.pk)
    assert (half.is_over, half.started_at is None, half.differences.count()) == (False, False, 0)
    assert reconcile.work_on(run.pk) is False  # the dead one's lease
    assert half.lease_until <= clock.now() + SPAN
    bury(run)
    OrmQ.objects.all().delete()
    Reconciliation.objects.filter(pk=run.pk).update(queued_at=None)
    tasks.tick()
    assert "integrations.tasks.begin_reconciliations" in {row.task["func"] for row in OrmQ.objects.all()}
    second = processes.python("-m", "tests.pulling.worker", "reconcile", **there)
    assert second.wait() == 0, second.output()

    over = Reconciliation.objects.get(pk=run.pk)
    assert counts(over) == (3, 1, 1, 1, 1, "")
    assert differences(over) == differing
    assert over.started_at > half.started_at
    desk.assert_holds(ignored_numbers=["THEIRS"])


@pytest.fixture
def processes(desk):
    before = sessions()
    environment = {"SANDBOX_ERP_URL": desk.erp.url, "DJANGO_SETTINGS_MODULE": "config.settings", "UNSTUCK_FAULT": ""}
    with Processes(**environment) as started:
        yield started
    wait_until(lambda: sessions() <= before, "the dead workers' sessions are gone", timeout=20)
