"""Buttons: GET shows, POST acts once by the verb, and a refusal is one sentence over the form."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoices.buttons import all_buttons
from invoices.models import Event, Invoice
from invoices.workflow import MessageState, Step
from tests.admin.rows import with_message
from tests.factories import InvoiceFactory


def step_of(invoice):
    return Invoice.objects.get(pk=invoice.pk).step


def test_post_hands_the_draft_to_the_erp(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme)

    answer = browser(clerk).post(at("press", invoice, "post"), {"reason": ""}, follow=True)

    assert answer.redirect_chain == [(at("change", invoice), 302)]
    assert "Handed to the ERP." in answer.text
    assert step_of(invoice) == Step.PRELIMINARY_INTEGRATION


def test_get_shows_what_a_button_will_do_and_writes_nothing(browser, at, acme, root):
    invoices = [
        InvoiceFactory(client=acme),
        InvoiceFactory(client=acme, step=Step.APPROVAL),
        with_message(acme),
        with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.REFUSED),
    ]
    theirs = browser(root)
    theirs.get(at("changelist"))

    with CaptureQueriesContext(connection) as taken:
        answers = [theirs.get(at("press", invoice, button.slug)) for invoice in invoices for button in all_buttons()]

    assert {answer.status_code for answer in answers} == {200}
    assert [query["sql"] for query in taken if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")] == []


def test_the_form_asks_for_what_the_button_asks(browser, at, acme, handler):
    invoice = with_message(acme)

    answer = browser(handler).get(at("press", invoice, "abort"))

    assert list(answer.context["form"].fields) == ["voucher", "posting_date", "reason"]
    assert str(answer.context["button"].says) in answer.text


def test_without_a_reason_nothing_is_aborted_and_what_was_typed_stays(browser, at, acme, handler):
    invoice = with_message(acme)

    answer = browser(handler).post(at("press", invoice, "abort"), {"voucher": "V-1", "reason": " "})

    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["reason"]
    assert 'value="V-1"' in answer.text
    assert step_of(invoice) == Step.PRELIMINARY_INTEGRATION


def test_abort_then_skip_as_the_article_has_it(browser, at, acme, handler):
    invoice = with_message(acme)
    theirs = browser(handler)

    theirs.post(at("press", invoice, "abort"), {"voucher": "V-5", "posting_date": "2026-11-03", "reason": "stuck"})
    aborted = Invoice.objects.get(pk=invoice.pk)
    theirs.post(at("press", invoice, "skip"), {"reason": "the ERP has it"})

    assert (aborted.step, aborted.preliminary_voucher) == (Step.PRELIMINARY_ERROR, "V-5")
    assert step_of(invoice) == Step.APPROVAL
    assert Event.objects.filter(invoice=invoice).values_list("action", "actor__username")[:2][::1] == [
        ("skip", "handler"),
        ("abort", "handler"),
    ]


def test_the_voucher_box_carries_what_was_typed_to_the_confirm_page(browser, at, acme, handler):
    invoice = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.ABORTED)

    answer = browser(handler).post(at("press", invoice, "skip"), {"ask": "1", "voucher": "V-9", "posting_date": ""})

    assert answer.status_code == 200
    assert answer.context["form"].initial["voucher"] == "V-9"
    assert step_of(invoice) == Step.PRELIMINARY_ERROR


def test_the_voucher_box_keeps_a_voucher(browser, at, acme, handler):
    invoice = with_message(acme)

    browser(handler).post(at("press", invoice, "note-voucher"), {"voucher": "V-3", "posting_date": ""})

    assert Invoice.objects.get(pk=invoice.pk).preliminary_voucher == "V-3"


def test_a_refusal_is_one_sentence_over_the_form(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme, archived_at=timezone.now())

    answer = browser(clerk).post(at("press", invoice, "archive"), {"reason": "not ours"})

    assert answer.status_code == 409
    assert answer.text.count("It is archived already.") == 1
    assert "not ours</textarea>" in answer.text
    assert not Event.objects.exists()


def test_the_verb_says_which_field_is_missing(browser, at, acme, handler):
    invoice = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.ABORTED)

    answer = browser(handler).post(at("press", invoice, "skip"), {"reason": "have it"})

    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["voucher"]


@pytest.mark.parametrize("slug", ["abort", "skip", "post-again", "invalidate", "note-voucher", "set-status"])
def test_a_hand_made_post_without_the_right_changes_nothing(browser, at, acme, clerk, slug):
    waiting = with_message(acme)
    stopped = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.ABORTED)
    booked = with_message(acme, step=Step.BOOKED, state=MessageState.CONFIRMED)
    before = list(Invoice.objects.order_by("pk").values())
    data = {"reason": "I want to", "voucher": "V-1", "status": "paid"}

    answers = [browser(clerk).post(at("press", each, slug), data) for each in (waiting, stopped, booked)]

    assert {answer.status_code for answer in answers} == {403}
    assert list(Invoice.objects.order_by("pk").values()) == before
    assert not Event.objects.exists()


def test_an_auditor_presses_nothing(browser, at, acme, auditor):
    invoice = InvoiceFactory(client=acme)
    theirs = browser(auditor)

    answers = [
        theirs.post(at("press", invoice, "post"), {"reason": ""}),
        theirs.post(at("press", invoice, "archive"), {"reason": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert step_of(invoice) == Step.DRAFT


def test_a_post_without_the_token_is_refused(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme)

    answer = browser(clerk, enforce_csrf_checks=True).post(at("press", invoice, "post"), {"reason": ""})

    assert answer.status_code == 403
    assert step_of(invoice) == Step.DRAFT


def test_an_unknown_button_is_not_there(browser, at, acme, clerk):
    assert browser(clerk).post(at("press", InvoiceFactory(client=acme), "explode")).status_code == 404


def test_pressed_twice_it_acts_once(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme)
    theirs = browser(clerk)

    answers = [theirs.post(at("press", invoice, "post"), {"reason": ""}) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert Event.objects.filter(invoice=invoice, action="post").count() == 1


def test_a_button_that_would_not_work_shows_why_and_no_form(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme, step=Step.APPROVAL, created_by=clerk)

    answer = browser(clerk).get(at("press", invoice, "approve"))

    assert "You handed this invoice in, so somebody else must approve it." in answer.text
    assert 'name="reason"' not in answer.text
