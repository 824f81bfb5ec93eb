"""Deletions are due at 01:00 UTC whatever clock the server shows, once; what was missed is caught up."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django_q.models import OrmQ

from integrations import deletions, tasks
from integrations.models import Connection
from invoices import clock
from tests.delivery.desk import Beside


@pytest.fixture(params=["UTC", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati"])
def zone(request, settings):
    settings.TIME_ZONE = request.param
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-20T00:59:59", "2026-11-19T01:00:00"),
        ("2026-11-20T01:00:00", "2026-11-20T01:00:00"),
        ("2026-11-20T23:59:59", "2026-11-20T01:00:00"),
        # The clocks change in Berlin at 01:00 UTC, in New York at 06:00 and 07:00 UTC.
        ("2026-03-29T00:59:59", "2026-03-28T01:00:00"),
        ("2026-03-29T01:00:00", "2026-03-29T01:00:00"),
        ("2026-03-30T00:59:59", "2026-03-29T01:00:00"),
        ("2026-10-25T00:59:59", "2026-10-24T01:00:00"),
        ("2026-10-25T01:00:00", "2026-10-25T01:00:00"),
        ("2026-03-08T08:00:00", "2026-03-08T01:00:00"),
        ("2026-11-01T07:00:00", "2026-11-01T01:00:00"),
    ],
)
def test_the_last_due_time_is_one_in_utc(zone, now, due):
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert deletions.last_due(at) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_it_is_due_once_after_each_one_o_clock_utc(zone, desk):
    due = deletions.last_due(clock.now())
    desk.tune(deletions_read_at=due)
    assert deletions.claim_due() == []

    desk.tune(deletions_read_at=due - timedelta(seconds=1))

    assert deletions.claim_due() == [desk.connection.pk]
    assert deletions.claim_due() == []


def test_days_without_a_server_are_caught_up_once(desk):
    desk.tune(deletions_read_at=clock.now() - timedelta(days=6))

    queued = [tasks.queue_due_deletions() for _minute in range(3)]
    tasks.sync_deletions(desk.connection.pk)

    assert queued == [1, 0, 0]
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["integrations.tasks.sync_deletions"]
    Connection.objects.update(deletions_not_before=None)
    assert tasks.queue_due_deletions() == 0


def test_one_that_failed_is_tried_again_after_a_while(desk):
    desk.erp.faults(status=500, times=10)
    assert deletions.claim_due() == [desk.connection.pk]
    assert deletions.sync_deletions(desk.connection.pk).error
    assert deletions.claim_due() == []

    desk.tune(deletions_not_before=clock.now() - timedelta(seconds=1))

    assert deletions.claim_due() == [desk.connection.pk]


@pytest.mark.django_db(transaction=True)
def test_two_clusters_at_once_take_it_once(desk):
    clusters = [Beside(tasks.queue_due_deletions) for _cluster in range(2)]

    assert sum(cluster.join() for cluster in clusters) == 1
    assert OrmQ.objects.count() == 1
