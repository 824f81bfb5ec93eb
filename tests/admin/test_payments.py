"""The payments on an invoice's page, the pages of their buttons, and the flag of one that failed after its push."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from invoices.actions.receipts import fail_payment, record_payment
from invoices.models import Event, IntegrationMessage, Invoice, Payment
from syncdiag.diagnosis import diagnose
from tests.factories import CounterpartyFactory
from tests.invoices.pictures import RoomPicture, stand


@pytest.fixture
def invoice(acme):
    party = CounterpartyFactory(client=acme, direction="receivable", code="CUS-1")
    return stand(acme, "booked", direction="receivable", counterparty=party, status="open", remote_id="77")


@pytest.fixture
def payment(invoice, clerk):
    return record_payment(invoice.pk, by=clerk, amount=Decimal("10.99"), method="ach", state="authorized")


def press_at(payment, slug):
    return reverse("admin:invoices_invoice_payment", args=[payment.invoice_id, payment.pk, slug])


def push(payment):
    Payment.objects.filter(pk=payment.pk).update(remote_id="9", pushed_at=timezone.now())
    IntegrationMessage.objects.filter(payment=payment).update(state="confirmed", voucher="9", not_before=None)


def test_a_clerk_records_a_payment(browser, at, invoice, clerk):
    values = {"amount": "4.00", "method": "check", "state": "succeeded", "reference": "No. 12"}

    answer = browser(clerk).post(at("press", invoice, "record-payment"), values, follow=True)

    assert "The payment is recorded." in answer.text
    assert "No. 12" in answer.text
    assert Payment.objects.get().amount == 4
    assert IntegrationMessage.objects.get().state == "pending"


def test_a_payable_has_no_such_button(browser, at, acme, clerk):
    assert "Record a payment" not in browser(clerk).get(at("change", stand(acme, "booked"))).text


@pytest.mark.parametrize(("slug", "state"), [("succeed", "succeeded"), ("fail", "failed"), ("void", "voided")])
def test_get_shows_and_post_acts(browser, payment, clerk, slug, state):
    theirs, before = browser(clerk), RoomPicture()

    page = theirs.get(press_at(payment, slug))
    assert (page.status_code, before.is_unchanged()) == (200, True)
    answer = theirs.post(press_at(payment, slug), {"reason": "because"})

    assert answer.status_code == 302
    assert Payment.objects.get().state == state
    assert Event.objects.first().reason == "because"


def test_who_may_not_sees_who_may_and_is_refused(browser, at, payment, invoice, auditor):
    theirs, before = browser(auditor), RoomPicture()

    page = theirs.get(at("change", invoice)).text
    answer = theirs.post(press_at(payment, "void"), {"reason": "because"})

    assert page.count("Only Finance staff of Acme may do this. Ask Clerk Example.") >= 3
    assert press_at(payment, "void") not in page
    assert (answer.status_code, before.is_unchanged()) == (403, True)


def test_a_stranger_finds_nothing(browser, payment, stranger):
    assert browser(stranger).get(press_at(payment, "void")).status_code == 404


def test_a_reason_is_needed_to_void(browser, payment, clerk):
    answer = browser(clerk).post(press_at(payment, "void"), {"reason": " "})

    assert answer.status_code == 400
    assert Payment.objects.get().state == "authorized"


def test_one_that_failed_after_it_was_pushed_is_flagged_with_what_to_do(browser, at, invoice, payment, clerk):
    push(payment)
    assert "Failed payment in the ERP" not in browser(clerk).get(at("changelist")).text

    fail_payment(payment.pk, by=clerk, reason="R01 insufficient funds")

    page, rows = (browser(clerk).get(address).text for address in (at("change", invoice), at("changelist")))
    assert "Failed payment in the ERP" in page
    assert "Failed payment in the ERP" in rows
    assert "delete it there, then press Re-sync" in page
    (finding,) = diagnose(Invoice.objects.get(pk=invoice.pk))
    assert (finding.id, finding.button) == ("paid-although-failed", "re-sync")
    assert ("why", "R01 insufficient funds") in [(str(proof.label), proof.said) for proof in finding.evidence]


def test_a_refused_one_is_explained_by_the_catalogue_or_the_erps_words(invoice, payment):
    said = [{"message": "No such ledger", "code": "X9", "detail": "", "field": "", "reason": "other"}]
    IntegrationMessage.objects.update(state="refused", reason="No such ledger", complaints=said, not_before=None)

    (finding,) = diagnose(invoice)

    assert (finding.id, finding.button) == ("refused", "re-sync")
    assert finding.evidence[0].said == "No such ledger"


def test_the_form_begins_with_what_is_open(browser, at, invoice, clerk):
    page = browser(clerk).get(at("press", invoice, "record-payment"))

    assert page.context["form"]["amount"].value() == Decimal("10.99")


def test_the_page_of_one_that_failed_after_its_push_does_not_call_it_well(browser, at, invoice, payment, clerk):
    push(payment)
    fail_payment(payment.pk, by=clerk, reason="R01 insufficient funds")

    said = browser(clerk).get(at("change", invoice)).context["situation"]

    assert (said.tone, said.next_step) == ("bad", "Delete the payment in the ERP, then press Re-sync.")


def test_what_its_state_does_not_allow_is_not_offered(browser, at, invoice, payment, clerk):
    def offered():
        rows = browser(clerk).get(at("change", invoice)).context["payments"]
        return [offer.button.slug for row in rows for offer in row.offers]

    before = offered()
    fail_payment(payment.pk, by=clerk, reason="R01 insufficient funds")

    assert (before, offered()) == (["succeed", "fail", "void"], [])


def test_one_payment_is_one_finding_also_where_the_balance_was_read_before(invoice, payment, clerk):
    push(payment)
    Invoice.objects.filter(pk=invoice.pk).update(erp_balance="10.99", erp_currency="USD")
    fail_payment(payment.pk, by=clerk, reason="R01 insufficient funds")

    findings = diagnose(Invoice.objects.get(pk=invoice.pk))

    assert [finding.id for finding in findings] == ["paid-although-failed"]
