"""The whole way of an invoice through a real Tryton: booked, refused, paid, cancelled and deleted there."""

from datetime import timedelta
from decimal import Decimal

from integrations.deletions import sync_deletions
from integrations.pulling import pull
from invoices.actions.flow import post_invoice
from invoices.actions.intake import LineGiven
from invoices.models import Invoice
from invoices.workflow import MessageState, PaymentState, Status, Step
from syncdiag.catalogue import explain
from tests.tryton.server import today

D = Decimal


def complaint(desk, invoice):
    return desk.message(invoice).complaints[0]


def test_a_payable_goes_through_and_its_payments_come_back(desk):
    invoice = desk.book_both()
    booked = (invoice.step, invoice.status, invoice.preliminary_voucher)
    there = int(invoice.remote_id)
    statuses = []

    payment = desk.erp.bookkeeper.begin_payment(there, "10.99", on=today())
    pull(desk.connection.pk)
    statuses.append(desk.see(invoice).status)
    desk.erp.bookkeeper.ask("account.payment", "fail", [payment])
    desk.erp.bookkeeper.pay(there, "4.00", on=today(), in_part=True)
    pull(desk.connection.pk)
    statuses.append(desk.see(invoice).status)
    desk.erp.bookkeeper.pay(there, "6.99", on=today())
    pull(desk.connection.pk)
    paid = desk.see(invoice)

    assert booked == (Step.BOOKED, Status.OK_TO_PAY, invoice.final_voucher)
    assert invoice.final_voucher.startswith("BILL-")
    assert statuses == [Status.PROCESSING_PAYMENT, Status.PARTIALLY_PAID]
    assert (paid.status, paid.balance, paid.erp_balance, paid.sync_problem) == (Status.PAID, D(0), D(0), "")
    assert [one.amount for one in paid.payments.order_by("pk")] == [D("4.00"), D("6.99")]
    actions = desk.actions(invoice)
    assert actions.count("take_made_payments") == 3
    assert "changed_in_erp" not in actions
    pull(desk.connection.pk)
    assert desk.actions(invoice) == actions


def test_a_payment_taken_back_there_is_a_problem_said_once(desk):
    invoice = desk.book_both()
    there = int(invoice.remote_id)
    desk.erp.bookkeeper.pay(there, "4.00", on=today(), in_part=True)
    pull(desk.connection.pk)

    (line,) = desk.erp.bookkeeper.ask("account.invoice", "read", [there], ["payment_lines"])[0]["payment_lines"]
    desk.erp.bookkeeper.ask("account.invoice", "write", [there], {"payment_lines": [["remove", [line]]]})
    pull(desk.connection.pk)
    pull(desk.connection.pk)

    after = desk.see(invoice)
    assert "taken back" in after.sync_problem
    assert (after.status, after.paid) == (Status.PARTIALLY_PAID, D("4.00"))
    assert desk.actions(invoice).count("not_taken") == 1


def test_a_receivable_is_paid_from_here_and_from_there(desk):
    invoice = desk.book()

    payment = desk.pay(invoice, "4.00", method="check", state=PaymentState.SUCCEEDED, paid_on=today())
    desk.drain()
    desk.erp.bookkeeper.pay(int(invoice.remote_id), "6.99", on=today())
    pull(desk.connection.pk)

    payment.refresh_from_db()
    paid = desk.see(invoice)
    assert payment.remote_id
    assert (paid.status, paid.balance, paid.erp_balance) == (Status.PAID, D(0), D(0))
    assert [one.amount for one in paid.payments.order_by("pk")] == [D("4.00"), D("6.99")]
    assert desk.states(invoice) == ["paid"]


def test_a_cancelled_move_is_found_by_the_next_sync(desk):
    invoice = desk.book_both()

    desk.erp.bookkeeper.ask("account.invoice", "cancel", [int(invoice.remote_id)])
    pull(desk.connection.pk)

    assert desk.see(invoice).erp_state == Invoice.InErp.VOIDED
    assert "voided_in_erp" in desk.actions(invoice)
    assert desk.states(invoice) == ["cancelled"]


