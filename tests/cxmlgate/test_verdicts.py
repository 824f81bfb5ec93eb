"""Which of the seven answers a message gets."""

from decimal import Decimal

import pytest

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices.models import Event, Invoice, Payment
from invoices.workflow import Direction, Status, Step
from tests.cxmlgate.conftest import (
    ALREADY,
    NOT_FOUND,
    OK,
    PERMANENT,
    WRONG_STATUS,
    book,
    everything,
    send,
    status_of,
)
from tests.cxmlgate.messages import IDENTITY, message, money, notice
from tests.factories import CounterpartyFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


@pytest.mark.parametrize(
    ("type_", "status", "step"),
    [
        ("paid", Status.PAID, Step.BOOKED),
        ("processing_payment", Status.PROCESSING_PAYMENT, Step.BOOKED),
        ("paying", Status.PROCESSING_PAYMENT, Step.BOOKED),
        ("rejected", Status.DENIED, Step.BOOKED),
        ("validation_failed", Status.FAILED_ERP_VALIDATION, Step.FINAL_ERROR),
        ("processing", Status.OK_TO_PAY, Step.BOOKED),
        ("reconciled", Status.OK_TO_PAY, Step.BOOKED),
    ],
)
def test_known_type_moves_the_invoice(invoice, type_, status, step):
    reply = send(message(type_=type_))

    assert reply.verdict == OK
    now = Invoice.objects.get()
    assert (now.status, now.step) == (status, step)
    event = Event.objects.get(invoice=invoice)
    assert (event.actor, event.evidence["source"], event.evidence["reference"]) == (None, IDENTITY, "p-1")


@pytest.mark.parametrize("type_", ["canceled", "Paid", "PAID", " paid", "", "posted", "ok_to_pay"])
def test_other_type_is_refused(invoice, type_):
    before = everything()

    reply = send(message(type_=type_))

    assert reply.verdict == PERMANENT
    assert everything() == before


def test_canceled_denies_where_the_client_says_so(invoice, gate):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, on_canceled="deny")

    reply = send(message(type_="canceled"))

    assert reply.verdict == OK
    assert status_of(invoice) == Status.DENIED


def test_comment_of_a_rejection_stands_in_the_event_log(invoice):
    send(message(type_="rejected", comments="<Comments>Wrong cost centre</Comments><Comments>Ask Jo</Comments>"))

    assert Event.objects.get(invoice=invoice).reason == "Wrong cost centre\nAsk Jo"


def test_numeric_status_inside_decides_nothing(invoice):
    body = message().replace(b'<Status code="200" text=""/>', b'<Status code="500 " text="x">no</Status>')

    assert send(body).verdict == OK


@pytest.mark.parametrize("type_", ["paid", "rejected", "processing", "reconciled"])
def test_unknown_number_is_not_found(invoice, type_):
    assert send(message(number="INV-000", type_=type_)).verdict == NOT_FOUND
    assert send(message(number="inv-0001", type_=type_)).verdict == NOT_FOUND


def test_invoice_of_another_client_is_not_found(invoice, globex):
    book(globex, "G-1")

    assert send(message(number="G-1")).verdict == NOT_FOUND


