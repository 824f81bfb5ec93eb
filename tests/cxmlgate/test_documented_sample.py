"""The message of article 003, byte for byte."""

from decimal import Decimal

import pytest

from cxmlgate.models import GateMessage
from invoices.models import Invoice, Payment
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, OK, everything, send
from tests.cxmlgate.messages import SAMPLE

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


def test_pays_the_invoice_and_is_answered_ok(invoice):
    reply = send(SAMPLE)

    assert reply.verdict == OK
    assert reply.reason == "INV-0001: Paid."
    now = Invoice.objects.get()
    assert (now.status, now.paid) == (Status.PAID, Decimal("10.99"))
    payment = Payment.objects.get()
    assert (payment.amount, payment.currency, payment.source) == (Decimal("10.99"), "USD", "jill@buyerorg.com")
    assert payment.reference == "999732868377--681956365911302107@10.11.128.161"


def test_is_answered_already_received_the_second_time(invoice):
    first = send(SAMPLE)
    before = everything()

    second = send(SAMPLE)

    assert second.verdict == ALREADY
    assert second.payload_id != first.payload_id
    assert everything() == before
    assert GateMessage.objects.get().repeats == 1


def test_is_kept_with_its_verdict_and_without_the_secret(invoice):
    send(SAMPLE)

    kept = GateMessage.objects.get()
    assert (kept.code, kept.text, kept.types, kept.is_test) == (200, "OK", "paid", False)
    assert (kept.client_id, kept.invoice_id, kept.sender) == (invoice.client_id, invoice.pk, "jill@buyerorg.com")
    assert bytes(kept.raw) == SAMPLE.replace(b"abracadabra", b"(removed)")
