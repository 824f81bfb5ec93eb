"""Scheduled runs: when they begin, when they do not, and how long they are kept."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django_q.models import OrmQ

from integrations import sync_runs, tasks
from integrations.linking import connect
from integrations.models import Connection, SyncRun
from invoices import clock
from invoices.errors import BadInput
from invoices.models import Event
from tests.delivery.desk import AGO

pytestmark = pytest.mark.django_db(transaction=True)


def link(client, by, **values):
    return connect(client, by=by, connector="sandbox", company="acme", secret="hush", **values)


def minutes_until_next():
    row = Connection.objects.get()
    return round((row.next_sync_at - clock.now()).total_seconds() / 60)


def queued():
    return [row.task["func"] for row in OrmQ.objects.all()]


def test_a_new_connection_syncs_every_hour(acme, manager):
    link(acme, manager)

    assert (Connection.objects.get().sync_every_minutes, minutes_until_next()) == (60, 60)
    assert sync_runs.start_due(clock.now()) == 0


def test_how_often_is_changed_with_a_line_in_the_log(acme, manager):
    link(acme, manager)

    link(acme, manager, sync_every=15)

    event = Event.objects.filter(action="connect").latest("pk")
    assert (event.before["sync_every_minutes"], event.after["sync_every_minutes"]) == (60, 15)
    assert minutes_until_next() == 15


@pytest.mark.parametrize("minutes", [4, -1, 10_081])
def test_too_often_and_too_seldom_are_refused_by_field(acme, manager, minutes):
    with pytest.raises(BadInput) as refused:
        link(acme, manager, sync_every=minutes)

    assert list(refused.value.fields) == ["sync_every"]
    assert not Connection.objects.exists()


def test_the_database_refuses_too_often_too(desk):
    with pytest.raises(IntegrityError), transaction.atomic():
        desk.tune(sync_every_minutes=4)


def test_the_tick_begins_what_is_due_and_plans_the_next_from_now(desk):
    desk.tune(next_sync_at=clock.now() - timedelta(days=3), sync_every_minutes=30)

    tasks.tick()
    tasks.tick()

    run = SyncRun.objects.get()
    assert (run.by, run.is_over, minutes_until_next()) == (None, False, 30)
    assert queued() == ["integrations.tasks.sync"]


@pytest.mark.parametrize(
    "values",
    [
        {"sync_every_minutes": 0},
        {"is_enabled": False},
        {"needs_credentials": True},
        {"breaker_until": "later"},
        {"next_sync_at": None},
        {"next_sync_at": "later"},
    ],
    ids=lambda values: next(iter(values)) + " " + str(next(iter(values.values()))),
)
def test_it_does_not_begin_where_it_may_not(desk, values):
    later = clock.now() + AGO
    desk.tune(**{"next_sync_at": clock.now() - AGO, **{k: later if v == "later" else v for k, v in values.items()}})

    assert sync_runs.start_due(clock.now()) == 0

    assert not SyncRun.objects.exists()


def test_none_begins_while_another_runs_and_none_is_made_up_for(desk, syncing):
    run = syncing.press()
    desk.tune(next_sync_at=clock.now() - AGO)

    assert sync_runs.start_due(clock.now()) == 0

    assert SyncRun.objects.get() == run
    assert minutes_until_next() == 60


def test_a_press_puts_the_schedule_off(desk, syncing):
    desk.tune(next_sync_at=clock.now())

    syncing.run()

    assert minutes_until_next() == 60


def test_the_task_goes_on_until_it_has_to_wait(desk, syncing):
    desk.post()
    desk.tune(next_sync_at=clock.now() - AGO)
    sync_runs.start_due(clock.now())
    run = SyncRun.objects.get()

    tasks.sync(run.pk)

    assert syncing.see(run).is_over
    assert syncing.counts(run) == {"total": 1, "done": 1}
    assert tasks.sync(run.pk) is False


def test_idle_scheduled_runs_are_kept_a_day_and_the_others_ninety_days(desk, syncing):
    def make(days, *, by=None, **counts):
        over = clock.now() - timedelta(days=days)
        return SyncRun.objects.create(connection=desk.connection, by=by, finished_at=over, **counts).pk

    kept = [
        make(0.9),
        make(1.1, by=desk.clerk),
        make(89, by=desk.clerk),
        make(1.1, total=1, done=1),
        make(1.1, changed=1),
        make(1.1, total=2, failed=2, known=1),
        SyncRun.objects.create(connection=desk.connection).pk,
    ]
    gone = [make(1.1), make(1.1, total=2, failed=2, known=2), make(91, by=desk.clerk), make(91, total=1, done=1)]

    assert tasks.prune_sync_runs() == len(gone)

    assert set(SyncRun.objects.values_list("pk", flat=True)) == set(kept)
