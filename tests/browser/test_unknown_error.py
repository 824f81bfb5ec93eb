"""Journey: a clerk pastes an error that nobody knows; an administrator adds an entry; the clerk reads it."""

import pytest

from integrations.models import Connection
from syncdiag.stored import CatalogueEntry, UnknownError

pytestmark = pytest.mark.django_db(transaction=True)
SAID = 'The warehouse "Nord 7" refuses deliveries during stocktaking (session 4711).'


@pytest.fixture(autouse=True)
def _connected(transactional_db, acme):
    Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="erp-secret-4711")


def paste(person, text, system="sandbox"):
    person.open("/admin/explain/")
    person.page.locator("[name=text]").fill(text)
    person.page.locator("select[name=system]").select_option(system)
    person.page.get_by_role("button", name="Explain it").click()


def test_from_the_clerks_paste_to_the_administrators_entry_and_back(sit_down, clerk, root):
    at_the_desk = sit_down(clerk)
    paste(at_the_desk, SAID)
    assert at_the_desk.reads("The catalogue does not know this error yet")
    at_the_desk.shoot("unknown-1-pasted")
    at_the_desk.click("Send to the list of unknown errors")
    assert at_the_desk.reads("It is on the list of unknown errors. An administrator adds an entry.")
    assert UnknownError.objects.get().words == "The warehouse … refuses deliveries during stocktaking (session …"

    administrator = sit_down(root)
    administrator.open("/admin/")
    administrator.page.get_by_role("navigation", name="Pages").last.get_by_role("link", name="Unknown errors").click()
    administrator.shoot("unknown-2-list")
    administrator.click("Look at it")
    administrator.shoot("unknown-3-page")
    administrator.click("Add an entry for it")
    typed = administrator.page
    typed.locator("[name=title]").fill("The warehouse is counted")
    typed.locator("[name=patterns]").fill('warehouse "(?P<warehouse>[^"]+)" refuses deliveries')
    typed.locator("[name=cause]").fill("Nothing may be booked on {warehouse} while it is counted.")
    typed.locator("[name=steps]").fill(
        "Wait until the stocktaking of {warehouse} is over.\nThen post the invoice again."
    )
    typed.locator("[name=fixed_in]").select_option("erp")
    typed.locator("[name=retry_helps]").check()
    administrator.click("Try it")
    assert administrator.reads("It would know 1 of 1 unknown errors of its system.")
    administrator.shoot("unknown-4-tried")
    administrator.click("Save")
    assert administrator.reads("“The warehouse is counted” is saved. It knows 1 unknown error, which left the list.")
    administrator.shoot("unknown-5-saved")
    assert CatalogueEntry.objects.get().changed_by == root

    paste(at_the_desk, SAID)
    assert at_the_desk.reads("Nothing may be booked on Nord 7 while it is counted.")
    assert at_the_desk.reads("Wait until the stocktaking of Nord 7 is over.")
    at_the_desk.shoot("unknown-6-read")
    at_the_desk.click("The warehouse is counted")
    assert at_the_desk.page.url.endswith("/admin/guides/sandbox/#the-warehouse-refuses-deliveries-during-stocktaking")
    assert (at_the_desk.errors, administrator.errors) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off(sit_down, auditor, width, scheme):
    person = sit_down(auditor, width=width, scheme=scheme)

    for name, path in (
        ("index", "/admin/guides/"),
        ("guide", "/admin/guides/sandbox/"),
        ("search", "/admin/guides/?q=period"),
    ):
        person.open(path)
        person.shoot(f"guides-{name}-{scheme}-{width}")
        assert person.cut_off() == [], name
    paste(person, f"NO_LINES\n{'x' * 300} The accounting period 2026-08 is closed. {SAID}", "")
    person.shoot(f"guides-paste-{scheme}-{width}")

    assert person.cut_off() == []
    assert person.errors == []


def test_a_guide_prints_without_menus_and_search(sit_down, auditor):
    person = sit_down(auditor)
    person.open("/admin/guides/sandbox/")

    person.page.emulate_media(media="print")

    assert not person.page.get_by_role("navigation", name="Pages").last.is_visible()
    assert not person.page.get_by_role("searchbox").is_visible()
    assert person.page.locator(".guide-entry").first.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    person.shoot("guides-print")
