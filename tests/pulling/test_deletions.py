"""What is deleted in the ERP is archived here, nothing is missed, and nothing is archived twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations import deletions
from integrations.erps.contract import Complaint, ErpError, ErrorKind
from integrations.erps.registry import CONNECTORS
from integrations.erps.sandbox import SandboxConnector
from integrations.models import Connection
from invoices import clock
from invoices.actions.archiving import restore_party
from invoices.buttons import press
from invoices.errors import Conflict, NotAllowed
from invoices.events import broken_line
from invoices.faults import FaultInjected
from invoices.models import Counterparty, Event, Invoice
from invoices.workflow import Step
from tests.factories import InvoiceFactory

LONG_AGO = timedelta(days=40)


@pytest.fixture
def delete_there(desk):
    def delete(invoice):
        desk.ask("DELETE", f"documents/{invoice.remote_id}/")

    return delete


def sync(desk, **how):
    done = deletions.sync_deletions(desk.connection.pk, **how)
    desk.connection.refresh_from_db()
    return done


def today():
    return f"{clock.now():%Y-%m-%d}"


def test_a_deleted_invoice_is_archived_with_reason_and_date(desk, book, delete_there):
    kept, gone = book(), book()
    delete_there(gone)

    done = sync(desk)

    gone, kept = desk.see(gone), desk.see(kept)
    assert (done.invoices, done.held, done.is_whole) == (1, 0, True)
    assert gone.archived_reason == f"Deleted in Sandbox ERP on {today()}"
    assert (gone.erp_state, gone.erp_balance) == ("missing", None)
    assert gone.deleted_in_erp_at is not None
    assert not kept.is_archived
    event = gone.events.order_by("sequence").last()
    assert (event.action, event.actor_name, event.reason) == ("archive", "Unstuck", gone.archived_reason)
    assert broken_line(gone.events.order_by("sequence"), gone) is None


def test_the_overlap_archives_nothing_twice(desk, book, delete_there):
    gone = book()
    delete_there(gone)
    sync(desk)
    before = desk.actions(gone)

    done = sync(desk)

    assert (done.invoices, done.is_whole) == (0, True)
    assert desk.actions(gone) == before


def test_one_restored_by_hand_is_not_archived_again(desk, book, delete_there):
    gone = book()
    delete_there(gone)
    sync(desk)

    said = press("restore", gone.pk, by=desk.clerk, reason="Needed for the audit")
    sync(desk)
    desk.tune(deletions_until=clock.now() - LONG_AGO)
    sync(desk)

    assert said == "Restored. The ERP does not have it any more: it lives on here alone."
    assert not desk.see(gone).is_archived


def test_one_archived_by_hand_before_only_learns_that_it_is_gone(desk, book, delete_there):
    gone = book()
    press("archive", gone.pk, by=desk.clerk, reason="Deleted it there just now")
    delete_there(gone)
    before = desk.actions(gone)

    done = sync(desk)

    gone = desk.see(gone)
    assert done.invoices == 0
    assert (gone.archived_reason, gone.erp_state) == ("Deleted it there just now", "missing")
    assert desk.actions(gone) == before


@pytest.mark.parametrize("step", [Step.FINAL_INTEGRATION, Step.FINAL_ERROR])
def test_one_that_is_not_done_here_stays_and_warns_once(desk, book, delete_there, step):
    gone = book()
    Invoice.objects.filter(pk=gone.pk).update(step=step, current_message=None)
    delete_there(gone)

    first, second = sync(desk), sync(desk)

    gone = desk.see(gone)
    assert ((first.invoices, first.held), (second.invoices, second.held)) == ((0, 1), (0, 0))
    assert (gone.is_archived, gone.erp_state, gone.step) == (False, "missing", step)
    assert [each.level for each in gone.events.filter(action="deleted_in_erp")] == [Event.Level.WARNING]


def test_what_failed_half_way_is_taken_by_the_next_run(desk, book, delete_there, settings):
    first, second = book(), book()
    desk.tune(deletions_until=clock.now() - timedelta(hours=20))
    began = desk.connection.deletions_until
    delete_there(first)
    desk.erp.faults(status=500, times=10)

    failed = sync(desk)

    assert failed.error
    assert not failed.is_whole
    assert desk.connection.deletions_until == began
    desk.erp.faults()
    delete_there(second)
    assert (sync(desk).invoices, desk.connection.deletions_until > began) == (2, True)


def test_a_deletion_up_to_a_day_before_the_cursor_is_found(desk, book, delete_there):
    gone = book()
    delete_there(gone)
    desk.tune(deletions_until=clock.now() + timedelta(hours=23))

    assert sync(desk).invoices == 1


def test_a_deleted_customer_is_archived_and_its_invoices_stay(desk, booked):
    party = booked.counterparty
    desk.ask("DELETE", f"customers/{party.code}/")

    done = sync(desk)

    party.refresh_from_db()
    assert (done.parties, done.invoices) == (1, 0)
    assert party.archived_reason == f"Deleted in Sandbox ERP on {today()}"
    assert not desk.see(booked).is_archived
    assert Event.objects.filter(client=desk.client, action="archive_party").count() == 1


def test_a_restored_customer_is_not_archived_by_the_same_deletion(desk, booked):
    desk.ask("DELETE", f"customers/{booked.counterparty.code}/")
    sync(desk)

    restore_party(booked.counterparty_id, by=desk.clerk, reason="It comes back")

    assert sync(desk).parties == 0
    assert Counterparty.objects.get(pk=booked.counterparty_id).archived_at is None


def test_after_a_long_gap_the_whole_list_is_compared_by_id(desk, book, delete_there):
    kept, gone = book(), book()
    delete_there(gone)
    desk.tune(deletions_until=clock.now() - LONG_AGO)

    done = sync(desk)

    assert (done.invoices, done.is_whole) == (1, True)
    assert desk.see(gone).archived_reason == f"Deleted in Sandbox ERP on {today()}"
    assert not desk.see(kept).is_archived
    assert not deletions.needs_comparison(desk.connection, clock.now())
    assert sync(desk).invoices == 0  # the feed tells of it again


@pytest.fixture
def list_as(monkeypatch):
    """Have the sandbox's connector give another list than the ERP has."""

    def make(listing):
        connector = type("OtherList", (SandboxConnector,), {"listing": lambda _connector: listing()})
        monkeypatch.setitem(CONNECTORS, "sandbox", replace(CONNECTORS["sandbox"], make=connector))

    return make


