"""A gate that is open, an invoice to pay, and somebody who posts to it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client as Browser
from lxml import etree

from config.parts import Options, web
from cxmlgate.actions import configure_gate
from cxmlgate.throttle import throttle
from invoices.models import Event, Invoice, Payment
from invoices.workflow import Status, Step
from tests.cxmlgate.messages import IDENTITY, PATH, SECRET
from tests.factories import InvoiceFactory
from tests.processes import Processes, answers, free_port, test_database_url, wait_until


@dataclass
class Reply:
    """What came back, after the checks that every answer of the gate passes."""

    code: int
    text: str
    reason: str
    payload_id: str
    body: bytes

    @property
    def verdict(self):
        return self.code, self.text


OK = (200, "OK")
ALREADY = (200, "Invoice Update Already Received")
PERMANENT = (400, "Permanent Error")
MALFORMED = (402, "Malformed Message")
NOT_FOUND = (403, "Invoice Not Found")
WRONG_STATUS = (404, "Invoice In Wrong Status")
TRANSIENT = (500, "Transient Error - Please resend")


VERDICTS = {OK, ALREADY, PERMANENT, MALFORMED, NOT_FOUND, WRONG_STATUS, TRANSIENT}
RESPONSE_DTD = etree.DTD(Path(__file__).with_name("response.dtd"))


def read_reply(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "text/xml; charset=utf-8"
    return read_answer(response.content)


def read_answer(body):
    """Read an answer that came by whatever way, and see that it is a valid Response with one of the seven verdicts."""
    tree = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True)).getroottree()
    assert RESPONSE_DTD.validate(tree), RESPONSE_DTD.error_log
    root, status = tree.getroot(), tree.find("Response/Status")
    assert tree.docinfo.doctype.startswith("<!DOCTYPE cXML SYSTEM ")
    assert root.get("payloadID")
    assert datetime.fromisoformat(root.get("timestamp")).utcoffset() is not None
    assert status.text
    reply = Reply(int(status.get("code")), status.get("text"), status.text, root.get("payloadID"), body)
    assert reply.verdict in VERDICTS
    return reply


def send(raw, path=PATH, **headers):
    return read_reply(Browser().generic("POST", path, raw, content_type="text/xml", **headers))


def everything(invoice=None):
    """All that a message may change, to be compared before and after."""
    rows = Invoice.objects.order_by("pk") if invoice is None else Invoice.objects.filter(pk=invoice.pk)
    return list(rows.values()), Payment.objects.count(), Event.objects.count()


@pytest.fixture(autouse=True)
def _no_flood_goes_on():
    """Forget the flood of the test before: this process outlives the rows in which it was counted."""
    throttle.forget()


@pytest.fixture
def gate(acme):
    return configure_gate(acme, by=None, enabled=True, identity=IDENTITY, secret=SECRET)


def book(client, number="INV-0001", status=Status.OK_TO_PAY, **said):
    """An invoice over USD 10.99 that was booked."""
    return InvoiceFactory(client=client, number=number, step=said.pop("step", Step.BOOKED), status=status, **said)


def status_of(invoice):
    return Invoice.objects.get(pk=invoice.pk).status


@pytest.fixture
def invoice(gate):
    return book(gate.client)


@pytest.fixture(scope="session")
def web_port(django_db_setup):
    """The port of a web server as `manage.py serve` starts it, on the tests' database; for tests that commit."""
    port = free_port()
    with Processes() as processes:
        server = processes.python(*web(Options(port=port)).program, DATABASE_URL=test_database_url())
        wait_until(lambda: answers(port), "the web server answers", by=server)
        yield port
