"""Buttons pressed at the same instant: exactly one legal outcome each. PostgreSQL alone, for SQLite has one writer."""

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from integrations import actions
from invoices.actions import flow
from invoices.actions.intake import InvoiceGiven, LineGiven, hand_in
from invoices.actions.outbox import Report, settle
from invoices.errors import Conflict, Refusal
from invoices.models import Attempt, IntegrationMessage, Invoice
from invoices.workflow import MessageState, Step
from tests.delivery.desk import Beside
from tests.processes import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        database.vendor != "postgresql", reason="SQLite has one writer at a time: nothing happens at the same instant"
    ),
]


def _waiting_for_locks() -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the same picture for ever
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]


def _at_once(invoice: Invoice, *acts: Callable[[], Any]) -> list[Any]:
    """Do all acts at the same instant: each gets as far as it can while somebody else holds the invoice's row.

    Returns what each returned, or the refusal that it raised; fails when anything else was raised.
    """
    with transaction.atomic():
        Invoice.objects.select_for_update().get(pk=invoice.pk)
        beside = [Beside(act) for act in acts]
        wait_until(lambda: _waiting_for_locks() == len(acts), "all wait for the row", timeout=20)
    said = []
    for one in beside:
        try:
            said.append(one.join())
        except Exception as exc:  # noqa: BLE001 (judged below, all together)
            said.append(exc)
    accidents = [one for one in said if isinstance(one, Exception) and not isinstance(one, Refusal)]
    assert accidents == []
    return said


def _refusals(said: list[Any]) -> list[type]:
    return [type(one) for one in said if isinstance(one, Refusal)]


def _confirmation(job) -> Report:
    return Report(
        job.message_id,
        MessageState.CONFIRMED,
        attempt=job.attempt,
        attempt_id=job.attempt_id,
        voucher="P-000001",
        remote_id="1",
        completed={"outcome": Attempt.Outcome.CONFIRMED},
    )


@pytest.fixture
def refused(desk, handler):
    """Return an invoice that the ERP refused, and what it complained of is mended."""
    desk.erp.close_period("2026-11", desk.connection.company)
    invoice = desk.post()
    desk.drain()
    assert desk.see(invoice).step == Step.PRELIMINARY_ERROR
    desk.erp.ask("POST", "/periods/2026-11/open/", {"company": desk.connection.company})
    return invoice


@pytest.mark.parametrize("_round", range(4))
def test_abort_and_the_worker_s_report(desk, handler, _round):
    invoice = desk.post()
    (job,) = desk.claim()

    said = _at_once(
        invoice,
        lambda: flow.abort_message(invoice.pk, by=handler, reason="takes too long"),
        lambda: settle([_confirmation(job)]),
    )

    invoice, message = desk.see(invoice), desk.message(invoice)
    if _refusals(said):  # the worker was quicker
        assert (invoice.step, message.state) == (Step.APPROVAL, MessageState.CONFIRMED)
        assert desk.actions(invoice) == ["hand_in", "post", "confirm"]
    else:
        assert (invoice.step, message.state) == (Step.PRELIMINARY_ERROR, MessageState.ABORTED)
        assert desk.actions(invoice) == ["hand_in", "post", "abort", "book_after_abort"]
        assert flow.offered_booking(invoice).voucher == "P-000001"
    assert message.voucher == "P-000001"


def test_a_double_click_on_post_again_sends_once(desk, handler, refused):
    said = _at_once(refused, *[lambda: actions.post_again(refused.pk, by=handler, reason="mended")] * 2)

    assert _refusals(said) == [Conflict]
    assert IntegrationMessage.objects.filter(invoice=refused).count() == 2
    desk.settle()
    assert len(desk.documents(refused)) == 1
    assert desk.actions(refused).count("post_again") == 1
    desk.assert_holds(settled=True)


def test_skip_and_post_again_at_once(desk, handler, refused):
    said = _at_once(
        refused,
        lambda: flow.skip_step(refused.pk, by=handler, reason="booked by hand", voucher="HAND-1"),
        lambda: actions.post_again(refused.pk, by=handler, reason="mended"),
    )

    assert _refusals(said) == [Conflict]
    done = [action for action in desk.actions(refused) if action in ("skip", "post_again")]
    assert len(done) == 1
    desk.settle()
    assert desk.see(refused).step == Step.APPROVAL
    assert len(desk.documents(refused)) == (done == ["post_again"])
    desk.assert_holds(settled=True)


def test_two_people_who_approve_at_once(desk, clerk2, manager, root):
    invoice = desk.post()
    desk.drain()

    said = _at_once(
        invoice,
        lambda: flow.approve_invoice(invoice.pk, by=clerk2),
        lambda: flow.approve_invoice(invoice.pk, by=root),
    )

    assert _refusals(said) == [Conflict]
    desk.drain()
    assert desk.see(invoice).step == Step.BOOKED
    assert desk.actions(invoice).count("approve") == 1
    (document,) = desk.documents(invoice)
    assert [booking["stage"] for booking in document["bookings"]] == ["preliminary", "final"]
    desk.assert_holds(settled=True)


def test_aborting_twice_at_once(desk, handler):
    invoice = desk.post()

    said = _at_once(invoice, *[lambda: flow.abort_message(invoice.pk, by=handler, reason="wrong")] * 2)

    assert _refusals(said) == [Conflict]
    assert desk.actions(invoice) == ["hand_in", "post", "abort"]
    desk.assert_holds(settled=True)


def test_a_claim_and_an_abort_at_once(desk, handler):
    for _round in range(8):
        invoice = desk.post()
        start = threading.Barrier(2)

        def claim(start: threading.Barrier = start) -> list:
            start.wait(10)
            return desk.claim()

        def abort(start: threading.Barrier = start, pk: int = invoice.pk) -> Invoice:
            start.wait(10)
            return flow.abort_message(pk, by=handler, reason="wrong")

        claiming, aborting = Beside(claim), Beside(abort)
        jobs = claiming.join()
        aborting.join()

        message = desk.message(invoice)
        assert (message.state, message.attempt_count) == (MessageState.ABORTED, len(jobs))
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("key", ["", "key-1"], ids=["without a key", "under one key"])
def test_the_same_invoice_handed_in_at_once_is_there_once(desk, clerk, key):
    given = InvoiceGiven(
        direction="payable",
        number="TWICE-1",
        party_code="SUP-1",
        party_name="Paper & Sons",
        invoice_date=date(2026, 11, 2),
        currency="USD",
        lines=(LineGiven("Paper", Decimal(1), Decimal(10)),),
    )
    start = threading.Barrier(4)

    def act(key: str) -> Any:
        start.wait(10)
        try:
            return hand_in(desk.client, given, by=clerk, key=key)
        except Refusal as refusal:
            return refusal

    said = [one.join() for one in [Beside(lambda: act(key)) for _number in range(4)]]

    assert Invoice.objects.filter(number="TWICE-1").count() == 1
    news = [one[1] for one in said if not isinstance(one, Refusal)]
    assert sorted(news) == ([False, False, False, True] if key else [True])
    desk.assert_holds()
