"""A credit memo takes status updates as an invoice does; its amounts are positive, as it was handed in."""

from decimal import Decimal

import pytest

from invoices.models import Invoice, Payment
from invoices.workflow import Direction, DocumentKind, Status, Step
from tests.cxmlgate.conftest import OK, PERMANENT, book, everything, send, status_of
from tests.cxmlgate.messages import message, money

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


@pytest.fixture
def credit_memo(gate):
    return book(gate.client, "CM-0001", kind=DocumentKind.CREDIT_MEMO)


@pytest.mark.parametrize(
    ("type_", "status", "step"),
    [
        ("paid", Status.PAID, Step.BOOKED),
        ("processing_payment", Status.PROCESSING_PAYMENT, Step.BOOKED),
        ("rejected", Status.DENIED, Step.BOOKED),
        ("validation_failed", Status.FAILED_ERP_VALIDATION, Step.FINAL_ERROR),
    ],
)
def test_each_type_moves_it(credit_memo, type_, status, step):
    assert send(message(type_=type_, number="CM-0001")).verdict == OK

    now = Invoice.objects.get()
    assert (now.status, now.step) == (status, step)


def test_it_is_settled_in_parts(credit_memo):
    parts = [message(number="CM-0001", partial=money(part), payload_id=part) for part in ("4.00", "6.99")]

    assert [send(part).verdict for part in parts] == [OK, OK]
    assert status_of(credit_memo) == Status.PAID
    assert list(Payment.objects.values_list("amount", flat=True)) == [Decimal("4.00"), Decimal("6.99")]


@pytest.mark.parametrize("amount", ["-10.99", "-4.00", "0.00", "11.00"])
def test_minus_does_not_fit_it(credit_memo, amount):
    before = everything()

    assert send(message(number="CM-0001", partial=money(amount))).verdict == PERMANENT
    assert everything() == before


def test_credit_memo_of_a_customer_is_settled_too(gate):
    mine = book(gate.client, "CM-2", kind=DocumentKind.CREDIT_MEMO, direction=Direction.RECEIVABLE, status=Status.OPEN)

    assert send(message(number="CM-2", partial=money("10.99"))).verdict == OK
    assert status_of(mine) == Status.PAID


def test_of_an_invoice_and_a_credit_memo_of_one_number_the_one_that_may_take_it_is_meant(invoice, gate):
    memo = book(gate.client, kind=DocumentKind.CREDIT_MEMO, status=Status.DENIED)

    assert send(message()).verdict == OK
    assert (status_of(invoice), status_of(memo)) == (Status.PAID, Status.DENIED)


def test_of_an_invoice_and_a_credit_memo_that_both_may_take_it_neither_does(invoice, gate):
    book(gate.client, kind=DocumentKind.CREDIT_MEMO)
    before = everything()

    assert send(message()).verdict == PERMANENT
    assert everything() == before
