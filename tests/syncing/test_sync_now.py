"""Sync now: what waits is sent or says why not, and what changed in the ERP is taken."""

from datetime import date
from decimal import Decimal

import pytest

from integrations import sync_runs
from integrations.actions import post_again
from integrations.models import Connection, SyncRun
from invoices import clock
from invoices.actions.flow import abort_message
from invoices.actions.intake import LineGiven
from invoices.actions.preferences import change_preferences
from invoices.errors import Conflict, NotAllowed, NotThere
from invoices.models import Event, IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.delivery.desk import AGO

pytestmark = pytest.mark.django_db(transaction=True)
BOLT = LineGiven("Bolt", Decimal(1), Decimal("10.99"), item="BOLT")


def test_what_waits_is_sent_and_each_shows_its_voucher(desk, syncing):
    invoices = [desk.post() for _number in range(3)]

    run = syncing.run()

    assert syncing.counts(run) == {"total": 3, "done": 3}
    assert (run.phase, run.stopped, run.left) == ("done", "", 0)
    assert syncing.results(run) == {
        invoice.number: ("done", f"The ERP has it under {desk.see(invoice).preliminary_voucher}.")
        for invoice in invoices
    }
    assert {desk.see(invoice).step for invoice in invoices} == {Step.APPROVAL}
    desk.assert_holds()


def test_what_waits_for_a_later_try_is_sent_now(desk, syncing):
    invoice = desk.post()
    IntegrationMessage.objects.update(not_before=clock.now() + AGO, attempt_count=3, reason="It was down.")

    run = syncing.run()

    assert syncing.counts(run) == {"total": 1, "done": 1}
    assert len(desk.documents(invoice)) == 1


def test_an_unknown_outcome_is_asked_about_and_never_sent_again(desk, syncing):
    invoice = desk.post()
    desk.erp.faults(lose_answers=True, times=1)
    desk.drain()
    IntegrationMessage.objects.filter(state=MessageState.UNKNOWN).update(not_before=None)  # it was for a person

    run = syncing.run()

    assert syncing.counts(run) == {"total": 1, "done": 1}
    assert len(desk.documents(invoice)) == 1
    desk.assert_holds()


def test_the_schedule_leaves_to_a_person_what_waits_for_one(desk, syncing):
    desk.post("D-PERSON")
    IntegrationMessage.objects.update(not_before=None, attempt_count=200, reason="It was down for two days.")
    Connection.objects.update(next_sync_at=clock.now() - AGO)
    assert sync_runs.start_due(clock.now()) == 1

    run = syncing.finish(SyncRun.objects.get())

    assert syncing.counts(run) == {"total": 1, "failed": 1}
    assert syncing.results(run) == {"D-PERSON": ("failed", "It waits for a person: It was down for two days.")}


def test_a_refusal_comes_with_the_words_of_the_erp(desk, syncing):
    desk.erp.close_period("2026-11", desk.connection.company)
    invoice = desk.post()

    run = syncing.run()

    (item,) = run.items.all()
    message = desk.message(invoice)
    assert syncing.counts(run) == {"total": 1, "failed": 1}
    assert (item.state, item.sentence) == ("failed", f"Refused: {message.reason}")
    assert item.said == message.complaints != []
    assert desk.see(invoice).step == Step.PRELIMINARY_ERROR


def test_what_was_refused_before_is_listed_and_not_sent(desk, syncing):
    desk.erp.close_period("2026-11", desk.connection.company)
    refused, aborted = desk.post(), desk.post()
    abort_message(aborted.pk, by=desk.handler, reason="Too slow")
    desk.drain()
    calls = desk.calls(refused)

    run = syncing.run()

    assert syncing.counts(run) == {"total": 2, "failed": 2, "known": 2}
    assert syncing.results(run)[refused.number][1].startswith(f"Refused before: {desk.message(refused).reason}")
    assert syncing.results(run)[aborted.number] == (
        "failed",
        "It is in the step Preliminary integration error: correct it and post it again, or skip the step.",
    )
    assert desk.calls(refused) == calls


def test_drafts_are_counted_and_are_no_errors(desk, syncing):
    desk.hand_in()
    desk.hand_in()

    run = syncing.run()

    assert syncing.counts(run) == {"drafts": 2}


def test_what_changed_in_the_erp_is_taken(syncing, book, edit_there):
    booked, same = book(), book()
    syncing.run()
    edit_there(booked, total="12.00")

    run = syncing.run()

    assert syncing.counts(run) == {"changed": 1}
    assert str(syncing.desk.see(booked).total) == "12.0000"
    assert str(syncing.desk.see(same).total) == "10.9900"


def test_what_cannot_be_taken_is_listed_with_its_reason(syncing, booked, edit_there):
    type(booked).objects.filter(pk=booked.pk).update(paid="5.00")
    edit_there(booked, total="4.00")

    run = syncing.run()

    state, sentence = syncing.results(run)[booked.number]
    assert syncing.counts(run)["problems"] == 1
    assert state == "problem"
    assert sentence.startswith("The ERP's total of 4.00 USD is below the 5.00")


