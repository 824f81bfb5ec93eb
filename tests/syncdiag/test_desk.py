"""The desk: what is stuck, in which group, for whom, and what to do next."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import Connection
from invoices import clock
from invoices.actions.payments import StatusUpdate, Update, update_status
from invoices.models import Attempt, Evidence, IntegrationMessage, Invoice
from invoices.roles import Role
from invoices.workflow import PRELIMINARY_STEPS, MessageKind, MessageState, Status, Step
from syncdiag import desk as desk_module
from syncdiag.actions.grouping import group_failures
from tests.admin.test_page import inline_parts
from tests.factories import ClientFactory, CounterpartyFactory, InvoiceFactory, RoleGrantFactory

WAITS, STOPPED = Step.PRELIMINARY_INTEGRATION, Step.PRELIMINARY_ERROR
HOUR = timedelta(hours=1)
CLOSED = [{"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed.", "detail": ""}]


@pytest.fixture(autouse=True)
def _connected(acme, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="x")


def stand(
    client, number="INV-1", *, step=STOPPED, state=MessageState.REFUSED, since=HOUR, status="", by=None, **message
):
    invoice = InvoiceFactory(
        client=client,
        number=number,
        step=step,
        status=status,
        step_since=clock.now() - since,
        created_by=by,
        counterparty=CounterpartyFactory(client=client, code=f"S-{number}"),
    )
    kind = MessageKind.BOOK_PRELIMINARY if step in PRELIMINARY_STEPS else MessageKind.BOOK_FINAL
    written = IntegrationMessage.objects.create(
        client=client, invoice=invoice, kind=kind, key=f"key-{invoice.pk}", state=state, **message
    )
    Invoice.objects.filter(pk=invoice.pk).update(current_message=written)
    return Invoice.objects.get(pk=invoice.pk)


def fail_once(invoice):
    """Let there be the attempt behind what the ERP said."""
    invoice.current_message.attempts.create(
        number=1,
        started_at=clock.now(),
        outcome=Attempt.Outcome.REFUSED,
        request={},
        complaints=invoice.current_message.complaints,
    )


def answer(invoice, verdict=Evidence.Verdict.FOUND, **fields):
    found = verdict == Evidence.Verdict.FOUND
    kind = MessageKind.BOOK_PRELIMINARY if invoice.step in PRELIMINARY_STEPS else MessageKind.BOOK_FINAL
    given = {"matches": int(found), "voucher": "V-7" if found else "", "asked_at": clock.now(), "kind": kind}
    return Evidence.objects.create(invoice=invoice, verdict=verdict, **{**given, **fields})


def look(person, **query):
    browser = Browser()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    response = browser.get(reverse("admin:index"), query)
    assert response.status_code == 200
    return response


def numbers(person, **query):
    """Return the numbers that stand in each group that is not empty."""
    groups = look(person, **query).context["desk"].groups
    return {each.group.slug: [row.invoice.number for row in each.rows] for each in groups if each.rows}


def only_row(person, **query):
    (row,) = [row for each in look(person, **query).context["desk"].groups for row in each.rows]
    return row


# groups ---------------------------------------------------------------------------------------------------------------


def test_each_reason_has_its_group_and_an_invoice_stands_in_one_only(acme, handler):
    answer(stand(acme, "TWO", voucher="V-1", state=MessageState.ABORTED), matches=2, difference="V-1, V-2")
    stand(acme, "LATE", state=MessageState.ABORTED, voucher="V-9")
    stand(acme, "VALID", step=Step.FINAL_ERROR, state=MessageState.CONFIRMED, status=Status.FAILED_ERP_VALIDATION)
    stand(acme, "ERROR")
    stand(acme, "LOST", step=WAITS, state=MessageState.UNKNOWN, since=timedelta(minutes=1))
    stand(acme, "LONG", step=WAITS, state=MessageState.PENDING, since=timedelta(minutes=16))
    stand(acme, "FRESH", step=WAITS, state=MessageState.PENDING, since=timedelta(minutes=14))
    InvoiceFactory(client=acme, step=Step.APPROVAL)

    assert numbers(handler) == {
        "two": ["TWO"],
        "late": ["LATE"],
        "validation": ["VALID"],
        "error": ["ERROR"],
        "unknown": ["LOST"],
        "overdue": ["LONG"],
    }


@pytest.mark.parametrize(
    "facts",
    [{"breaker_state": "open"}, {"needs_credentials": True}, {"is_enabled": False}],
    ids=lambda facts: next(iter(facts)),
)
def test_what_waits_behind_a_paused_connection_is_told_apart_from_what_waits_too_long(acme, handler, facts):
    Connection.objects.update(last_error="under maintenance", **facts)
    stand(acme, step=WAITS, state=MessageState.PENDING, since=HOUR)

    row = only_row(handler)

    assert (row.group.slug, row.said, row.next.url) == ("paused", "under maintenance", "")
    assert row.next.sentence.startswith("It goes out by itself")


def test_patience_is_the_clients_own_for_each_step(acme, handler):
    acme.preliminary_patience, acme.final_patience = 90, 5
    acme.save()
    stand(acme, "PRE", step=WAITS, state=MessageState.PENDING, since=HOUR)
    stand(acme, "FIN", step=Step.FINAL_INTEGRATION, state=MessageState.PENDING, since=timedelta(minutes=6))

    assert numbers(handler) == {"overdue": ["FIN"]}


def test_what_is_in_processing_payment_without_news_says_since_when(acme, handler):
    invoice = InvoiceFactory(client=acme, number="QUIET", step=Step.BOOKED, status=Status.OK_TO_PAY)
    update_status(invoice.pk, StatusUpdate(Update.PROCESSING_PAYMENT, source="erp"), by=None)
    heard = clock.now() - timedelta(days=15)
    Invoice.objects.filter(pk=invoice.pk).update(news_at=heard)

    row = only_row(handler)

    assert (row.group.slug, row.since) == ("silent", heard)
    assert row.said == f"No update from the ERP since {heard:%-d %B %Y}."
    assert row.next.url == reverse("admin:invoices_invoice_change", args=[invoice.pk])
    assert look(handler).context["desk"].total_text == "0"


def test_any_word_of_the_erp_ends_the_silence(acme, handler):
    invoice = InvoiceFactory(client=acme, number="HEARD", step=Step.BOOKED, status=Status.PROCESSING_PAYMENT)
    Invoice.objects.filter(pk=invoice.pk).update(news_at=clock.now() - timedelta(days=15))
    before = numbers(handler)

    update_status(invoice.pk, StatusUpdate(Update.NOTED, source="erp"), by=None)

    assert (before, numbers(handler)) == ({"silent": ["HEARD"]}, {})


def test_patience_with_payments_is_the_clients_own(acme, handler):
    acme.payment_patience = 30
    acme.save()
    invoice = InvoiceFactory(client=acme, number="QUIET", step=Step.BOOKED, status=Status.PROCESSING_PAYMENT)
    Invoice.objects.filter(pk=invoice.pk).update(news_at=clock.now() - timedelta(days=29))
    before = numbers(handler)

    Invoice.objects.filter(pk=invoice.pk).update(news_at=clock.now() - timedelta(days=31))

    assert (before, numbers(handler)) == ({}, {"silent": ["QUIET"]})


def test_two_documents_count_no_more_once_the_erp_has_one(acme, handler):
    invoice = stand(acme)
    answer(invoice, matches=2)
    answer(invoice, matches=1)

    assert list(numbers(handler)) == ["error"]


def test_archived_invoices_are_not_on_the_desk(acme, handler):
    invoice = stand(acme)
    Invoice.objects.filter(pk=invoice.pk).update(archived_at=clock.now())

    desk = look(handler).context["desk"]

    assert (desk.total_text, desk.oldest) == ("0", None)


# order, pages, chart --------------------------------------------------------------------------------------------------


def test_a_group_is_read_oldest_first_page_by_page(acme, handler, monkeypatch):
    monkeypatch.setattr(desk_module, "PAGE", 2)
    same = timedelta(hours=4)
    for number, since in (("A", HOUR), ("B", same), ("C", same), ("D", timedelta(days=2)), ("E", timedelta(hours=2))):
        stand(acme, number, since=since)
    Invoice.objects.filter(number="C").update(step_since=Invoice.objects.get(number="B").step_since)

    pages, query = [], {"reason": "error"}
    for _page in range(3):
        desk = look(handler, **query).context["desk"]
        pages.append([row.invoice.number for row in desk.chosen.rows])
        query["after"] = desk.onward.rpartition("after=")[2]

    assert pages == [["D", "B"], ["C", "E"], ["A"]]
    assert query["after"] == ""


def test_without_a_group_the_first_of_each_are_shown_and_counts_stop_at_a_cap(acme, handler, monkeypatch):
    monkeypatch.setattr(desk_module, "COUNT_TO", 7)
    for number in range(8):
        stand(acme, f"E-{number}", since=HOUR * (number + 1))

    error = next(each for each in look(handler).context["desk"].groups if each.group.slug == "error")

    assert [row.invoice.number for row in error.rows] == ["E-7", "E-6", "E-5", "E-4", "E-3"]
    assert error.count_text == "7+"


def test_the_chart_counts_ages_and_says_them(acme, handler):
    for number, since in enumerate((1, 20, 30, 100, 500, 2000, 20_000)):
        stand(acme, f"I-{number}", since=timedelta(minutes=since))

    response = look(handler)

    assert [bar.count for bar in response.context["desk"].chart.bars] == ["1", "2", "1", "1", "1", "1"]
    assert response.context["desk"].total_text == "7"
    assert 'role="img" aria-label="How long they have stood there: under 15 min 1, under 1 h 2' in response.text


# filters --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"MINE", "KNOWN", "THEIRS"}),
        ({"client": "acme"}, {"MINE", "KNOWN"}),
        ({"client": "globex"}, {"THEIRS"}),
        ({"system": "sandbox"}, {"MINE", "KNOWN"}),
        ({"said": "period-closed"}, {"KNOWN"}),
        ({"said": "no-such-issue"}, {"MINE", "KNOWN", "THEIRS"}),
        ({"mine": "handed-in"}, {"MINE"}),
        ({"mine": "queue"}, {"MINE", "KNOWN"}),
        ({"reason": "unknown"}, set()),
        ({"client": "99999999999999999999", "mine": "x", "reason": "x", "after": "x-1"}, {"MINE", "KNOWN", "THEIRS"}),
    ],
)
def test_filters_leave(acme, globex, handler, query, expected):
    RoleGrantFactory(user=handler, client=globex, role=Role.AUDITOR)
    stand(acme, "MINE", by=handler)
    fail_once(stand(acme, "KNOWN", complaints=CLOSED))
    stand(globex, "THEIRS")
    group_failures()
    if query.get("client") in ("acme", "globex"):
        query = {"client": {"acme": acme, "globex": globex}[query["client"]].pk}

    found = numbers(handler, **query)

    assert {number for group in found.values() for number in group} == expected


def test_all_that_match_are_the_same_as_on_the_page_and_the_persons_own(acme, handler, stranger):
    old, young = stand(acme, "OLD", since=2 * HOUR), stand(acme, "YOUNG", by=handler)
    stand(acme, "LOST", step=WAITS, state=MessageState.UNKNOWN)

    chosen = [
        desk_module.select_matching(person, QueryDict(query))
        for person, query in ((handler, "reason=error&button=x"), (handler, "mine=handed-in"), (stranger, ""))
    ]

    assert chosen == [[old.pk, young.pk], [young.pk], []]


def test_the_bar_for_many_is_there_for_who_handles_the_queue(acme, handler, clerk):
    stand(acme)

    bars = [reverse("admin:integrations_bulkrun_add") in look(person, mine="").text for person in (handler, clerk)]

    assert bars == [True, False]


def test_another_clients_invoices_are_on_nobody_elses_desk(acme, globex, stranger):
    stand(acme, "SECRET")

    answers = [look(stranger), look(stranger, client=acme.pk), look(stranger, reason="error")]

    assert all("SECRET" not in answer.text and "Acme" not in answer.text for answer in answers)
    assert [answer.context["desk"].total_text for answer in answers] == ["0"] * 3


# what was found, and the next step ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "evidence", "slug", "label"),
    [
        ({}, None, "post-again", "Post again"),
        ({"state": MessageState.ABORTED}, None, "look-up", "Look it up in the ERP"),
        ({"state": MessageState.ABORTED, "voucher": "V-5"}, None, "skip", "Skip with voucher V-5"),
        ({"state": MessageState.ABORTED}, {}, "posted-in-erp", "It is posted in the ERP"),
        ({"state": MessageState.ABORTED}, {"difference": "Not 11.00."}, "", "See what differs"),
        ({"state": MessageState.ABORTED}, {"verdict": "not_found"}, "post-again", "Post again"),
        ({"state": MessageState.ABORTED}, {"verdict": "could_not_ask"}, "look-up", "Look it up in the ERP"),
        (
            {"step": WAITS, "state": MessageState.UNKNOWN},
            {"verdict": "not_found"},
            "not-posted",
            "It is not posted in the ERP",
        ),
        ({"state": MessageState.ABORTED}, {"matches": 2}, "look-up", "Look it up in the ERP"),
    ],
)
def test_the_next_step_follows_from_what_is_known(acme, handler, facts, evidence, slug, label):
    invoice = stand(acme, **facts)
    if evidence is not None:
        answer(invoice, **evidence)

    step = only_row(handler).next

    assert (step.slug, step.label) == (slug, label)
    assert f"/{invoice.pk}/" in step.url


def test_what_was_found_before_it_came_into_this_step_decides_nothing(acme, handler):
    answer(stand(acme, state=MessageState.ABORTED), asked_at=clock.now() - 2 * HOUR)

    assert only_row(handler).next.slug == "look-up"


def test_who_may_not_reads_who_can_by_name_and_may_ask(acme, handler, clerk, auditor):
    invoice = stand(acme)

    for person in (clerk, auditor):
        step = only_row(person).next
        assert step.slug == "ask-handler"
        assert step.url == reverse("admin:invoices_invoice_press", args=[invoice.pk, "ask-handler"])
        assert step.sentence == "Only a queue handler may: Post again. Ask Handler Example."


def test_a_handler_on_the_parent_is_named_and_an_ended_role_is_not(acme, clerk):
    acme.parent = ClientFactory(slug="group")
    acme.save()
    RoleGrantFactory(user__username="above", client=acme.parent, role=Role.QUEUE_HANDLER)
    ended = RoleGrantFactory(user__username="gone", client=acme, role=Role.QUEUE_HANDLER)
    ended.until = clock.now() - HOUR
    ended.save()
    stand(acme)

    assert only_row(clerk).next.sentence.endswith("Ask Above Example.")


def test_the_erps_words_stand_beside_the_catalogues(acme, auditor):
    stand(acme, complaints=CLOSED)

    row = only_row(auditor)

    assert (row.said, row.meaning) == ("The accounting period 2026-08 is closed.", "The accounting period is closed")


@pytest.mark.parametrize(
    ("voucher", "words"),
    [("", "Aborted by a person: stuck"), ("V-9", "It booked the invoice after all, under voucher V-9.")],
)
def test_a_persons_reason_is_not_taken_for_the_erps_word(acme, auditor, voucher, words):
    stand(acme, state=MessageState.ABORTED, reason="stuck", voucher=voucher)

    assert only_row(auditor).said == words


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({}, "Found: voucher V-7"),
        ({"verdict": "not_found"}, "Not in the ERP"),
        ({"verdict": "could_not_ask", "detail": "Connection refused"}, "Could not ask: Connection refused"),
        ({"is_word": True}, "Handler Example saw it there: voucher V-7"),
        ({"verdict": "not_found", "is_word": True}, "Handler Example did not see it there"),
    ],
)
def test_what_the_desk_found_is_said_in_a_few_words(acme, handler, evidence, words):
    answer(stand(acme), **{"asked_by": User.objects.get(username="handler"), **evidence})

    assert only_row(handler).found.words == words


# the page -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [{}, {"reason": "error"}])
@pytest.mark.parametrize("who", ["handler", "clerk"])
def test_fifty_rows_take_as_many_queries_as_two(request, acme, handler, query, who):
    person = request.getfixturevalue(who)

    def queries():
        with CaptureQueriesContext(connection) as taken:
            look(person, **query)
        return len(taken)

    for number in range(2):
        answer(stand(acme, f"A-{number}", complaints=CLOSED))
    few = queries()
    for number in range(48):
        answer(stand(acme, f"B-{number}", complaints=CLOSED))

    assert queries() == few


def test_the_page_holds_what_the_policy_allows_and_escapes_what_was_said(acme, handler):
    stand(acme, complaints=[{"code": "X", "message": "<b>No</b>", "detail": ""}])

    text = look(handler).text

    assert inline_parts(text) == []
    assert "&lt;b&gt;No&lt;/b&gt;" in text
    assert not re.search(r"<svg[^>]*style=", text)


def test_an_empty_desk_says_so(acme, handler):
    assert "Nothing is stuck." in look(handler).text


def test_reading_changes_nothing(acme, handler):
    stand(acme, step=WAITS, state=MessageState.UNKNOWN)
    before = list(Invoice.objects.values()), list(IntegrationMessage.objects.values())

    look(handler)

    assert (list(Invoice.objects.values()), list(IntegrationMessage.objects.values())) == before
    assert not Evidence.objects.exists()
