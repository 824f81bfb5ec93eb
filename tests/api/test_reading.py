from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoices.actions.flow import post_invoice
from invoices.events import broken_line
from invoices.models import Event, IntegrationMessage
from invoices.workflow import MessageKind, MessageState, Status, Step
from tests.factories import CounterpartyFactory, InvoiceFactory


def numbers(answer):
    assert answer.status_code == 200, answer.json()
    return [row["number"] for row in answer.json()["results"]]


@pytest.fixture
def four(acme, globex):
    customer = CounterpartyFactory(client=acme, direction="receivable", code="C")
    InvoiceFactory(client=acme, number="draft")
    waiting = InvoiceFactory(client=acme, number="waiting")
    InvoiceFactory(client=acme, number="paid", step=Step.BOOKED, status=Status.PAID, archived_at=timezone.now())
    InvoiceFactory(client=acme, number="owed", direction="receivable", counterparty=customer)
    InvoiceFactory(client=globex, number="draft")
    post_invoice(waiting.pk, by=None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["owed", "paid", "waiting", "draft"]),
        ({"client": "acme"}, ["owed", "paid", "waiting", "draft"]),
        ({"client": "globex"}, []),
        ({"client": "nowhere"}, []),
        ({"number": "draft"}, ["draft"]),
        ({"number": "Draft"}, []),
        ({"number": "", "step": "", "archived": ""}, ["owed", "paid", "waiting", "draft"]),
        ({"step": "preliminary_integration"}, ["waiting"]),
        ({"status": "paid"}, ["paid"]),
        ({"direction": "receivable"}, ["owed"]),
        ({"message_state": "pending"}, ["waiting"]),
        ({"message_state": "confirmed"}, []),
        ({"archived": "true"}, ["paid"]),
        ({"archived": "false"}, ["owed", "waiting", "draft"]),
        ({"client": "acme", "number": "draft", "step": "draft"}, ["draft"]),
    ],
)
def test_finds_what_was_asked_for_among_ones_own(as_, clerk, four, query, found):
    assert numbers(as_(clerk).get("invoices/", **query)) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"step": "drafty"}, "step"),
        ({"status": "\ud800".encode("utf-8", "replace").decode()}, "status"),
        ({"archived": "perhaps"}, "archived"),
        ({"number": "a\x00"}, "number"),
        ({"nubmer": "A"}, "nubmer"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "9" * 30}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1000"}, "limit"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(as_, clerk, query, field):
    answer = as_(clerk).get("invoices/", **query)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_a_stranger_and_a_person_without_roles_see_nothing_of_it(as_, stranger, four):
    assert numbers(as_(stranger).get("invoices/")) == ["draft"]
    assert as_(stranger).get("invoices/").json()["results"][0]["client"] == "globex"


def test_pages_go_on_where_the_last_one_ended(as_, auditor, acme):
    for number in range(7):
        InvoiceFactory(client=acme, number=str(number))

    first = as_(auditor).get("invoices/", limit=3, client="acme")
    InvoiceFactory(client=acme, number="new")
    second = as_(auditor).browser.get(first.json()["next"], headers=as_(auditor).headers)
    third = as_(auditor).browser.get(second.json()["next"], headers=as_(auditor).headers)

    assert [numbers(page) for page in (first, second, third)] == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert urlsplit(first.json()["next"]).path == "/api/v1/invoices/"
    assert third.json()["next"] is None


def test_fifty_rows_take_as_many_queries_as_two(as_, clerk, acme):
    person = as_(clerk)

    def queries(rows):
        for number in range(rows):
            code = CounterpartyFactory(client=acme, code=f"{rows}-{number}")
            post_invoice(InvoiceFactory(client=acme, counterparty=code).pk, by=None)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            answer = person.get("invoices/", limit=200)
        return len(answer.json()["results"]), len(caught)

    assert queries(2) == (2, 5)
    assert queries(48) == (50, 5)


def test_shows_why_the_current_message_waits(as_, clerk, acme):
    invoice = post_invoice(InvoiceFactory(client=acme).pk, by=None)
    message = invoice.current_message
    IntegrationMessage.objects.update(reason="The ERP is down.", attempt_count=3)

    said = as_(clerk).get(f"invoices/{invoice.pk}/").json()

    assert said["message_state"] == "pending"
    assert said["message"] == {
        "id": message.pk,
        "kind": MessageKind.BOOK_PRELIMINARY,
        "state": MessageState.PENDING,
        "reason": "The ERP is down.",
        "next_try": message.not_before.isoformat().replace("+00:00", "Z"),
        "attempts": 3,
    }


@pytest.mark.parametrize("path", ["invoices/{}/", "invoices/{}/events/"])
@pytest.mark.parametrize("number", ["theirs", "0", "99999999", "9" * 30])
def test_what_is_not_there_and_what_is_not_yours_look_alike(as_, clerk, globex, path, number):
    theirs = InvoiceFactory(client=globex)

    answer = as_(clerk).get(path.format(theirs.pk if number == "theirs" else number))

    assert answer.status_code == 404
    assert answer.json() == {
        "detail": "There is no such thing here, or it belongs to a client that you have no part in."
    }


def test_the_log_says_who_did_what_and_why_and_is_paged(as_, clerk, auditor, acme):
    made = InvoiceFactory(client=acme)
    post_invoice(made.pk, by=clerk, reason="Month end")
    person = as_(auditor)
    as_(clerk).post(f"invoices/{made.pk}/archive/", {"reason": "no"})

    whole = person.get(f"invoices/{made.pk}/events/").json()
    first = person.get(f"invoices/{made.pk}/events/", limit=1).json()

    assert whole == {"results": first["results"], "next": None}
    line = whole["results"][0]
    event = Event.objects.get()
    assert line == {
        "sequence": 1,
        "at": event.at.isoformat().replace("+00:00", "Z"),
        "who": "Clerk Example",
        "what": "post",
        "why": "Month end",
        "level": "info",
        "before": {"step": "draft", "current_message_id": None},
        "after": {"step": "preliminary_integration", "current_message_id": event.invoice.current_message_id},
        "evidence": {},
        "previous_hash": "",
        "hash": event.hash,
    }
    assert broken_line(Event.objects.order_by("sequence")) is None


def test_the_log_goes_on_after_the_cursor(as_, clerk, handler, acme):
    made = InvoiceFactory(client=acme)
    as_(clerk).post(f"invoices/{made.pk}/post/")
    for name in ("V-1", "V-2", "V-3"):
        as_(handler).post(f"invoices/{made.pk}/note-voucher/", {"voucher": name})
    person = as_(clerk)

    first = person.get(f"invoices/{made.pk}/events/", limit=2)
    second = person.browser.get(first.json()["next"], headers=person.headers)

    assert [line["sequence"] for line in first.json()["results"]] == [1, 2]
    assert [line["sequence"] for line in second.json()["results"]] == [3, 4]
    assert second.json()["next"] is None
