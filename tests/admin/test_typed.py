"""Typing an invoice in, and editing one."""

import pytest

from invoices.actions import flow
from invoices.models import Event, Invoice
from invoices.workflow import Step
from tests.factories import InvoiceFactory

LINE = {"description": "Paper", "quantity": "2", "unit_price": "5.495"}


def typed(acme=None, lines=(LINE,), *, initial=0, **changes):
    data = {
        "direction": "payable",
        "kind": "invoice",
        "number": "INV-7",
        "party_code": "SUP-9",
        "party_name": "New Supplier",
        "invoice_date": "2026-11-02",
        "due_date": "",
        "currency": "usd",
        "lines-TOTAL_FORMS": str(len(lines) + 2),
        "lines-INITIAL_FORMS": str(initial),
    }
    if acme is not None:
        data["client"] = str(acme.pk)
    for row in range(len(lines) + 2):
        line = lines[row] if row < len(lines) else {"quantity": "1"}
        data.update({f"lines-{row}-{name}": value for name, value in line.items()})
    return {**data, **changes}


def test_a_typed_invoice_stays_a_draft_with_a_post_button(browser, at, acme, clerk):
    answer = browser(clerk).post(at("add"), typed(acme), follow=True)

    invoice = Invoice.objects.get()
    assert answer.redirect_chain == [(at("change", invoice), 302)]
    assert (invoice.step, invoice.number, invoice.currency, str(invoice.total)) == (
        Step.DRAFT,
        "INV-7",
        "USD",
        "10.9900",
    )
    assert (invoice.counterparty.code, invoice.created_by) == ("SUP-9", clerk)
    assert at("press", invoice, "post") in answer.text
    assert "nothing was sent to the ERP" in answer.text


def test_what_the_verb_refuses_stands_at_its_field(browser, at, acme, clerk):
    lines = ({**LINE, "unit_price": "1"}, {**LINE, "account": "\x07" * 3, "quantity": "1"})
    data = typed(acme, lines, currency="XXQ", due_date="2026-01-01", party_name="Bell\x07")

    answer = browser(clerk).post(at("add"), data)

    assert answer.status_code == 400
    assert set(answer.context["head"].errors) == {"currency", "due_date", "party_name"}
    assert [sorted(form.errors) for form in answer.context["lines"].forms[:2]] == [[], ["account"]]
    assert not Invoice.objects.exists()


def test_a_number_that_is_here_already_is_refused_at_the_number(browser, at, acme, clerk):
    browser(clerk).post(at("add"), typed(acme))

    answer = browser(clerk).post(at("add"), typed(acme))

    assert "number" in answer.context["head"].errors
    assert Invoice.objects.count() == 1


def test_nobody_hands_in_for_another_client(browser, at, acme, stranger, auditor):
    answers = [browser(stranger).post(at("add"), typed(acme)), browser(auditor).post(at("add"), typed(acme))]

    assert [answer.status_code for answer in answers] == [400, 403]
    assert "client" in answers[0].context["head"].errors
    assert "Acme" not in browser(stranger).get(at("add")).text
    assert not Invoice.objects.exists()


def test_more_rows_come_without_losing_what_was_typed(browser, at, acme, clerk):
    answer = browser(clerk).post(at("add"), typed(acme, add_line="1", number=""))

    assert answer.status_code == 200
    assert len(answer.context["lines"].forms) == 6
    assert 'value="Paper"' in answer.text
    assert answer.context["lines"].total_error_count() == 0
    assert not Invoice.objects.exists()


def test_an_edit_is_saved_by_the_verb(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme, number="OLD")
    data = typed(lines=(LINE,), initial=1, number="NEW", seen=invoice.event_count, reason="misread")

    answer = browser(clerk).post(at("edit", invoice), data)

    invoice = Invoice.objects.get(pk=invoice.pk)
    assert answer.status_code == 302
    assert (invoice.number, str(invoice.total)) == ("NEW", "10.9900")
    assert Event.objects.get(invoice=invoice).reason == "misread"


def test_a_line_marked_for_removal_goes(browser, at, acme, clerk):
    invoice = InvoiceFactory(client=acme)
    lines = ({**LINE, "DELETE": "on"}, {**LINE, "description": "Ink", "unit_price": "3"})

    browser(clerk).post(at("edit", invoice), typed(lines=lines, initial=1, seen=invoice.event_count))

    assert [line.description for line in invoice.lines.all()] == ["Ink"]


def test_somebody_elses_change_is_not_written_over(browser, at, acme, clerk, clerk2):
    invoice = InvoiceFactory(client=acme)
    seen = invoice.event_count
    flow.archive_invoice(invoice.pk, by=clerk2, reason="a minute ago")
    flow.restore_invoice(invoice.pk, by=clerk2, reason="no")

    answer = browser(clerk).post(at("edit", invoice), typed(initial=1, seen=seen))

    assert answer.status_code == 409
    assert "It was changed while you were typing" in answer.text
    assert Invoice.objects.get(pk=invoice.pk).number == invoice.number


@pytest.mark.parametrize("step", [Step.BOOKED, Step.APPROVAL, Step.PRELIMINARY_INTEGRATION, Step.INVALIDATED])
def test_what_is_not_ours_any_more_is_read_only_with_the_reason(browser, at, acme, clerk, step):
    invoice = InvoiceFactory(client=acme, step=step)

    shown = browser(clerk).get(at("edit", invoice))
    pressed = browser(clerk).post(at("edit", invoice), typed(initial=1, seen=invoice.event_count))

    assert shown.context["why_read_only"]
    assert 'name="number"' not in shown.text
    assert pressed.status_code == 409
    assert Invoice.objects.get(pk=invoice.pk).number == invoice.number


def test_without_the_right_nobody_edits(browser, at, acme, auditor, clerk):
    invoice = InvoiceFactory(client=acme)

    shown = browser(auditor).get(at("edit", invoice))
    pressed = browser(auditor).post(at("edit", invoice), typed(initial=1, seen=invoice.event_count))

    assert "Ask Clerk Example" in shown.text
    assert pressed.status_code == 403
    assert Invoice.objects.get(pk=invoice.pk).number == invoice.number