def test_one_that_the_list_left_out_but_the_erp_has_is_not_archived(desk, book, delete_there, list_as):
    _hidden, gone = book(), book()
    delete_there(gone)
    desk.tune(deletions_until=clock.now() - LONG_AGO)
    list_as(lambda: iter([()]))

    done = sync(desk)

    assert (done.invoices, done.is_whole) == (1, True)
    assert desk.see(gone).is_archived


def test_a_list_that_breaks_off_after_a_page_archives_nothing(desk, book, delete_there, list_as):
    gone = book()
    delete_there(gone)
    desk.tune(deletions_until=clock.now() - LONG_AGO)

    def half():
        yield ()
        raise ErpError(ErrorKind.UNAVAILABLE, [Complaint("The second page did not come.")])

    list_as(half)

    done = sync(desk)

    assert done.error == "The second page did not come."
    assert not desk.see(gone).is_archived


def test_a_list_that_broke_off_archives_nothing(desk, book, delete_there):
    gone = book()
    delete_there(gone)
    desk.tune(deletions_until=clock.now() - LONG_AGO)
    desk.erp.faults(status=500, times=10)

    done = sync(desk)

    assert done.error
    assert not desk.see(gone).is_archived
    assert desk.connection.deletions_until < clock.now() - timedelta(days=30)


@pytest.fixture
def accident(desk, settings):
    """Have 101 of 102 booked invoices gone in the ERP, which never knew them."""
    rows = InvoiceFactory.create_batch(
        101, client=desk.client, direction="receivable", step=Step.BOOKED, status="open", lines=[]
    )
    for nth, row in enumerate(rows):
        row.remote_id = f"gone-{nth}"
    Invoice.objects.bulk_update(rows, ["remote_id"])
    desk.tune(deletions_until=clock.now() - LONG_AGO)
    return rows


def test_too_many_at_once_wait_for_a_person(desk, booked, accident):
    done = sync(desk)

    assert (done.stopped, done.invoices, done.is_whole) == (101, 0, False)
    assert desk.connection.deletions_held == 101
    assert not Invoice.objects.filter(archived_at__isnull=False).exists()
    assert deletions.claim_due() == []  # not before tomorrow


def test_a_manager_archives_them_all_the_same(desk, booked, accident, manager):
    sync(desk)
    with pytest.raises(NotAllowed):
        deletions.press_sync_deletions(desk.connection.pk, by=desk.clerk, all_the_same=True)

    said = deletions.press_sync_deletions(desk.connection.pk, by=manager, all_the_same=True)
    done = sync(desk, all_the_same=True)

    assert said == "A worker archives them now: look at the connection again in a moment."
    assert (done.invoices, desk.connection.deletions_held) == (101, 0)
    assert not desk.see(booked).is_archived
    assert Event.objects.filter(client=desk.client, action="archive_all_the_same", actor=manager).count() == 1
    with pytest.raises(Conflict):
        deletions.press_sync_deletions(desk.connection.pk, by=manager, all_the_same=True)


def test_the_button_says_what_came_of_it(desk, book, delete_there, auditor):
    gone = book()
    delete_there(gone)
    with pytest.raises(NotAllowed):
        deletions.press_sync_deletions(desk.connection.pk, by=auditor)

    said = deletions.press_sync_deletions(desk.connection.pk, by=desk.clerk)

    assert said == "Deletions in the ERP: 1 invoice archived, 0 counterparties archived."


def test_a_connection_that_is_off_exchanges_nothing(desk, book, delete_there):
    gone = book()
    delete_there(gone)
    desk.tune(is_enabled=False)

    done = sync(desk)

    assert (done.is_whole, desk.see(gone).is_archived) == (False, False)
    assert Connection.objects.get(pk=desk.connection.pk).deletions_token == ""


def test_a_run_that_died_before_the_cursor_moved_is_repeated_without_a_second_event(
    desk, book, delete_there, monkeypatch
):
    gone = book()
    delete_there(gone)
    monkeypatch.setenv("UNSTUCK_FAULT", "before_cursor:raise")
    with pytest.raises(FaultInjected):
        sync(desk)
    monkeypatch.delenv("UNSTUCK_FAULT")
    desk.connection.refresh_from_db()
    assert desk.connection.deletions_until is None
    before = desk.actions(gone)
    assert before[-1] == "archive"

    done = sync(desk)

    assert (done.invoices, done.is_whole) == (0, True)
    assert desk.actions(gone) == before
