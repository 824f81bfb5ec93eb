"""Why may I not edit or handle it? It is about the person who asks (articles 000 and 001)."""

import re

import pytest

from invoices import clock
from invoices.buttons import all_buttons
from invoices.workflow import MessageState, Status, Step
from syncdiag.case import gather
from syncdiag.diagnosis import ask, diagnose
from syncdiag.questions import find_question
from tests.factories import InvoiceFactory
from tests.syncdiag.cases import booked, fresh, ids, said, waiting

ASKED = "handling"


def findings(invoice, by):
    return {finding.id: finding for finding in ask(gather(invoice, by=by), find_question(ASKED))}


def test_a_clerk_reads_who_handles_the_queue_and_may_ask_them(acme, connection, clerk, handler):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None)

    found = findings(invoice, clerk)["no-right-handle-queue"]

    assert found.next_step == "Only Integration queue handler of Acme may do this. Ask Handler Example."
    assert found.button == "ask-handler"
    assert said(found, "the right") == "abort, skip, post again and invalidate"
    assert said(found, "who has it") == "Handler Example"
    assert said(found, "what needs it").startswith("Abort integration message")


def test_where_nobody_handles_the_queue_there_is_nobody_to_ask(acme, connection, clerk):
    found = findings(waiting(acme, MessageState.UNKNOWN, not_before=None), clerk)["no-right-handle-queue"]

    assert (found.button, said(found, "who has it")) == ("", "nobody yet")
    assert found.next_step == (
        "Only Integration queue handler of Acme may do this, and nobody is yet: ask an Integration manager to grant "
        "the role."
    )


def test_an_auditor_may_not_edit_and_reads_who_may(acme, auditor, clerk):
    found = findings(InvoiceFactory(client=acme), auditor)["may-not-edit"]

    assert found.what == "You have no right to edit it."
    assert found.next_step == "Only Finance staff of Acme may do this. Ask Clerk Example."


@pytest.mark.parametrize(
    ("facts", "what", "button"),
    [
        (
            {"step": Step.BOOKED, "status": Status.OPEN, "remote_id": "17"},
            "It is booked. Edit it in Sandbox ERP; the next sync brings it back.",
            "re-sync",
        ),
        (
            {"step": Step.PRELIMINARY_INTEGRATION},
            "It is on its way to the ERP: an Integration queue handler can abort the message, then it can be edited.",
            "abort",
        ),
        (
            {"step": Step.APPROVAL},
            "It is booked preliminarily and waits for approval: it can be approved or invalidated.",
            "invalidate",
        ),
        ({"step": Step.INVALIDATED}, "It is invalidated: hand it in again under another number.", ""),
    ],
)
def test_each_step_says_how_it_is_edited_all_the_same(acme, connection, clerk, facts, what, button):
    found = findings(fresh(InvoiceFactory(client=acme, **facts)), clerk)["may-not-edit"]

    assert (found.what, found.button) == (what, button)


def test_an_archived_one_is_restored_first(acme, connection, clerk):
    found = findings(booked(acme, archived_at=clock.now(), archived_reason="Done with"), clerk)["may-not-edit"]

    assert (found.what, found.button) == ("It is archived: restore it first.", "restore")
    assert said(found, "archived") == "Done with"
    assert said(found, "id in the ERP") == "17"


def test_the_evidence_of_a_step_is_the_step_and_since_when(acme, connection, clerk):
    found = findings(booked(acme), clerk)["not-from-here"]

    assert (said(found, "step"), said(found, "status")) == ("Booked", "Open")
    assert found.evidence[0].at is not None


def test_who_handed_it_in_may_not_approve_it(acme, clerk, clerk2):
    invoice = fresh(InvoiceFactory(client=acme, step=Step.APPROVAL, created_by=clerk))

    found = findings(invoice, clerk)["approve-own"]

    assert found.what == "You handed this invoice in, so somebody else must approve it."
    assert said(found, "who may approve") == "Clerk Example, Clerk2 Example"
    assert "approve-own" not in findings(invoice, clerk2)


def test_a_call_that_is_out_is_named_as_the_lock(acme, connection, handler):
    invoice = waiting(acme, MessageState.SENDING, lease_until=clock.now())

    found = findings(invoice, handler)["locked-by-call"]

    assert (found.button, found.until) == ("wait", invoice.current_message.lease_until)


def test_a_role_held_on_the_parent_counts(acme, globex, stranger):
    acme.parent = globex
    acme.save()

    assert "may-not-edit" not in ids(fresh(InvoiceFactory(client=acme)), ASKED, by=stranger)


@pytest.mark.parametrize("step", Step.values)
@pytest.mark.parametrize("role", ["clerk", "handler", "manager", "auditor", "root"])
def test_it_names_exactly_the_buttons_that_cannot_be_pressed(acme, connection, request, role, step, clerk):
    person = request.getfixturevalue(role)
    status = Status.OK_TO_PAY if step == Step.BOOKED else Status.NONE
    invoice = fresh(InvoiceFactory(client=acme, step=step, status=status, created_by=clerk))

    told = set()
    for finding in diagnose(invoice, by=person, question=ASKED):
        told |= {*re.split(", | and ", str(finding.what).partition(": ")[2].rstrip("."))}
        told |= {"Approve"} if finding.id == "approve-own" else set()

    for button in all_buttons():
        if not button.concerns(invoice):
            continue
        assert (str(button.label) in told) == bool(button.why_not(invoice, person)), button.slug
