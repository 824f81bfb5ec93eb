"""What other people's serialisers write is read, in every encoding; the secret is out of what is kept of it."""

from decimal import Decimal

import pytest
from lxml import etree

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices.models import Event, Invoice, Payment
from invoices.workflow import Status, Step
from tests.cxmlgate.conftest import ALREADY, NOT_FOUND, OK, book, everything, send
from tests.cxmlgate.producers import (
    COMMENT,
    ENCODINGS,
    IDENTITY,
    MARKS,
    NUMBER,
    PRODUCERS,
    SECRET,
    TYPES,
    Said,
    libxml2,
    saxon,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
EFFECTS = {
    "paid": (Status.PAID, Step.BOOKED),
    "processing_payment": (Status.PROCESSING_PAYMENT, Step.BOOKED),
    "paying": (Status.PROCESSING_PAYMENT, Step.BOOKED),
    "rejected": (Status.DENIED, Step.BOOKED),
    "validation_failed": (Status.FAILED_ERP_VALIDATION, Step.FINAL_ERROR),
    "processing": (Status.OK_TO_PAY, Step.BOOKED),
    "reconciled": (Status.OK_TO_PAY, Step.BOOKED),
}


@pytest.fixture
def invoice(acme):
    configure_gate(acme, by=None, enabled=True, identity=IDENTITY, secret=SECRET)
    return book(acme, NUMBER)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("producer", PRODUCERS, ids=lambda producer: producer.__name__)
class TestEachProducerInEachEncoding:
    @pytest.mark.parametrize("type_", TYPES)
    def test_has_the_effect_of_its_type(self, invoice, producer, encoding, type_):
        reply = send(producer(Said(type=type_), encoding))

        assert reply.verdict == OK
        now = Invoice.objects.get()
        assert (now.status, now.step) == EFFECTS[type_]
        event = Event.objects.get(invoice=invoice)
        assert (event.reason, event.evidence["source"]) == (COMMENT, IDENTITY)
        assert event.evidence["reference"] == "1730541600.4711@erp.käufer.example"
        paid = [(payment.amount, payment.currency, payment.source) for payment in Payment.objects.all()]
        assert paid == ([(Decimal("10.99"), "USD", IDENTITY)] if type_ == "paid" else [])

    def test_is_kept_in_its_encoding_without_the_secret(self, invoice, producer, encoding):
        body = producer(Said(), encoding)

        send(body)

        raw = bytes(GateMessage.objects.get().raw)
        assert [raw.find(SECRET.encode(codec, "ignore")) for codec in ("utf-8", "utf-16-le", "utf-16-be")] == [-1] * 3
        assert "ffne-dich".encode(encoding) not in raw
        assert raw.startswith(MARKS.get(encoding, b"<"))
        sent, kept = etree.fromstring(body), etree.fromstring(raw)
        sent.find(".//SharedSecret").text = "(removed)"
        assert etree.tostring(kept, method="c14n") == etree.tostring(sent, method="c14n")

    def test_sent_again_is_already_received(self, invoice, producer, encoding):
        body = producer(Said(), encoding)
        send(body)
        before = everything()

        assert send(body).verdict == ALREADY
        assert everything() == before


def test_same_message_of_another_encoding_is_already_received(invoice):
    replies = [send(libxml2(Said(type="processing"), encoding)) for encoding in ENCODINGS]

    assert [reply.verdict for reply in replies] == [OK, ALREADY, ALREADY, ALREADY]
    assert GateMessage.objects.get().repeats == 3


class TestMappingOfAnErp:
    def test_writes_what_it_is_there_for(self):
        body = saxon((Said(), Said(type="rejected", number="B")), "UTF-8")

        assert body.startswith(b'<cXML payloadID="')
        assert b"DocumentReference" not in body
        assert body.count(b"<StatusUpdateRequest>") == body.count(b"<PartialAmount>") == 2
        assert b'<Status code="423" text="OK"' in body

    def test_all_items_of_a_run_count(self, invoice):
        second, third = book(invoice.client, "B"), book(invoice.client, "C", total=Decimal("20.00"))

        reply = send(saxon((Said(), Said(type="rejected", number="B"), Said(number="C", amount="5.00")), "UTF-8"))

        assert (reply.verdict, reply.reason) == (OK, "3 status updates were taken.")
        assert [row.status for row in Invoice.objects.order_by("pk")] == [
            Status.PAID,
            Status.DENIED,
            Status.PARTIALLY_PAID,
        ]
        assert GateMessage.objects.get().invoice == invoice
        assert set(GateMessage.objects.get().other_invoices.all()) == {second, third}

    def test_no_item_counts_when_one_names_an_invoice_that_is_not_there(self, invoice):
        before = everything()

        assert send(saxon((Said(), Said(number="nowhere")), "UTF-16LE")).verdict == NOT_FOUND
        assert everything() == before
