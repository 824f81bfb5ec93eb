"""The pages of sync runs: pressing, watching, cancelling; who sees them, and who sees why they may not press."""

import pytest
from django.db import connection as database
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations import sync_runs
from integrations.models import SyncItem, SyncRun
from invoices import clock
from invoices.workflow import Step
from tests.delivery.desk import AGO
from tests.factories import InvoiceFactory

LIST = "/admin/integrations/syncrun/"


@pytest.fixture(autouse=True)
def _static(settings):
    settings.WHITENOISE_AUTOREFRESH = True  # else it warns where nothing was collected


@pytest.fixture
def browser():
    def log_in(person):
        client = Browser()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def connection(acme):
    from integrations.models import Connection

    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="hush-hush")


def page_of(run):
    return reverse("admin:integrations_syncrun_change", args=[run.pk])


def sync_page(connection):
    return reverse("admin:integrations_connection_sync", args=[connection.pk])


def make_run(connection, *, count=6, refused=2, **values):
    """A run of which two were refused, two were sent, and two wait."""
    run = SyncRun.objects.create(
        connection=connection, started_at=clock.now() - AGO, **{"total": count, "failed": refused, "done": 2, **values}
    )
    states = ["failed"] * refused + ["done"] * 2 + ["waiting"] * (count - refused - 2)
    said = [{"code": "PERIOD_CLOSED", "message": "The period 2026-11 is closed for postings.", "detail": ""}]
    SyncItem.objects.bulk_create(
        SyncItem(
            run=run,
            invoice=InvoiceFactory(client=connection.client, step=Step.PRELIMINARY_ERROR),
            state=state,
            sentence="Refused: <b>closed</b>" if state == "failed" else "",
            said=said if state == "failed" else [],
            finished_at=None if state == "waiting" else clock.now(),
        )
        for state in states
    )
    return run


def test_sync_now_leads_to_the_run_and_a_second_press_joins_it(browser, connection, clerk, clerk2):
    begun = browser(clerk).post(sync_page(connection), follow=True)

    joined = browser(clerk2).post(sync_page(connection), follow=True)

    run = SyncRun.objects.get()
    assert begun.redirect_chain == joined.redirect_chain == [(page_of(run), 302)]
    assert "Begun: it goes on by itself" in begun.text
    assert "It is running already; this is it." in joined.text
    assert run.by == clerk


def test_the_list_leads_to_a_page_that_says_what_will_be_done(browser, connection, clerk):
    theirs = browser(clerk)

    assert sync_page(connection) in theirs.get("/admin/integrations/connection/").text
    asked = theirs.get(sync_page(connection))

    assert "All that waits for the ERP is sent now" in asked.text
    assert f'action="{sync_page(connection)}"' in asked.text
    assert not SyncRun.objects.exists()


def test_who_may_not_press_sees_a_grey_button_and_who_may(browser, connection, clerk, handler):
    theirs = browser(handler)
    address = reverse("admin:integrations_connection_change", args=[connection.pk])
    listed = "/admin/integrations/connection/"

    assert '<a class="button small off"' in theirs.get(listed).text
    assert '<a class="button small off"' not in browser(clerk).get(listed).text

    for page in (address, sync_page(connection)):
        text = theirs.get(page).text
        assert '<span class="button off" aria-disabled="true">Sync now</span>' in text
        assert "Ask Clerk Example" in text
        assert f'action="{sync_page(connection)}"' not in text
    assert theirs.post(sync_page(connection)).status_code == 403
    assert not SyncRun.objects.exists()


def test_a_connection_that_is_switched_off_says_so(browser, connection, clerk):
    type(connection).objects.update(is_enabled=False)

    answer = browser(clerk).post(sync_page(connection))

    assert answer.status_code == 409
    assert "The connection is switched off" in answer.text
    assert not SyncRun.objects.exists()


def test_the_page_is_live_only_while_it_runs(browser, connection, clerk):
    run = make_run(connection)
    theirs = browser(clerk)

    running = theirs.get(page_of(run))
    sync_runs.cancel_sync(run.pk, by=clerk)
    over = theirs.get(page_of(run))

    assert running.text.count("data-live") == 2
    assert "unstuck/live.js" in running.text
    assert "2 sent, 2 refused, 0 changed here, 0 cannot be read" in running.text
    assert "4 of 6 had their turn" in running.text
    assert '<rect class="bad" x="33.33" width="33.33" height="4"/>' in running.text
    assert running.context["progress"].current == run.items.filter(state="waiting").first().invoice
    assert "Cancel the rest" in running.text
    assert "data-live" not in over.text
    assert "live.js" not in over.text
    assert "Cancel the rest" not in over.text


