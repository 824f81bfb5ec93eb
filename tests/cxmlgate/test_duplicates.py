"""What is a message that was received before, and what only looks like one."""

from decimal import Decimal

import pytest

from cxmlgate.models import GateMessage
from invoices.models import Invoice, Payment
from invoices.workflow import Status
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
from tests.cxmlgate.messages import credential, message, money

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


def test_partial_payment_sent_again_counts_once(invoice):
    body = message(partial=money("4.00"))

    assert [send(body).verdict for _ in range(3)] == [OK, ALREADY, ALREADY]
    assert Invoice.objects.get().paid == Decimal("4.00")
    assert GateMessage.objects.get().repeats == 2


def test_retry_with_a_new_timestamp_and_other_blanks_counts_once(invoice):
    send(message(partial=money("4.00")))

    again = message(partial=money("4.00"), timestamp="2026-11-03T00:00:00Z").replace(
        b"<Status code", b"\n <Status code"
    )

    assert send(again).verdict == ALREADY
    assert Payment.objects.count() == 1


def test_two_partial_payments_of_the_same_amount_both_count(invoice):
    assert send(message(partial=money("4.00"), payload_id="a")).verdict == OK
    assert send(message(partial=money("4.00"), payload_id="b")).verdict == OK
    assert Invoice.objects.get().paid == Decimal("8.00")


@pytest.mark.parametrize("payload_id", ["", " ", "12345678", "x" * 5000])
def test_constant_payload_id_never_hides_another_invoices_payment(invoice, gate, payload_id):
    second = book(gate.client, "INV-0002")

    assert send(message(payload_id=payload_id)).verdict == OK
    assert send(message(payload_id=payload_id, number="INV-0002")).verdict == OK
    assert (status_of(invoice), status_of(second)) == (Status.PAID, Status.PAID)


def test_without_payload_id_the_time_tells_two_payments_apart(invoice):
    first = message(payload_id="", partial=money("4.00"), timestamp="2026-11-02T10:00:00Z")
    second = message(payload_id="", partial=money("4.00"), timestamp="2026-11-02T10:00:01Z")

    assert [send(body).verdict for body in (first, first, second)] == [OK, ALREADY, OK]


def test_same_payload_id_with_another_amount_is_a_new_message(invoice):
    send(message(partial=money("4.00")))

    assert send(message(partial=money("5.00"))).verdict == OK
    assert Invoice.objects.get().paid == Decimal("9.00")


def test_same_message_at_another_client_is_no_duplicate(invoice, globex):
    from cxmlgate.actions import configure_gate
    from tests.cxmlgate.messages import IDENTITY, SECRET

    configure_gate(globex, by=None, enabled=True, identity=IDENTITY, secret=SECRET)
    theirs = book(globex)

    send(message())

    assert send(message(), "/globex/cxmlgate/abc/status_update_request").verdict == OK
    assert status_of(theirs) == Status.PAID


def test_message_under_a_new_secret_is_still_the_same(invoice, gate):
    from cxmlgate.actions import configure_gate
    from tests.cxmlgate.messages import IDENTITY

    send(message(partial=money("4.00")))
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")

    again = message(partial=money("4.00"), sender=credential(secret="hocuspocus"))

    assert send(again).verdict == ALREADY


class TestRefusedMessage:
    def test_is_judged_anew_when_the_invoice_is_there(self, gate):
        body = message()
        assert send(body).verdict == NOT_FOUND

        invoice = book(gate.client)

        assert send(body).verdict == OK
        assert status_of(invoice) == Status.PAID
        assert sorted(GateMessage.objects.values_list("code", flat=True)) == [200, 403]

    def test_is_counted_on_one_row(self, gate):
        for _ in range(5):
            send(message())

        assert GateMessage.objects.get().repeats == 4

    def test_stays_refused_while_nothing_changed(self, gate):
        book(gate.client, status=Status.DENIED)
        before = everything()

        assert [send(message()).verdict for _ in range(3)] == [WRONG_STATUS] * 3
        assert everything() == before

    def test_with_a_wrong_secret_does_not_count_on_the_senders_row(self, invoice):
        wrong = message(partial=money("99"), sender=credential(secret="guess-1"))
        right = message(partial=money("99"))

        assert [send(wrong).verdict, send(right).verdict] == [PERMANENT, PERMANENT]
        assert GateMessage.objects.count() == 2

    def test_guesses_at_the_secret_are_counted_on_one_row(self, invoice):
        for guess in range(5):
            send(message(sender=credential(secret=f"guess-{guess}")))

        assert GateMessage.objects.get().repeats == 4
