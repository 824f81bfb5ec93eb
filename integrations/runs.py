"""What runs of every kind share: one worker at a time holds a run, by a lease that it renews.

A worker that dies leaves a lease that runs out; then the tick finds the run, and another worker goes on with it. A run
whose single steps may be long (a pull, a list) is held by a lease that beats; one that does an invoice after the other
renews its own with each.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from integrations.leases import RowLease
from integrations.models import CancellableRun, RunQuerySet
from invoices import clock


class LostRun(Exception):  # noqa: N818 (nothing went wrong)
    """The run was cancelled, or another worker holds it."""


def hold_run(which: RunQuerySet[Any], patience: timedelta) -> RowLease | None:
    """Take a run by a lease that beats; None where it is over, or another worker has it."""
    lease = RowLease(which, "lease_token", "lease_until", patience=patience)
    return lease if lease.take(which.filter(finished_at__isnull=True)) else None


def take_run(which: RunQuerySet[Any], lease: timedelta) -> str | None:
    """Take a run for a worker and return the token of its lease; None where it is over, or another worker has it."""
    token, now = uuid.uuid4().hex, clock.now()
    return token if which.free(now).update(lease_token=token, lease_until=now + lease) else None


def keep_run(which: RunQuerySet[Any], token: str, lease: timedelta) -> datetime:
    """Renew the lease and return the time; a transaction holds the run with it. Raises LostRun if it is gone."""
    now = clock.now()
    if not which.filter(lease_token=token, finished_at__isnull=True).update(lease_until=now + lease):
        raise LostRun
    return now


def give_back(which: RunQuerySet[Any], token: str) -> None:
    """Let the next worker have a run at once."""
    which.filter(lease_token=token).update(lease_token="", lease_until=None)


def is_left(which: RunQuerySet[Any]) -> bool:
    """Say whether a worker that takes the run now would get it."""
    return which.free(clock.now()).exists()


def mark_cancelled(run: CancellableRun) -> None:
    """End a locked run where it is, and take it from its worker."""
    run.cancelled_at = run.finished_at = clock.now()
    run.lease_token, run.lease_until = "", None
    run.save(update_fields=["cancelled_at", "finished_at", "lease_token", "lease_until"])
