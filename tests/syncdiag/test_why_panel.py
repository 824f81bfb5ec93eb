"""The panel "Why?" on the invoice's page: what to do first, the ERP's own words, the evidence, and who may do what."""

import re

import pytest
from django.test import Client as Browser

from invoices import clock
from invoices.models import Evidence
from invoices.workflow import MessageKind, MessageState
from tests.delivery.conftest import desk, erp, erp_process
from tests.factories import InvoiceFactory
from tests.syncdiag.cases import attempt, booked, refused, waiting

__all__ = ["desk", "erp", "erp_process"]


def page_of(invoice, person):
    browser = Browser()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return " ".join(browser.get(f"/admin/invoices/invoice/{invoice.pk}/change/").content.decode().split())


def panel_of(invoice, person):
    """Return the panel's text and its HTML."""
    page = page_of(invoice, person)
    html = page[page.index("<h2>Why?</h2>") :]
    html = html[: html.index("</section>")]
    return " ".join(re.sub(r"<[^>]+>", " ", html).split()), html


def test_it_shows_the_cause_the_erps_words_and_the_steps_in_this_order(acme, connection, handler):
    invoice = refused(acme, {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed."})
    attempt(invoice, started_at=clock.now())

    text, html = panel_of(invoice, handler)

    assert text.startswith(
        "Why? The accounting period is closed The posting date, or the invoice date where none is set, lies in "
        "2026-08, which the ERP has closed. The accounting period 2026-08 is closed. the ERP said · just now "
        "Set a date in an open period, or have 2026-08 opened again in the ERP. Then post the invoice again. "
        "Fixed here Sending again helps: yes, once that is done Post again In the guide Evidence"
    )
    assert f'<a class="button primary" href="/admin/invoices/invoice/{invoice.pk}/press/post-again/">' in html
    assert 'href="/admin/guides/sandbox/#period-closed"' in html
    assert "style=" not in html
    assert "<script" not in html


def test_who_may_not_take_the_step_reads_who_may(acme, connection, clerk, handler):
    text, html = panel_of(refused(acme, {"code": "NO_LINES", "message": "No lines."}), clerk)

    assert "Only Integration queue handler of Acme may do this. Ask Handler Example." in text
    assert "press/post-again" not in html


def test_the_first_of_several_is_marked(acme, connection, handler):
    said = [{"code": "ITEM_INACTIVE", "message": "The item LAMP is inactive."}, {"code": "NO_LINES", "message": "No."}]

    text, _html = panel_of(refused(acme, *said), handler)

    assert text.startswith("Why? Do this first An item is inactive in the ERP")
    assert text.count("Do this first") == 1


def test_what_the_erp_said_is_shown_as_it_came_and_never_as_html(acme, connection, handler):
    _text, html = panel_of(refused(acme, {"code": "X", "message": "<b>no</b> & never"}), handler)

    assert "&lt;b&gt;no&lt;/b&gt; &amp; never" in html
    assert "<b>no</b>" not in html


def test_where_nothing_is_wrong_it_says_what_was_checked_further_down(acme, clerk):
    invoice = InvoiceFactory(client=acme)

    text, _html = panel_of(invoice, clerk)
    page = page_of(invoice, clerk)

    assert text.startswith(
        "Why? Nothing wrong was found. What was checked 6 step Draft just now Why is it stuck? its step"
    )
    assert page.index("Lines</h2>") < page.index("<h2>Why?</h2>")


def test_a_person_reads_why_they_may_not_handle_it(acme, connection, clerk, handler):
    text, html = panel_of(waiting(acme, MessageState.UNKNOWN, not_before=None), clerk)

    assert "Why may I not edit or handle it?" in text
    assert "You have no right to press: Abort integration message" in text
    assert "press/ask-handler/" in html


@pytest.mark.parametrize(("role", "is_offered"), [("clerk", True), ("handler", True), ("auditor", False)])
def test_asking_the_erp_is_offered_to_who_may_look_up(acme, connection, request, role, is_offered):
    text, html = panel_of(booked(acme, sync_problem="Too long."), request.getfixturevalue(role))

    assert ("Ask the ERP now" in text) == is_offered
    assert ("press/look-up/" in html) == is_offered


def test_asking_is_not_offered_where_there_is_nothing_to_ask_or_nobody(acme, clerk, connection):
    draft, _html = panel_of(InvoiceFactory(client=acme), clerk)
    connection.is_enabled = False
    connection.save()
    off, _html = panel_of(booked(acme, sync_problem="Too long."), clerk)

    assert "Ask the ERP now" not in draft
    assert "Ask the ERP now" not in off


def test_the_last_look_up_is_told_with_its_age(acme, connection, clerk):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None)
    Evidence.objects.create(
        invoice=invoice, kind=MessageKind.BOOK_PRELIMINARY, verdict="not_found", asked_at=clock.now()
    )

    text, _html = panel_of(invoice, clerk)

    assert "asked whether the ERP has it it does not have it just now" in text
    assert "The ERP was asked last: just now." in text


@pytest.mark.django_db(transaction=True)
def test_one_press_asks_the_erp_and_the_panel_has_the_answer(desk, handler):
    invoice = desk.post()
    voucher = desk.book_by_hand(invoice)["booking"]["voucher"]
    browser = Browser()
    browser.force_login(handler, backend="django.contrib.auth.backends.ModelBackend")
    _text, html = panel_of(invoice, handler)
    action = re.search(
        r'<form method="post" action="([^"]+)"><input type="hidden" name="csrf[^>]+><button[^>]*>Ask', html
    )

    answer = browser.post(action[1])

    assert answer.url == f"/admin/invoices/invoice/{invoice.pk}/change/"
    text, _html = panel_of(invoice, handler)
    assert f"asked whether the ERP has it it has it, under voucher {voucher}" in text
