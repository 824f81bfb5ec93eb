"""Why the balances differ: each reason with its evidence and the step that mends it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from invoices.workflow import Status, Step
from syncdiag.answers.balances import Paid, Seen, judge, why_balances_differ
from syncdiag.case import gather
from syncdiag.diagnosis import diagnose
from tests.factories import InvoiceFactory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAYMENT = Paid(
    amount=Decimal("4.00"),
    currency="USD",
    method="ach",
    state="succeeded",
    is_applied=True,
    is_ours=True,
    pushed_at=None,
    is_gone=False,
    created_at=NOW - HOUR,
)


@pytest.fixture
def seen(acme):
    invoice = InvoiceFactory(
        client=acme,
        direction="receivable",
        step=Step.BOOKED,
        status=Status.OPEN,
        remote_id="17",
        paid=Decimal(4),
        erp_balance=Decimal("10.99"),
        erp_currency="USD",
        erp_balance_at=NOW - 3 * HOUR,
        synced_at=NOW - 2 * HOUR,
    )
    return Seen(invoice, (), NOW - HOUR, submits_authorized_ach=True, now=NOW)


def ids(seen):
    return [finding.id for finding in judge(seen)]


def proof(finding, label):
    return next(each.said for each in finding.evidence if str(each.label) == label)


def test_an_unsynced_payment_is_named_with_both_balances(seen):
    (finding,) = judge(replace(seen, payments=(replace(PAYMENT, method="card"),)))

    assert (finding.id, finding.button) == ("payment-not-synced", "re-sync")
    assert proof(finding, "payment") == "Card 4.00 USD, Succeeded"
    assert proof(finding, "balance here") == "6.99 USD"
    assert proof(finding, "balance in the ERP") == "10.99 USD"
    assert proof(finding, "pushed") == "–"


@pytest.mark.parametrize(
    ("changes", "submits", "expected"),
    [
        ({"state": "authorized"}, False, "authorized-ach-not-pushed"),
        ({"state": "authorized"}, True, "payment-not-synced"),
        ({"state": "authorized", "method": "card"}, False, "payment-not-synced"),
        ({}, False, "payment-not-synced"),
        ({"state": "failed", "is_applied": False, "pushed_at": NOW}, True, "failed-payment-pushed"),
        ({"state": "voided", "is_applied": False, "pushed_at": NOW}, True, "failed-payment-pushed"),
        ({"state": "failed", "is_applied": False, "pushed_at": NOW, "is_gone": True}, True, "balance-not-explained"),
        ({"state": "failed", "is_applied": False}, True, "balance-not-explained"),
        ({"pushed_at": NOW}, True, "payment-pushed-since"),
        ({"pushed_at": NOW - HOUR}, True, "balance-not-explained"),
        ({"pushed_at": NOW, "is_applied": False}, True, "balance-not-explained"),
        ({"is_ours": False}, True, "balance-not-explained"),
        ({"is_applied": False}, True, "balance-not-explained"),
    ],
)
def test_a_payment_is_the_reason_or_not(seen, changes, submits, expected):
    evidence = replace(seen, payments=(replace(PAYMENT, **changes),), submits_authorized_ach=submits)

    assert ids(evidence) == [expected]


def test_an_authorized_ach_waits_by_preference_and_needs_no_button(seen):
    waiting = replace(PAYMENT, state="authorized")
    (finding,) = judge(replace(seen, payments=(waiting,), submits_authorized_ach=False))

    assert finding.button == ""
    assert str(finding.next_step).startswith("Wait:")


def test_each_payment_has_its_own_finding(seen):
    failed = replace(PAYMENT, state="failed", is_applied=False, pushed_at=NOW)

    assert ids(replace(seen, payments=(PAYMENT, failed))) == ["payment-not-synced", "failed-payment-pushed"]


def test_another_currency_comes_first(seen):
    seen.invoice.erp_currency = "EUR"

    findings = list(judge(replace(seen, payments=(PAYMENT,))))

    assert [finding.id for finding in findings] == ["currency-differs", "payment-not-synced"]
    assert proof(findings[0], "balance in the ERP") == "10.99 EUR"


def test_a_change_there_after_the_last_sync_is_the_reason(seen):
    seen.invoice.erp_balance_at = NOW - HOUR

    assert ids(seen) == ["edited-in-erp"]


@pytest.mark.parametrize("read_at", [None, NOW - timedelta(hours=24, seconds=1)])
def test_what_was_read_long_ago_is_read_again_first(seen, read_at):
    assert ids(replace(seen, read_at=read_at)) == ["balance-read-long-ago"]


def test_what_nothing_explains_shows_both_numbers(seen):
    (finding,) = judge(seen)

    assert finding.id == "balance-not-explained"
    assert (proof(finding, "balance here"), proof(finding, "balance in the ERP")) == (
        "6.99 USD",
        "10.99 USD",
    )


def test_the_diagnosis_of_the_invoice_has_it(seen):
    assert "balance-read-long-ago" in [finding.id for finding in diagnose(seen.invoice)]


@pytest.mark.parametrize("changes", [{"erp_balance": Decimal("6.99")}, {"erp_balance": None}, {"remote_id": ""}])
def test_nothing_is_said_where_nothing_differs(seen, changes):
    for name, value in changes.items():
        setattr(seen.invoice, name, value)

    assert list(why_balances_differ(gather(seen.invoice, by=None))) == []
