"""Manual sync with errors and repair, in the browser (article 002): sync, read why not, mend, sync again."""

from datetime import date
from decimal import Decimal

import pytest

from integrations import sync_runs
from integrations.models import SyncRun
from invoices.actions.intake import LineGiven
from tests.delivery.desk import Beside

pytestmark = pytest.mark.django_db(transaction=True)
BOLT = LineGiven("Bolt", Decimal(1), Decimal("10.99"), item="BOLT")


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def work():
    """Let a worker go on with the run until it is over."""
    run = SyncRun.objects.unfinished().get()
    while not SyncRun.objects.get(pk=run.pk).is_over:
        sync_runs.work_on(run.pk)


def test_manual_sync_with_errors_and_repair(desk, sit_down, clerk, handler):
    desk.ask("PUT", "items/BOLT/", {"name": "Bolt", "active": False})
    good = [desk.post() for _number in range(6)]
    bad = desk.post(lines=(BOLT,))
    person = sit_down(clerk)

    person.open("/admin/integrations/connection/")
    person.click("Sync now")
    person.shoot("sync-1-ask")
    person.click("Sync now")
    assert person.reads("Begun: it goes on by itself")
    person.shoot("sync-2-waits")
    desk.erp.faults(latency_ms=600)
    desk.tune(lanes=1)
    worker = Beside(work)
    person.page.get_by_text("Sending what waits").wait_for()
    person.page.get_by_text("a minute").wait_for()
    person.shoot("sync-3-running")
    desk.erp.faults()
    worker.join()
    person.page.get_by_role("heading", name="Over").wait_for()  # by itself: nobody pressed anything
    assert person.reads("6 sent, 1 refused, 0 changed here, 0 cannot be read")
    person.shoot("sync-4-refused")

    person.click("Refused · 1")
    assert not person.reads(good[0].number)
    person.click("Event log")
    assert person.reads("BOLT")
    person.shoot("sync-5-event-log")
    desk.ask("PUT", "items/BOLT/", {"name": "Bolt", "active": True})
    person.open("/admin/integrations/connection/")
    for _press in range(2):
        person.click("Sync now")
    work()
    other = sit_down(handler)
    other.open_invoice(bad)
    other.click("Post again")
    other.confirm("Post again", reason="The item is active again")
    assert other.reads("handed to the ERP again")
    person.open(f"/admin/integrations/syncrun/{SyncRun.objects.latest('pk').pk}/change/")
    person.click("Sync now")
    work()
    person.page.get_by_role("heading", name="Over").wait_for()

    assert person.reads("1 sent, 0 refused")
    person.shoot("sync-6-mended")
    assert {desk.see(invoice).step for invoice in [*good, bad]} == {"approval"}
    assert {len(desk.documents(invoice)) for invoice in [*good, bad]} == {1}
    assert (person.errors, other.errors) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_of_a_run_is_cut_off(desk, sit_down, clerk, handler, width, scheme):
    desk.erp.close_period("2026-09", desk.connection.company)
    desk.post("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0", invoice_date=date(2026, 9, 30))
    desk.post()
    run, _is_new = sync_runs.sync_now(desk.connection.pk, by=clerk)
    work()
    person, reader = sit_down(clerk, width=width, scheme=scheme), sit_down(handler, width=width, scheme=scheme)

    for name, path in {
        "run": f"/admin/integrations/syncrun/{run.pk}/change/",
        "runs": "/admin/integrations/syncrun/",
        "connection": f"/admin/integrations/connection/{desk.connection.pk}/change/",
        "connections": "/admin/integrations/connection/",
    }.items():
        for someone, who in ((person, "clerk"), (reader, "handler")):
            someone.open(path)
            someone.shoot(f"sync-{name}-{who}-{scheme}-{width}")
            assert someone.page.evaluate("document.documentElement.scrollWidth") <= width, name

    assert (person.errors, reader.errors) == ([], [])
