"""Why is it stuck: each situation has its finding, with evidence and a next step."""

from datetime import timedelta
from decimal import Decimal

import pytest

from integrations.models import Connection
from invoices import clock
from invoices.models import Evidence
from invoices.workflow import MessageKind, MessageState, Status, Step
from syncdiag.diagnosis import diagnose
from tests.factories import InvoiceFactory
from tests.syncdiag.cases import attempt, fresh, ids, refused, said, waiting


def test_a_draft_that_cannot_be_posted_says_what_to_mend(acme):
    invoice = InvoiceFactory(client=acme, total=Decimal(0))

    assert ids(invoice) == ["preflight-lines"]


def test_without_a_connection_it_says_so_first(acme):
    invoice = waiting(acme, MessageState.PENDING, not_before=clock.now())

    assert ids(invoice) == ["not-connected", "in-queue"]


def test_refused_credentials_come_before_the_message(acme, connection):
    Connection.objects.update(needs_credentials=True, last_error="401: who are you?")
    invoice = waiting(acme, MessageState.PENDING, not_before=clock.now(), attempt_count=1)

    first, second = diagnose(invoice)

    assert (first.id, second.id) == ("credentials", "not-sent")
    assert "401: who are you?" in [proof.said for proof in first.evidence]


def test_an_erp_that_is_down_is_named_with_its_words_and_the_pause(acme, connection):
    until = clock.now() + timedelta(minutes=1)
    Connection.objects.update(
        breaker_state="open", breaker_failures=5, breaker_until=until, last_error="under maintenance"
    )
    invoice = waiting(acme, MessageState.PENDING, not_before=until, attempt_count=5)

    first = diagnose(invoice)[0]

    assert first.id == "erp-down"
    assert {"5", "under maintenance"} <= {proof.said for proof in first.evidence}


@pytest.mark.parametrize(("not_before", "expected"), [(clock.now, "unknown"), (lambda: None, "unknown-for-a-person")])
def test_a_lost_answer_is_told_and_whether_a_person_must_look(acme, connection, not_before, expected):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=not_before(), attempt_count=1)

    (finding,) = diagnose(invoice)

    assert (finding.id, finding.button) == (expected, "look-up")