def test_two_hundred_of_which_some_are_refused_mended_and_synced_again(desk, syncing):
    desk.tune(lanes=8)
    desk.ask("PUT", "items/BOLT/", {"name": "Bolt", "active": False})
    desk.erp.close_period("2026-09", desk.connection.company)
    good = [desk.post() for _number in range(170)]
    early = [desk.post(invoice_date=date(2026, 9, 30)) for _number in range(20)]
    bolts = [desk.post(lines=(BOLT,)) for _number in range(10)]

    first = syncing.run()

    assert syncing.counts(first) == {"total": 200, "done": 170, "failed": 30}
    assert {item.said[0]["code"] for item in first.items.filter(state="failed")} == {"PERIOD_CLOSED", "ITEM_INACTIVE"}
    desk.ask("PUT", "items/BOLT/", {"name": "Bolt", "active": True})
    learning = syncing.run()  # until then the item is known as inactive here, and nothing is posted with it
    assert syncing.counts(learning) == {"total": 30, "failed": 30, "known": 30}
    for invoice in bolts:
        post_again(invoice.pk, by=desk.handler, reason="The item is active again")
    last = syncing.run()
    assert syncing.counts(last) == {"total": 30, "done": 10, "failed": 20, "known": 20}
    assert {desk.see(invoice).step for invoice in [*good, *bolts]} == {Step.APPROVAL}
    assert {desk.see(invoice).step for invoice in early} == {Step.PRELIMINARY_ERROR}
    assert {len(desk.documents(invoice)) for invoice in [*good, *bolts]} == {1}


def test_a_second_press_joins_the_run_that_goes_on(desk, syncing, clerk2):
    first, is_new = sync_runs.sync_now(desk.connection.pk, by=desk.clerk)

    second, is_second_new = sync_runs.sync_now(desk.connection.pk, by=clerk2)

    assert (first.pk, is_new, is_second_new) == (second.pk, True, False)
    assert Event.objects.filter(action="sync_now").count() == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"is_enabled": False}, "is switched off"), ({"needs_credentials": True}, "refused our credentials")],
    ids=["disconnected", "credentials"],
)
def test_where_nothing_may_be_exchanged_it_is_refused(desk, values, sentence):
    desk.tune(**values)

    with pytest.raises(Conflict, match=sentence):
        sync_runs.sync_now(desk.connection.pk, by=desk.clerk)

    assert not SyncRun.objects.exists()


def test_who_may(desk, handler, manager, auditor, stranger):
    for person in (handler, manager, auditor):
        with pytest.raises(NotAllowed, match="Only Finance staff"):
            sync_runs.sync_now(desk.connection.pk, by=person)
    with pytest.raises(NotThere):
        sync_runs.sync_now(desk.connection.pk, by=stranger)

    assert not SyncRun.objects.exists()


def test_while_the_erp_is_not_reachable_the_run_ends_and_says_so(desk, syncing):
    invoice = desk.post()
    desk.tune(breaker_state="open", breaker_failures=5, breaker_until=clock.now() + AGO)

    run = syncing.run()

    sentence = "The ERP is not reachable. What waits goes out by itself."
    assert (run.stopped, syncing.counts(run)) == (sentence, {"total": 1, "later": 1})
    assert syncing.results(run) == {invoice.number: ("later", sentence)}
    assert desk.message(invoice).state == MessageState.PENDING


def test_an_erp_that_goes_down_meanwhile_ends_the_run(desk, syncing):
    invoices = [desk.post() for _number in range(8)]
    desk.erp.faults(down=True)

    run = syncing.run()

    assert run.stopped == "The ERP is not reachable. What waits goes out by itself."
    assert syncing.counts(run) == {"total": 8, "later": 8}
    assert {desk.message(invoice).state for invoice in invoices} == {MessageState.PENDING}


def test_credentials_that_are_refused_meanwhile_end_the_run(desk, syncing):
    desk.post()
    desk.tune(secret="wrong")

    run = syncing.run()

    assert run.stopped.startswith("The ERP refused our credentials")
    assert syncing.counts(run) == {"total": 1, "later": 1}


def test_cancelled_before_its_turn_nothing_is_hurried(desk, syncing):
    invoice = desk.post()
    later = clock.now() + AGO
    IntegrationMessage.objects.update(not_before=later)
    run = syncing.press()

    sync_runs.cancel_sync(run.pk, by=desk.clerk)

    assert sync_runs.work_on(run.pk) is False
    assert syncing.see(run).is_over
    assert desk.message(invoice).not_before == later
    with pytest.raises(Conflict, match="over already"):
        sync_runs.cancel_sync(run.pk, by=desk.clerk)


def test_who_may_cancel(desk, syncing, handler, stranger):
    run = syncing.press()

    with pytest.raises(NotAllowed):
        sync_runs.cancel_sync(run.pk, by=handler)
    with pytest.raises(NotThere):
        sync_runs.cancel_sync(run.pk, by=stranger)

    assert not syncing.see(run).is_over


def test_a_payment_that_the_preference_lets_out_now_is_pushed(desk, syncing, manager):
    change_preferences(desk.client.pk, by=manager, submits_authorized_ach=False)
    invoice = desk.book()
    desk.pay(invoice)
    change_preferences(desk.client.pk, by=manager, submits_authorized_ach=True)

    run = syncing.run()

    assert syncing.counts(run)["done"] == 1
    assert (desk.see(invoice).status, len(desk.payments(invoice))) == ("paid", 1)


def test_a_run_that_breaks_ends_and_says_that_it_is_our_fault(desk, syncing, monkeypatch):
    desk.post()
    monkeypatch.setattr(sync_runs, "push_waiting_payments", lambda pk, by: 1 / 0)  # a bug of ours has no other seam
    desk.pay(desk.book())

    run = syncing.run()

    assert run.stopped == "This is our fault: tell your administrator the number of this run."
