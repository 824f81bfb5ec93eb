"""A gate that is open, an invoice to pay, and somebody who posts to it."""

from dataclasses import dataclass

import pytest
from defusedxml.ElementTree import fromstring
from django.test import Client as Browser

from cxmlgate.actions import configure_gate
from cxmlgate.throttle import throttle
from invoices.models import Event, Invoice, Payment
from invoices.workflow import Status, Step
from tests.cxmlgate.messages import IDENTITY, PATH, SECRET
from tests.factories import InvoiceFactory


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


def read_reply(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "text/xml; charset=utf-8"
    assert b"<!DOCTYPE cXML SYSTEM " in response.content
    root = fromstring(response.content)
    status = root.find("Response/Status")
    assert root.tag == "cXML"
    assert root.get("payloadID")
    assert root.get("timestamp").endswith("+00:00")
    assert status.text
    return Reply(int(status.get("code")), status.get("text"), status.text, root.get("payloadID"), response.content)


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
