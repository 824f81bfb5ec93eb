"""What the tests of this room share: an entry as it is typed, refusals in the event log, and a look at a page."""

from datetime import timedelta

import pytest
from django.test import Client as Browser

from integrations.models import Connection
from invoices import clock
from invoices.models import Event
from syncdiag.actions.entries import set_entry
from tests.factories import InvoiceFactory

TYPED = {
    "id": "warehouse-counted",
    "kind": "other",
    "codes": [],
    "patterns": ['warehouse "(?P<warehouse>[^"]+)" refuses'],
    "title": "The warehouse is counted",
    "cause": "Nothing may be booked on {warehouse} while it is counted.",
    "steps": ["Wait until {warehouse} is open again.", "Then post the invoice again."],
    "fixed_in": "erp",
    "retry_helps": True,
    "button": "post-again",
    "field": "",
    "example": 'The warehouse "Nord" refuses it.',
}


@pytest.fixture
def typed():
    """`typed(title="…")` is an entry as it is typed, with these keys changed."""
    return lambda **changed: {**TYPED, **changed}


@pytest.fixture
def add(root, typed):
    """`add(title="…")` stores an entry."""

    def add(system="sandbox", **changed):
        return set_entry(system, typed(**changed), by=root)

    return add


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="erp-secret-4711")


@pytest.fixture
def refuse():
    """`refuse(acme, {"code": …, "message": …})` is a refusal in the event log, of a minute ago."""

    def refuse(client, *complaints, ago=timedelta(minutes=1)):
        invoice = InvoiceFactory(client=client)
        Event.objects.create(
            client=client,
            invoice=invoice,
            sequence=1,
            at=clock.now() - ago,
            actor_name="Unstuck",
            action="refuse",
            level=Event.Level.ERROR,
            evidence={"complaints": list(complaints)},
        )
        return invoice

    return refuse


@pytest.fixture
def at_the_admin():
    """`at_the_admin(clerk)` is a browser in which that person is logged in."""

    def log_in(person, **options):
        browser = Browser(**options)
        browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return browser

    return log_in
