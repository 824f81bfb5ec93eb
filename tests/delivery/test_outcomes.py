"""What becomes of a message after each answer that an ERP can give."""

from datetime import timedelta
from decimal import Decimal

import pytest

from integrations.linking import connect
from integrations.models import Connection
from integrations.policy import FIRST_DELAY
from invoices import clock
from invoices.actions.intake import LineGiven
from invoices.models import Attempt, IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.invariants import assert_holds, read_audit
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_yes_moves_the_invoice_on_with_the_voucher(desk):
    invoice = desk.post()

    assert desk.drain() == 1

    (document,) = desk.documents(invoice)
    (booking,) = document["bookings"]
    invoice, message = desk.see(invoice), desk.message(invoice)
    assert (invoice.step, invoice.preliminary_voucher, invoice.remote_id) == (
        Step.APPROVAL,
        booking["voucher"],
        document["id"],
    )
    assert str(invoice.preliminary_posting_date) == booking["posting_date"] == "2026-11-02"
    assert (message.state, message.key, message.voucher) == (
        MessageState.CONFIRMED,
        booking["key"],
        booking["voucher"],
    )
    (attempt,) = message.attempts.all()
    assert (attempt.number, attempt.outcome) == (1, Attempt.Outcome.CONFIRMED)
    assert booking["voucher"] in attempt.response
    assert attempt.request["number"] == invoice.number
    assert desk.actions(invoice) == ["hand_in", "post", "confirm"]
    desk.assert_holds(settled=True)


def test_the_final_booking_goes_on_the_document_of_the_preliminary_one(desk):
    invoice = desk.post()
    desk.drain()
    desk.approve(invoice)

    desk.drain()

    (document,) = desk.documents(invoice)
    invoice = desk.see(invoice)
    assert [booking["stage"] for booking in document["bookings"]] == ["preliminary", "final"]
    assert (invoice.step, invoice.status, invoice.final_voucher) == (
        Step.BOOKED,
        "ok_to_pay",
        document["bookings"][1]["voucher"],
    )
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
def test_a_receivable_is_booked_once_and_finally(desk, kind):
    invoice = desk.post(direction="receivable", kind=kind)

    desk.drain()

    (document,) = desk.documents(invoice)
    invoice = desk.see(invoice)
    assert (document["direction"], document["kind"], document["total"]) == ("receivable", kind, "10.9900")
    assert [booking["stage"] for booking in document["bookings"]] == ["final"]
    assert (invoice.step, invoice.status, invoice.preliminary_voucher) == (Step.BOOKED, "open", "")
    desk.assert_holds(settled=True)


def test_a_refusal_keeps_everything_that_the_erp_said(desk):
    desk.ask("PUT", "items/A-1/", {"active": False})
    desk.erp.close_period("2026-11", desk.connection.company)
    invoice = desk.post(lines=(LineGiven("Paper", Decimal(1), Decimal("10.99"), item="A-1"),))

    desk.drain()

    invoice, message = desk.see(invoice), desk.message(invoice)
    assert (invoice.step, invoice.preliminary_voucher) == (Step.PRELIMINARY_ERROR, "")
    assert message.state == MessageState.REFUSED
    assert [(one["code"], one["reason"]) for one in message.complaints] == [
        ("PERIOD_CLOSED", "period_closed"),
        ("ITEM_INACTIVE", "reference_inactive"),
    ]
    assert message.reason == "The accounting period 2026-11 is closed. · The item A-1 is inactive."
    (attempt,) = message.attempts.all()
    assert (attempt.outcome, attempt.error_kind) == (Attempt.Outcome.REFUSED, "rejected")
    assert attempt.complaints == message.complaints
    assert attempt.trace_id
    assert desk.documents(invoice) == []
    desk.assert_holds(settled=True)


def test_an_unknown_counterparty_is_created_first_where_the_client_wants_it(desk):
    invoice = desk.post(party_code="NEW-1", party_name="New & Co")

    desk.drain()

    assert desk.see(invoice).step == Step.APPROVAL
    assert desk.ask("GET", "suppliers/NEW-1/") == {"code": "NEW-1", "name": "New & Co", "active": True}
    assert desk.calls(invoice) == ["refused", "booked"]
    desk.assert_holds(settled=True)


def test_an_unknown_counterparty_is_refused_where_the_client_does_not_want_it(desk):
    desk.client.creates_counterparties = False
    desk.client.save()
    invoice = desk.post(party_code="NEW-1")

    desk.drain()

    assert desk.see(invoice).step == Step.PRELIMINARY_ERROR
    assert [one["reason"] for one in desk.message(invoice).complaints] == ["customer_missing"]
    assert [one["code"] for one in desk.ask("GET", "suppliers/")["suppliers"]] == ["SUP-1"]
    desk.assert_holds(settled=True)


def _assert_waits(desk, invoice, *, attempts: int, says: str) -> None:
    message = desk.message(invoice)
    assert (message.state, message.attempt_count) == (MessageState.PENDING, attempts)
    assert says in message.reason
    last = message.attempts.last()
    assert message.not_before - last.started_at >= FIRST_DELAY * 0.75
    assert (last.number, last.outcome) == (attempts, Attempt.Outcome.NOT_SENT)
    assert desk.see(invoice).step == Step.PRELIMINARY_INTEGRATION
    assert desk.documents(invoice) == []


