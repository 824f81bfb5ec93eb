"""An issue in the browser: seen, taken on, mended at its cause, and gone by itself."""

import pytest

from integrations.bulk import work_on
from integrations.models import BulkRun
from syncdiag.actions.grouping import group_failures
from syncdiag.models import Issue

pytestmark = pytest.mark.django_db(transaction=True)
TITLE = "The accounting period is closed"


def test_a_handler_takes_an_issue_on_mends_its_cause_and_it_is_gone(desk, sit_down, handler):
    desk.erp.close_period("2026-11", desk.connection.company)
    invoices = [desk.post() for _number in range(3)]
    desk.drain()
    group_failures()
    person = sit_down(handler)

    person.open("/admin/syncdiag/issue/")
    person.shoot("issue-1-list")
    person.click(TITLE)
    assert person.reads("The accounting period 2026-11 is closed.")
    person.page.get_by_label("Assign to").select_option(label="Handler Example")
    person.click("Assign")
    assert person.reads("It is assigned to Handler Example.")
    person.shoot("issue-2-page")

    assert desk.erp.ask("POST", "/periods/2026-11/open/", {"company": desk.connection.company})[0] == 200
    person.click("See them on the desk")
    person.page.get_by_label("All that match").check()
    person.page.get_by_role("button", name="Post again").click()
    person.page.locator("[name=reason]").fill("The period is open again")
    person.page.locator("#content form").get_by_role("button", name="Post again").click()
    work_on(BulkRun.objects.get().pk)
    desk.drain()
    group_failures()
    person.open(f"/admin/syncdiag/issue/{Issue.objects.get().pk}/change/")
    person.shoot("issue-3-resolved")

    assert {desk.see(invoice).step for invoice in invoices} == {"approval"}
    assert Issue.objects.get().state == Issue.State.RESOLVED
    assert person.reads("All of them came through.")
    person.open("/admin/syncdiag/issue/")
    assert not person.reads(TITLE)
    assert person.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off(desk, sit_down, handler, width, scheme):
    desk.erp.close_period("2026-11", desk.connection.company)
    desk.post("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0")
    desk.drain()
    group_failures()
    person = sit_down(handler, width=width, scheme=scheme)

    for name, path in {
        "issues": "/admin/syncdiag/issue/",
        "issue": f"/admin/syncdiag/issue/{Issue.objects.get().pk}/change/",
    }.items():
        person.open(path)
        person.shoot(f"{name}-{scheme}-{width}")
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width, name

    assert person.errors == []
