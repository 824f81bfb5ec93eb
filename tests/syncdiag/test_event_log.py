"""The event log's page: found by number, code, level and time; the ERP's words whole; out as CSV."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse

from integrations.models import Connection
from invoices.actions.payments import StatusUpdate, Update, update_status
from invoices.events import facts, record
from invoices.models import Event
from invoices.workflow import Status, Step
from tests.factories import InvoiceFactory

CLOSED = {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed.", "detail": "Reopen it. " * 20}
LOG = "admin:invoices_event_changelist"


@pytest.fixture(autouse=True)
def _connected(acme):
    Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="x")


@pytest.fixture
def look(clerk):
    browser = Browser()
    browser.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    return lambda name=LOG, **query: browser.get(reverse(name), query)


def refused(client, number, *complaints):
    invoice = InvoiceFactory(client=client, number=number)
    record(invoice, "refuse", by=None, before=facts(invoice), level="error", evidence={"complaints": list(complaints)})
    return invoice


def lines(response):
    return [(event.invoice.number, event.action) for event in response.context["cl"].result_list]


def test_a_number_finds_the_invoice_and_its_payments(look, acme):
    paid = InvoiceFactory(client=acme, number="INV-7", step=Step.BOOKED, status=Status.OK_TO_PAY)
    refused(acme, "OTHER-1", CLOSED)
    update_status(paid.pk, StatusUpdate(Update.PAID, source="erp", reference="PAY-9"), by=None)

    assert lines(look(q="INV-7")) == [("INV-7", "status_paid")]
    assert lines(look(q="inv-7")) == [("INV-7", "status_paid")]


def test_the_code_of_the_erp_finds_every_line_that_has_it(look, acme):
    refused(acme, "ONE", CLOSED)
    refused(acme, "TWO", {"code": "NO_LINES", "message": "No lines.", "detail": ""}, CLOSED)

    assert lines(look(q="period_closed")) == [("ONE", "refuse")]
    assert lines(look(code="PERIOD_CLOSED")) == [("ONE", "refuse")]
    assert lines(look(code="NO_LINES", level="error")) == [("TWO", "refuse")]
    assert lines(look(level="warning")) == []


def test_time_and_connection_narrow_it(look, acme, globex):
    invoice = refused(acme, "NOW", CLOSED)
    old = Event(client=acme, invoice=invoice, sequence=9, at=invoice.created_at - timedelta(days=2), action="refuse")
    Event.objects.bulk_create([old])

    assert len(lines(look())) == 2
    assert len(lines(look(time="24"))) == 1
    assert len(lines(look(time="168"))) == 2
    assert len(lines(look(system="sandbox"))) == 2


def test_the_words_of_the_erp_stand_there_whole_beside_the_guides_entry(look, acme):
    refused(acme, "ONE", CLOSED)

    page = look().text

    assert CLOSED["detail"].strip() in page
    assert reverse("admin:syncdiag_guide", args=["sandbox"]) + "#period-closed" in page
    assert "The accounting period is closed" in page


def test_the_guide_tells_every_entry_without_the_values_of_one_error(look, clerk):
    browser = Browser()
    browser.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")

    page = browser.get(reverse("admin:syncdiag_guide", args=["sandbox"])).text

    assert 'id="period-closed"' in page
    assert "{period}" not in page
    assert browser.get(reverse("admin:syncdiag_guide", args=["nothing"])).status_code == 404


def test_what_is_shown_can_be_taken_away_as_a_file(look, acme, globex):
    refused(acme, "=1+1", CLOSED)
    refused(acme, "TWO", {"code": "NO_LINES", "message": "No lines.", "detail": ""})
    refused(globex, "THEIRS", CLOSED)

    answer = look("admin:invoices_event_csv", code="PERIOD_CLOSED")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [(row["invoice"], row["code"], row["level"]) for row in rows] == [("'=1+1", "PERIOD_CLOSED", "error")]
    assert rows[0]["said by the ERP"].startswith("PERIOD_CLOSED The accounting period 2026-08 is closed. Reopen it.")


def test_strangers_find_nothing_of_it(acme, stranger):
    refused(acme, "ONE", CLOSED)
    browser = Browser()
    browser.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")

    assert lines(browser.get(reverse(LOG), {"q": "ONE"})) == []
    assert lines(browser.get(reverse(LOG), {"q": "PERIOD_CLOSED"})) == []
    assert b"ONE" not in b"".join(browser.get(reverse("admin:invoices_event_csv")).streaming_content)


def test_a_page_asks_the_same_however_many_lines_it_shows(look, acme, django_assert_max_num_queries):
    for number in range(30):
        refused(acme, f"N-{number}", CLOSED)

    with django_assert_max_num_queries(14):
        look()
