"""When a drain is put on the queue: after a commit, once, and again by the tick for what is due."""

from datetime import timedelta

import pytest
from django.db import transaction
from django_q.models import OrmQ

from integrations import tasks
from integrations.models import Connection
from invoices import clock
from invoices.actions.flow import post_invoice
from invoices.models import IntegrationMessage
from tests.factories import InvoiceFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="s3cret")


def test_a_commit_queues_one_drain_where_none_is_waiting(acme, clerk, connection):
    first, second = InvoiceFactory(client=acme), InvoiceFactory(client=acme)

    with transaction.atomic():
        post_invoice(first.pk, by=clerk)
        queued_before_commit = OrmQ.objects.count()
    post_invoice(second.pk, by=clerk)

    assert queued_before_commit == 0
    assert OrmQ.objects.count() == 1


def test_nothing_is_queued_when_the_transaction_is_undone(acme, clerk, connection):
    invoice = InvoiceFactory(client=acme)

    with transaction.atomic():
        post_invoice(invoice.pk, by=clerk)
        transaction.set_rollback(True)

    assert OrmQ.objects.count() == 0
    assert not IntegrationMessage.objects.exists()


def test_the_tick_queues_what_the_queue_lost_and_leaves_what_is_not_due(acme, clerk, connection):
    post_invoice(InvoiceFactory(client=acme).pk, by=clerk)
    OrmQ.objects.all().delete()

    assert tasks.tick() == 0  # the drain counts as waiting for a minute
    Connection.objects.update(drain_queued_at=clock.now() - timedelta(minutes=2))
    assert tasks.tick() == 1
    IntegrationMessage.objects.update(not_before=clock.now() + timedelta(minutes=5))
    Connection.objects.update(drain_queued_at=None)
    assert tasks.tick() == 0


@pytest.mark.parametrize(
    "unable", [{"is_enabled": False}, {"needs_credentials": True}, {"breaker_until": "2100-01-01T00:00:00Z"}]
)
def test_the_tick_leaves_connections_alone_that_may_not_exchange_anything(unable, acme, clerk, connection):
    post_invoice(InvoiceFactory(client=acme).pk, by=clerk)
    OrmQ.objects.all().delete()
    Connection.objects.update(drain_queued_at=None, **unable)

    assert tasks.tick() == 0


def test_the_tick_asks_little_when_nothing_is_due(acme, connection, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):  # PostgreSQL's clock, three kinds of runs, syncs that are due, and messages
        tasks.tick()
