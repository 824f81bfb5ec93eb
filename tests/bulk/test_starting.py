"""Starting and cancelling: what is refused with a sentence, and what is queued when."""

import pytest
from django.db import connection as database
from django.db import transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from integrations import bulk, tasks
from integrations.models import BulkItem, BulkRun
from invoices import clock
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.roles import Role
from invoices.workflow import Step
from tests.delivery.desk import AGO
from tests.factories import InvoiceFactory, RoleGrantFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoices(acme):
    return [InvoiceFactory(client=acme, step=Step.PRELIMINARY_ERROR) for _number in range(3)]


def start(invoices, by, button="post-again", reason="outage is over"):
    return bulk.start_bulk(button, [invoice.pk for invoice in invoices], by=by, reason=reason)


def test_a_run_is_queued_after_its_commit(invoices, handler):
    with transaction.atomic():
        run = start(invoices, handler)
        queued_before_commit = OrmQ.objects.count()

    assert (queued_before_commit, OrmQ.objects.count()) == (0, 1)
    assert (run.total, run.done, run.refused, run.is_over) == (3, 0, 0, False)
    assert OrmQ.objects.get().task["args"] == (run.pk,)


def test_an_invoice_named_twice_is_taken_once(invoices, handler):
    assert start([*invoices, invoices[0]], handler).total == 3


@pytest.mark.parametrize("button", ["abort", "skip", "invalidate", "not-posted", "nothing"])
def test_other_buttons_do_not_work_in_bulk(invoices, handler, button):
    with pytest.raises(BadInput, match="Only these work for many invoices at once: Post again, Look it up in the ERP"):
        start(invoices, handler, button=button)

    assert not BulkRun.objects.exists()


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_needed(invoices, handler, reason):
    with pytest.raises(BadInput, match="Say why"):
        start(invoices, handler, reason=reason)

    assert not BulkRun.objects.exists()


def test_more_than_a_thousand_are_refused(handler):
    with pytest.raises(BadInput, match="At most 1,000 invoices go into one run"):
        bulk.start_bulk("look-up", range(1, 1002), by=handler, reason="why")

    assert not BulkRun.objects.exists()


def test_none_at_all_is_refused(handler):
    with pytest.raises(BadInput, match="Choose at least one invoice"):
        start([], handler)


def test_one_invoice_of_a_strange_client_refuses_all(invoices, globex, handler):
    with pytest.raises(NotThere):
        start([*invoices, InvoiceFactory(client=globex)], handler)

    assert not BulkRun.objects.exists()


def test_all_that_match_is_what_the_desk_registered(handler, monkeypatch):
    monkeypatch.setattr(bulk, "_selections", [])
    with pytest.raises(BadInput, match="Choose the invoices one by one"):
        bulk.select_all(handler, QueryDict("group=error"))

    bulk.register_selection(lambda user, filters: [user.pk, int(filters["from"])])
    assert bulk.select_all(handler, QueryDict("from=7")) == [handler.pk, 7]

    bulk.register_selection(lambda user, filters: list(range(1001)))
    with pytest.raises(BadInput, match="At most 1,000"):
        bulk.select_all(handler, QueryDict())


def test_cancel_leaves_what_waits_as_it_is(invoices, handler):
    run = start(invoices, handler)

    cancelled = bulk.cancel_bulk(run.pk, by=handler)

    assert cancelled.is_over
    assert cancelled.cancelled_at == cancelled.finished_at
    assert bulk.work_on(run.pk) == 0
    assert set(run.items.values_list("state", flat=True)) == {BulkItem.State.WAITING}


def test_cancel_is_refused_when_it_is_over(invoices, handler):
    run = start(invoices, handler)
    bulk.cancel_bulk(run.pk, by=handler)

    with pytest.raises(Conflict, match="over already"):
        bulk.cancel_bulk(run.pk, by=handler)


def test_whoever_may_press_for_all_its_clients_may_cancel(invoices, acme, handler, root):
    second = UserFactory(username="handler2")
    RoleGrantFactory(user=second, client=acme, role=Role.QUEUE_HANDLER)

    for person in (second, root):
        assert bulk.cancel_bulk(start(invoices, handler).pk, by=person).is_over


def test_who_only_sees_it_may_not_cancel(invoices, handler, auditor, stranger):
    run = start(invoices, handler)

    with pytest.raises(NotAllowed, match="Only Handler Example, who started this run"):
        bulk.cancel_bulk(run.pk, by=auditor)
    with pytest.raises(NotThere):
        bulk.cancel_bulk(run.pk, by=stranger)

    assert not BulkRun.objects.get(pk=run.pk).is_over


def test_a_run_over_several_clients_is_seen_by_who_sees_them_all(acme, globex, handler, auditor, stranger, root):
    RoleGrantFactory(user=handler, client=globex, role=Role.QUEUE_HANDLER)
    both = [InvoiceFactory(client=client, step=Step.PRELIMINARY_ERROR) for client in (acme, globex)]
    run = start(both, handler)

    seen = {person.username: run in BulkRun.objects.visible_to(person) for person in (handler, auditor, stranger, root)}

    assert seen == {"handler": True, "auditor": False, "stranger": False, "root": True}


def test_the_tick_takes_up_runs_whose_worker_did_not_come_back(invoices, handler):
    fresh, leased, dead, over = (start(invoices, handler) for _number in range(4))
    OrmQ.objects.all().delete()
    BulkRun.objects.update(queued_at=None)
    BulkRun.objects.filter(pk=fresh.pk).update(queued_at=clock.now())
    BulkRun.objects.filter(pk=leased.pk).update(lease_until=clock.now() + AGO)
    BulkRun.objects.filter(pk=dead.pk).update(lease_until=clock.now() - AGO, lease_token="dead")
    bulk.cancel_bulk(over.pk, by=handler)

    tasks.tick()
    tasks.tick()

    (row,) = OrmQ.objects.all()
    assert (row.task["func"], row.task["args"]) == ("integrations.tasks.begin_bulk_runs", ([dead.pk],))
    OrmQ.objects.all().delete()
    tasks.begin_bulk_runs([dead.pk])
    assert OrmQ.objects.get().task["args"] == (dead.pk,)


@pytest.mark.parametrize("is_due", [True, False], ids=["due", "over"])
def test_the_ticks_queries_do_not_grow_with_the_runs(invoices, handler, is_due):
    def count_queries():
        BulkRun.objects.update(queued_at=None, finished_at=None if is_due else clock.now())
        with CaptureQueriesContext(database) as taken:
            tasks.tick()
        return len(taken)

    start(invoices, handler)
    tasks.tick()
    with_one = count_queries()
    for _number in range(9):
        start(invoices, handler)

    assert count_queries() == with_one


def test_a_task_whose_time_is_up_queues_the_rest(invoices, handler, monkeypatch):
    run = start(invoices, handler)
    OrmQ.objects.all().delete()
    monkeypatch.setattr(bulk.work_on, "__kwdefaults__", {"at_most": AGO * 0})

    assert [tasks.bulk(run.pk), OrmQ.objects.count()] == [1, 1]
    assert [tasks.bulk(run.pk), tasks.bulk(run.pk)] == [1, 1]
    assert tasks.bulk(run.pk) == 0
    assert BulkRun.objects.get(pk=run.pk).is_over
