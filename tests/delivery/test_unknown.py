"""A message whose outcome is unknown is never simply sent again: the ERP is asked, and what it says decides."""

from datetime import timedelta

import pytest

from integrations import actions, delivery
from integrations.lanes import Result
from integrations.policy import LOOK_UPS_AT_MOST
from invoices import clock
from invoices.actions.outbox import settle
from invoices.models import Evidence, IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.delivery.desk import Beside
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost(forgetful):
    """Return an invoice whose message is unknown; the ERP does not have it."""
    invoice = forgetful.post()
    forgetful.erp.faults(status=500, times=1)
    forgetful.drain()
    assert forgetful.message(invoice).state == MessageState.UNKNOWN
    return invoice


def test_a_write_that_comes_true_late_is_found(forgetful):
    desk = forgetful
    desk.tune(call_timeout_seconds=1)
    invoice = desk.post()
    desk.erp.faults(latency_ms=4500, times=1)
    desk.drain()

    desk.let_pass("not_before")
    desk.drain()
    assert desk.documents(invoice) == []
    assert desk.message(invoice).state == MessageState.UNKNOWN
    wait_until(lambda: desk.documents(invoice), "the ERP has saved it", timeout=10)
    desk.let_pass("not_before")
    desk.drain()

    assert desk.message(invoice).state == MessageState.CONFIRMED
    assert desk.calls(invoice) == ["booked"]
    desk.assert_holds(settled=True)


def _assert_for_a_person(desk, invoice, *, says: str) -> None:
    message = desk.message(invoice)
    assert (message.state, message.not_before, message.is_for_a_person) == (MessageState.UNKNOWN, None, True)
    assert says in message.reason
    assert desk.see(invoice).step == Step.PRELIMINARY_INTEGRATION
    assert desk.see(invoice).preliminary_voucher == ""
    assert desk.actions(invoice)[-1] == "need_person"
    calls = desk.calls(invoice)
    assert desk.drain() == 0
    assert desk.calls(invoice) == calls


def test_after_its_limit_of_look_ups_it_is_for_a_person_who_can_look_it_up(forgetful, lost, handler):
    desk = forgetful
    desk.book_by_hand(lost)
    desk.erp.faults(down=True)
    IntegrationMessage.objects.filter(invoice=lost).update(look_up_count=LOOK_UPS_AT_MOST - 1)
    desk.let_pass("not_before")

    desk.drain()

    _assert_for_a_person(desk, lost, says="could not be asked yet: The system is under maintenance")
    desk.assert_holds(settled=True)
    desk.erp.faults()
    actions.look_up(lost.pk, by=handler)
    assert desk.see(lost).step == Step.APPROVAL
    assert desk.message(lost).state == MessageState.CONFIRMED
    desk.assert_holds(settled=True)


def test_a_document_over_another_amount_is_for_a_person(forgetful, lost):
    desk = forgetful
    desk.book_by_hand(lost, total="11.00")
    desk.let_pass("not_before")

    desk.drain()

    _assert_for_a_person(desk, lost, says="The amount is 11.00 USD there and 10.99 USD here.")
    evidence = lost.evidence.get()
    assert (evidence.verdict, evidence.matches, evidence.total) == (Evidence.Verdict.FOUND, 1, 11)
    desk.assert_holds(settled=True)


def test_two_documents_are_for_a_person(forgetful, lost):
    desk = forgetful
    vouchers = [desk.book_by_hand(lost)["booking"]["voucher"] for _time in range(2)]
    desk.let_pass("not_before")

    desk.drain()

    _assert_for_a_person(desk, lost, says=f"The ERP has 2 bookings of it: {', '.join(vouchers)}.")
    assert lost.evidence.get().matches == 2
    desk.assert_holds(settled=True, ignored_numbers=[lost.number])


def test_a_document_typed_into_the_erp_is_taken_as_the_booking(forgetful, lost):
    desk = forgetful
    voucher = desk.book_by_hand(lost)["booking"]["voucher"]
    desk.let_pass("not_before")

    desk.drain()

    assert (desk.see(lost).step, desk.see(lost).preliminary_voucher) == (Step.APPROVAL, voucher)
    desk.assert_holds(settled=True)


def test_a_look_up_that_began_while_the_write_could_still_arrive_proves_nothing(forgetful, lost):
    desk = forgetful
    desk.let_pass("not_before")
    doubtful_until = desk.message(lost).doubtful_until
    (job,) = desk.claim()

    report = delivery.judge_look_up(Result(job, bookings=()), doubtful_until + timedelta(seconds=1))

    assert (report.state, report.keeps_doubt) == (MessageState.UNKNOWN, True)


def test_an_old_look_up_does_not_undo_a_newer_attempt(forgetful, lost, handler):
    desk = forgetful
    desk.let_pass("doubtful_until", "not_before")
    (old_job,) = desk.claim()
    actions.look_up(lost.pk, by=handler)
    (new_job,) = desk.claim()
    assert (old_job.is_look_up, new_job.is_look_up, new_job.attempt) == (True, False, 2)

    settle([delivery.judge_look_up(Result(old_job, bookings=()), clock.now())])

    message = desk.message(lost)
    assert (message.state, message.attempt_count) == (MessageState.SENDING, 2)
    assert message.lease_until is not None
    assert message.doubtful_until is not None


def test_what_a_person_looked_up_before_a_newer_attempt_does_not_end_its_doubt(forgetful, lost, handler):
    desk = forgetful
    desk.let_pass("doubtful_until", "not_before")
    desk.erp.faults(latency_ms=3000, times=1)
    looking = Beside(lambda: actions.look_up(lost.pk, by=handler))
    wait_until(lambda: not desk.erp.ask("GET", "/faults/")[1], "the ERP has seen the question", timeout=10)
    desk.erp.faults(drop_before_saving=1)
    desk.drain()
    assert desk.message(lost).attempt_count == 2

    looking.join()

    message = desk.message(lost)
    assert (message.state, message.attempt_count) == (MessageState.UNKNOWN, 2)
    assert message.doubtful_until > clock.now()
    desk.settle()
    assert len(desk.documents(lost)) == 1
    desk.assert_holds(settled=True)