@pytest.mark.parametrize(
    ("type_", "status", "step"),
    [
        ("paid", Status.NONE, Step.DRAFT),
        ("paid", Status.NONE, Step.FINAL_INTEGRATION),
        ("paid", Status.DENIED, Step.BOOKED),
        ("paid", Status.FAILED_ERP_VALIDATION, Step.FINAL_ERROR),
        ("processing_payment", Status.PARTIALLY_PAID, Step.BOOKED),
        ("processing_payment", Status.PAID, Step.BOOKED),
        ("rejected", Status.PARTIALLY_PAID, Step.BOOKED),
        ("rejected", Status.PAID, Step.BOOKED),
        ("rejected", Status.OPEN, Step.BOOKED),
        ("validation_failed", Status.PAID, Step.BOOKED),
        ("validation_failed", Status.NONE, Step.APPROVAL),
    ],
)
def test_status_that_does_not_allow_it_is_the_wrong_status(gate, type_, status, step):
    invoice = book(gate.client, status=status, step=step)
    before = everything()

    reply = send(message(type_=type_))

    assert reply.verdict == WRONG_STATUS
    assert everything() == before
    assert GateMessage.objects.get().invoice == invoice


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        ("paid", Status.PAID),
        ("processing_payment", Status.PROCESSING_PAYMENT),
        ("rejected", Status.DENIED),
        ("validation_failed", Status.FAILED_ERP_VALIDATION),
    ],
)
def test_invoice_that_is_there_already_is_already_received(gate, type_, status):
    book(gate.client, status=status)
    before = everything()

    assert send(message(type_=type_)).verdict == ALREADY
    assert everything() == before


def test_archived_invoice_is_found(invoice):
    Invoice.objects.update(archived_at="2026-11-02T00:00:00Z")

    assert send(message()).verdict == OK


@pytest.mark.parametrize(
    ("number", "invoice_id", "verdict"),
    [
        (None, "INV-0001", OK),
        ("", "INV-0001", OK),
        ("INV-0001", "INV-0001", OK),
        ("AF75RjQl.1@network", "INV-0001", OK),
        ("INV-0001", "nowhere", OK),
        ("INV-0001", "INV-0002", PERMANENT),
        ("nowhere", "nowhere else", NOT_FOUND),
        (None, None, PERMANENT),
        ("", "", PERMANENT),
    ],
)
def test_invoice_is_named_by_either_reference(invoice, gate, number, invoice_id, verdict):
    book(gate.client, "INV-0002")

    assert send(message(number=number, invoice_id=invoice_id)).verdict == verdict


class TestSeveralInvoicesOfOneNumber:
    @pytest.fixture
    def other(self, gate):
        return lambda status: book(
            gate.client, status=status, counterparty=CounterpartyFactory(client=gate.client, code="SUP-2")
        )

    def test_the_one_in_a_matching_status_is_meant(self, invoice, other):
        denied = other(Status.DENIED)

        assert send(message()).verdict == OK
        assert (status_of(invoice), status_of(denied)) == (Status.PAID, Status.DENIED)

    def test_two_matching_ones_are_refused(self, invoice, other):
        other(Status.OK_TO_PAY)
        before = everything()

        assert send(message()).verdict == PERMANENT
        assert everything() == before

    def test_the_one_that_is_there_already_is_meant_when_none_matches(self, gate, other):
        book(gate.client, status=Status.PAID)
        other(Status.DENIED)

        assert send(message()).verdict == ALREADY

    def test_none_matching_is_refused(self, gate, other):
        book(gate.client, status=Status.DENIED)
        other(Status.DENIED)

        assert send(message()).verdict == PERMANENT


