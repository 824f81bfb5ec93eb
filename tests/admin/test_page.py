"""The page of one invoice, and what every page keeps to."""

from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.urls import reverse
from django.utils import timezone

from invoices.actions.intake import InvoiceGiven, LineGiven, edit_invoice
from invoices.admin import panels
from invoices.drawing import machines_of
from invoices.models import Event, Invoice
from invoices.templatetags.unstuck import shown_changes
from invoices.workflow import Direction, MessageState, Status, Step
from tests.admin.rows import found_in_erp, with_message
from tests.factories import InvoiceFactory
from tests.invoices.pictures import stand


class Inline(HTMLParser):
    """Finds what the content security policy would refuse."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._script = False

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag == "style" or "style" in names or any(name.startswith("on") for name in names):
            self.found.append((tag, attrs))
        if any(str(names.get(name, "")).startswith(("javascript:", "http://", "https://")) for name in ("href", "src")):
            self.found.append((tag, attrs))
        if tag == "script" and "src" not in names and names.get("type") != "application/json":
            self.found.append((tag, attrs))


def inline_parts(text):
    parser = Inline()
    parser.feed(text)
    return parser.found


@pytest.fixture
def pages(acme, at, clerk, manager):
    draft = InvoiceFactory(client=acme)
    error = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.REFUSED)
    event = Event.objects.create(client=acme, at=timezone.now(), actor_name="x", action="grant_role")
    found_in_erp(error)
    grant = clerk.role_grants.get()
    return [
        reverse("admin:index"),
        reverse("admin:app_list", args=["invoices"]),
        reverse("admin:password_change"),
        at("changelist"),
        at("change", draft),
        at("change", error),
        at("edit", draft),
        at("add"),
        at("press", error, "skip"),
        reverse("admin:invoices_rolegrant_changelist"),
        reverse("admin:invoices_rolegrant_add"),
        reverse("admin:invoices_rolegrant_revoke", args=[grant.pk]),
        reverse("admin:invoices_client_changelist"),
        reverse("admin:invoices_client_add"),
        reverse("admin:invoices_client_change", args=[acme.pk]),
        reverse("admin:invoices_counterparty_changelist"),
        reverse("admin:invoices_event_changelist"),
        reverse("admin:invoices_event_change", args=[event.pk]),
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_add"),
        reverse("admin:auth_user_change", args=[clerk.pk]),
    ]


def test_no_page_holds_what_the_policy_refuses(browser, pages, root, client):
    answers = {page: browser(root).get(page) for page in pages}
    answers["login"] = client.get(reverse("admin:login"))

    assert {page: answer.status_code for page, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert {page: inline_parts(answer.text) for page, answer in answers.items()} == {page: [] for page in answers}
    for answer in answers.values():
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("direction", "step"), [(direction, step) for direction in Direction for step in machines_of(direction)[0].places]
)
def test_the_page_opens_in_every_step(browser, at, acme, handler, direction, step):
    invoice = InvoiceFactory(client=acme, step=step, direction=direction)

    answer = browser(handler).get(at("change", invoice))

    assert answer.status_code == 200
    assert answer.context["situation"].sentence
    assert f"Step: {Step(step).label}" in answer.text


@pytest.mark.parametrize("status", [status for status in Status.values if status])
def test_the_page_opens_in_every_status(browser, at, acme, auditor, status):
    direction = Direction.RECEIVABLE if status == Status.OPEN else Direction.PAYABLE
    invoice = InvoiceFactory(client=acme, direction=direction, step=Step.BOOKED, status=status, final_voucher="V-1")

    answer = browser(auditor).get(at("change", invoice))

    assert f"Status after booking: {Status(status).label}" in answer.text


def test_another_clients_invoice_is_as_absent_as_none(browser, at, acme, stranger):
    invoice = InvoiceFactory(client=acme)
    theirs = browser(stranger)

    for name, more in (("change", ()), ("edit", ()), ("press", ("post",))):
        known, unknown = at(name, invoice, *more), at(name, invoice, *more).replace(f"/{invoice.pk}/", "/999999/")
        answers = [theirs.get(known), theirs.get(unknown), theirs.post(known), theirs.post(unknown)]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert answers[0].text == answers[1].text


@pytest.mark.parametrize("leaf", ["delete/", "history/", ""])
def test_nothing_stands_at_the_stock_addresses_for_writing(browser, at, acme, root, leaf):
    invoice = InvoiceFactory(client=acme)

    answers = [browser(root).post(at("changelist") + f"{invoice.pk}/{leaf}", {"post": "yes"})]

    assert answers[0].status_code == 404
    assert Invoice.objects.filter(pk=invoice.pk).exists()


def test_a_post_to_the_page_changes_nothing(browser, at, acme, root):
    invoice = InvoiceFactory(client=acme)

    answer = browser(root).post(at("change", invoice), {"number": "OTHER", "step": "booked", "_save": "1"})

    assert answer.status_code == 405
    assert Invoice.objects.get(pk=invoice.pk).number == invoice.number


def test_a_post_to_the_list_runs_no_action(browser, at, acme, root):
    invoice = InvoiceFactory(client=acme)
    data = {"action": "delete_selected", "_selected_action": [invoice.pk], "post": "yes"}

    browser(root).post(at("changelist"), data)

    assert Invoice.objects.filter(pk=invoice.pk).exists()


def test_what_the_erp_said_is_shown_and_escaped(browser, at, acme, auditor):
    invoice = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.REFUSED)

    text = browser(auditor).get(at("change", invoice)).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;No&lt;/b&gt;" in text
    assert "<script>alert" not in text


def test_a_right_that_is_missing_is_said_with_who_has_it(browser, at, acme, clerk, handler):
    invoice = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.REFUSED)

    answer = browser(clerk).get(at("change", invoice))

    (sentence, offers), *_others = answer.context["not_yours"]
    assert "Ask Handler Example." in sentence
    assert "skip" in {offer.button.slug for offer in offers}
    assert sentence in answer.text
    assert at("press", invoice, "skip") not in answer.text


def test_the_voucher_box_offers_what_the_erp_has(browser, at, acme, handler, clerk):
    invoice = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.ABORTED)
    found_in_erp(invoice, "V-88")

    box = browser(handler).get(at("change", invoice)).context["box"]

    assert box.voucher == "V-88"
    assert "V-88" in box.origin
    assert browser(clerk).get(at("change", invoice)).context["box"] is None


def test_the_message_of_an_aborted_step_that_was_answered_late_fills_the_box(browser, at, acme, handler):
    invoice = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.ABORTED, voucher="V-LATE")

    box = browser(handler).get(at("change", invoice)).context["box"]

    assert box.voucher == "V-LATE"
    assert box.origin == "The ERP answered the message after all: voucher V-LATE."


def test_the_timeline_is_filtered_by_source(browser, at, acme, auditor):
    invoice = with_message(acme)
    found_in_erp(invoice)

    answer = browser(auditor).get(at("change", invoice), {"source": "attempt"})

    assert {entry.source for entry in answer.context["entries"]} == {"attempt"}
    assert [name for name, _label in answer.context["sources"]] == ["attempt", "look-up"]


def test_other_rooms_add_panels(browser, at, acme, auditor, monkeypatch):
    monkeypatch.setattr(panels, "_makers", [])
    panels.add_panel(lambda invoice, user: None)
    panels.add_panel(
        lambda invoice, user: panels.Panel("Why?", "admin/includes/no_role.html", {"who": user}, tone="warning")
    )

    answer = browser(auditor).get(at("change", InvoiceFactory(client=acme)))

    assert [panel.title for panel in answer.context["panels"]] == ["Why?"]
    assert "<h2>Why?</h2>" in answer.text


def test_the_timeline_says_what_was_before_and_after_as_the_page_has_it(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme, invoice_date=date(2026, 11, 2))
    was = invoice.counterparty.code
    given = InvoiceGiven(
        direction=invoice.direction,
        number=invoice.number,
        party_code="SUP-2",
        party_name="Ink",
        invoice_date=date(2026, 11, 3),
        currency="USD",
        lines=(LineGiven("Paper", Decimal(2), Decimal("10.99"), item="A4"),),
    )
    edit_invoice(invoice.pk, given, by=clerk)

    entry = next(entry for entry in browser(clerk).get(at("change", invoice)).context["entries"] if entry.details)

    assert dict(shown_changes(entry.details, "USD")) == {
        "counterparty": f"{was} → SUP-2",
        "invoice date": "2 Nov 2026 → 3 Nov 2026",
        "total": "10.99 → 21.98",
        "lines": "1 × Paper at 10.99 → 2 × Paper (A4) at 10.99",
    }


@pytest.mark.parametrize(("step", "is_said"), [(Step.BOOKED, True), (Step.FINAL_INTEGRATION, False)])
def test_where_a_booked_invoice_is_edited_stands_in_sight(browser, at, acme, clerk, step, is_said):
    answer = browser(clerk).get(at("change", stand(acme, step)))

    assert answer.context["says_where_to_edit"] is is_said
    assert ("It is booked. Edit it in" in answer.text.partition('<details class="more">')[0]) is is_said
