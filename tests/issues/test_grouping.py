"""What becomes an issue, what it counts, when it is over, and when it comes back."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from invoices import clock
from invoices.models import Attempt, Invoice, Payment
from invoices.workflow import MessageKind, MessageState, Step
from syncdiag.actions import grouping
from syncdiag.actions.grouping import Grouped, group_failures
from syncdiag.classifying import explain_complaint
from syncdiag.models import Bookmark, Issue, IssueDay, IssueHit
from tests.factories import InvoiceFactory
from tests.issues.conftest import CLOSED, INACTIVE


def issues():
    rows = Issue.objects.order_by("first_seen_at", "pk")
    return [(issue.title, issue.state, issue.count, issue.invoice_count, issue.open_count) for issue in rows]


def test_failures_of_one_entry_on_one_connection_are_one_issue(erp, connection):
    for _ in range(3):
        erp.refuse(CLOSED)
    erp.refuse(INACTIVE)

    assert group_failures() == Grouped(failures=4)

    assert issues() == [
        ("The accounting period is closed", "ongoing", 3, 3, 3),
        ("An item is inactive in the ERP", "ongoing", 1, 1, 1),
    ]
    issue = Issue.objects.get(key="period-closed")
    assert (issue.connection, issue.system, issue.said) == (connection, "sandbox", CLOSED)
    assert [(day.day, day.count) for day in issue.days.all()] == [(clock.now().date(), 3)]


def test_an_answer_with_two_errors_hits_two_issues(erp, connection):
    erp.refuse(CLOSED, INACTIVE, CLOSED)

    group_failures()

    assert sorted(row[0] for row in issues()) == ["An item is inactive in the ERP", "The accounting period is closed"]
    assert set(IssueHit.objects.values_list("count", flat=True)) == {1}


def test_looking_again_counts_nothing_twice(erp, connection):
    invoice = erp.refuse(CLOSED)
    group_failures()
    assert Bookmark.objects.get().read_to == 0

    assert group_failures() == Grouped()
    assert issues()[0][2:] == (1, 1, 1)

    erp.refuse(CLOSED, invoice=invoice)
    assert group_failures() == Grouped(failures=1)
    assert issues()[0][2:] == (2, 1, 1)


def test_what_can_no_longer_change_is_not_read_again(erp, connection):
    before = clock.now() - timedelta(minutes=2)
    erp.refuse(CLOSED, at=before)
    last = Attempt.objects.latest("pk").pk
    erp.refuse(CLOSED)

    group_failures()

    assert Bookmark.objects.get().read_to == last


def test_an_attempt_without_an_answer_yet_is_waited_for(erp, connection):
    before = clock.now() - timedelta(minutes=2)
    erp.refuse(CLOSED, at=before, outcome=Attempt.Outcome.OPEN)
    waiting = Attempt.objects.latest("pk")
    erp.refuse(CLOSED, at=before)
    assert group_failures() == Grouped(failures=1)
    assert Bookmark.objects.get().read_to == 0

    Attempt.objects.filter(pk=waiting.pk).update(outcome=Attempt.Outcome.REFUSED)

    assert group_failures() == Grouped(failures=1)
    assert issues()[0][2:4] == (2, 2)
    assert Bookmark.objects.get().read_to > waiting.pk


@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_of_any_size_count_the_same(erp, connection, monkeypatch, page):
    monkeypatch.setattr(grouping, "PAGE", page)
    before = clock.now() - timedelta(minutes=2)
    for number in range(5):
        erp.refuse(CLOSED if number % 2 else INACTIVE, at=before if number < 3 else None)

    assert group_failures() == Grouped(failures=5)
    assert group_failures() == Grouped()

    assert sum(row[2] for row in issues()) == 5


def test_it_is_resolved_by_itself_when_the_last_invoice_came_through(erp, connection):
    first, second = erp.refuse(CLOSED), erp.refuse(CLOSED)
    group_failures()
    erp.let_through(first)
    assert group_failures() == Grouped()
    assert issues()[0][1:] == ("ongoing", 2, 2, 1)

    erp.let_through(second)

    assert group_failures() == Grouped(resolved=1)
    assert issues()[0][1:] == ("resolved", 2, 2, 0)
    assert Issue.objects.get().resolved_at is not None


def test_it_comes_back_as_ongoing_with_the_next_failure(erp, connection):
    invoice = erp.refuse(CLOSED)
    group_failures()
    erp.let_through(invoice)
    group_failures()

    erp.refuse(CLOSED)

    assert group_failures() == Grouped(failures=1)
    issue = Issue.objects.get()
    assert (issue.state, issue.resolved_at, issue.return_count, issue.open_count) == ("ongoing", None, 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"step": Step.APPROVAL},
        {"step": Step.INVALIDATED},
        {"archived_at": clock.now, "archived_reason": "wrong"},
    ],
    ids=["skipped", "invalidated", "archived"],
)
def test_an_invoice_that_waits_no_more_came_through(erp, connection, change):
    invoice = erp.refuse(CLOSED)
    group_failures()

    values = {name: value() if callable(value) else value for name, value in change.items()}
    Invoice.objects.filter(pk=invoice.pk).update(**values)

    assert group_failures() == Grouped(resolved=1)


def test_posting_again_keeps_it_open_until_the_answer(erp, connection):
    invoice = erp.refuse(CLOSED)
    group_failures()

    Invoice.objects.filter(pk=invoice.pk).update(step=Step.PRELIMINARY_INTEGRATION)

    assert group_failures() == Grouped()
    assert issues()[0][1] == "ongoing"


def test_an_invoice_that_fails_for_another_reason_left_the_first_behind(erp, connection):
    invoice = erp.refuse(CLOSED)
    group_failures()

    erp.refuse(INACTIVE, invoice=invoice)

    assert group_failures() == Grouped(failures=1, resolved=1)
    assert [row[:2] for row in issues()] == [
        ("The accounting period is closed", "resolved"),
        ("An item is inactive in the ERP", "ongoing"),
    ]


def test_a_payment_that_fails_is_open_until_it_is_pushed(acme, erp, connection):
    invoice = InvoiceFactory(client=acme, direction="receivable", step=Step.BOOKED, status="open")
    payment = Payment.objects.create(
        invoice=invoice, amount=1, currency="USD", source="clerk", is_recorded_here=True, state="succeeded"
    )
    message = invoice.messages.create(
        client=acme, payment=payment, kind=MessageKind.PUSH_PAYMENT, key="pay-1", state=MessageState.REFUSED
    )
    message.attempts.create(
        number=1, started_at=clock.now(), outcome=Attempt.Outcome.REFUSED, request={}, complaints=[CLOSED]
    )
    assert group_failures() == Grouped(failures=1)
    assert group_failures() == Grouped()

    Payment.objects.filter(pk=payment.pk).update(pushed_at=clock.now(), remote_id="P-1")

    assert group_failures() == Grouped(resolved=1)


@pytest.mark.parametrize("outcome", [Attempt.Outcome.UNCERTAIN, Attempt.Outcome.NOT_SENT])
def test_what_could_not_be_sent_or_was_lost_is_a_failure_too(erp, connection, outcome):
    erp.refuse({"code": "MAINTENANCE", "message": "We are back at noon."}, outcome=outcome)

    assert group_failures() == Grouped(failures=1)
    assert issues()[0][:2] == ("The ERP is not available", "ongoing")


def test_unknown_words_that_differ_in_names_and_numbers_are_one_issue(erp, connection):
    erp.refuse({"code": "", "message": "Drawer 17 of 'Anna' is stuck"})
    erp.refuse({"code": "", "message": "Drawer 4711 of 'Bert & Co' is stuck"})
    erp.refuse({"code": "", "message": "Drawer 17 of 'Anna' is on fire"})

    group_failures()

    assert sorted(row[2] for row in issues()) == [1, 2]


def test_what_is_only_likely_of_some_words_makes_no_issue_of_two(erp, connection):
    first = {"code": "", "message": "The drawer has no date given"}
    second = {"code": "", "message": "No date found in the cellar"}
    assert not any(explain_complaint("sandbox", said).entry.is_certain for said in (first, second))
    erp.refuse(first)
    erp.refuse(second)

    group_failures()

    assert {row[0] for row in issues()} == {first["message"], second["message"]}


def test_old_attempts_are_left_alone_where_nothing_was_read_before(erp, connection, monkeypatch):
    monkeypatch.setattr(grouping, "READ_BACK", 1)
    erp.refuse(CLOSED)
    erp.refuse(CLOSED)

    assert group_failures() == Grouped(failures=1)


def test_a_look_asks_as_often_for_many_failures_as_for_few(erp, connection):
    erp.refuse(CLOSED)
    erp.refuse(INACTIVE)
    group_failures()

    def queries():
        erp.refuse(CLOSED)
        with CaptureQueriesContext(
            database,
        ) as few:
            group_failures()
        for _ in range(20):
            erp.refuse(CLOSED, INACTIVE)
        with CaptureQueriesContext(database) as many:
            group_failures()
        return len(few), len(many)

    few, many = queries()
    assert many <= few + 2


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_count_each_failure_once(erp, connection):
    for _ in range(40):
        erp.refuse(CLOSED)
    together = threading.Barrier(4)

    def look():
        together.wait()
        try:
            group_failures()
        finally:
            database.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group_failures()

    assert issues()[0][2:] == (40, 40, 40)
    assert IssueDay.objects.get().count == 40
