"""From a finding to its one click: for who may, and from where it works; everybody else reads who may."""

from datetime import date

import pytest

from invoices import clock
from invoices.workflow import Step
from syncdiag.findings import Finding, Proof
from syncdiag.next_steps import field_anchor, next_step_of
from syncdiag.standing import Standing
from tests.factories import InvoiceFactory
from tests.syncdiag.cases import booked, fresh

PROOF = (Proof("step", "Draft"),)


def step(invoice, by, button, connection_id=None, **facts):
    finding = Finding("x", "It is wrong.", PROOF, "Do it.", button, **facts)
    return next_step_of(finding, invoice, Standing.read(by, invoice.client), connection_id=connection_id)


@pytest.fixture
def stopped(acme):
    return fresh(InvoiceFactory(client=acme, step=Step.PRELIMINARY_ERROR))


def test_a_button_of_the_invoice_leads_to_its_confirm_page(stopped, handler):
    there = step(stopped, handler, "skip")

    assert (there.slug, there.label, there.url) == (
        "skip",
        "Skip integration step",
        f"/admin/invoices/invoice/{stopped.pk}/press/skip/",
    )


def test_who_may_not_reads_who_may_and_has_no_link(stopped, clerk, handler):
    there = step(stopped, clerk, "skip")

    assert (there.url, there.sentence) == (
        "",
        "Only Integration queue handler of Acme may do this. Ask Handler Example.",
    )


def test_a_button_that_would_not_work_from_here_is_not_offered(acme, handler):
    there = step(booked(acme), handler, "skip")

    assert (there.url, there.sentence) == ("", "")


@pytest.mark.parametrize(
    ("field", "label", "anchor"),
    [
        ("invoice_date", "Correct the invoice date", "#id_invoice_date"),
        ("number", "Correct the number", "#id_number"),
        ("counterparty.code", "Correct the counterparty", "#id_party_code"),
        ("lines", "Correct the lines", "#id_lines-0-description"),
        ("lines[2].item", "Correct the line's item", "#id_lines-2-item"),
        ("item", "Correct the line's item", "#id_lines-0-item"),
        ("", "Correct it", ""),
        ("no_such_field", "Correct it", ""),
    ],
)
def test_edit_leads_to_the_field(stopped, clerk, field, label, anchor):
    there = step(stopped, clerk, "edit", field=field)

    assert (there.label, there.url) == (label, f"/admin/invoices/invoice/{stopped.pk}/edit/{anchor}")


def test_a_posting_date_is_changed_in_the_vouchers_box_if_there_is_one_else_by_the_invoice_date(stopped, root, clerk):
    by_invoice_date = step(stopped, clerk, "edit", field="posting_date")
    stopped.preliminary_posting_date = date(2026, 8, 1)
    in_the_box = step(stopped, root, "edit", field="posting_date")

    assert by_invoice_date.url == f"/admin/invoices/invoice/{stopped.pk}/edit/#id_invoice_date"
    assert (in_the_box.label, in_the_box.url) == (
        "Change the posting date",
        f"/admin/invoices/invoice/{stopped.pk}/change/#box-date",
    )


def test_edit_is_not_offered_where_it_is_read_only(acme, clerk):
    assert step(booked(acme), clerk, "edit", field="number").url == ""


def test_edit_names_who_may(stopped, handler, clerk):
    assert step(stopped, handler, "edit", field="number").sentence == (
        "Only Finance staff of Acme may do this. Ask Clerk Example."
    )


def test_the_connection_is_for_who_manages_it(stopped, connection, manager, clerk):
    there, theirs = (step(stopped, by, "connection", connection.pk) for by in (manager, clerk))

    assert there.url == f"/admin/integrations/connection/{connection.pk}/change/"
    assert (theirs.url, theirs.sentence) == (
        "",
        "Only Integration manager of Acme may do this. Ask Manager Example.",
    )


def test_a_client_without_a_connection_is_connected(stopped, manager):
    assert step(stopped, manager, "connection").url == "/admin/integrations/connection/add/"


def test_import_begins_with_the_number_and_is_a_form(stopped, clerk, acme):
    values = {"client": str(acme.pk), "direction": "receivable", "number": "R 1"}

    there = step(stopped, clerk, "import", values=values)

    assert there.url == f"/admin/invoices/invoice/import/?client={acme.pk}&direction=receivable&number=R+1"
    assert there.fields == values


def test_wait_says_when(stopped, clerk):
    moment = clock.now().replace(2026, 11, 20, 9, 5, 7)

    assert step(stopped, clerk, "wait", until=moment).sentence == (
        "It is tried again by itself at 20 Nov 2026, 09:05:07 UTC."
    )
    assert step(stopped, clerk, "wait").sentence == "It goes on by itself."


def test_open_leads_to_the_invoice_that_it_is_about(stopped, clerk, acme):
    other = InvoiceFactory(client=acme, number="INV-7")

    there = step(stopped, clerk, "open", about=other)

    assert (there.label, there.url) == ("Look at INV-7", f"/admin/invoices/invoice/{other.pk}/change/")


@pytest.mark.parametrize("name", ["lines[x].item", "lines[0].total", "lines[0]", "id", "__class__"])
def test_what_the_page_has_no_field_for_has_no_anchor(name):
    assert field_anchor(name) == ""


def test_every_finding_of_every_entry_can_be_made_a_step(stopped, root):
    from syncdiag.catalogue import BUTTONS

    for button in BUTTONS - {"", "wait", "re-sync"}:
        assert step(stopped, root, button).url, button
