"""Why is it paid although the payment failed? (article 001)"""

from datetime import UTC, datetime

from syncdiag.diagnosis import diagnose
from tests.syncdiag.cases import booked, fresh, ids, said
from tests.syncdiag.payments import pay

PUSHED = datetime(2026, 11, 20, 1, tzinfo=UTC)


def failed(acme, **facts):
    usual = {"state": "failed", "pushed_at": PUSHED, "remote_id": "P-9", "failure_reason": "R01"}
    return fresh(pay(booked(acme, paid=4), **(usual | facts)).invoice)


def test_the_payment_is_named_with_its_id_there_and_the_preference(acme, connection):
    (finding,) = diagnose(failed(acme), question="paid")

    assert (finding.id, finding.button, finding.fixed_in) == ("paid-although-failed", "re-sync", "erp")
    assert finding.what == (
        "A payment of 4.00 USD came to nothing after it was pushed, so the invoice still counts it as paid."
    )
    assert finding.next_step == (
        "No ERP can be told that a payment failed: delete it there, then press Re-sync. Balance and status follow."
    )
    assert (said(finding, "id in the ERP"), said(finding, "why"), said(finding, "pushed")) == (
        "P-9",
        "R01",
        "2026-11-20 01:00:00 UTC",
    )
    assert said(finding, "Submit authorized ACH payments") == "on"


def test_each_payment_has_its_own(acme, connection):
    invoice = failed(acme)
    pay(invoice, state="voided", pushed_at=PUSHED, remote_id="P-10")

    assert ids(fresh(invoice), "paid") == ["paid-although-failed", "paid-although-failed"]


def test_one_that_was_deleted_there_or_never_pushed_explains_nothing(acme, connection):
    gone = failed(acme, gone_at=PUSHED, is_applied=False)
    never = failed(acme, pushed_at=None, remote_id="")

    assert (ids(gone, "paid"), ids(never, "paid")) == (["nothing-wrong"], ["nothing-wrong"])


def test_the_balance_is_not_explained_a_second_time_by_the_same_payment(acme, connection):
    invoice = failed(acme)
    invoice.erp_balance, invoice.erp_currency = "1.00", "USD"
    invoice.save(update_fields=["erp_balance", "erp_currency"])

    assert ids(fresh(invoice)) == ["paid-although-failed"]
    assert ids(fresh(invoice), "balances") == ["failed-payment-pushed"]
