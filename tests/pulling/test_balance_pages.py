"""Deletions, balances and reconciliations as people see and press them."""

from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations import deletions, reconcile
from integrations.models import Reconciliation
from invoices import clock
from invoices.models import Counterparty, Invoice
from invoices.workflow import INTEGRATION_STEPS, Step
from tests.factories import InvoiceFactory

LIST = "admin:invoices_invoice_changelist"


@pytest.fixture
def differing(acme):
    return InvoiceFactory(
        client=acme,
        step=Step.BOOKED,
        status="open",
        direction="receivable",
        remote_id="9",
        erp_balance=Decimal("6.99"),
        erp_currency="USD",
        erp_read_at=clock.now(),
    )


def link(desk, name):
    return reverse(f"admin:integrations_connection_{name}", args=[desk.connection.pk])


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_the_list_shows_both_balances_and_marks_where_they_differ(client, clerk, acme, differing):
    InvoiceFactory(client=acme, erp_balance=Decimal("10.99"), erp_currency="USD")
    client.force_login(clerk)

    text = client.get(reverse(LIST)).text

    assert "In the ERP" in text
    assert text.count('<span class="pill warn">differs</span>') == 1
    assert '6.99 <span class="currency">USD</span>' in text


def test_the_list_costs_the_same_for_one_and_for_thirty(client, clerk, acme, differing):
    client.force_login(clerk)
    client.get(reverse(LIST))
    with CaptureQueriesContext(database) as one:
        client.get(reverse(LIST))
    InvoiceFactory.create_batch(30, client=acme, erp_balance=Decimal("1"), erp_currency="USD")

    with CaptureQueriesContext(database) as thirty:
        client.get(reverse(LIST))

    assert len(thirty) == len(one)


def test_the_filter_leaves_what_differs(client, clerk, acme, differing):
    InvoiceFactory(client=acme, erp_balance=Decimal("10.99"), erp_currency="USD", lines=[])
    InvoiceFactory(client=acme, lines=[])  # never read
    other = InvoiceFactory(client=acme, erp_balance=Decimal("10.99"), erp_currency="EUR", lines=[])
    client.force_login(clerk)

    rows = client.get(reverse(LIST), {"balance": "differs"}).context["cl"].result_list

    assert [row.pk for row in rows] == [other.pk, differing.pk]


@pytest.mark.skipif(database.vendor != "postgresql", reason="the plan is PostgreSQL's")
def test_an_index_serves_the_filter(acme):
    rows = Invoice.objects.filter(client_id__in=[acme.pk], archived_at__isnull=True).differing().order_by("-pk")
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "invoice_balance_differs" in rows.explain()


def test_the_page_says_why_and_when_it_was_read(client, clerk, differing):
    client.force_login(clerk)

    text = client.get(reverse("admin:invoices_invoice_change", args=[differing.pk])).text

    assert "Balance in the ERP" in text
    assert "nothing that is known here explains it" in text


def test_an_archived_counterparty_is_shown_on_request_and_restored(client, clerk, booked, desk):
    party = booked.counterparty
    desk.ask("DELETE", f"customers/{party.code}/")
    deletions.sync_deletions(desk.connection.pk)
    client.force_login(clerk)
    address = reverse("admin:invoices_counterparty_changelist")
    restore = reverse("admin:invoices_counterparty_restore", args=[party.pk])

    by_filter = {
        value: [row.pk for row in client.get(address, {"archived": value}).context["cl"].result_list]
        for value in ("", "yes", "all")
    }
    text = client.get(address, {"archived": "yes"}).text
    refused = client.post(restore, {"reason": " "})
    answer = client.post(restore, {"reason": "Still a customer"})

    assert by_filter == {"": [], "yes": [party.pk], "all": [party.pk]}
    assert "Deleted in Sandbox ERP on" in text
    assert (refused.status_code, answer.status_code) == (400, 302)
    assert Counterparty.objects.get(pk=party.pk).archived_at is None


