"""Journey: an invoice is edited here until it is booked, then in the ERP (article 001)."""

import re
from datetime import date
from decimal import Decimal

import pytest

from integrations.pulling import pull
from invoices.actions.intake import LineGiven
from invoices.models import IntegrationMessage

pytestmark = pytest.mark.django_db(transaction=True)
READ_ONLY = "It is booked. Edit it in Sandbox ERP; the next sync brings it back."
LINES_THERE = [
    {"description": "Lamp", "quantity": "2", "unit_price": "5.50", "amount": "11.00"},
    {"description": "Postage", "quantity": "1", "unit_price": "1.50", "amount": "1.50"},
]


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def edit_there(desk):
    """Return what somebody does who corrects an invoice in the ERP."""

    def edit(invoice, **changes):
        return desk.ask("POST", f"documents/{desk.see(invoice).remote_id}/edit/", changes)

    return edit


def line(item=""):
    return LineGiven("Lamp", Decimal(1), Decimal("10.99"), item=item)


def post(person):
    person.click("Post")
    person.confirm("Post")


def take_item_off(person):
    person.click("Edit")
    person.page.locator("#id_lines-0-item").fill("")
    person.click("Save")


def fact(person, name):
    """Return what stands beside `name` in the facts."""
    row = person.page.locator(".page-side .facts > div").filter(has=person.page.get_by_text(name, exact=True))
    return row.locator("dd").inner_text()


def test_what_the_preflight_finds_is_mended_here_and_posted(desk, sit_down, clerk):
    desk.ask("PUT", "items/LAMP/", {"name": "Lamp", "active": False})
    desk.erp.close_period("2026-10", desk.connection.company)
    pull(desk.connection.pk)
    draft = desk.hand_in(direction="receivable", invoice_date=date(2026, 10, 30), lines=(line("LAMP"),))
    person = sit_down(clerk)

    person.open_invoice(draft)
    assert person.reads("A draft that cannot be posted yet.")
    assert person.reads("item of line 1")
    person.shoot("edit-1-draft")
    post(person)
    assert person.reads("The period 2026-10 is closed in the ERP: choose another date, or open it there.")
    assert person.reads("The item LAMP is inactive in the ERP: activate it there, or take it off.")
    person.shoot("edit-2-refused")
    assert not IntegrationMessage.objects.exists()
    person.click("Edit")
    person.page.get_by_label("Invoice date").fill("2026-11-02")
    person.page.locator("#id_lines-0-item").fill("")
    person.shoot("edit-3-form")
    person.click("Save")
    assert person.reads("Saved.")
    assert person.reads("1 × Lamp (LAMP) at 10.99 → 1 × Lamp at 10.99")
    person.shoot("edit-4-saved")
    post(person)
    desk.drain()
    person.open_invoice(draft)

    assert person.reads(READ_ONLY)
    assert (desk.see(draft).step, len(desk.documents(draft))) == ("booked", 1)
    person.shoot("edit-5-booked")
    assert [error.partition("status of ")[2] for error in person.errors] == ["400 (Bad Request)"]  # the refusal alone


def test_what_the_erp_refuses_is_edited_by_a_clerk_and_posted_again_by_a_handler(desk, sit_down, clerk, handler):
    desk.ask("PUT", "items/LAMP/", {"name": "Lamp", "active": False})
    draft = desk.hand_in(direction="receivable", lines=(line("LAMP"),))
    person, other = sit_down(clerk), sit_down(handler)

    person.open_invoice(draft)
    post(person)
    desk.drain()
    person.open_invoice(draft)
    assert person.reads("An item is inactive in the ERP")
    person.shoot("edit-6-refused-by-the-erp")
    take_item_off(person)
    person.shoot("edit-7-mended")
    other.open_invoice(draft)
    other.click("Post again")
    other.confirm("Post again", reason="The item is off the line")
    desk.drain()

    assert desk.see(draft).step == "booked"
    assert (desk.calls(draft), len(desk.documents(draft))) == (["refused", "booked"], 1)
    assert (person.errors, other.errors) == ([], [])