def test_an_erp_that_is_down_is_tried_again_later(desk):
    invoice = desk.post()
    desk.erp.faults(down=True)

    desk.drain()
    _assert_waits(desk, invoice, attempts=1, says="under maintenance")
    IntegrationMessage.objects.update(not_before=clock.now() + timedelta(hours=1))
    assert desk.drain() == 0
    IntegrationMessage.objects.update(not_before=clock.now())
    desk.drain()
    _assert_waits(desk, invoice, attempts=2, says="under maintenance")

    desk.erp.faults()
    desk.settle()
    assert desk.message(invoice).attempt_count == 3
    desk.assert_holds(settled=True)


def test_an_erp_that_is_not_there_is_tried_again_later(desk):
    invoice = desk.post()
    desk.erp.stop()

    desk.drain()

    desk.erp.start()
    _assert_waits(desk, invoice, attempts=1, says="cannot be reached")
    desk.settle()
    assert len(desk.documents(invoice)) == 1
    desk.assert_holds(settled=True)


def test_a_rate_limit_waits_as_long_as_the_erp_says(desk):
    first, second = desk.post(), desk.post()
    desk.tune(lanes=1)
    desk.erp.faults(status=429, times=1)

    desk.drain()

    _assert_waits(desk, first, attempts=1, says="Something went wrong here (429)")
    desk.connection.refresh_from_db()
    assert desk.connection.breaker_state == "closed"
    assert desk.connection.breaker_failures == 0
    assert desk.message(first).not_before - desk.message(first).attempts.get().started_at >= timedelta(seconds=1)
    desk.settle()
    assert [len(desk.documents(one)) for one in (first, second)] == [1, 1]
    desk.assert_holds(settled=True)


def test_refused_credentials_pause_the_connection_until_a_person_reconnects(desk, manager):
    first, second = desk.post(), desk.post()
    desk.connection.secret = "not-the-secret"
    desk.connection.lanes = 1
    desk.connection.save()

    desk.drain()

    desk.connection.refresh_from_db()
    assert desk.connection.needs_credentials
    _assert_waits(desk, first, attempts=1, says="does not open the company")
    desk.let_pass("not_before")
    assert desk.drain() == 0
    assert desk.message(second).state == MessageState.PENDING
    connect(
        desk.client,
        by=manager,
        connector="sandbox",
        company=desk.connection.company,
        secret="open-sesame/4711+secret",
    )
    desk.settle()
    assert [len(desk.documents(one)) for one in (first, second)] == [1, 1]
    assert_holds(read_audit(desk.erp.url), settled=True, secrets=["open-sesame/4711+secret", "not-the-secret"])


def test_an_answer_to_the_old_secret_does_not_spoil_the_new_one(desk, manager):
    invoice = desk.post()
    desk.connection.secret = "not-the-secret"
    desk.connection.save()
    desk.erp.faults(latency_ms=1000, times=1)

    drain = desk.start_drain()
    wait_until(lambda: desk.message(invoice).state == MessageState.SENDING, "the call to begin")
    company = desk.connection.company
    connect(desk.client, by=manager, connector="sandbox", company=company, secret="open-sesame/4711+secret")
    drain.join()

    assert not Connection.objects.get().needs_credentials
    desk.settle()
    assert len(desk.documents(invoice)) == 1


UNCERTAIN = {
    "a lost answer": {"lose_answers": 1},
    "a page instead of an answer": {"html_in_200": 1},
    "an answer that comes too late": {"latency_after_ms": 1400, "times": 1},
}


@pytest.mark.parametrize("fault", UNCERTAIN.values(), ids=UNCERTAIN)
def test_an_answer_that_proves_nothing_is_looked_up_and_found(forgetful, fault):
    desk = forgetful
    desk.tune(call_timeout_seconds=1)
    invoice = desk.post()
    desk.erp.faults(**fault)

    desk.drain()

    message = desk.message(invoice)
    assert (message.state, message.attempt_count, message.look_up_count) == (MessageState.UNKNOWN, 1, 0)
    assert message.not_before is not None
    assert message.doubtful_until > clock.now()
    assert message.attempts.get().outcome == Attempt.Outcome.UNCERTAIN
    assert desk.see(invoice).step == Step.PRELIMINARY_INTEGRATION
    desk.let_pass("not_before")
    desk.drain()
    message = desk.message(invoice)
    (document,) = desk.documents(invoice)
    assert (message.state, message.attempt_count, message.look_up_count) == (MessageState.CONFIRMED, 1, 1)
    assert message.reason == "The answer was lost; the ERP was asked and has it."
    assert desk.see(invoice).preliminary_voucher == document["bookings"][0]["voucher"]
    assert desk.actions(invoice) == ["hand_in", "post", "lose_answer", "confirm"]
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("fault", [{"status": 500, "times": 1}, {"drop_before_saving": 1}], ids=["500", "dropped"])
def test_what_never_arrived_is_sent_again_once_it_cannot_arrive_any_more(forgetful, fault):
    desk = forgetful
    invoice = desk.post()
    desk.erp.faults(**fault)
    desk.drain()
    assert desk.message(invoice).state == MessageState.UNKNOWN

    desk.let_pass("not_before")
    desk.drain()

    message = desk.message(invoice)
    assert (message.state, message.attempt_count) == (MessageState.UNKNOWN, 1)
    assert message.reason.startswith("The answer was lost. The ERP does not have it yet")
    assert message.not_before > message.doubtful_until
    desk.let_pass("not_before", "doubtful_until")
    desk.drain()
    message = desk.message(invoice)
    assert (message.state, message.attempt_count, message.look_up_count) == (MessageState.CONFIRMED, 2, 2)
    assert len(desk.documents(invoice)) == 1
    desk.assert_holds(settled=True)
