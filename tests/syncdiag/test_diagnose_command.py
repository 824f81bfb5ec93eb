"""`manage.py diagnose`: a table as wide as the window, JSON, one question, and a number that is not here."""

import json

import pytest
from django.core.management import CommandError, call_command

from integrations.models import Connection
from invoices import clock
from invoices.models import Evidence
from invoices.workflow import MessageState
from tests.delivery.conftest import desk, erp, erp_process
from tests.factories import InvoiceFactory
from tests.importing.conftest import there
from tests.syncdiag.cases import refused, waiting

__all__ = ["desk", "erp", "erp_process", "there"]


def run(capsys, *words):
    call_command("diagnose", *words)
    return capsys.readouterr().out


def test_it_prints_the_findings_as_a_table(acme, connection, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    invoice = refused(
        acme,
        {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed."},
        settled_at=clock.now(),
        number="INV-1",
    )

    lines = run(capsys, "INV-1").splitlines()

    assert lines[:11] == [
        "INV-1  Acme  Preliminary integration error",
        "",
        " 1. The accounting period is closed",
        "    The posting date, or the invoice date where none is set, lies in 2026-08,",
        "    which the ERP has closed.",
        "    the ERP said              “The accounting period 2026-08 is closed.” (just",
        "                              now)",
        "    code                      PERIOD_CLOSED (just now)",
        "    trace id                  – (just now)",
        f"    refused                   {invoice.current_message.settled_at:%Y-%m-%d %H:%M:%S} UTC (just now)",
        "    attempts                  0 (just now)",
    ]
    assert lines[-5:] == [
        "    → Set a date in an open period, or have 2026-08 opened again in the ERP.",
        "    → Then post the invoice again.",
        "      Sending again helps: yes, once that is done",
        f"      /admin/invoices/invoice/{invoice.pk}/press/post-again/",
        "",
    ]


@pytest.mark.parametrize("columns", [40, 60, 100, 300])
def test_no_line_is_wider_than_the_window(acme, connection, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    refused(acme, {"code": "X-1", "message": "Computer says no. " * 20}, number="INV-1")

    lines = run(capsys, "INV-1").splitlines()

    assert max(len(line) for line in lines[1:] if len(line.split()) > 1) <= min(columns, 110)


def test_it_prints_json(acme, connection, capsys):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None, attempt_count=1)

    (row,) = json.loads(run(capsys, invoice.number, "--client", "acme", "--json"))

    assert (row["id"], row["client"], row["step"]) == (invoice.pk, "acme", "preliminary_integration")
    (finding,) = row["findings"]
    assert (finding["id"], finding["question"]) == ("unknown-for-a-person", "stuck")
    assert finding["link"] == f"/admin/invoices/invoice/{invoice.pk}/press/look-up/"


def test_one_question_is_answered_alone(acme, connection, capsys):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None, attempt_count=1)

    (row,) = json.loads(run(capsys, invoice.number, "--question", "pdf", "--json"))

    assert [finding["id"] for finding in row["findings"]] == ["pdf-not-booked"]


def test_every_invoice_of_the_number_is_told_of(acme, globex, capsys):
    for client in (acme, globex):
        InvoiceFactory(client=client, number="INV-1")

    out = run(capsys, "INV-1")

    assert [line for line in out.splitlines() if line.startswith("INV-1")] == [
        "INV-1  Acme  Draft",
        "INV-1  Globex  Draft",
    ]


def test_a_client_that_is_none_is_named(db):
    with pytest.raises(CommandError, match=r"^There is no client nope: check the slug\.$"):
        call_command("diagnose", "INV-1", "--client", "nope")


def test_a_number_that_is_nowhere_asks_for_the_client_where_there_are_several(acme, globex):
    with pytest.raises(CommandError) as refusal:
        call_command("diagnose", "NOPE")

    assert str(refusal.value) == (
        "No invoice has the number NOPE: check it, or name its client with --client to look for it there."
    )


def test_a_number_that_is_not_here_is_looked_for_at_the_only_client(acme, capsys):
    (row,) = json.loads(run(capsys, "NOPE", "--json"))

    assert (row["id"], row["client"]) == (None, "acme")
    assert [finding["id"] for finding in row["findings"]] == ["erp-not-asked"]
    assert Connection.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_number_that_the_erp_has_is_offered_for_import(there, globex, capsys):
    there("R-1")

    out = run(capsys, "R-1", "--client", "acme")

    assert " 1. R-1 is in Sandbox ERP and not here." in out
    assert "/admin/invoices/invoice/import/?client=" in out


@pytest.mark.django_db(transaction=True)
def test_live_asks_the_erp_first(desk, capsys):
    invoice = desk.post()
    desk.book_by_hand(invoice)

    run(capsys, invoice.number, "--live")

    assert Evidence.objects.get().verdict == "found"
