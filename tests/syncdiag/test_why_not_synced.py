"""Why has this invoice or payment not synced? (article 002)"""

from datetime import UTC, datetime

import pytest

from invoices import clock
from invoices.models import Event
from invoices.workflow import MessageState, Step
from syncdiag.case import gather
from syncdiag.diagnosis import ask_all, diagnose
from syncdiag.findings import Turn
from tests.syncdiag.cases import booked, fresh, ids, refused, said, waiting
from tests.syncdiag.payments import pay, push

ASKED = "not-synced"
DELETED = datetime(2026, 11, 20, 1, tzinfo=UTC)


def test_a_booked_invoice_on_which_nothing_waits_has_nothing_wrong(acme, connection):
    assert ids(booked(acme), ASKED) == ["nothing-wrong"]


def test_one_that_was_refused_has_not_synced_for_that_reason(acme, connection):
    invoice = refused(acme, {"code": "NO_LINES", "message": "No lines."})

    (finding,) = diagnose(invoice, question=ASKED)

    assert (finding.id, finding.question) == ("no-lines", ASKED)


def test_one_that_waits_has_not_synced_for_that_reason_and_it_is_said_once_in_all(acme, connection):
    invoice = waiting(acme, MessageState.PENDING, not_before=clock.now())

    assert ids(invoice, ASKED) == ["in-queue"]
    assert ids(invoice) == ["in-queue"]


def test_one_that_is_gone_there_says_since_when_and_what_to_do(acme, connection):
    invoice = booked(acme, erp_state="missing", deleted_in_erp_at=DELETED)
    Event.objects.create(
        client=acme, invoice=invoice, sequence=1, at=clock.now(), actor_name="x", action="missing_in_erp"
    )

    (finding,) = diagnose(invoice, question=ASKED)

    assert (finding.id, finding.button, finding.turn) == ("missing-in-erp", "archive", Turn.FIRST)
    assert said(finding, "deleted there") == "2026-11-20 01:00:00 UTC"
    assert said(finding, "id there") == "17"
    assert "noted" in [str(proof.label) for proof in finding.evidence]


def test_one_that_is_gone_there_while_it_is_on_its_way_is_aborted_first(acme, connection):
    invoice = waiting(acme, MessageState.PENDING, Step.FINAL_INTEGRATION, not_before=clock.now())
    invoice.erp_state, invoice.remote_id = "missing", "17"

    first = diagnose(invoice, question=ASKED)[0]

    assert (first.id, first.button) == ("missing-in-erp", "")
    assert first.next_step == ("It is on its way: abort the message, then look it up, and archive it or post it again.")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"erp_state": "voided"}, ("voided-in-erp", "archive")),
        ({"sync_problem": "The number is used twice."}, ("not-taken", "re-sync")),
    ],
)
def test_what_was_not_taken_from_there_is_named(acme, connection, facts, expected):
    (finding,) = diagnose(booked(acme, **facts), question=ASKED)

    assert (finding.id, finding.button) == expected


def test_a_refused_payment_is_explained_by_the_catalogue_and_pushed_again_by_re_sync(acme, connection):
    payment = pay(booked(acme))
    push(payment, "refused", complaints=[{"code": "PERIOD_CLOSED", "message": "The period 2026-08 is closed."}])

    (finding,) = diagnose(payment.invoice, question=ASKED)

    assert (finding.id, finding.button, finding.subject) == ("period-closed", "re-sync", f"payment {payment.pk}")
    assert finding.evidence[0].is_quote


def test_a_payment_in_the_queue_waits_for_the_connection_first(acme, connection):
    connection.needs_credentials, connection.last_error = True, "401"
    connection.save()
    payment = pay(booked(acme))
    push(payment, "pending", not_before=clock.now())

    first, second = diagnose(payment.invoice, question=ASKED)

    assert (first.id, second.id) == ("credentials", "payment-on-its-way")
    assert second.what == "A payment of 4.00 USD is not in the ERP yet."


@pytest.mark.parametrize(
    ("facts", "submits", "expected"),
    [
        ({"state": "authorized", "is_applied": False}, False, "payment-authorized"),
        ({"state": "authorized"}, False, "payment-authorized"),
        ({"state": "authorized"}, True, "payment-not-pushed"),
        ({"state": "authorized", "method": "card", "is_applied": False}, True, "payment-authorized"),
        ({}, True, "payment-not-pushed"),
        ({"is_recorded_here": False}, True, "nothing-wrong"),
        ({"pushed_at": DELETED, "remote_id": "9"}, True, "nothing-wrong"),
        ({"state": "failed", "is_applied": False}, True, "nothing-wrong"),
    ],
)
def test_a_payment_is_waited_for_or_not(acme, connection, facts, submits, expected):
    acme.submits_authorized_ach = submits
    acme.save()
    payment = pay(booked(acme), **facts)

    assert ids(fresh(payment.invoice), ASKED) == [expected]


def test_an_archived_one_is_not_synced_and_nothing_is_said(acme, connection):
    invoice = booked(acme, erp_state="voided", archived_at=DELETED, archived_reason="Done with")

    assert ids(invoice, ASKED) == ["nothing-wrong"]


def test_two_answers_on_one_payment_are_one_where_all_is_asked(acme, connection):
    payment = pay(booked(acme, paid=4, erp_balance="10.99", erp_currency="USD"))
    push(payment, "pending", not_before=clock.now())

    findings = ask_all(gather(fresh(payment.invoice), by=None))

    assert [finding.id for finding in findings] == ["payment-on-its-way"]
