"""A message that a person aborts while it is on its way: the answer is kept, and moves nothing."""

import pytest

from integrations import actions
from invoices.actions.flow import abort_message, offered_booking, skip_step
from invoices.errors import BadInput, Conflict
from invoices.models import IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(forgetful):
    return forgetful


@pytest.fixture
def aborted(desk):
    """Return an invoice whose message was aborted after the ERP had saved it, and answered after that."""
    invoice = desk.post()
    desk.erp.faults(latency_after_ms=2500, times=1)
    draining = desk.start_drain()
    wait_until(lambda: desk.documents(invoice), "the ERP has saved it", timeout=10)
    abort_message(invoice.pk, by=desk.handler, reason="takes too long")
    assert desk.message(invoice).attempts.get().outcome == "open"
    draining.join()
    return invoice


def test_the_late_answer_is_kept_as_evidence_and_the_step_does_not_move(desk, aborted):
    (document,) = desk.documents(aborted)
    voucher = document["bookings"][0]["voucher"]

    invoice, message = desk.see(aborted), desk.message(aborted)

    assert (invoice.step, invoice.preliminary_voucher, invoice.remote_id) == (Step.PRELIMINARY_ERROR, "", "")
    assert (message.state, message.voucher, message.remote_id) == (MessageState.ABORTED, voucher, document["id"])
    assert message.attempts.get().outcome == "confirmed"
    event = invoice.events.latest("sequence")
    assert (event.action, event.actor, event.evidence["voucher"]) == ("book_after_abort", None, voucher)
    desk.assert_holds(settled=True)


def test_skip_offers_the_late_voucher_and_takes_it(desk, aborted, handler):
    (document,) = desk.documents(aborted)
    booking = document["bookings"][0]

    offered = offered_booking(desk.see(aborted))
    skip_step(aborted.pk, by=handler, reason="the ERP has it")

    assert offered is not None
    assert (offered.voucher, offered.remote_id) == (booking["voucher"], document["id"])
    invoice = desk.see(aborted)
    assert (invoice.step, invoice.preliminary_voucher, invoice.remote_id) == (
        Step.APPROVAL,
        booking["voucher"],
        document["id"],
    )
    assert str(invoice.preliminary_posting_date) == booking["posting_date"]
    assert desk.drain() == 0
    desk.approve(invoice)
    desk.drain()
    assert desk.see(invoice).step == Step.BOOKED
    assert len(desk.documents(invoice)) == 1
    desk.assert_holds(settled=True)


def test_post_again_is_refused_with_the_voucher_when_the_erp_has_it(desk, aborted, handler):
    voucher = desk.message(aborted).voucher

    with pytest.raises(Conflict, match=f"under voucher {voucher}"):
        actions.post_again(aborted.pk, by=handler, reason="once more")

    assert desk.see(aborted).step == Step.PRELIMINARY_ERROR
    assert IntegrationMessage.objects.filter(invoice=aborted).count() == 1
    assert desk.calls(aborted) == ["booked"]
    desk.assert_holds(settled=True)


def test_post_again_while_the_first_may_still_arrive_asks_before_it_sends(desk, handler):
    invoice = desk.post()
    desk.erp.faults(latency_ms=3000, times=1)
    draining = desk.start_drain()
    wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP has seen the call", timeout=10)
    abort_message(invoice.pk, by=handler, reason="takes too long")

    actions.post_again(invoice.pk, by=handler, reason="once more")

    first, second = IntegrationMessage.objects.filter(invoice=invoice).order_by("pk")
    assert (first.state, second.state) == (MessageState.ABORTED, MessageState.UNKNOWN)
    assert second.doubtful_until == first.doubtful_until
    draining.join()
    desk.settle()
    (document,) = desk.documents(invoice)
    assert desk.calls(invoice) == ["booked"]
    assert desk.see(invoice).step == Step.APPROVAL
    assert desk.see(invoice).preliminary_voucher == document["bookings"][0]["voucher"]
    second.refresh_from_db()
    assert (second.state, second.attempt_count) == (MessageState.CONFIRMED, 0)
    desk.assert_holds(settled=True)


def test_post_again_after_a_loss_sends_once_nothing_can_arrive_any_more(desk, handler):
    invoice = desk.post()
    desk.erp.faults(drop_before_saving=1)
    desk.drain()
    abort_message(invoice.pk, by=handler, reason="the answer was lost")
    actions.post_again(invoice.pk, by=handler, reason="the ERP does not have it")

    desk.drain()
    message = desk.message(invoice)
    assert (message.state, message.attempt_count) == (MessageState.UNKNOWN, 0)
    assert desk.documents(invoice) == []
    desk.settle()

    assert desk.see(invoice).step == Step.APPROVAL
    assert desk.calls(invoice) == ["dropped", "booked"]
    desk.assert_holds(settled=True)


def test_what_was_aborted_before_it_was_sent_is_never_sent(desk, handler):
    invoice = desk.post()
    abort_message(invoice.pk, by=handler, reason="wrong supplier")

    assert desk.drain() == 0

    assert desk.calls(invoice) == []
    assert offered_booking(desk.see(invoice)) is None
    with pytest.raises(BadInput, match="Type the voucher"):
        skip_step(invoice.pk, by=handler, reason="go on")
    actions.post_again(invoice.pk, by=handler, reason="it was right")
    assert desk.message(invoice).state == MessageState.PENDING
    desk.drain()
    assert desk.see(invoice).step == Step.APPROVAL
    desk.assert_holds(settled=True)


def test_a_voucher_that_was_typed_at_the_abort_is_kept_beside_the_late_one(desk, handler):
    invoice = desk.post()
    abort_message(invoice.pk, by=handler, reason="booked by hand", voucher="HAND-7")

    skip_step(invoice.pk, by=handler, reason="booked by hand")

    invoice = desk.see(invoice)
    assert (invoice.step, invoice.preliminary_voucher) == (Step.APPROVAL, "HAND-7")
    desk.assert_holds(settled=True)
