"""An invoice that came back for correction was edited here, and meanwhile there too."""

from datetime import date
from decimal import Decimal

import pytest

from integrations.pulling import pull
from invoices.actions.flow import post_again
from invoices.actions.intake import InvoiceGiven, LineGiven, edit_invoice
from invoices.actions.payments import StatusUpdate, Update, update_status
from invoices.actions.remote import edited_here
from invoices.models import Event
from tests.invoices.pictures import ask_erp

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reopened(desk):
    """Return a payable that was booked, pulled once, and then failed the ERP's validation."""
    invoice = desk.post()
    desk.drain()
    desk.approve(invoice)
    desk.drain()
    pull(desk.connection.pk)
    update_status(invoice.pk, StatusUpdate(Update.FAILED_ERP_VALIDATION, "the ERP"), by=None)
    return desk.see(invoice)


@pytest.fixture
def edit_here(desk):
    def edit(invoice, **changes):
        usual = {
            "direction": invoice.direction,
            "number": invoice.number,
            "party_code": "SUP-1",
            "party_name": "",
            "invoice_date": invoice.invoice_date,
            "currency": "USD",
            "lines": (LineGiven("Paper", Decimal(1), Decimal("10.99")),),
        }
        edit_invoice(invoice.pk, InvoiceGiven(**{**usual, **changes}), by=desk.clerk)

    return edit


def last(invoice):
    return Event.objects.filter(invoice=invoice, action="changed_in_erp").last()


def test_what_was_edited_here_alone_stays(desk, reopened, edit_here):
    edit_here(reopened, due_date=date(2027, 1, 1), lines=(LineGiven("Paper", Decimal(2), Decimal(10)),))
    synced_at = desk.see(reopened).synced_at
    desk.ask("POST", f"documents/{reopened.remote_id}/edit/", {})  # saved there, nothing changed

    pull(desk.connection.pk)

    invoice = desk.see(reopened)
    assert (invoice.due_date, invoice.total, invoice.step) == (date(2027, 1, 1), 20, "final_error")
    assert last(invoice) is None
    assert invoice.synced_at == synced_at


def test_where_both_changed_the_same_the_accounting_system_wins_and_the_event_says_what_was_lost(
    desk, reopened, edit_here, edit_there
):
    edit_here(reopened, due_date=date(2027, 1, 1), lines=(LineGiven("Ours", Decimal(2), Decimal(10)),))
    edit_there(reopened, total="15.00", due_date="2027-02-02")

    pull(desk.connection.pk)

    invoice = desk.see(reopened)
    assert (invoice.due_date, invoice.total) == (date(2027, 2, 2), 15)
    event = last(invoice)
    assert event.level == "warning"
    assert event.evidence["lost"]["due_date"] == "2027-01-01"
    assert event.evidence["lost"]["total"] == "20.0000"
    assert event.evidence["lost"]["lines"][0]["description"] == "Ours"
    assert (event.before["due_date"], event.after["due_date"]) == ("2027-01-01", "2027-02-02")
    pull(desk.connection.pk)
    assert desk.actions(reopened).count("changed_in_erp") == 1


def test_one_side_each_both_stay(desk, reopened, edit_here, edit_there):
    edit_here(reopened, number="OURS-1")
    edit_there(reopened, due_date="2027-02-02")

    pull(desk.connection.pk)

    invoice = desk.see(reopened)
    assert (invoice.number, invoice.due_date) == ("OURS-1", date(2027, 2, 2))
    assert "lost" not in last(invoice).evidence
    assert edited_here(invoice) == {}


def test_an_edit_that_waits_to_be_sent_is_not_sent_over_a_change_there(desk, reopened, edit_here, edit_there):
    edit_here(reopened, due_date=date(2027, 1, 1))
    ask_erp(reopened, "book_final")
    post_again(reopened.pk, by=desk.handler, reason="corrected")
    edit_there(reopened, due_date="2027-02-02")

    pull(desk.connection.pk)

    assert (desk.see(reopened).step, desk.see(reopened).due_date) == ("final_integration", date(2027, 2, 2))
    assert last(reopened).evidence["lost"] == {"due_date": "2027-01-01"}


def test_one_whose_answer_is_awaited_is_left_alone(desk, reopened, edit_there):
    ask_erp(reopened, "book_final")
    post_again(reopened.pk, by=desk.handler, reason="again")
    edit_there(reopened, due_date="2027-02-02")
    desk.let_pass("not_before")
    desk.claim()

    assert pull(desk.connection.pk).waiting == 1
    assert desk.see(reopened).due_date is None
