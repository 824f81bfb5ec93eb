"""Background work: each task takes ids, is a line long, and may run twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django_q.tasks import async_task

from integrations import bulk as bulk_runs
from integrations import deletions, delivery, sync_runs
from integrations import reconcile as reconciliations
from integrations.models import BulkRun, Connection, Reconciliation, RunQuerySet, SyncRun
from integrations.runs import is_left
from invoices import clock
from invoices.models import IntegrationMessage

QUEUED_AT_MOST: Final = timedelta(seconds=60)  # after that the queue is taken to have lost the drain


def drain(connection_id: int) -> int:
    """Deliver what is due on one connection; return how many calls were reported."""
    Connection.objects.filter(pk=connection_id).update(drain_queued_at=None)
    reported = delivery.drain(connection_id)
    if delivery.has_due(connection_id):
        queue_drain(Q(pk=connection_id))
    return reported


def queue_drain(which: Q) -> int:
    """Enqueue a drain for each connection in `which` that has none waiting; return how many."""
    now = clock.now()
    free = Q(drain_queued_at__isnull=True) | Q(drain_queued_at__lte=now - QUEUED_AT_MOST)
    queued = 0
    for pk in Connection.objects.filter(which, is_enabled=True).values_list("pk", flat=True):
        if Connection.objects.filter(free, pk=pk).update(drain_queued_at=now):
            async_task("integrations.tasks.drain", pk)
            queued += 1
    return queued


def wake(client_id: int) -> None:
    """Enqueue a drain for a client that has just written a message."""
    queue_drain(Q(client_id=client_id))


def bulk(run_id: int) -> int:
    """Work on a bulk run; return how many of its invoices had their turn."""
    run = BulkRun.objects.filter(pk=run_id)
    run.update(queued_at=None)
    handled = bulk_runs.work_on(run_id)
    if is_left(run):
        queue_runs(run, "integrations.tasks.begin_bulk_runs", clock.now())
    return handled


def sync(run_id: int) -> bool:
    """Work on a sync run; return whether it can go on at once. One that waits for something is left to the tick."""
    run = SyncRun.objects.filter(pk=run_id)
    run.update(queued_at=None)
    goes_on = sync_runs.work_on(run_id)
    if goes_on:
        queue_runs(run, "integrations.tasks.begin_sync_runs", clock.now())
    return goes_on


def queue_runs(which: RunQuerySet[Any], begin: str, now: datetime) -> int:
    """Enqueue each run in `which` that is left and not queued, by the task `begin`; return how many."""
    unqueued = Q(queued_at__isnull=True) | Q(queued_at__lte=now - QUEUED_AT_MOST)
    left = list(which.free(now).filter(unqueued).order_by("pk").values_list("pk", flat=True))
    if left:
        which.filter(pk__in=left).update(queued_at=now)
        async_task(begin, left)
    return len(left)


def begin_bulk_runs(run_ids: Sequence[int]) -> None:
    """Enqueue these runs, each as a task of its own: the tick writes one row however many there are."""
    for run_id in run_ids:
        bulk_runs.enqueue(run_id)


def sync_deletions(connection_id: int, *, all_the_same: bool = False) -> int:
    """Archive what was deleted in the ERP of one connection; return how many invoices."""
    return deletions.sync_deletions(connection_id, all_the_same=all_the_same).invoices


def queue_due_deletions() -> int:
    """Enqueue the deletions of each connection that is due since 01:00 UTC; return how many."""
    due = deletions.claim_due()
    for pk in due:
        deletions.enqueue(pk)
    return len(due)


def reconcile(run_id: int) -> bool:
    """Compare a connection with the ERP's list; say whether the run is over."""
    return reconciliations.work_on(run_id)


def begin_reconciliations(run_ids: Sequence[int]) -> None:
    """Enqueue these runs, each as a task of its own, which may take longer than others."""
    for run_id in run_ids:
        reconciliations.enqueue(run_id)


def begin_sync_runs(run_ids: Sequence[int]) -> None:
    """Enqueue these runs, each as a task of its own."""
    for run_id in run_ids:
        sync_runs.enqueue(run_id)


def tick() -> int:
    """Enqueue a drain wherever something is due: retries, look-ups, dead workers' leases, what the queue lost.

    Runs whose worker did not come back go on as well, and the syncs that are due begin.
    """
    now = clock.now()
    queue_runs(BulkRun.objects.all(), "integrations.tasks.begin_bulk_runs", now)
    sync_runs.start_due(now)
    queue_runs(SyncRun.objects.all(), "integrations.tasks.begin_sync_runs", now)
    queue_runs(Reconciliation.objects.all(), "integrations.tasks.begin_reconciliations", now)
    messages = IntegrationMessage.objects.order_by()
    clients = set(messages.due(now).order_by().values_list("client_id", flat=True).distinct())
    clients.update(messages.lease_ran_out(now).values_list("client_id", flat=True).distinct())
    if not clients:
        return 0
    able = Connection.objects.able(now).filter(client__in=clients).values_list("pk", flat=True)
    return queue_drain(Q(pk__in=list(able)))


def prune_sync_runs() -> int:
    """Forget old sync runs; return how many."""
    return sync_runs.prune()
