"""A connection, and the things that go wrong on it."""

from datetime import timedelta

import pytest

from integrations.models import Connection
from integrations.policy import BreakerState
from invoices import clock
from invoices.models import Attempt, IntegrationMessage, Invoice
from invoices.workflow import MessageKind, MessageState, Step
from syncdiag.models import AlertMail, Digest
from tests.factories import InvoiceFactory

CLOSED = {"code": "PERIOD_CLOSED", "message": "The period 2026-10 is closed.", "detail": "", "field": ""}


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="erp-secret-4711")


@pytest.fixture
def trouble(acme, connection):
    return Trouble(acme, connection)


class Trouble:
    """Makes what alerts are about, and takes it back."""

    def __init__(self, client, connection):
        self.client = client
        self.connection = connection

    def stick(self, count=1, client=None):
        """Let invoices wait for an hour."""
        since = clock.now() - timedelta(hours=1)
        return [
            InvoiceFactory(client=client or self.client, step=Step.PRELIMINARY_INTEGRATION, step_since=since)
            for _ in range(count)
        ]

    def unstick(self):
        Invoice.objects.filter(step=Step.PRELIMINARY_INTEGRATION).update(step=Step.BOOKED)

    def open_breaker(self, connection=None):
        connection = connection or self.connection
        until = clock.now() + timedelta(minutes=2)
        Connection.objects.filter(pk=connection.pk).update(
            breaker_state=BreakerState.OPEN, breaker_failures=8, breaker_until=until, last_error="connection refused"
        )

    def close_breaker(self):
        Connection.objects.update(
            breaker_state=BreakerState.CLOSED, breaker_failures=0, breaker_until=None, last_error=""
        )

    def fail(self, count, complaint=CLOSED, outcome=Attempt.Outcome.REFUSED):
        """Let invoices be refused with one complaint."""
        for _ in range(count):
            invoice = InvoiceFactory(client=self.client, step=Step.PRELIMINARY_ERROR)
            message = IntegrationMessage.objects.create(
                client=self.client,
                invoice=invoice,
                kind=MessageKind.BOOK_PRELIMINARY,
                key=f"key-{invoice.pk}",
                state=MessageState.REFUSED,
                complaints=[complaint],
            )
            Attempt.objects.create(
                message=message,
                number=1,
                started_at=clock.now(),
                outcome=outcome,
                request={},
                complaints=[complaint],
            )

    def let_an_hour_pass(self):
        """Let everything that was told and tried be more than an hour ago."""
        hour = timedelta(minutes=61)
        for digest in Digest.objects.exclude(sent_at=None):
            Digest.objects.filter(pk=digest.pk).update(sent_at=digest.sent_at - hour)
        for attempt in Attempt.objects.all():
            Attempt.objects.filter(pk=attempt.pk).update(started_at=attempt.started_at - hour)


@pytest.fixture
def told():
    """`told()` is what people were told, as (username, cause, news)."""

    def lines():
        found = AlertMail.objects.order_by("pk").values_list("person__username", "alert__cause", "kind")
        return [(name, str(cause), str(kind)) for name, cause, kind in found]

    return lines
