"""Why is it stuck: each situation has its finding, with evidence and a next step, and nothing is changed by asking."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from integrations.models import Connection
from invoices import clock
from invoices.models import Event, Evidence, IntegrationMessage, Invoice
from invoices.workflow import MessageKind, MessageState, Step
from syncdiag.diagnosis import diagnose
from tests.factories import InvoiceFactory


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="s3cret")


def waiting(acme, state, step=Step.PRELIMINARY_INTEGRATION, **facts):
    invoice = InvoiceFactory(client=acme, step=step)
    message = IntegrationMessage.objects.create(
        client=acme, invoice=invoice, kind=MessageKind.BOOK_PRELIMINARY, key=f"key-{invoice.pk}", state=state, **facts
    )
    Invoice.objects.filter(pk=invoice.pk).update(current_message=message)
    return Invoice.objects.get(pk=invoice.pk)


def ids(invoice):
    return [finding.id for finding in diagnose(invoice)]


def test_a_draft_that_cannot_be_posted_says_what_to_mend(acme):
    invoice = InvoiceFactory(client=acme, total=Decimal(0))

    assert ids(invoice) == ["preflight-lines"]


def test_a_good_draft_has_nothing_wrong_and_says_what_was_checked(acme):
    (finding,) = diagnose(InvoiceFactory(client=acme))

    assert finding.id == "nothing-wrong"
    assert any("the connection" in proof.said for proof in finding.evidence)


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


def test_asking_changes_nothing(acme, connection):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=clock.now(), attempt_count=1)
    before = list(IntegrationMessage.objects.values()), Event.objects.count(), Evidence.objects.count()

    diagnose(invoice)

    assert (list(IntegrationMessage.objects.values()), Event.objects.count(), Evidence.objects.count()) == before


@pytest.mark.urls("config.urls")
def test_the_api_answers_the_same_and_a_stranger_sees_nothing(acme, connection, auditor, stranger):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None, attempt_count=1)
    api = APIClient()

    api.force_authenticate(auditor)
    answer = api.get(f"/api/v1/invoices/{invoice.pk}/diagnosis/")
    api.force_authenticate(stranger)
    theirs = api.get(f"/api/v1/invoices/{invoice.pk}/diagnosis/")

    assert [finding["id"] for finding in answer.json()["findings"]] == ["unknown-for-a-person"]
    assert theirs.status_code == 404


def test_the_command_prints_a_table_and_json(acme, connection, capsys):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None, attempt_count=1)

    call_command("diagnose", invoice.number)
    table = capsys.readouterr().out
    call_command("diagnose", invoice.number, "--client", "acme", "--json")
    (row,) = json.loads(capsys.readouterr().out)

    assert "The answer of the ERP was lost" in table
    assert row["findings"][0]["id"] == "unknown-for-a-person"


def test_the_command_says_what_to_do_about_a_number_that_is_not_here(db):
    with pytest.raises(CommandError, match="No invoice has the number NOPE: check it"):
        call_command("diagnose", "NOPE")