def test_once_booked_it_is_edited_there_and_re_sync_brings_it_here(desk, edit_there, sit_down, clerk):
    invoice = desk.book(due_date=date(2026, 12, 2))
    person = sit_down(clerk)

    person.open_invoice(invoice)
    assert person.reads(READ_ONLY)
    assert person.page.get_by_role("link", name="Edit", exact=True).count() == 0
    person.open(f"/admin/invoices/invoice/{invoice.pk}/edit/")
    assert person.reads(READ_ONLY)
    assert person.page.get_by_role("button", name="Save").count() == 0
    person.shoot("edit-8-read-only")
    edit_there(invoice, due_date="2026-12-24", total="12.50", lines=LINES_THERE)
    person.open_invoice(invoice)
    person.click("Re-sync")
    person.shoot("edit-9-ask")
    person.confirm("Re-sync")
    said = person.page.locator("ul.messagelist").inner_text()
    person.shoot("edit-10-synced")

    assert re.search(
        r"Re-synced: balance 12\.50 USD, 0 payments, PDF .+; the due date, the total and the lines changed\.", said
    )
    assert (fact(person, "Due date"), fact(person, "Total")) == ("24 Dec 2026", "12.50 USD")
    assert fact(person, "Balance") == "12.50 USD"
    assert fact(person, "Balance in the ERP").startswith("12.50 USD\n")
    lines = person.page.get_by_role("region", name="Lines").locator("tbody th")
    assert lines.all_inner_texts() == ["Lamp", "Postage"]
    timeline = person.page.locator("#timeline").inner_text()
    for change in (
        "2 Dec 2026 → 24 Dec 2026",
        "10.99 → 12.50",
        "1 × Paper at 10.99 → 2 × Lamp at 5.5, 1 × Postage at 1.5",
    ):
        assert change in timeline
    with person.page.expect_download() as download:
        person.page.locator(".page-side").get_by_role("link", name=re.compile("KB|bytes")).click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    assert person.errors == []


def test_the_list_shows_the_same_balance_on_both_sides(desk, edit_there, sit_down, clerk):
    invoice = desk.book()
    edit_there(invoice, total="12.50", lines=LINES_THERE)
    person = sit_down(clerk)
    person.open_invoice(invoice)
    person.click("Re-sync")
    person.confirm("Re-sync")

    person.open("/admin/invoices/invoice/")
    balances = person.page.locator("#result_list tbody td[data-label=Balance], td[data-label='In the ERP']")

    assert balances.all_inner_texts() == ["12.50 USD", "12.50 USD"]
    person.shoot("edit-11-list")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_nothing_is_cut_off(desk, edit_there, sit_down, clerk, width, scheme):
    desk.erp.close_period("2026-10", desk.connection.company)
    pull(desk.connection.pk)
    draft = desk.hand_in(direction="receivable", invoice_date=date(2026, 10, 30))
    booked = desk.book("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0", lines=(line(), line()))
    edit_there(booked, total="12.50", due_date="2026-12-24", lines=LINES_THERE)
    person = sit_down(clerk, width=width, scheme=scheme)
    person.open_invoice(booked)
    person.click("Re-sync")
    person.confirm("Re-sync")

    for name, path in {
        "booked": f"/admin/invoices/invoice/{booked.pk}/change/",
        "read-only": f"/admin/invoices/invoice/{booked.pk}/edit/",
        "draft": f"/admin/invoices/invoice/{draft.pk}/change/",
        "form": f"/admin/invoices/invoice/{draft.pk}/edit/",
        "list": "/admin/invoices/invoice/",
    }.items():
        person.open(path)
        person.shoot(f"edit-{name}-{scheme}-{width}")
        assert person.cut_off() == [], name

    assert person.errors == []