def test_the_rate_is_that_of_the_last_items(browser, connection, clerk, monkeypatch):
    monkeypatch.setattr("integrations.sync_admin.LAST_ITEMS", 3)
    run = make_run(connection, count=10, refused=6)
    now = clock.now()
    for seconds, item in enumerate(run.items.exclude(state="waiting").order_by("-pk")):
        SyncItem.objects.filter(pk=item.pk).update(finished_at=now - AGO * (0.01 * seconds))  # 36 s between two

    progress = browser(clerk).get(page_of(run)).context["progress"]

    assert progress.rate in {"2 a minute", "3 a minute"}  # three in 72 s
    assert progress.time_left == "48 s"  # two more


def test_a_refused_one_leads_to_the_event_log_the_guide_and_the_invoice(browser, connection, clerk):
    run = make_run(connection)
    refused = run.items.filter(state="failed").first()

    text = browser(clerk).get(page_of(run), {"state": "failed"}).text

    assert f"/admin/invoices/event/?q={refused.invoice.number}" in text
    assert '<a class="meaning" href="/admin/guides/sandbox/#' in text
    assert reverse("admin:invoices_invoice_change", args=[refused.invoice_id]) in text
    assert "Refused: &lt;b&gt;closed" in text


def test_results_can_be_narrowed_and_paged_by_key(browser, connection, clerk, monkeypatch):
    monkeypatch.setattr("integrations.sync_admin.ROWS", 3)
    run = make_run(connection)
    items = list(run.items.all())
    theirs = browser(clerk)

    first = theirs.get(page_of(run))
    second = theirs.get(page_of(run) + first.context["further"])
    refused = theirs.get(page_of(run), {"state": "failed"})
    odd = theirs.get(page_of(run), {"state": "x", "after": "-1"})

    assert [row.item for row in first.context["rows"]] == items[:3]
    assert [row.item for row in second.context["rows"]] == items[3:]
    assert [row.item for row in refused.context["rows"]] == items[:2]
    assert odd.status_code == 200


def test_the_pages_queries_do_not_grow_with_its_rows(browser, connection, globex, clerk):
    small = make_run(connection, count=4, finished_at=clock.now())
    large = make_run(connection, count=12, refused=8, finished_at=clock.now())
    theirs = browser(clerk)
    theirs.get(page_of(small))

    def count_queries(address):
        with CaptureQueriesContext(database) as taken:
            assert theirs.get(address).status_code == 200
        return len(taken)

    assert count_queries(page_of(small)) == count_queries(page_of(large))
    with_two = count_queries(LIST)
    make_run(connection, finished_at=clock.now())
    assert count_queries(LIST) == with_two


def test_cancel_is_a_post_of_those_who_may(browser, connection, clerk, auditor):
    run = make_run(connection)

    refused = browser(auditor).post(page_of(run), follow=True)
    assert "Only Finance staff of Acme may do this." in refused.text
    assert not SyncRun.objects.get().is_over
    done = browser(clerk).post(page_of(run), follow=True)

    assert "Cancelled: what was sent stays sent" in done.text
    assert SyncRun.objects.get().cancelled_at is not None


def test_who_sees_a_run(browser, connection, clerk, handler, manager, auditor, stranger, root):
    run = make_run(connection)
    people = (clerk, handler, manager, auditor, stranger, root)

    seen = {person.username: browser(person).get(page_of(run)).status_code for person in people}
    listed = {person.username: page_of(run) in browser(person).get(LIST).text for person in people}

    assert seen == dict.fromkeys(("clerk", "handler", "manager", "auditor", "root"), 200) | {"stranger": 404}
    assert listed == {name: status == 200 for name, status in seen.items()}
    assert browser(stranger).post(sync_page(connection)).status_code == 404


def test_the_list_is_narrowed_by_client(browser, connection, globex, root):
    from integrations.models import Connection

    other = Connection.objects.create(client=globex, connector="sandbox", company="globex", secret="hush-hush")
    ours, theirs = make_run(connection), SyncRun.objects.create(connection=other)

    text = browser(root).get(LIST, {"client": connection.client_id}).text

    assert page_of(ours) in text
    assert page_of(theirs) not in text


def test_the_pages_have_no_inline_code(browser, connection, clerk):
    run = make_run(connection)

    for address in (page_of(run), sync_page(connection), LIST):
        text = browser(clerk).get(address).text
        assert " style=" not in text
        assert "<style" not in text
        assert "onclick" not in text
