"""A connection whose ERP refuses, and what becomes of the invoices then."""

import pytest
from django.test import Client

from integrations.models import Connection
from invoices import clock
from invoices.models import Attempt, IntegrationMessage, Invoice
from invoices.workflow import MessageKind, MessageState, Step
from tests.factories import InvoiceFactory

CLOSED = {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-10 is closed.", "detail": "", "field": ""}
INACTIVE = {"code": "ITEM_INACTIVE", "message": "The item LAMP is inactive.", "detail": "", "field": ""}


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="erp-secret-4711")


@pytest.fixture
def erp(acme, connection):
    return Refusing(acme)


class Refusing:
    """Refuses invoices as delivery would write it down, and lets them through."""

    def __init__(self, client):
        self.client = client

    def refuse(self, *complaints, invoice=None, outcome=Attempt.Outcome.REFUSED, at=None):
        """Let an attempt at an invoice fail; a new invoice where none is named."""
        invoice = invoice or InvoiceFactory(client=self.client, step=Step.PRELIMINARY_ERROR)
        settled = outcome == Attempt.Outcome.REFUSED
        message = IntegrationMessage.objects.create(
            client=self.client,
            invoice=invoice,
            kind=MessageKind.BOOK_PRELIMINARY,
            key=f"key-{IntegrationMessage.objects.count()}",
            state=MessageState.REFUSED if settled else MessageState.PENDING,
            complaints=list(complaints),
        )
        Attempt.objects.create(
            message=message,
            number=1,
            started_at=at or clock.now(),
            outcome=outcome,
            request={},
            complaints=list(complaints),
        )
        step = Step.PRELIMINARY_ERROR if settled else Step.PRELIMINARY_INTEGRATION
        Invoice.objects.filter(pk=invoice.pk).update(step=step, current_message=message)
        if not settled:
            return invoice
        return invoice

    def let_through(self, invoice):
        """Let the ERP take it after all."""
        IntegrationMessage.objects.filter(invoice=invoice).update(state=MessageState.CONFIRMED)
        Invoice.objects.filter(pk=invoice.pk).update(step=Step.APPROVAL)


@pytest.fixture
def browser():
    """`browser(person)` is logged in as that person."""

    def log_in(person):
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in
