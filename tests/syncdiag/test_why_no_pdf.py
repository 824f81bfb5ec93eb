"""Why is there no PDF? (article 001: "Why is the invoice not loading?")"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integrations.erps.registry import CONNECTORS
from invoices.models import InvoicePdf
from syncdiag.diagnosis import diagnose
from tests.factories import InvoiceFactory
from tests.syncdiag.cases import booked, fresh, ids, said

ASKED_AT = datetime(2026, 11, 20, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trouble", "expected", "step"),
    [
        ("none", "pdf-none", "Have it printed there, then press Re-sync."),
        ("too_large", "pdf-too-large", "Have it made smaller there (pictures, attachments), then press Re-sync."),
        ("not_pdf", "pdf-not-pdf", "Open it there to see what it is; when it is right, press Re-sync."),
        ("failed", "pdf-failed", "Press Re-sync when the ERP answers again."),
    ],
)
def test_each_trouble_is_told_with_the_erps_words_and_volunteered(acme, connection, trouble, expected, step):
    invoice = booked(acme)
    InvoicePdf.objects.create(invoice=invoice, trouble=trouble, detail="404", asked_at=ASKED_AT)

    (finding,) = diagnose(fresh(invoice))

    assert (finding.id, finding.button, finding.next_step) == (expected, "re-sync", step)
    assert (said(finding, "the ERP said"), said(finding, "asked for")) == ("404", "2026-11-20 01:00:00 UTC")


def test_one_that_is_there_needs_nothing(acme, connection):
    invoice = booked(acme)
    InvoicePdf.objects.create(invoice=invoice, file="x.pdf", asked_at=ASKED_AT)

    assert ids(fresh(invoice), "pdf") == ["nothing-wrong"]


def test_one_that_was_not_fetched_yet_is_said_to_who_asks_only(acme, connection):
    invoice = booked(acme)

    assert ids(invoice, "pdf") == ["pdf-not-fetched"]
    assert ids(invoice) == ["nothing-wrong"]


def test_an_invoice_that_is_not_booked_has_none_yet(acme, connection):
    (finding,) = diagnose(InvoiceFactory(client=acme), question="pdf")

    assert (finding.id, said(finding, "step")) == ("pdf-not-booked", "Draft")


def test_an_archived_one_is_restored_first(acme, connection):
    invoice = booked(acme, archived_at=ASKED_AT, archived_reason="Done with")

    (finding,) = diagnose(invoice, question="pdf")

    assert (finding.id, finding.button) == ("pdf-archived", "restore")


def test_a_system_without_pdfs_is_named(acme, connection, monkeypatch):
    kind = CONNECTORS["sandbox"]
    monkeypatch.setitem(CONNECTORS, "sandbox", replace(kind, capabilities=replace(kind.capabilities, pdf=False)))

    (finding,) = diagnose(booked(acme), question="pdf")

    assert (finding.id, finding.what) == ("pdf-not-offered", "Sandbox ERP hands out no PDFs.")
