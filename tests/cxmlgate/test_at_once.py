"""The usual message in two statements on PostgreSQL: the same rows as under locks, and nothing on a row that moved."""

from threading import Thread

import pytest
from django.db import DataError, connection, connections

from cxmlgate.models import GateMessage
from invoices import bulk
from invoices.actions.payments import StatusUpdate, Update, update_status
from invoices.models import Event, Invoice, Payment
from tests.cxmlgate.conftest import ALREADY, OK, WRONG_STATUS, book, everything, send
from tests.cxmlgate.messages import credential, message, money

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("cxmlgate.urls")]
# Whose first secret is another's, is known only after reading: such a message takes the locks.
UNEXPECTED = credential("other@buyerorg.com", "another secret") + credential()


@pytest.fixture
def postgresql(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite takes the other way")


def written_for(invoice):
    """All rows of an invoice that a message wrote, without what differs from one message to the next."""
    row = Invoice.objects.filter(pk=invoice.pk).values("step", "status", "paid", "event_count")
    events = Event.objects.filter(invoice=invoice).values(
        "client", "sequence", "actor", "actor_name", "action", "level", "reason", "before", "after", "evidence"
    )
    payments = Payment.objects.filter(invoice=invoice).values(
        "amount", "currency", "method", "state", "is_applied", "source", "reference"
    )
    messages = GateMessage.objects.filter(invoice=invoice).values(
        "client", "repeats", "sender", "payload_id", "types", "is_test", "code", "text", "raw_note"
    )
    return [list(rows) for rows in (row, events, payments, messages)]


@pytest.mark.parametrize("partial", ["", money("4.00")])
@pytest.mark.parametrize("type_", ["paid", "processing_payment", "rejected", "validation_failed", "reconciled"])
def test_rows_are_those_written_under_locks(gate, type_, partial):
    said = {"type_": type_, "partial": partial, "comments": "<Comments>Ää — 'ok' %s</Comments>"}
    at_once, locked = book(gate.client, "INV-0001"), book(gate.client, "INV-0002")

    first = send(message(number="INV-0001", **said))
    second = send(message(number="INV-0002", sender=UNEXPECTED, **said))

    assert (first.verdict, second.verdict) == (OK, OK)
    assert first.reason.replace("INV-0001", "INV-0002") == second.reason
    assert written_for(at_once) == written_for(locked)
    kept = [bytes(raw).replace(b"INV-0001", b"INV-0002") for raw in GateMessage.objects.values_list("raw", flat=True)]
    assert all(b"(removed)" in raw and b"Comments" in raw for raw in kept)


def test_duplicate_is_known_whichever_way_the_first_went(invoice):
    partial = money("1.00")

    first = send(message(partial=partial, sender=UNEXPECTED))
    again = send(message(partial=partial))
    once_more = send(message(partial=partial, sender=UNEXPECTED))

    assert [reply.verdict for reply in (first, again, once_more)] == [OK, ALREADY, ALREADY]
    assert (Payment.objects.count(), GateMessage.objects.get().repeats) == (1, 2)


def test_invoice_that_moved_between_reading_and_writing_is_judged_anew(postgresql, invoice):
    denied = []

    def deny_first(execute, sql, params, many, context):
        if sql.startswith("WITH moved") and not denied:
            denied.append(sql)
            other = Thread(target=deny)
            other.start()
            other.join()
        return execute(sql, params, many, context)

    def deny():
        update_status(invoice.pk, StatusUpdate(Update.DENIED, source="by hand"), by=None)
        connections.close_all()

    with connection.execute_wrapper(deny_first):
        reply = send(message())

    assert reply.verdict == WRONG_STATUS
    assert (len(denied), Payment.objects.count(), Event.objects.count()) == (1, 0, 2)
    assert [kept.code for kept in GateMessage.objects.all()] == [404]


def test_connection_that_was_lost_since_the_last_message_is_opened_anew(postgresql, invoice):
    send(message(partial=money("1.00")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()

    assert send(message(payload_id="p-2", partial=money("1.00"))).verdict == OK
    assert (Payment.objects.count(), GateMessage.objects.count()) == (2, 2)


@pytest.mark.parametrize(("threshold", "count"), [(0, 2), (None, 0)])
def test_statements_are_prepared_unless_the_database_must_not(postgresql, invoice, threshold, count):
    connection.close()
    connection.ensure_connection()
    connection.connection.prepare_threshold = threshold

    assert send(message()).verdict == OK

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (count,)
    connection.close()


def test_statements_are_not_planned_for_each_message(postgresql, invoice):
    said = {"client": invoice.client, "counterparty": invoice.counterparty, "direction": invoice.direction}
    said |= {"invoice_date": invoice.invoice_date, "currency": "USD", "total": 1, "step": "booked"}
    Invoice.objects.bulk_create(Invoice(number=f"B-{n}", status="ok_to_pay", **said) for n in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE invoices_invoice")
    connection.close()

    for number in range(12):  # PostgreSQL plans the first five times, then takes what it finds cheaper
        assert send(message(number=f"B-{number}", payload_id=f"p-{number}")).verdict == OK

    with connection.cursor() as cursor:
        cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements")
        assert cursor.fetchall() == [(7, 5), (7, 5)]
    connection.close()


class TestMoveRow:
    def payment(self, invoice, **said):
        return Payment(invoice=invoice, amount=1, currency="USD", state="succeeded", source="test", **said)

    def test_row_that_is_not_as_it_was_read_is_left_alone(self, postgresql, invoice):
        before = everything()
        invoice.event_head = "new"

        moved = bulk.move_row(invoice, ["event_head"], as_read={"event_count": 7}, new=[self.payment(invoice)])

        assert (moved, everything()) == (False, before)

    def test_what_does_not_fit_is_refused_and_not_cut(self, postgresql, invoice):
        before = everything()
        invoice.event_head = "new"

        with pytest.raises(DataError):
            bulk.move_row(
                invoice, ["event_head"], as_read={"event_count": 1}, new=[self.payment(invoice, reference="x" * 201)]
            )

        assert everything() == before
