"""What the lists show, to whom, and at what price."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from invoices.admin import paging
from invoices.models import Counterparty, Event, Invoice
from invoices.workflow import Direction, MessageState, Status, Step
from tests.admin.rows import with_message
from tests.factories import CounterpartyFactory, InvoiceFactory, RoleGrantFactory

LISTS = ("invoice", "counterparty", "event", "rolegrant", "client")


def shown(response):
    return {row.number for row in response.context["cl"].result_list}


def test_nobody_sees_another_clients_invoices(browser, at, acme, stranger):
    invoice = InvoiceFactory(client=acme, number="SECRET-1", counterparty__code="HIDDEN", counterparty__name="Hidden")
    theirs = browser(stranger)

    answers = [
        theirs.get(at("changelist")),
        theirs.get(at("changelist"), {"q": "SECRET"}),
        theirs.get(at("changelist"), {"q": "Hidd"}),
        theirs.get(at("changelist"), {"client": acme.pk}),
        theirs.get(at("changelist"), {"step": "draft", "archived": "all"}),
        theirs.get(reverse("admin:index")),
    ]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert all("Hidden" not in answer.text for answer in answers)
    assert all(f"/{invoice.pk}/change/" not in answer.text for answer in answers)
    assert "Acme" not in answers[0].text


@pytest.mark.parametrize("name", LISTS)
def test_no_list_shows_a_row_of_another_client(browser, acme, stranger, clerk, name):
    invoice = InvoiceFactory(client=acme)
    Event.objects.create(client=acme, invoice=invoice, sequence=1, at=timezone.now(), actor_name="x", action="hand_in")

    answer = browser(stranger).get(reverse(f"admin:invoices_{name}_changelist"))

    assert answer.status_code == 200
    owner = "pk" if name == "client" else "client_id"
    assert acme.pk not in {getattr(row, owner) for row in answer.context["cl"].result_list}


@pytest.mark.parametrize("name", LISTS)
def test_a_person_without_a_role_reaches_no_list(browser, name, clerk):
    clerk.role_grants.update(until=timezone.now())

    answer = browser(clerk).get(reverse(f"admin:invoices_{name}_changelist"))

    assert answer.status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_fifty_rows_take_as_many_queries_as_two(browser, acme, manager, root, name):
    def make(count):
        for number in range(count):
            party = CounterpartyFactory(client=acme, code=f"S-{name}-{count}-{number}")
            invoice = with_message(acme, state=MessageState.UNKNOWN, not_before=None)
            Invoice.objects.filter(pk=invoice.pk).update(counterparty=party)
            Event.objects.create(
                client=acme, invoice=invoice, sequence=1, at=timezone.now(), actor_name="x", action="hand_in"
            )
            RoleGrantFactory(client=acme, role="auditor", granted_by=root)

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as taken:
            answer = browser(manager).get(reverse(f"admin:invoices_{name}_changelist"))
        assert answer.status_code == 200
        return len(taken)

    make(2)
    few = queries()
    make(48)

    assert queries() == few


def test_the_desk_takes_as_many_queries_for_fifty_as_for_two(browser, acme, manager):
    def queries():
        with CaptureQueriesContext(connection) as taken:
            browser(manager).get(reverse("admin:index"))
        return len(taken)

    for _number in range(2):
        with_message(acme)
    few = queries()
    for _number in range(48):
        with_message(acme)

    assert queries() == few


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"DRAFT", "WAIT", "LOST", "ERR", "APPR", "PAID", "AR"}),
        ({"desk": "waiting"}, {"WAIT", "LOST"}),
        ({"desk": "unknown"}, {"LOST"}),
        ({"desk": "error"}, {"ERR"}),
        ({"desk": "approve"}, {"APPR"}),
        ({"step": "booked"}, {"PAID"}),
        ({"status": "paid"}, {"PAID"}),
        ({"direction": "receivable"}, {"AR"}),
        ({"message": "unknown"}, {"LOST"}),
        ({"message": "refused"}, {"ERR"}),
        ({"archived": "yes"}, {"PUT-AWAY"}),
        ({"archived": "all", "step": "draft"}, {"DRAFT", "AR", "PUT-AWAY"}),
        ({"step": "nonsense"}, {"DRAFT", "WAIT", "LOST", "ERR", "APPR", "PAID", "AR"}),
        ({"q": "wai"}, {"WAIT"}),
        ({"q": "WAIT"}, {"WAIT"}),
        ({"q": "Sons"}, {"DRAFT", "WAIT", "LOST", "ERR", "APPR", "PAID", "AR"}),
        ({"q": "sup-1"}, {"DRAFT", "WAIT", "LOST", "ERR", "APPR", "PAID", "AR"}),
        ({"q": "nothing of the kind"}, set()),
    ],
)
def test_filters_and_search_leave(browser, at, acme, auditor, query, expected):
    InvoiceFactory(client=acme, number="DRAFT")
    InvoiceFactory(client=acme, number="APPR", step=Step.APPROVAL)
    InvoiceFactory(client=acme, number="PAID", step=Step.BOOKED, status=Status.PAID, paid="10.99")
    InvoiceFactory(client=acme, number="AR", direction=Direction.RECEIVABLE)
    InvoiceFactory(client=acme, number="PUT-AWAY", archived_at=timezone.now())
    for number, step, state in (
        ("WAIT", Step.PRELIMINARY_INTEGRATION, MessageState.PENDING),
        ("LOST", Step.FINAL_INTEGRATION, MessageState.UNKNOWN),
        ("ERR", Step.PRELIMINARY_ERROR, MessageState.REFUSED),
    ):
        Invoice.objects.filter(pk=with_message(acme, step=step, state=state).pk).update(number=number)

    answer = browser(auditor).get(at("changelist"), query)

    assert shown(answer) == expected


@pytest.mark.parametrize("lookup", ["created_by__password__startswith", "client__name", "total__gt", "number"])
def test_a_look_up_typed_into_the_address_is_refused(browser, at, auditor, lookup):
    answer = browser(auditor).get(at("changelist"), {lookup: "x"})

    assert answer.status_code == 400


def test_the_bar_counts_within_the_persons_clients(browser, at, acme, globex, auditor):
    with_message(acme, state=MessageState.UNKNOWN)
    with_message(globex)

    groups = browser(auditor).get(at("changelist")).context["groups"]

    assert {counted.group.slug: counted.count for counted in groups} == {
        "waiting": 1,
        "unknown": 1,
        "error": 0,
        "validation": 0,
        "approve": 0,
    }


def test_a_row_says_what_a_person_needs(browser, at, acme, auditor):
    with_message(acme, state=MessageState.UNKNOWN, not_before=None)

    text = browser(auditor).get(at("changelist")).text

    for words in ("Integration - preliminary", "Outcome unknown", "a person must look", "10.99", "Paper &amp; Sons"):
        assert words in text


def test_behind_the_cap_the_list_goes_on_by_key(browser, at, acme, auditor, monkeypatch):
    monkeypatch.setattr(paging, "CAP", 60)
    rows = [InvoiceFactory(client=acme, lines=False) for _number in range(63)]

    first = browser(auditor).get(at("changelist"), {"p": 2})
    onward = first.context["cl"].older_url
    second = browser(auditor).get(at("changelist") + onward)

    assert "more than 60 rows" in first.text
    assert shown(second) == {row.number for row in rows[:3]}
    assert second.context["cl"].older_url == ""


def test_the_list_of_counterparties_is_searched_by_name_and_code(browser, acme, globex, auditor):
    CounterpartyFactory(client=acme, code="A-1", name="Paper & Sons")
    CounterpartyFactory(client=acme, code="B-2", name="Steel")
    CounterpartyFactory(client=globex, code="B-3", name="Steel too")
    address = reverse("admin:invoices_counterparty_changelist")

    answers = [browser(auditor).get(address, {"q": term}) for term in ("sons", "b-", "steel")]

    codes = [{party.code for party in answer.context["cl"].result_list} for answer in answers]
    assert codes == [{"A-1"}, {"B-2"}, {"B-2"}]
    assert Counterparty.objects.count() == 3
