"""The diagnosis as a whole: it asks all questions at a bounded cost, says what was checked, and changes nothing."""

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from invoices import clock
from invoices.errors import BadInput
from invoices.models import Event, Evidence, IntegrationMessage, Invoice, Payment
from invoices.workflow import MessageKind, MessageState, PaymentState
from syncdiag.case import gather
from syncdiag.diagnosis import ask, ask_all, diagnose
from syncdiag.questions import QUESTIONS, find_question
from tests.factories import InvoiceFactory
from tests.syncdiag.cases import attempt, booked, fresh, refused, waiting


def test_a_good_draft_has_nothing_wrong_and_says_what_was_checked(acme):
    (finding,) = diagnose(InvoiceFactory(client=acme))

    assert (finding.id, finding.what, finding.next_step) == (
        "nothing-wrong",
        "Nothing wrong was found.",
        "Nothing needs to be done.",
    )
    assert [str(proof.label) for proof in finding.evidence] == [
        "step",
        "Why is it stuck?",
        "Why has this invoice or payment not synced?",
        "Why do the balances differ?",
        "Why is it paid although the payment failed?",
        "Why is there no PDF?",
    ]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.slug)
def test_each_question_is_answered_by_itself_and_names_what_it_checked(acme, connection, root, question):
    case = gather(booked(acme, erp_balance=Decimal("10.99"), erp_currency="USD"), by=root)

    findings = ask(case, question)

    assert {finding.question for finding in findings} == {question.slug}
    if findings[0].id == "nothing-wrong":
        assert (question.asks, question.checks) in [(proof.label, proof.said) for proof in findings[0].evidence]


def test_a_question_that_is_none_is_refused_by_its_name(acme):
    with pytest.raises(BadInput) as refusal:
        diagnose(InvoiceFactory(client=acme), question="why")

    assert refusal.value.fields == {
        "question": "There is no question of this name: ask stuck, not-synced, balances, paid, pdf, handling, or leave "
        "it out to have all of them answered."
    }


def test_the_connection_comes_before_what_waits_behind_it_and_that_before_what_mends_itself(acme, connection):
    connection.needs_credentials, connection.last_error = True, "401"
    connection.save()
    invoice = waiting(
        acme, MessageState.PENDING, not_before=clock.now(), attempt_count=1, status="failed_erp_validation"
    )
    invoice.sync_problem, invoice.remote_id = "A line is too long.", "17"

    findings = ask_all(gather(invoice, by=None))

    assert [finding.id for finding in findings] == ["credentials", "not-taken", "not-sent"]


def busy(client, rows):
    """Return a booked invoice with so many payments, messages, attempts, look-ups and events."""
    invoice = booked(client, paid=Decimal(4), erp_balance=Decimal("10.99"), erp_currency="USD")
    for number in range(rows):
        payment = Payment.objects.create(
            invoice=invoice,
            amount=Decimal(1),
            currency="USD",
            method="card",
            state=PaymentState.SUCCEEDED,
            is_recorded_here=True,
        )
        message = IntegrationMessage.objects.create(
            client=client,
            invoice=invoice,
            payment=payment,
            kind=MessageKind.PUSH_PAYMENT,
            key=f"p-{payment.pk}",
            state=MessageState.REFUSED,
            complaints=[{"code": "X", "message": "No."}],
        )
        message.attempts.create(number=1, started_at=clock.now(), request={})
        Evidence.objects.create(invoice=invoice, kind=MessageKind.BOOK_FINAL, verdict="not_found", asked_at=clock.now())
        Event.objects.create(
            client=client, invoice=invoice, sequence=number + 1, at=clock.now(), actor_name="x", action="not_taken"
        )
    return fresh(invoice)


def queries(work):
    with CaptureQueriesContext(database) as captured:
        work()
    return len(captured)


def test_asking_everything_costs_the_same_however_many_rows_there_are(acme, connection, clerk):
    few, many = busy(acme, 1), busy(acme, 9)

    def ask_of(invoice):
        case = gather(invoice, by=clerk)
        ask_all(case)
        for question in QUESTIONS:
            ask(case, question)

    cost = queries(lambda: ask_of(few))

    assert queries(lambda: ask_of(many)) == cost
    assert cost <= 14


def test_gathering_is_what_costs_and_the_answers_hardly_anything(acme, connection, clerk):
    case = gather(busy(acme, 3), by=clerk)

    assert queries(lambda: ask_all(case)) == 0
    assert {question.slug: queries(partial(ask, case, question)) for question in QUESTIONS} == {
        "stuck": 0,
        "not-synced": 0,
        "balances": 0,
        "paid": 0,
        "pdf": 0,
        "handling": 1,  # what the ERP is called
    }


def test_asking_changes_nothing(acme, connection, clerk):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=clock.now(), attempt_count=1)
    attempt(invoice, started_at=clock.now() - timedelta(minutes=2))

    def rows():
        tables = (Invoice, IntegrationMessage, Event, Evidence, Payment)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = rows()
    diagnose(invoice, by=clerk)
    for question in QUESTIONS:
        diagnose(invoice, by=clerk, question=question.slug)

    assert rows() == before


def test_no_finding_of_any_question_is_without_evidence_or_next_step(acme, connection, auditor):
    invoices = [
        refused(acme, {"code": "NO_LINES", "message": "No lines."}),
        waiting(acme, MessageState.UNKNOWN, not_before=None),
        busy(acme, 2),
        InvoiceFactory(client=acme, total=Decimal(0)),
    ]

    for invoice in invoices:
        for question in QUESTIONS:
            for finding in ask(gather(invoice, by=auditor), find_question(question.slug)):
                assert finding.evidence, finding
                assert str(finding.next_step), finding
