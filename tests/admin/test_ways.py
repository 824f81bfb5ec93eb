"""The evidence and the two guided ways on an invoice's page."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from invoices.models import Evidence
from invoices.workflow import MessageState, Status, Step
from tests.admin.rows import found_in_erp, with_message
from tests.admin.test_page import inline_parts
from tests.factories import InvoiceFactory


@pytest.fixture
def stopped(acme):
    return with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.ABORTED)


def asked(invoice, verdict, **fields):
    return Evidence.objects.create(
        invoice=invoice, kind="book_preliminary", verdict=verdict, **{"asked_at": timezone.now(), **fields}
    )


def open_ways(response):
    return [way.offer.button.slug for way in response.context["ways"].cards if way.is_open]


@pytest.mark.parametrize("step", [Step.PRELIMINARY_INTEGRATION, Step.PRELIMINARY_ERROR])
def test_both_ways_stand_side_by_side_and_the_single_buttons_below(browser, at, acme, handler, step):
    invoice = with_message(acme, step=step, state=MessageState.UNKNOWN)

    response = browser(handler).get(at("change", invoice))

    below = [offer.button.slug for offer in response.context["works_now"]]
    assert open_ways(response) == ["posted-in-erp", "not-posted"]
    assert at("press", invoice, "posted-in-erp") in response.text
    assert ("abort" if step == Step.PRELIMINARY_INTEGRATION else "skip") in below
    assert not {"posted-in-erp", "not-posted", "ask-handler"} & set(below)
    assert inline_parts(response.text) == []


@pytest.mark.parametrize("step", [Step.DRAFT, Step.APPROVAL, Step.BOOKED])
def test_elsewhere_there_are_no_ways(browser, at, acme, handler, step):
    status = Status.OK_TO_PAY if step == Step.BOOKED else Status.NONE

    response = browser(handler).get(at("change", InvoiceFactory(client=acme, step=step, status=status)))

    assert response.context["ways"] is None


@pytest.mark.parametrize(
    ("verdict", "fields", "expected"),
    [
        ("found", {"matches": 1, "voucher": "V-7"}, ["posted-in-erp"]),
        ("found", {"matches": 1, "voucher": "V-7", "difference": "The amount is 11.00 there."}, []),
        ("found", {"matches": 2, "voucher": "V-7", "difference": "V-7, V-8"}, []),
        ("not_found", {}, ["not-posted"]),
        ("could_not_ask", {"detail": "refused"}, ["posted-in-erp", "not-posted"]),
    ],
)
def test_fresh_evidence_closes_the_way_that_it_refutes(browser, at, stopped, handler, verdict, fields, expected):
    asked(stopped, verdict, **fields)

    assert open_ways(browser(handler).get(at("change", stopped))) == expected


def test_evidence_older_than_ten_minutes_closes_nothing_and_says_so(browser, at, stopped, handler):
    asked(stopped, "not_found", asked_at=timezone.now() - timedelta(minutes=11))

    response = browser(handler).get(at("change", stopped))

    assert open_ways(response) == ["posted-in-erp", "not-posted"]
    assert "the ERP is asked again before anything is done" in response.text


def test_the_panel_shows_all_that_the_erp_said(browser, at, stopped, handler):
    found_in_erp(
        stopped,
        "V-88",
        posting_date=date(2026, 11, 3),
        total="11.00",
        currency="USD",
        party_code="SUP-9",
        remote_id="doc-88",
        url="/erp/doc-88",
        difference="The amount is 11.00 USD there and 10.99 USD here.",
    )

    text = browser(handler).get(at("change", stopped)).text

    for words in ("V-88", "3 Nov 2026", "11.00", "SUP-9", "doc-88", 'href="/erp/doc-88"', "11.00 USD there and 10.99"):
        assert words in text


def test_both_documents_are_named(browser, at, stopped, auditor):
    asked(stopped, "found", matches=2, voucher="V-1", difference="The ERP has 2 bookings of it: V-1, V-2.")

    text = browser(auditor).get(at("change", stopped)).text

    assert "2 documents in the ERP." in text
    assert "V-1, V-2" in text


def test_a_persons_word_is_shown_as_such(browser, at, stopped, handler):
    asked(stopped, "found", matches=1, voucher="V-5", is_word=True, asked_by=handler, detail="Saw it on the screen")

    text = browser(handler).get(at("change", stopped)).text

    assert "A person&#x27;s word" in text or "A person's word" in text
    assert "Saw it on the screen" in text


@pytest.mark.parametrize("who", ["clerk", "auditor", "manager"])
def test_who_may_not_sees_both_greyed_with_who_can_and_may_ask(request, browser, at, stopped, handler, who):
    response = browser(request.getfixturevalue(who)).get(at("change", stopped))

    assert open_ways(response) == []
    assert response.context["ways"].why_not.endswith("Ask Handler Example.")
    assert at("press", stopped, "ask-handler") in response.text
    assert at("press", stopped, "posted-in-erp") not in response.text


@pytest.mark.parametrize(("verdict", "is_there"), [("found", False), ("could_not_ask", True), ("", False)])
def test_the_word_is_asked_for_only_where_the_erp_could_not_be(browser, at, stopped, handler, verdict, is_there):
    if verdict:
        asked(stopped, verdict, matches=int(verdict == "found"), voucher="V-7" if verdict == "found" else "")

    form = browser(handler).get(at("press", stopped, "posted-in-erp")).context["form"]

    assert ("seen" in form.fields) is is_there
    assert form.initial.get("voucher", "") == ("V-7" if verdict == "found" else "")


def test_the_words_that_are_missing_are_asked_for_at_their_field(browser, at, stopped, handler):
    asked(stopped, "could_not_ask", detail="refused")

    answer = browser(handler).post(at("press", stopped, "not-posted"), {"reason": "Not there", "seen": ""})

    assert answer.status_code == 400
    assert "look there yourself" in answer.context["form"].errors["seen"][0]