@pytest.mark.parametrize(
    ("partial", "verdict", "status", "paid"),
    [
        ("", OK, Status.PAID, "10.99"),
        (money("10.99"), OK, Status.PAID, "10.99"),
        (money("10.9900"), OK, Status.PAID, "10.99"),
        (money(" +10.99\n"), OK, Status.PAID, "10.99"),
        (money("0010.99"), OK, Status.PAID, "10.99"),
        (money("4.99"), OK, Status.PARTIALLY_PAID, "4.99"),
        (money("11.00"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("10.991"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("0"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("0.00"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("-10.99"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("10.99", "EUR"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("10.99", "usd"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("10.99", ""), PERMANENT, Status.OK_TO_PAY, "0"),
        (money(""), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("NaN"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("Infinity"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("1e1"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("1_0"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("10,99"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("１０.９９"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("١٠.٩٩"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("1" * 400), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("0x10"), PERMANENT, Status.OK_TO_PAY, "0"),
        (money("10.99 USD"), PERMANENT, Status.OK_TO_PAY, "0"),
        ("<PartialAmount/>", PERMANENT, Status.OK_TO_PAY, "0"),
        ("<PartialAmount><Money>10.99</Money></PartialAmount>", PERMANENT, Status.OK_TO_PAY, "0"),
        ("<PartialAmount>10.99</PartialAmount>", PERMANENT, Status.OK_TO_PAY, "0"),
    ],
)
def test_partial_amount_is_compared_with_the_balance(invoice, partial, verdict, status, paid):
    reply = send(message(partial=partial))

    assert reply.verdict == verdict
    now = Invoice.objects.get()
    assert (now.status, now.paid) == (status, Decimal(paid))
    assert Payment.objects.count() == (verdict == OK)


@pytest.mark.parametrize("partial", [money("0.00"), money("999", "EUR"), money("x"), money("")])
def test_partial_amount_counts_with_paid_alone(invoice, partial):
    assert send(message(type_="rejected", partial=partial)).verdict == OK
    assert Payment.objects.count() == 0


def test_receivable_is_paid_too(gate):
    invoice = book(gate.client, direction=Direction.RECEIVABLE, status=Status.OPEN)

    assert send(message()).verdict == OK
    assert status_of(invoice) == Status.PAID


class TestSeveralUpdatesInOneRequest:
    def test_all_are_applied(self, invoice, gate):
        second = book(gate.client, "INV-0002")

        reply = send(message(notice(), notice("rejected", number="INV-0002")))

        assert reply.verdict == OK
        assert (status_of(invoice), status_of(second)) == (Status.PAID, Status.DENIED)
        kept = GateMessage.objects.get()
        assert (kept.invoice, list(kept.other_invoices.all())) == (invoice, [second])

    @pytest.mark.parametrize(
        ("bad", "verdict"),
        [
            (notice(number="nowhere"), NOT_FOUND),
            (notice("rejected", number="INV-0001"), WRONG_STATUS),
            (notice("unheard"), PERMANENT),
            (notice(partial=money("99"), number="INV-0002"), PERMANENT),
        ],
    )
    def test_none_is_applied_when_one_is_refused(self, invoice, gate, bad, verdict):
        book(gate.client, "INV-0002")
        before = everything()

        assert send(message(notice(), bad)).verdict == verdict
        assert everything() == before

    def test_the_same_invoice_twice_counts_twice(self, invoice):
        reply = send(message(notice(partial=money("4.00")), notice(partial=money("6.99"))))

        assert reply.verdict == OK
        assert status_of(invoice) == Status.PAID


class TestTestMessage:
    def test_changes_nothing_and_says_so(self, invoice):
        before = everything()

        reply = send(message(mode="test"))

        assert reply.verdict == OK
        assert "test" in reply.reason
        assert everything() == before
        assert GateMessage.objects.get().is_test

    def test_does_not_use_up_the_payload_id(self, invoice):
        send(message(mode="test"))

        assert send(message(mode="production")).verdict == OK
        assert status_of(invoice) == Status.PAID

    def test_is_refused_where_the_client_takes_none(self, invoice, gate):
        configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, takes_test_messages=False)

        assert send(message(mode="test")).verdict == PERMANENT

    @pytest.mark.parametrize("mode", ["", "TEST", "sandbox"])
    def test_other_mode_is_refused(self, invoice, mode):
        assert send(message(mode=mode)).verdict == PERMANENT
        assert status_of(invoice) == Status.OK_TO_PAY


def test_profile_is_answered_with_what_is_taken_here(gate):
    reply = send(message("<ProfileRequest/>"))

    assert reply.verdict == OK
    assert b"<ProfileResponse effectiveDate=" in reply.body
    assert b'<Transaction requestName="StatusUpdateRequest"><URL>http://testserver/acme/cxmlgate/' in reply.body


def test_other_request_is_refused(gate):
    assert send(message("<OrderRequest/>")).verdict == PERMANENT