def test_a_refusal_is_explained_by_the_catalogue_beside_the_erps_own_words(acme, connection):
    said = {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed.", "detail": "Reopen it."}
    invoice = waiting(acme, MessageState.REFUSED, Step.PRELIMINARY_ERROR, complaints=[said])

    (finding,) = diagnose(invoice)

    assert (finding.id, finding.button) == ("period-closed", "post-again")
    assert "The accounting period 2026-08 is closed. Reopen it." in [proof.said for proof in finding.evidence]
    assert "2026-08" in finding.next_step


def test_a_refusal_that_nobody_knows_still_shows_the_erps_words(acme, connection):
    said = {"code": "X-1", "message": "Computer says no.", "detail": ""}
    invoice = waiting(acme, MessageState.REFUSED, Step.PRELIMINARY_ERROR, complaints=[said])

    (finding,) = diagnose(invoice)

    assert finding.id == "refused"
    assert "Computer says no." in [proof.said for proof in finding.evidence]


def test_every_complaint_has_its_finding(acme, connection):
    said = [{"code": "ITEM_INACTIVE", "message": "The item LAMP is inactive."}, {"code": "NO_LINES", "message": "No."}]
    invoice = waiting(acme, MessageState.REFUSED, Step.PRELIMINARY_ERROR, complaints=said)

    assert ids(invoice) == ["item-inactive", "no-lines"]


def test_a_booking_that_the_erp_has_comes_before_the_abort(acme, connection):
    invoice = waiting(acme, MessageState.ABORTED, Step.PRELIMINARY_ERROR, voucher="P-7", settled_at=clock.now())

    first, second = diagnose(invoice)

    assert (first.id, first.button, second.id) == ("erp-has-it", "skip", "aborted")
    assert "P-7" in first.what


def test_each_evidence_of_a_refusal_says_from_when_it_is(acme, connection):
    words = {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed.", "detail": "Reopen it."}
    invoice = refused(acme, words, settled_at=clock.now(), attempt_count=1)
    call = attempt(invoice, started_at=clock.now() - timedelta(minutes=12), trace_id="t-1")

    (finding,) = diagnose(invoice)

    quote = finding.evidence[0]
    assert (quote.said, quote.is_quote, quote.at) == (
        "The accounting period 2026-08 is closed. Reopen it.",
        True,
        call.started_at,
    )
    assert said(finding, "trace id") == "t-1"
    assert [proof.said for proof in finding.evidence if proof.is_quote] == [quote.said]
    assert all(proof.at is not None for proof in finding.evidence)


def test_a_refusal_has_its_cause_its_steps_and_whether_sending_again_helps(acme, connection):
    invoice = refused(acme, {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed."})

    (finding,) = diagnose(invoice)

    assert finding.cause == (
        "The posting date, or the invoice date where none is set, lies in 2026-08, which the ERP has closed."
    )
    assert finding.steps == (
        "Set a date in an open period, or have 2026-08 opened again in the ERP.",
        "Then post the invoice again.",
    )
    assert (finding.fixed_in, finding.retry_helps, finding.guide) == ("here", True, "sandbox#period-closed")


def test_a_refusal_without_a_word_is_a_finding_too(acme, connection):
    (finding,) = diagnose(refused(acme, reason="It said no."))

    assert (finding.id, finding.evidence[0].said) == ("refused", "It said no.")


def look_up(invoice, **facts):
    usual = {
        "invoice": invoice,
        "kind": MessageKind.BOOK_PRELIMINARY,
        "verdict": Evidence.Verdict.FOUND,
        "asked_at": clock.now(),
        "voucher": "P-7",
        "matches": 1,
    }
    return Evidence.objects.create(**(usual | facts))


def test_what_a_look_up_found_comes_before_the_refusal(acme, connection):
    invoice = refused(acme, {"code": "NO_LINES", "message": "No lines."})
    asked = look_up(invoice)

    first, second = diagnose(invoice)

    assert (first.id, first.button, second.id) == ("erp-has-it", "skip", "no-lines")
    assert next(proof.at for proof in first.evidence if proof.said.startswith("it has it")) == asked.asked_at
    assert said(second, "asked whether the ERP has it") == "it has it, under voucher P-7"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [({"matches": 2}, "two-documents"), ({"difference": "The amount is 11.00 there."}, "differs-there")],
)
def test_what_is_odd_there_comes_first(acme, connection, facts, expected):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None, attempt_count=1)
    look_up(invoice, **facts)

    assert ids(invoice) == [expected, "unknown-for-a-person"]


def test_a_look_up_of_before_the_step_is_no_evidence(acme, connection):
    invoice = refused(acme, {"code": "NO_LINES", "message": "No lines."})
    look_up(invoice, verdict="not_found", voucher="", matches=0, asked_at=invoice.step_since - timedelta(minutes=1))

    (finding,) = diagnose(invoice)

    assert "asked whether the ERP has it" not in [str(proof.label) for proof in finding.evidence]


@pytest.mark.parametrize(
    ("facts", "expected", "button"),
    [
        ({"state": "sending", "lease_until": clock.now}, "on-its-way", "wait"),
        ({"state": "pending", "not_before": clock.now, "attempt_count": 3}, "not-sent", "re-sync"),
        ({"state": "pending", "not_before": clock.now}, "in-queue", "re-sync"),
        ({"state": "pending", "attempt_count": 200}, "given-up", "re-sync"),
        ({"state": "confirmed"}, "no-open-message", "abort"),
    ],
)
def test_every_state_of_a_message_has_its_finding(acme, connection, facts, expected, button):
    facts = {name: value() if callable(value) else value for name, value in facts.items()}

    (finding,) = diagnose(waiting(acme, facts.pop("state"), **facts))

    assert (finding.id, finding.button) == (expected, button)


def test_an_archived_one_says_that_first_and_nothing_else(acme, connection):
    invoice = refused(acme, {"code": "NO_LINES", "message": "No lines."})
    invoice.archived_at, invoice.archived_reason = clock.now(), "Done with"
    invoice.save(update_fields=["archived_at", "archived_reason"])

    (finding,) = diagnose(fresh(invoice))

    assert (finding.id, finding.button, said(finding, "why")) == ("archived", "restore", "Done with")


def test_an_approval_names_who_handed_it_in(acme, clerk):
    (finding,) = diagnose(fresh(InvoiceFactory(client=acme, step=Step.APPROVAL, created_by=clerk)))

    assert (finding.id, finding.button, said(finding, "handed in by")) == (
        "waits-for-approval",
        "approve",
        "Clerk Example",
    )


def test_a_failed_validation_leads_to_the_form(acme, connection):
    invoice = fresh(InvoiceFactory(client=acme, step=Step.FINAL_ERROR, status=Status.FAILED_ERP_VALIDATION))

    (finding,) = diagnose(invoice)

    assert (finding.id, finding.button) == ("failed-validation", "edit")
