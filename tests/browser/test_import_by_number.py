"""Journey: an invoice that is in the ERP and missing here is imported by its number (article 001)."""

import pytest

from invoices.actions.preferences import change_preferences
from invoices.models import Invoice
from tests.importing.conftest import pay_there, there

__all__ = ["pay_there", "there"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def import_number(person, number):
    person.open("/admin/invoices/invoice/")
    person.click("Import by number")
    person.page.get_by_label("Direction").select_option("receivable")
    person.page.get_by_label("Number").fill(number)


def test_it_is_found_and_its_page_opens(desk, there, pay_there, sit_down, clerk):
    pay_there(there("R-1"), "4.00")
    person = sit_down(clerk)

    import_number(person, "R-1")
    person.shoot("import-1-form")
    person.page.get_by_role("button", name="Import", exact=True).click()

    invoice = Invoice.objects.get()
    assert person.page.url.endswith(f"/admin/invoices/invoice/{invoice.pk}/change/")
    assert person.reads("Imported R-1 from Sandbox ERP: 10.99 USD, of which 6.99 are open.")
    assert person.reads("Imported from the ERP by its number")
    person.shoot("import-2-invoice")
    assert (invoice.status, invoice.remote_id != "") == ("partially_paid", True)
    assert person.errors == []


def test_of_several_one_is_chosen(desk, there, sit_down, clerk):
    desk.ask("PUT", "customers/CUS-2/", {"name": "Writers"})
    there("R-1")
    other = there("R-1", party="CUS-2", total="20.00")
    person = sit_down(clerk)

    import_number(person, "R-1")
    person.page.get_by_role("button", name="Import", exact=True).click()
    assert person.reads("Sandbox ERP has 2 documents of the number R-1: choose the one that is missing here.")
    person.shoot("import-3-several")
    person.page.get_by_role("button", name=f"id {other}").click()

    assert person.reads("Imported R-1 from Sandbox ERP: 20.00 USD")
    assert Invoice.objects.get().remote_id == other
    assert person.errors == []


def test_one_that_was_archived_is_restored_from_there(desk, there, sit_down, clerk):
    there("R-1")
    person = sit_down(clerk)
    import_number(person, "R-1")
    person.page.get_by_role("button", name="Import", exact=True).click()
    person.click("Archive")
    person.confirm("Archive", reason="Looked lost")

    import_number(person, "R-1")
    person.page.get_by_role("button", name="Import", exact=True).click()
    assert person.reads("R-1 is here already, but archived (Looked lost)")
    person.shoot("import-4-archived")
    person.click("Restore")
    person.confirm("Restore", reason="It was right after all")

    assert not Invoice.objects.get().is_archived


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off(desk, there, sit_down, clerk, manager, acme, width, scheme):
    change_preferences(acme.pk, by=manager, allows_duplicate_numbers=True)
    number = "A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0"
    desk.ask("PUT", "customers/CUS-2/", {"name": "A customer with a name that goes on for quite a while and longer"})
    there(number)
    there(number, party="CUS-2", total="12345678.90")
    person = sit_down(clerk, width=width, scheme=scheme)

    person.open("/admin/invoices/invoice/")
    person.shoot(f"import-list-{scheme}-{width}")
    for name, typed in (("several", number), ("not-found", "R-2")):
        import_number(person, typed)
        person.page.get_by_role("button", name="Import", exact=True).click()
        person.shoot(f"import-{name}-{scheme}-{width}")
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width, name