def test_a_closed_period_is_explained_and_another_day_goes_through(desk):
    month_ago = today().replace(day=1) - timedelta(days=1)
    desk.erp.bookkeeper.close_period(month_ago)
    invoice = desk.post(invoice_date=month_ago)

    desk.drain()
    refused, said = desk.see(invoice), complaint(desk, invoice)
    desk.mend(invoice, invoice_date=today())
    desk.erp.bookkeeper.reopen_period(month_ago)

    assert refused.step == Step.PRELIMINARY_ERROR
    assert (said["reason"], explain("tryton", said["code"], said["message"]).entry.id) == (
        "period_closed",
        "period-closed",
    )
    assert desk.see(invoice).step == Step.APPROVAL
    assert desk.see(invoice).preliminary_posting_date == today()
    assert desk.states(invoice) == ["validated"]


def test_an_inactive_account_is_explained_and_mended(desk):
    invoice = desk.post(lines=(LineGiven("Paper", D(1), D("10.99"), "9999"),))

    desk.drain()
    said = complaint(desk, invoice)
    left = desk.states(invoice)
    desk.mend(invoice, lines=(LineGiven("Paper", D(1), D("10.99"), "5.1.3"),))

    assert (said["code"], said["field"]) == ("ACCOUNT_CLOSED", "lines[0].account")
    assert explain("tryton", said["code"], said["message"]).entry.id == "account-closed"
    assert left == []
    assert desk.states(invoice) == ["validated"]


def test_a_duplicate_reference_waits_for_a_person_and_goes_through_when_duplicates_are_allowed(desk):
    first = desk.post()
    desk.drain()
    (theirs,) = desk.erp.bookkeeper.find("account.invoice", ["reference", "=", first.number])
    other = desk.hand_in()
    desk.erp.bookkeeper.ask(
        "account.invoice", "write", [theirs["id"]], {"reference": other.number, "description": "typed by hand"}
    )
    desk.erp.bookkeeper.ask("account.invoice", "draft", [theirs["id"]])
    post_invoice(other.pk, by=desk.clerk)
    desk.drain()
    said = complaint(desk, other)
    desk.client.allows_duplicate_numbers = True
    desk.client.save()
    desk.mend(other)

    assert said["reason"] == "duplicate_number"
    assert explain("tryton", said["code"], said["message"]).entry.id == "duplicate-reference"
    assert desk.see(other).step == Step.APPROVAL
    assert desk.states(other) == ["draft", "validated"]


def test_a_missing_party_is_created_where_the_client_wants_that(desk):
    wanted = desk.post(party_code="FRESH-1", party_name="Fresh & Sons")
    desk.drain()
    desk.client.creates_counterparties = False
    desk.client.save()
    unwanted = desk.post(party_code="FRESH-2", party_name="Fresher & Sons")
    desk.drain()

    assert desk.see(wanted).step == Step.APPROVAL
    assert desk.see(unwanted).step == Step.PRELIMINARY_ERROR
    assert complaint(desk, unwanted)["code"] == "PARTY_MISSING"
    assert desk.erp.bookkeeper.find("party.party", ["code", "=", "FRESH-2"]) == []


def test_a_booking_that_is_gone_there_is_archived_by_comparison(desk):
    kept, gone = desk.book_both(), desk.book_both()
    Invoice.objects.filter(pk=gone.pk).update(remote_id="999999")

    deleted = sync_deletions(desk.connection.pk)

    assert (deleted.invoices, deleted.error) == (1, "")
    assert desk.see(gone).is_archived
    assert not desk.see(kept).is_archived


def test_the_key_of_tryton_is_in_no_row(desk):
    invoice = desk.post(lines=(LineGiven("Paper", D(1), D("10.99"), "9999"),))
    desk.drain()
    pull(desk.connection.pk)

    assert desk.see(invoice).current_message.state == MessageState.REFUSED
    message = desk.message(invoice)
    kept = f"{message.complaints}{[(one.request, one.response) for one in message.attempts.all()]}"
    assert desk.erp.key not in kept
    desk.connection.refresh_from_db()
    assert desk.erp.key not in f"{desk.connection.last_error}{desk.connection!r}"
