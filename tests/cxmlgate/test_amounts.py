"""Money in parts, up to the last coin of any currency, and what is said of money where it does not count."""

from decimal import Decimal

import pytest

from invoices.models import Event, Invoice, Payment
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, OK, PERMANENT, book, everything, send
from tests.cxmlgate.messages import message, money

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


def pay(amount, currency, payload_id):
    partial = money(amount, currency) if amount else ""
    return send(message(partial=partial, payload_id=payload_id)).verdict


@pytest.mark.parametrize(
    ("currency", "total", "parts"),
    [
        ("USD", "10.99", ["0.01", "10.97", "0.01"]),
        ("USD", "10.99", ["10.98", ""]),
        ("JPY", "1099", ["1", "1097", "1.00"]),
        ("KWD", "10.999", ["0.001", "10.997", "0.0010"]),
        ("CLF", "10.9999", ["0.0001", "10.9997", "0.0001"]),
        ("USD", "99999999999.99", ["99999999999.98", "0.01"]),
        ("USD", "10.99", ["4.990000", "6.0000000000"]),  # an amount type of six or more places writes them all
        ("CLF", "10.9999", ["0.00010", "10.999800"]),
    ],
)
def test_parts_are_counted_to_the_last_coin(gate, currency, total, parts):
    book(gate.client, currency=currency, total=Decimal(total))

    verdicts = []
    for place, part in enumerate(parts):
        status = Invoice.objects.get().status
        assert status == (Status.PARTIALLY_PAID if place else Status.OK_TO_PAY)
        verdicts.append(pay(part, currency, f"p-{place}"))

    assert verdicts == [OK] * len(parts)
    now = Invoice.objects.get()
    assert (now.status, now.paid, now.balance) == (Status.PAID, Decimal(total), 0)
    assert sum(Payment.objects.values_list("amount", flat=True)) == Decimal(total)


@pytest.mark.parametrize(
    ("currency", "total", "amount"),
    [
        ("USD", "10.99", "0.001"),
        ("USD", "10.99", "10.985"),
        ("JPY", "1099", "0.01"),
        ("JPY", "1099", "1098.5"),
        ("JPY", "1099", "1100"),
        ("KWD", "10.999", "0.0001"),
        ("KWD", "10.999", "11.000"),
        ("CLF", "10.9999", "0.00011"),
        ("USD", "10.99", "10.990001"),
        ("USD", "10.99", "0.0000000"),
        ("USD", "10.99", "10.9900000000000000000"),  # no amount type writes as many
        ("USD", "99999999999.99", "100000000000.00"),
    ],
)
def test_less_than_a_coin_and_more_than_the_balance_are_refused(gate, currency, total, amount):
    book(gate.client, currency=currency, total=Decimal(total))
    before = everything()

    assert pay(amount, currency, "p-1") == PERMANENT
    assert everything() == before


def test_coin_more_than_what_is_left_is_refused(invoice):
    pay("10.98", "USD", "p-1")
    before = everything()

    assert pay("0.02", "USD", "p-2") == PERMANENT
    assert everything() == before
    assert pay("0.01", "USD", "p-3") == OK


def test_payment_of_a_paid_invoice_is_already_received(invoice):
    pay("10.99", "USD", "p-1")
    before = everything()

    assert pay("0.01", "USD", "p-2") == ALREADY
    assert everything() == before


def test_amount_beside_another_type_is_recorded_and_counts_nothing(invoice):
    assert send(message(type_="processing_payment", partial=money("4.00", "EUR"))).verdict == OK

    evidence = Event.objects.get(invoice=invoice).evidence
    assert (Decimal(evidence["amount"]), evidence["currency"]) == (Decimal("4.00"), "EUR")
    assert (Invoice.objects.get().paid, Payment.objects.count()) == (0, 0)
