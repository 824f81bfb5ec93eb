"""The PDF of an invoice: fetched, kept once, handed out as a file, and explained where there is none."""

import hashlib

import pytest
from django.core.files.storage import default_storage

from integrations.pulling import pull
from integrations.resync import re_sync
from invoices.models import InvoicePdf
from syncdiag.diagnosis import diagnose

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(settings, client):
    settings.ROOT_URLCONF = "config.urls"

    def fetch(person, invoice):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client.get(f"/admin/invoices/invoice/{invoice.pk}/pdf/")

    return fetch


def files(media):
    return sorted(path for path in media.rglob("*") if path.is_file())


def kept(invoice):
    return InvoicePdf.objects.get(invoice=invoice)


def bytes_of(pdf):
    with default_storage.open(pdf.file.name) as file:
        return file.read()


def test_comes_with_the_pull_and_is_kept_with_size_and_checksum(desk, booked, media):
    pull(desk.connection.pk)

    pdf = kept(booked)
    content = bytes_of(pdf)
    assert content.startswith(b"%PDF-1.4")
    assert (pdf.size, pdf.sha256, pdf.trouble) == (len(content), hashlib.sha256(content).hexdigest(), "")
    assert pdf.fetched_at is not None
    assert [path.stem for path in files(media)] == [pdf.sha256]
    assert desk.actions(booked)[-1] == "take_pdf"


def test_is_fetched_again_only_when_the_document_changed(desk, booked, edit_there, media):
    re_sync(booked.pk, by=desk.clerk)
    first = kept(booked)
    re_sync(booked.pk, by=desk.clerk)
    assert kept(booked).fetched_at == first.fetched_at

    edit_there(booked, due_date="2026-12-24")
    re_sync(booked.pk, by=desk.clerk)

    assert kept(booked).sha256 != first.sha256
    assert len(files(media)) == 2


def test_the_same_bytes_are_not_stored_twice_and_half_a_file_is_not_taken_for_them(desk, booked, edit_there, media):
    re_sync(booked.pk, by=desk.clerk)
    content = bytes_of(kept(booked))
    InvoicePdf.objects.all().delete()
    re_sync(booked.pk, by=desk.clerk)
    assert len(files(media)) == 1

    InvoicePdf.objects.all().delete()
    (path,) = files(media)
    path.write_bytes(content[:100])
    re_sync(booked.pk, by=desk.clerk)

    assert bytes_of(kept(booked)) == content


@pytest.mark.parametrize(
    ("paper", "trouble", "finding"),
    [("none", "none", "pdf-none"), ("large", "too_large", "pdf-too-large"), ("other", "not_pdf", "pdf-not-pdf")],
)
def test_says_why_there_is_none_and_keeps_the_one_of_before(desk, booked, edit_there, paper, trouble, finding, media):
    re_sync(booked.pk, by=desk.clerk)
    before = kept(booked)
    edit_there(booked, pdf=paper)

    said = re_sync(booked.pk, by=desk.clerk)

    after = kept(booked)
    assert "no new PDF" in said
    assert (after.trouble, after.sha256, len(files(media))) == (trouble, before.sha256, 1)
    (found,) = (one for one in diagnose(desk.see(booked)) if one.question == "pdf")
    assert (found.id, found.button) == (finding, "re-sync")
    edit_there(booked, pdf="")
    re_sync(booked.pk, by=desk.clerk)
    assert kept(booked).trouble == ""


def test_one_that_was_not_fetched_yet_is_explained_to_who_asks(desk, booked):
    assert "pdf" not in {finding.question for finding in diagnose(booked)}
    assert [finding.id for finding in diagnose(booked, question="pdf")] == ["pdf-not-fetched"]


@pytest.mark.django_db(transaction=True)  # closing the file ends the request, and with it the session
def test_is_handed_out_as_a_file_to_whom_may_see_the_invoice(desk, booked, get, auditor, stranger):
    re_sync(booked.pk, by=desk.clerk)

    answer = get(auditor, booked)

    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == bytes_of(kept(booked))
    answer.close()
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="{booked.number}.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert get(stranger, booked).status_code == 404


def test_where_none_was_fetched_there_is_nothing_to_hand_out(desk, booked, get):
    assert get(desk.clerk, booked).status_code == 404


def test_a_file_that_is_gone_from_the_storage_leads_back_with_a_sentence(desk, booked, get, media):
    re_sync(booked.pk, by=desk.clerk)
    files(media)[0].unlink()

    answer = get(desk.clerk, booked)

    assert (answer.status_code, answer["Location"]) == (302, f"/admin/invoices/invoice/{booked.pk}/change/")
