"""On the desk a refused invoice has the click of its first finding, the same as on its page."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection
from invoices import clock
from invoices.models import Evidence
from invoices.workflow import MessageKind
from syncdiag import catalogue
from syncdiag.case import gather
from syncdiag.desk import Filters, read_desk, reader_of
from syncdiag.diagnosis import ask_all
from syncdiag.showing import show
from tests.syncdiag.cases import refused

LATE = {"code": "TOO_SOON", "message": "The date 2026-08-01 lies in a closed period."}
OURS = """
[[entry]]
id = "date"
kind = "period_closed"
codes = ["TOO_SOON"]
title = "The date lies in a closed period"
cause = "It is too early."
steps = ["Set another date.", "Post it again."]
fixed_in = "here"
retry_helps = true
button = "edit"
field = "invoice_date"

[[entry]]
id = "reconnect"
kind = "credentials"
codes = ["WHO"]
title = "It does not know us"
cause = "The secret ran out."
steps = ["Enter a new one."]
fixed_in = "connection"
retry_helps = true
button = "connection"
"""


@pytest.fixture(autouse=True)
def entries(tmp_path, monkeypatch):
    """A catalogue with an entry for each kind of click."""
    (tmp_path / "sandbox.toml").write_text(OURS)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    catalogue.entries_of.cache_clear()
    yield
    catalogue.entries_of.cache_clear()


def row_of(person):
    desk = read_desk(reader_of(person), Filters())
    (row,) = [row for counted in desk.groups for row in counted.rows]
    return row


def test_an_editor_is_led_to_the_field(acme, connection, clerk):
    invoice = refused(acme, LATE)

    row = row_of(clerk)

    assert row.meaning == "The date lies in a closed period"
    assert (row.next.label, row.next.url) == (
        "Correct the invoice date",
        f"/admin/invoices/invoice/{invoice.pk}/edit/#id_invoice_date",
    )


def test_it_is_the_click_of_the_page(acme, connection, clerk):
    case = gather(refused(acme, LATE), by=clerk)

    first = show(ask_all(case), case)[0]

    assert (row_of(clerk).next.url, row_of(clerk).next.sentence) == (first.step.url, first.finding.what)


def test_who_may_not_edit_keeps_the_step_of_the_queue(acme, connection, handler):
    refused(acme, LATE)

    assert row_of(handler).next.slug == "post-again"


def test_a_manager_is_led_to_the_connection(acme, connection, manager):
    refused(acme, {"code": "WHO", "message": "Who are you?"})

    assert row_of(manager).next.url == f"/admin/integrations/connection/{connection.pk}/change/"


def test_what_must_be_mended_is_mended_first_even_when_the_erp_does_not_have_it(acme, connection, clerk):
    invoice = refused(acme, LATE)
    Evidence.objects.create(
        invoice=invoice, kind=MessageKind.BOOK_PRELIMINARY, verdict="not_found", asked_at=clock.now()
    )

    assert row_of(clerk).next.label == "Correct the invoice date"


def test_the_rows_cost_no_query_each(acme, clerk):
    Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="s")

    def cost():
        with CaptureQueriesContext(database) as captured:
            read_desk(reader_of(clerk), Filters(reason="error"))
        return len(captured)

    refused(acme, LATE)
    of_one = cost()
    for _number in range(9):
        refused(acme, LATE)

    assert cost() == of_one
