"""Re-sync asks the ERP about one invoice while the person waits, and says what came."""

import re
from datetime import date
from decimal import Decimal

import pytest

from integrations.models import Connection
from invoices.buttons import press
from invoices.errors import Conflict, NotAllowed
from invoices.models import Event, IntegrationMessage, Invoice, InvoicePdf, Payment
from syncdiag.diagnosis import diagnose
from tests.api.person import ApiPerson
from tests.invoices.pictures import RoomPicture

pytestmark = pytest.mark.django_db


def re_sync(invoice, person):
    return press("re-sync", invoice.pk, by=person, reason="")


def findings(invoice):
    return [(finding.id, finding.button) for finding in diagnose(invoice)]


def refused(invoice, person):
    with pytest.raises(Conflict) as refusal:
        re_sync(invoice, person)
    return str(refusal.value)


def test_says_balance_payments_pdf_and_what_changed(desk, booked, edit_there, pay_there):
    for amount in ("4.00", "6.99"):
        pay_there(booked, amount)
    edit_there(booked, due_date="2026-12-24")

    said = re_sync(booked, desk.clerk)

    assert re.fullmatch(
        r"Re-synced: balance 0\.00 USD, 2 payments, PDF \d+ bytes; the due date and the payments changed\.", said
    )
    assert desk.see(booked).due_date == date(2026, 12, 24)
    line = Event.objects.get(invoice=booked, action="changed_in_erp")
    assert line.actor == desk.clerk


def test_says_that_nothing_changed(desk, booked):
    said = re_sync(booked, desk.clerk)

    assert re.fullmatch(r"Re-synced: balance 10\.99 USD, 0 payments, PDF \d+ bytes; nothing changed\.", said)


def test_the_page_shows_the_sentence_and_the_api_the_invoice(desk, booked, edit_there, client, settings):
    settings.ROOT_URLCONF = "config.urls"
    edit_there(booked, total="12.00")
    client.force_login(desk.clerk, backend="django.contrib.auth.backends.ModelBackend")

    page = client.post(f"/admin/invoices/invoice/{booked.pk}/press/re-sync/", {"reason": ""}, follow=True)
    answer = ApiPerson(desk.clerk).post(f"invoices/{booked.pk}/re-sync/")

    assert "the total and the lines changed." in page.text
    assert (answer.status_code, answer.json()["total"], answer.json()["erp_balance"]) == (200, "12.00", "12.00")


def test_what_waits_is_sent(desk):
    invoice = desk.post(direction="receivable")
    IntegrationMessage.objects.update(not_before="2099-01-01T00:00:00Z", attempt_count=3)

    assert "What waits is sent now" in re_sync(invoice, desk.clerk)
    assert desk.drain() == 1
    assert desk.see(invoice).step == "booked"


@pytest.mark.parametrize("step", ["draft", "approval", "preliminary_error", "final_error", "invalidated"])
def test_what_is_not_booked_has_nothing_to_sync(desk, booked, step):
    Invoice.objects.filter(pk=booked.pk).update(step=step, status="", remote_id="")
    before = RoomPicture()

    assert refused(booked, desk.clerk) == f"{booked.number} is not booked, so there is nothing to sync: post it first."
    assert before.is_unchanged()


def test_a_client_without_a_connection(desk, booked):
    Connection.objects.all().delete()

    assert refused(booked, desk.clerk) == "Acme is not connected to an ERP: connect it first."


def test_a_connection_that_is_switched_off(desk, booked):
    desk.tune(is_enabled=False)

    assert refused(booked, desk.clerk) == ("The connection of Acme to its ERP is switched off: connect it again first.")


def test_an_erp_that_cannot_be_reached(desk, booked, edit_there):
    edit_there(booked, due_date="2026-12-24")
    desk.erp.faults(down=True)
    before = RoomPicture()

    said = refused(booked, desk.clerk)

    assert said.startswith("The ERP could not be asked (The system is under maintenance.")
    assert said.endswith("Nothing was changed here; press Re-sync again when it answers.")
    assert before.is_unchanged()


def test_an_erp_that_hangs_is_waited_for_no_longer_than_one_call(desk, booked):
    desk.tune(call_timeout_seconds=1)
    desk.erp.faults(latency_ms=3000)

    assert "did not answer in time" in refused(booked, desk.clerk)


def test_what_was_deleted_there_is_a_finding_that_offers_to_archive(desk, booked):
    desk.ask("DELETE", f"documents/{booked.remote_id}/")

    said = refused(booked, desk.clerk)

    assert said == (
        f"The ERP does not have {booked.number} any more. If it was deleted there on purpose, archive it here."
    )
    invoice = desk.see(booked)
    assert (invoice.erp_state, invoice.erp_balance, invoice.total) == ("missing", None, Decimal("10.99"))
    assert findings(invoice)[0] == ("missing-in-erp", "archive")
    refused(booked, desk.clerk)
    assert desk.actions(booked).count("missing_in_erp") == 1


def test_what_was_voided_there_offers_to_archive_too(desk, booked):
    desk.ask("POST", f"documents/{booked.remote_id}/void/", {})

    assert "balance 0.00 USD" in re_sync(booked, desk.clerk)
    assert ("voided-in-erp", "archive") in findings(desk.see(booked))


def test_what_cannot_be_taken_is_said_and_is_a_finding(desk, booked, edit_there):
    Payment.objects.create(invoice=booked, amount=8, currency="USD", state="succeeded", source="x")
    Invoice.objects.filter(pk=booked.pk).update(paid=8)
    edit_there(booked, total="5.00")

    assert "is below the 8.00 that are paid here" in re_sync(booked, desk.clerk)
    assert ("not-taken", "re-sync") in findings(desk.see(booked))


def test_one_that_was_skipped_with_its_voucher_is_found_by_number_and_voucher(desk, booked):
    Invoice.objects.filter(pk=booked.pk).update(remote_id="")

    assert "nothing changed" in re_sync(booked, desk.clerk)
    assert desk.see(booked).remote_id == booked.remote_id
    assert desk.actions(booked)[-2:] == ["find_in_erp", "take_pdf"]


def test_one_that_was_skipped_with_another_voucher_is_not_mistaken(desk, booked):
    Invoice.objects.filter(pk=booked.pk).update(remote_id="", final_voucher="F-77")

    assert "does not have" in refused(booked, desk.clerk)
    assert desk.see(booked).remote_id == ""


@pytest.mark.parametrize("who", ["handler", "manager", "auditor"])
def test_who_may_not_sync_asks_nobody(desk, booked, edit_there, who, request):
    edit_there(booked, due_date="2026-12-24")

    with pytest.raises(NotAllowed, match="Only Finance staff of Acme may do this"):
        re_sync(booked, request.getfixturevalue(who))

    assert desk.see(booked).due_date is None
    assert not InvoicePdf.objects.exists()
