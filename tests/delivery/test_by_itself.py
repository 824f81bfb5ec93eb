"""What the desk does by itself: asks about what waits too long, and lets go out what waited for an outage."""

from datetime import timedelta

import pytest

from integrations.actions import look_up_overdue
from integrations.models import Connection
from integrations.policy import LOOK_UPS_AT_MOST
from invoices import clock
from invoices.models import Client, Evidence, IntegrationMessage, Invoice
from invoices.workflow import MessageState

pytestmark = pytest.mark.django_db(transaction=True)


def wait(invoice, minutes):
    Invoice.objects.filter(pk=invoice.pk).update(step_since=clock.now() - timedelta(minutes=minutes))


def test_an_invoice_is_asked_about_once_when_it_crosses_its_clients_patience(desk):
    early, late = desk.post(), desk.post()
    wait(early, 14)
    wait(late, 16)

    assert look_up_overdue() == 1
    assert look_up_overdue() == 0

    assert [evidence.invoice for evidence in Evidence.objects.all()] == [late]
    assert Evidence.objects.get().asked_by is None


def test_patience_is_the_clients_own_for_each_step(desk):
    Client.objects.update(preliminary_patience=60, final_patience=5)
    preliminary, final = desk.post(), desk.post(direction="receivable")
    wait(preliminary, 30)
    wait(final, 6)

    look_up_overdue()

    assert [evidence.invoice for evidence in Evidence.objects.all()] == [final]


def test_nothing_is_asked_behind_an_open_breaker(desk):
    wait(desk.post(), 16)
    desk.tune(breaker_state="open", breaker_until=clock.now() + timedelta(minutes=5))

    assert look_up_overdue() == 0


def outage(desk):
    """Take the ERP down until the breaker opens, then bring it back with the pause over."""
    desk.erp.faults(down=True)
    desk.tune(lanes=1)
    for _number in range(6):
        desk.let_pass("not_before")
        desk.drain()
    desk.erp.faults()
    assert Connection.objects.get().breaker_state == "open"
    desk.end_pause()
    desk.let_pass("not_before")


def test_when_the_erp_is_back_what_waited_goes_out_oldest_first(desk):
    invoices = [desk.post() for _number in range(4)]

    outage(desk)
    desk.drain()

    vouchers = [desk.see(invoice).preliminary_voucher for invoice in invoices]
    assert all(vouchers)
    assert vouchers == sorted(vouchers)
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("wanted", [True, False])
def test_what_was_given_up_is_posted_again_by_itself_only_where_the_client_wants_that(desk, wanted):
    Client.objects.update(posts_again_by_itself=wanted)
    given_up, waiting = desk.post(), desk.post()
    IntegrationMessage.objects.filter(invoice=given_up).update(not_before=None, attempt_count=200)

    outage(desk)
    desk.drain()

    assert desk.see(waiting).step == "approval"
    assert (desk.see(given_up).step == "approval") is wanted
    assert len(desk.documents(given_up)) == int(wanted)


def test_an_unknown_one_that_could_not_be_asked_about_is_asked_about_again(desk):
    unknown, waiting = desk.post(), desk.post()
    desk.book_by_hand(unknown)
    IntegrationMessage.objects.filter(invoice=unknown).update(
        state=MessageState.UNKNOWN, not_before=None, look_up_count=LOOK_UPS_AT_MOST, attempt_count=1
    )

    outage(desk)
    desk.drain()

    assert desk.see(unknown).step == "approval"
    assert len(desk.documents(unknown)) == 1
    assert desk.see(waiting).step == "approval"


def test_the_unknown_are_looked_up_before_anything_is_sent(desk):
    first, unknown = desk.post(), desk.post()
    IntegrationMessage.objects.filter(invoice=unknown).update(state=MessageState.UNKNOWN, attempt_count=1)

    (job,) = desk.claim(room=1)

    assert job.is_look_up
    assert job.message_id == desk.message(unknown).pk
    assert desk.message(first).state == MessageState.PENDING
