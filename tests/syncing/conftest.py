"""A client with invoices that wait, and a real sandbox ERP; tests work on a run by hand, or start a worker."""

import pytest

from integrations import sync_runs
from integrations.models import SyncItem, SyncRun
from tests.delivery.conftest import desk, erp, erp_process, forgetful
from tests.pulling.conftest import book, booked, edit_there, media

__all__ = ["book", "booked", "desk", "edit_there", "erp", "erp_process", "forgetful", "media"]


class Syncing:
    """Sync runs of a desk's connection, and what the tests ask about them."""

    def __init__(self, desk) -> None:
        self.desk = desk

    def press(self, *, by=None) -> SyncRun:
        """Press Sync now."""
        return sync_runs.sync_now(self.desk.connection.pk, by=by or self.desk.clerk)[0]

    def run(self, *, by=None) -> SyncRun:
        """Press Sync now, and let a worker go on with it until it is over; what it waits for passes at once."""
        return self.finish(self.press(by=by))

    def finish(self, run: SyncRun) -> SyncRun:
        """Let workers go on with a run until it is over."""
        for _turn in range(50):
            goes_on = sync_runs.work_on(run.pk)
            if self.see(run).is_over:
                return self.see(run)
            if not goes_on:
                self.desk.let_pass("not_before", "lease_until", "doubtful_until")
        raise AssertionError("The run is not over after fifty turns.")

    def see(self, run: SyncRun) -> SyncRun:
        """Return a run as it is now."""
        return SyncRun.objects.get(pk=run.pk)

    def counts(self, run: SyncRun) -> dict[str, int]:
        """Return a run's counts that are not zero."""
        run = self.see(run)
        names = ("total", "done", "failed", "later", "known", "drafts", "changed", "problems")
        return {name: getattr(run, name) for name in names if getattr(run, name)}

    def results(self, run: SyncRun) -> dict[str, tuple[str, str]]:
        """Return what became of each invoice: number → state and sentence."""
        rows = SyncItem.objects.filter(run=run).select_related("invoice").order_by("pk")
        return {item.invoice.number: (item.state, item.sentence) for item in rows}


@pytest.fixture
def syncing(desk) -> Syncing:
    return Syncing(desk)
