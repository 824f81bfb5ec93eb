"""Journey: a failed invoice says why, and one click leads to the field; a missing invoice is found and imported."""

import pytest

from invoices.models import Invoice
from syncdiag import catalogue
from tests.importing.conftest import there

__all__ = ["there"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def edits_the_date(tmp_path, monkeypatch):
    """Have the catalogue lead from a closed period to the invoice's date."""
    text = (
        (catalogue.FOLDER / "sandbox.toml")
        .read_text()
        .replace('button = "post-again"', 'button = "edit"\nfield = "invoice_date"', 1)
    )
    (tmp_path / "sandbox.toml").write_text(text)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    catalogue.entries_of.cache_clear()
    yield
    catalogue.entries_of.cache_clear()


def refused(desk):
    """Return an invoice that the ERP refused, because its month is closed."""
    desk.erp.close_period("2026-11", desk.connection.company)
    invoice = desk.post()
    desk.drain()
    assert desk.see(invoice).step == "preliminary_error"
    return invoice


def test_a_failed_invoice_is_mended_from_its_reason(desk, edits_the_date, sit_down, clerk, handler):
    invoice = refused(desk)
    person = sit_down(clerk)

    person.open_invoice(invoice)
    panel = person.page.locator("section.panel", has_text="Why?")
    assert "The accounting period is closed" in panel.inner_text()
    assert "lies in 2026-11" in panel.inner_text()
    person.shoot("why-1-failed")
    panel.get_by_role("link", name="Correct the invoice date").click()

    assert person.page.evaluate("document.activeElement.id") == "id_invoice_date"
    person.shoot("why-2-field")
    person.page.locator("#id_invoice_date").fill("2026-12-01")
    person.click("Save")
    handling = sit_down(handler)
    handling.open_invoice(invoice)
    handling.click("Post again")
    handling.confirm("Post again", reason="The date is in an open month")
    desk.drain()

    assert desk.see(invoice).step == "approval"
    assert (person.errors, handling.errors) == ([], [])


def test_asking_the_erp_is_one_press_and_its_answer_is_fresh_evidence(desk, sit_down, handler):
    invoice = refused(desk)
    person = sit_down(handler)

    person.open_invoice(invoice)
    person.click("Ask the ERP now")

    panel = person.page.locator("section.panel", has_text="Why?")
    assert "it does not have it just now" in " ".join(panel.inner_text().split())
    person.shoot("why-3-asked")
    assert person.errors == []


def test_a_missing_invoice_is_found_and_imported(desk, there, sit_down, clerk):
    there("R-1")
    person = sit_down(clerk)

    person.open("/admin/invoices/invoice/?q=R-1")
    person.shoot("missing-1-list")
    person.click("Where is R-1?")
    assert person.page.get_by_label("Number").input_value() == "R-1"
    person.click("Look for it")
    assert person.reads("R-1 is in Sandbox ERP and not here.")
    person.shoot("missing-2-found")
    person.page.get_by_role("button", name="Import by number").click()

    assert person.reads("Imported R-1 from Sandbox ERP: 10.99 USD, of which 10.99 are open.")
    assert person.page.url.endswith(f"/admin/invoices/invoice/{Invoice.objects.get().pk}/change/")
    assert person.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off(desk, there, sit_down, clerk, width, scheme):
    there("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0")
    invoice = refused(desk)
    person = sit_down(clerk, width=width, scheme=scheme)

    person.open_invoice(invoice)
    for summary in person.page.locator("section.panel details > summary").all():
        if summary.is_visible() and not summary.evaluate("summary => summary.parentElement.open"):
            summary.click()
    person.shoot(f"why-{scheme}-{width}")
    assert person.cut_off() == []
    person.open("/admin/invoices/invoice/missing/?number=A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0")
    person.click("Look for it")
    person.shoot(f"missing-{scheme}-{width}")
    assert person.cut_off() == []
    assert person.errors == []
