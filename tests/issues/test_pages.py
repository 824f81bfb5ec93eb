"""The pages of issues: who sees which, what they show, and what may be done about one."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from invoices.models import Event
from syncdiag.actions.grouping import group_failures
from syncdiag.actions.issues import assign_issue, mute_issue
from syncdiag.models import Issue
from tests.admin.test_page import inline_parts
from tests.issues.conftest import CLOSED, INACTIVE

LIST = "admin:syncdiag_issue_changelist"


@pytest.fixture
def issue(erp):
    erp.refuse(CLOSED)
    erp.refuse(CLOSED)
    group_failures()
    return Issue.objects.get()


def address(issue, what="change"):
    return reverse(f"admin:syncdiag_issue_{what}", args=[issue.pk])


def unchanged(issue):
    fresh = Issue.objects.get(pk=issue.pk)
    return (fresh.assigned_to, fresh.is_muted, fresh.mute_reason) == (None, False, "")


@pytest.mark.parametrize("person", ["handler", "manager", "auditor", "clerk"])
def test_everybody_of_the_client_reads_them(request, browser, issue, person):
    page = browser(request.getfixturevalue(person))

    assert "The accounting period is closed" in page.get(reverse(LIST)).text
    shown = page.get(address(issue)).text
    assert "The accounting period 2026-10 is closed." in shown
    assert "Set a date in an open period, or have 2026-10 opened again in the ERP." in shown
    assert "2 failures in the last 30 days." in shown
    assert inline_parts(shown) == []


def test_nobody_of_another_client_learns_that_there_is_one(browser, issue, stranger):
    page = browser(stranger)

    assert "The accounting period is closed" not in page.get(reverse(LIST)).text
    assert "2 failures" not in page.get(reverse(LIST)).text
    assert page.get(address(issue)).status_code == 404
    for what in ("assign", "mute", "unmute"):
        assert page.post(address(issue, what), {"reason": "x"}).status_code == 404
    assert unchanged(issue)


def test_a_handler_takes_one_on_and_gives_it_away(browser, issue, handler, clerk):
    page = browser(handler)

    page.post(address(issue, "assign"), {"to": handler.pk})
    assert Issue.objects.get().assigned_to == handler
    shown = page.post(address(issue, "assign"), {"to": clerk.pk}, follow=True).text

    assert "It is assigned to Clerk Example." in shown
    event = Event.objects.filter(action="assign_issue").order_by("pk").last()
    assert (event.actor, event.before, event.after["assigned"]) == (handler, {"assigned": "handler"}, "clerk")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("stranger", "Stranger Example has no part in this client."), ("no-one", "Choose one of the people in the list.")],
)
def test_it_is_given_to_nobody_outside(request, browser, issue, handler, stranger, typed, sentence):
    to = stranger.pk if typed == "stranger" else "x"

    shown = browser(handler).post(address(issue, "assign"), {"to": to}, follow=True).text

    assert sentence in shown
    assert unchanged(issue)


@pytest.mark.parametrize("person", ["clerk", "auditor", "manager"])
def test_only_a_handler_does_anything_about_one(request, browser, issue, person):
    page = browser(request.getfixturevalue(person))
    shown = page.get(address(issue)).text
    assert "Assign to" not in shown
    assert "Mute it" not in shown

    for what, typed in (("assign", {"to": ""}), ("mute", {"reason": "known"}), ("unmute", {})):
        assert "Only Integration queue handler" in page.post(address(issue, what), typed, follow=True).text

    assert unchanged(issue)


def test_a_get_changes_nothing(browser, issue, handler):
    for what in ("assign", "mute", "unmute"):
        assert browser(handler).get(address(issue, what)).status_code == 405

    assert unchanged(issue)


def test_one_is_muted_for_a_reason_and_unmuted(browser, issue, handler):
    page = browser(handler)
    assert (
        "Say why nobody needs to be told of it." in page.post(address(issue, "mute"), {"reason": " "}, follow=True).text
    )
    assert "Use at most 500 characters." in page.post(address(issue, "mute"), {"reason": "x" * 501}, follow=True).text
    assert unchanged(issue)

    page.post(address(issue, "mute"), {"reason": "Known at the ERP's desk."})

    assert "The accounting period is closed" not in page.get(reverse(LIST)).text
    assert "The accounting period is closed" in page.get(reverse(LIST), {"state": "muted"}).text
    assert "Known at the ERP&#x27;s desk." in page.get(address(issue)).text
    assert Event.objects.filter(action="mute_issue", reason="Known at the ERP's desk.", actor=handler).count() == 1
    page.post(address(issue, "unmute"))
    assert unchanged(issue)
    assert Event.objects.filter(action="unmute_issue").count() == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"OPEN"}),
        ({"state": "resolved"}, {"OVER"}),
        ({"state": "muted"}, {"MUTED"}),
        ({"state": "all"}, {"OPEN", "OVER", "MUTED"}),
        ({"state": "all", "assigned": "me"}, {"OVER"}),
        ({"state": "all", "assigned": "nobody"}, {"OPEN", "MUTED"}),
        ({"state": "all", "system": "sandbox"}, {"OPEN", "OVER", "MUTED"}),
        ({"state": "all", "q": "inactive"}, {"OVER"}),
    ],
)
def test_filters_leave(browser, erp, handler, query, expected):
    erp.refuse(CLOSED)
    over = erp.refuse(INACTIVE)
    erp.refuse({"code": "NO_LINES", "message": "no"})
    group_failures()
    erp.let_through(over)
    group_failures()
    named = {"OPEN": "period-closed", "OVER": "item-inactive", "MUTED": "no-lines"}
    mute_issue(Issue.objects.get(key="no-lines").pk, by=handler, reason="known")
    assign_issue(Issue.objects.get(key="item-inactive").pk, by=handler, to=handler)

    rows = browser(handler).get(reverse(LIST), query).context["cl"].result_list

    assert {row.key for row in rows} == {named[name] for name in expected}


def test_the_hits_are_paged_and_those_that_came_through_are_behind_a_link(browser, erp, handler):
    first = erp.refuse(CLOSED)
    for _ in range(35):
        erp.refuse(CLOSED)
    group_failures()
    erp.let_through(first)
    group_failures()
    page, issue = browser(handler), Issue.objects.get()

    shown = page.get(address(issue)).context
    assert (len(shown["hits"]), shown["issue"].open_count) == (25, 35)
    rest = page.get(address(issue) + shown["further"]).context
    assert (len(rest["hits"]), rest["further"]) == (10, "")
    everything = page.get(address(issue), {"show": "all"}).context["further"]
    assert [hit.invoice for hit in page.get(address(issue) + everything).context["hits"]][-1] == first


def test_the_pages_ask_as_often_for_many_rows_as_for_few(browser, erp, handler):
    page = browser(handler)

    def queries():
        group_failures()
        counts = []
        for url in (reverse(LIST), address(Issue.objects.get(key="period-closed"))):
            page.get(url)
            with CaptureQueriesContext(database) as asked:
                page.get(url)
            counts.append(len(asked))
        return counts

    erp.refuse(CLOSED)
    few = queries()
    for number in range(30):
        erp.refuse(CLOSED)
        erp.refuse({"code": "", "message": f"trouble {'x' * number} in the drawer"})

    assert queries() == few
