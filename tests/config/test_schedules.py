"""Scheduled work, and the queue's read-only pages."""

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils.module_loading import import_string
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_task

from config.models import Heartbeat, last_beat
from config.schedules import SCHEDULED, ensure_schedules
from config.tasks import beat

LISTS = [Schedule, OrmQ, Failure, Heartbeat]


def rows():
    return sorted(Schedule.objects.values_list("pk", "name", "func", "minutes", "next_run"))


def test_ensuring_them_twice_changes_nothing(db):
    ensure_schedules()
    before = rows()

    ensure_schedules()

    assert rows() == before
    assert {func for _pk, _name, func, _minutes, _next in before} == {entry.task for entry in SCHEDULED}


def test_what_is_not_in_the_table_is_taken_away(db):
    Schedule.objects.create(name="left over", func="os.abort", schedule_type=Schedule.MINUTES, minutes=1)

    ensure_schedules()

    assert not Schedule.objects.filter(func="os.abort").exists()


@pytest.mark.parametrize("entry", SCHEDULED, ids=lambda entry: entry.task)
def test_each_names_a_function_that_is_there(entry):
    assert callable(import_string(entry.task))


def test_a_beat_moves_the_heartbeat(db):
    beat()
    first = last_beat()

    beat()

    assert last_beat() > first
    assert Heartbeat.objects.count() == 1


def test_django_q_has_no_page_that_runs_functions():
    assert not admin.site.is_registered(Success)
    assert all(type(admin.site.get_model_admin(model)).__module__ == "config.admin" for model in LISTS)


@pytest.mark.parametrize("model", LISTS)
def test_managers_see_the_queue_and_cannot_touch_it(client, manager, model):
    ensure_schedules()
    async_task("config.tasks.beat")
    beat()
    client.force_login(manager)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"

    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    assert client.get(reverse(f"{name}_add")).status_code == 403
    row = model.objects.order_by("pk").first()
    if row is not None:
        assert client.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code in (302, 403)
        assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", LISTS)
def test_others_do_not_see_the_queue(client, clerk, model):
    client.force_login(clerk)

    answer = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))

    assert answer.status_code == 403
