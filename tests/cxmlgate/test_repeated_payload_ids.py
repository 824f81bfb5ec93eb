"""A payloadID that comes again: what tells a second payment from a retry, and what does not."""

from decimal import Decimal

import pytest

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices.models import Invoice
from tests.cxmlgate.conftest import ALREADY, OK, PERMANENT, book, send
from tests.cxmlgate.messages import SECRET, credential, message, money, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
CONSTANT = "12345678"


def pay(amount="4.00", **said):
    return message(partial=money(amount), payload_id=CONSTANT, **said)


def with_reference(text):
    return pay().replace(
        b"</StatusUpdateRequest>", f'<Extrinsic name="payment">{text}</Extrinsic></StatusUpdateRequest>'.encode()
    )


def test_payments_of_other_invoices_all_count(gate):
    numbers = [f"INV-{place}" for place in range(5)]
    for number in numbers:
        book(gate.client, number)

    verdicts = [send(pay(number=number)).verdict for number in numbers]

    assert verdicts == [OK] * 5
    assert {row.paid for row in Invoice.objects.all()} == {Decimal("4.00")}


def test_retry_counts_once_though_the_payload_id_said_other_things_meanwhile(invoice, gate):
    book(gate.client, "INV-0002")
    bodies = [pay(), pay(number="INV-0002"), pay("1.00"), pay(), pay(number="INV-0002")]

    assert [send(body).verdict for body in bodies] == [OK, OK, OK, ALREADY, ALREADY]
    assert [row.paid for row in Invoice.objects.order_by("pk")] == [Decimal("5.00"), Decimal("4.00")]


def test_another_payment_reference_makes_it_another_payment(invoice):
    bodies = [with_reference("4711"), with_reference("4712"), with_reference("4711")]

    assert [send(body).verdict for body in bodies] == [OK, OK, ALREADY]
    assert Invoice.objects.get().paid == Decimal("8.00")


def test_another_comment_makes_it_another_payment(invoice):
    bodies = [pay(comments=f"<Comments>Payment {number}</Comments>") for number in (1, 2, 1)]

    assert [send(body).verdict for body in bodies] == [OK, OK, ALREADY]


def test_another_time_alone_is_a_retry_and_shows_as_a_repeat(invoice, gate):
    """Middleware stamps a retry anew: a balance that stays open is seen and mended, money counted twice is not."""
    book(gate.client, "INV-0002")
    send(pay(number="INV-0002"))

    verdicts = [send(pay(timestamp=f"2026-11-0{day}T10:00:00Z")).verdict for day in (2, 3)]

    assert verdicts == [OK, ALREADY]
    assert Invoice.objects.get(number="INV-0001").balance == Decimal("6.99")
    assert GateMessage.objects.get(invoice=invoice).repeats == 1


@pytest.mark.parametrize("payload_id", ["", " ", CONSTANT])
def test_refused_one_never_uses_it_up(invoice, payload_id):
    refused, taken = notice(partial=money("99")), notice(partial=money("4.00"))

    replies = [send(message(said, payload_id=payload_id)).verdict for said in (refused, taken, refused, taken)]

    assert replies == [PERMANENT, OK, PERMANENT, ALREADY]


def test_same_words_of_another_sender_are_another_message(invoice, gate):
    send(pay())
    configure_gate(gate.client, by=None, enabled=True, identity="other@buyerorg.com", secret=SECRET)

    assert send(pay(sender=credential(identity="other@buyerorg.com"))).verdict == OK
    assert Invoice.objects.get().paid == Decimal("8.00")


def test_production_and_test_are_two_messages(invoice):
    assert [send(pay(mode=mode)).verdict for mode in ("test", "production")] == [OK, OK]