@pytest.mark.parametrize("name", ["auditor", "handler", "stranger"])
def test_others_do_not_restore_a_counterparty(client, booked, name, request):
    Counterparty.objects.update(archived_at=clock.now(), archived_reason="Deleted")
    client.force_login(request.getfixturevalue(name))

    answer = client.post(
        reverse("admin:invoices_counterparty_restore", args=[booked.counterparty_id]), {"reason": "I want it"}
    )

    assert answer.status_code == (404 if name == "stranger" else 403)
    assert Counterparty.objects.get(pk=booked.counterparty_id).archived_at is not None


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("name", ["clerk", "handler", "manager", "auditor", "stranger", "root"])
def test_archive_and_restore_by_role_and_step(acme, client, name, step, request):
    person = request.getfixturevalue(name)
    invoice = InvoiceFactory(client=acme, step=step)
    client.force_login(person)
    may = name in ("clerk", "root") and step not in INTEGRATION_STEPS

    answers = []
    for button in ("archive", "restore"):
        address = reverse("admin:invoices_invoice_press", args=[invoice.pk, button])
        answers.append(client.post(address, {"reason": "Put away"}).status_code)
        invoice.refresh_from_db()
        answers.append(invoice.is_archived)

    if may:
        assert answers == [302, True, 302, False]
    else:
        assert 302 not in answers
        assert True not in answers[1::2]


def test_the_connection_takes_deletions_by_button(client, clerk, desk, book):
    gone = book()
    desk.ask("DELETE", f"documents/{gone.remote_id}/")
    client.force_login(clerk)

    answer = client.post(link(desk, "deletions"))

    assert said(answer) == ["Deletions in the ERP: 1 invoice archived, 0 counterparties archived."]
    assert "Sync deletions now" in client.get(link(desk, "change")).text


def test_what_was_held_back_is_offered_to_a_manager_alone(client, clerk, manager, desk):
    desk.tune(deletions_held=5120)
    pages = {}
    for person in (clerk, manager):
        client.force_login(person)
        pages[person.username] = client.get(link(desk, "change")).text

    assert "5120 invoices are gone in the ERP at once" in pages["clerk"]
    assert "all the same</button>" not in pages["clerk"]
    assert "Archive all 5120 all the same</button>" in pages["manager"]
    assert said(client.post(link(desk, "deletions"), {"all_the_same": "1"})) == [
        "A worker archives them now: look at the connection again in a moment."
    ]


def test_the_reconciliation_shows_counts_and_the_reason_for_each(client, clerk, desk, book, pay_there):
    book()
    paid = book("R-2")
    pay_there(paid, "4.00")
    client.force_login(clerk)
    began = client.post(link(desk, "reconcile"))
    waiting = client.get(began.url).text
    reconcile.work_on(Reconciliation.objects.get().pk)

    text = client.get(began.url).text
    none = client.get(began.url, {"kind": "missing_here"}).text

    assert "waits for a worker" in waiting
    assert 'http-equiv="refresh"' in waiting
    assert "R-2" in text
    assert "6.99" in text
    assert "nothing that is known here explains it" in text
    assert 'http-equiv="refresh"' not in text
    assert "R-2" not in none


def test_nobody_sees_another_clients_reconciliation(client, stranger, desk, clerk):
    run = reconcile.press_reconcile(desk.connection.pk, by=clerk)
    client.force_login(stranger)

    page = client.get(reverse("admin:integrations_reconciliation_change", args=[run.pk]))
    listed = client.get(reverse("admin:integrations_reconciliation_changelist"))

    assert page.status_code == 404
    assert "Acme" not in listed.text
    assert [client.post(link(desk, name)).status_code for name in ("deletions", "reconcile")] == [404, 404]


def test_a_page_of_differences_leads_to_the_next(client, clerk, desk):
    run = reconcile.press_reconcile(desk.connection.pk, by=clerk)
    run.differences.model.objects.bulk_create(
        run.differences.model(reconciliation=run, kind="missing_here", remote_id=str(nth), number=f"N-{nth:03d}")
        for nth in range(51)
    )
    client.force_login(clerk)
    address = reverse("admin:integrations_reconciliation_change", args=[run.pk])

    first = client.get(address, {"kind": "missing_here"})
    second = client.get(address + first.context["further"])

    assert [row[0].number for row in second.context["rows"]] == ["N-050"]
    assert (len(first.context["rows"]), second.context["further"]) == (50, "")
