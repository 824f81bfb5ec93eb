"""Every method of the sandbox ERP's connector, against the process."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.erps.contract import ErpError, ErrorKind, Party, Reason, RemotePayment, Stage
from integrations.erps.registry import CONNECTORS, connect

from .conftest import SECRET

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def final(document):
    return replace(document, stage=Stage.FINAL)


def test_the_registry_names_it():
    assert CONNECTORS["sandbox"].label == "Sandbox ERP"


def test_an_unknown_connector_is_an_error_of_ours(access):
    with pytest.raises(KeyError):
        connect("abacus", access, 1)


def test_its_longest_call_and_write_follow_the_timeout_of_the_access(connector):
    assert connector.longest_call == timedelta(seconds=6)
    assert connector.longest_write == timedelta(seconds=10)


def test_check_names_the_company(connector, company):
    assert connector.check().company == company


def test_create_books_at_the_stage_and_returns_what_the_erp_holds(connector, document, erp):
    booking = connector.create(document, "key-1")

    assert booking.voucher == "P-000001"
    assert booking.remote_id
    assert booking.stage is Stage.PRELIMINARY
    assert booking.posting_date == date(2026, 11, 2)
    assert (booking.number, booking.party_code, booking.currency) == ("INV-0001", "S/1 ü", "USD")
    assert (booking.total, booking.balance, booking.key) == (Decimal("10.99"), Decimal("10.99"), "key-1")
    assert booking.url == f"{erp.url}documents/{booking.remote_id}/view/"
    assert '"P-000001"' in booking.raw


def test_the_page_that_the_booking_links_to_shows_the_document(connector, document, erp):
    booking = connector.create(document, "key-1")

    status, page = erp.ask("GET", booking.url.removeprefix(erp.url))

    assert status == 200
    assert "Invoice INV-0001" in page.decode()


def test_an_amount_that_a_float_cannot_hold_comes_back_exact(connector, make_document):
    big = make_document(total=Decimal("99999999999.0001"), number="BIG")
    connector.ensure_party(big)

    assert connector.create(big, "key-1").total == Decimal("99999999999.0001")


def test_the_same_key_is_answered_with_the_first_booking(connector, company, document, erp):
    first = connector.create(document, "key-replay")

    again = connector.create(document, "key-replay")

    assert replace(again, raw="") == replace(first, raw="")
    audit = erp.audit("key=key-replay")
    assert len(audit["documents"]) == 1
    assert [write["outcome"] for write in audit["writes"]] == ["booked", "replayed"]


def test_another_key_with_the_same_number_shows_as_a_double_posting(connector, document, erp, company):
    connector.create(document, "key-a")

    connector.create(document, "key-b")

    documents = erp.audit("number=INV-0001")["documents"]
    assert len([shown for shown in documents if shown["company"] == company]) == 2


def test_keys_that_are_ignored_book_anew_and_are_not_found(connector, company_path, document, erp):
    erp.ask("PUT", f"{company_path}/preferences/", {"ignore_keys": True}, SECRET)
    first, second = connector.create(document, "key-ignored"), connector.create(document, "key-ignored")

    assert first.remote_id != second.remote_id
    assert first.key == ""
    assert len(connector.find(document, ["key-ignored"])) == 2  # by number and party
    assert connector.find(replace(document, number="OTHER"), ["key-ignored"]) == ()
    assert len(erp.audit("key=key-ignored")["documents"]) == 2


def test_the_final_booking_joins_the_document_of_its_remote_id(connector, document, final):
    preliminary = connector.create(document, "key-p")

    booking = connector.create(replace(final, remote_id=preliminary.remote_id), "key-f")

    assert booking.remote_id == preliminary.remote_id
    assert booking.voucher == "F-000001"
    assert connector.get(booking.remote_id, Stage.PRELIMINARY).voucher == "P-000001"
    assert connector.get(booking.remote_id, Stage.FINAL).voucher == "F-000001"


def test_the_final_booking_joins_the_document_of_its_preliminary_voucher(connector, document, final):
    preliminary = connector.create(document, "key-p")

    booking = connector.create(replace(final, preliminary_voucher="P-000001"), "key-f")

    assert booking.remote_id == preliminary.remote_id


def test_a_preliminary_voucher_that_is_not_found_makes_a_new_document(connector, document, final):
    preliminary = connector.create(document, "key-p")

    booking = connector.create(replace(final, preliminary_voucher="typed by hand"), "key-f")

    assert booking.remote_id != preliminary.remote_id


def test_a_customer_is_created_for_a_receivable(connector, company_path, make_document, erp):
    receivable = make_document(direction="receivable", party=Party("C-1", "Customer One"), stage=Stage.FINAL)

    connector.ensure_party(receivable)
    connector.ensure_party(receivable)

    shown = {"code": "C-1", "name": "Customer One", "active": True}
    assert erp.ask("GET", f"{company_path}/customers/", secret=SECRET)[1]["customers"] == [shown]
    assert connector.create(receivable, "key-1").voucher == "F-000001"


def test_a_party_that_is_inactive_stays_so(connector, company_path, document, erp):
    supplier = f"{company_path}/suppliers/S%2F1%20%C3%BC/"
    erp.ask("PATCH", supplier, {"active": False}, SECRET)

    connector.ensure_party(document)

    assert erp.ask("GET", supplier, secret=SECRET)[1]["active"] is False


def test_find_looks_by_any_of_the_keys(connector, document):
    booked = connector.create(document, "key-2")

    (found,) = connector.find(replace(document, number="CHANGED"), ["key-1", "key-2"])

    assert (found.remote_id, found.voucher, found.key) == (booked.remote_id, "P-000001", "key-2")


def test_find_falls_back_to_number_direction_kind_and_party(connector, document):
    connector.create(document, "key-1")

    assert [one.voucher for one in connector.find(document, ["unknown"])] == ["P-000001"]
    assert [one.voucher for one in connector.find(document, [])] == ["P-000001"]
    assert connector.find(replace(document, kind="credit_memo"), []) == ()
    assert connector.find(replace(document, direction="receivable"), []) == ()
    assert connector.find(replace(document, party=Party("S-2", "")), []) == ()
    assert connector.find(replace(document, number="INV-000"), []) == ()


def test_find_returns_only_the_stage_that_is_asked_for(connector, document, final):
    connector.create(document, "key-1")

    assert connector.find(final, ["key-1"]) == ()


def test_find_returns_every_booking_so_that_a_double_one_shows(connector, document):
    connector.create(document, "key-1")
    connector.create(document, "key-2")

    assert [one.voucher for one in connector.find(document, [])] == ["P-000001", "P-000002"]


def test_find_leaves_out_what_was_voided(connector, document):
    booked = connector.create(document, "key-1")
    connector.void(booked.remote_id)

    assert connector.find(document, ["key-1"]) == ()


def test_find_sees_nothing_of_another_company(connector, access, connect_with, document):
    connector.create(document, "key-1")
    other = connect_with(replace(access, company="globex"))

    assert other.find(document, ["key-1"]) == ()


@pytest.mark.parametrize("remote_id", ["999999", "abc", "../../audit", "", "9" * 30])
def test_get_of_what_is_not_there_is_not_found(connector, remote_id):
    with pytest.raises(ErpError) as caught:
        connector.get(remote_id or "0", Stage.FINAL)

    assert (caught.value.kind, caught.value.complaints[0].reason) == (ErrorKind.REJECTED, Reason.NOT_FOUND)


def test_get_of_a_stage_that_was_not_booked_is_not_found(connector, document):
    booked = connector.create(document, "key-1")

    with pytest.raises(ErpError) as caught:
        connector.get(booked.remote_id, Stage.FINAL)

    assert caught.value.complaints[0].reason is Reason.NOT_FOUND


def test_update_changes_a_document_that_is_not_final(connector, document):
    booked = connector.create(document, "key-1")

    updated = connector.update(booked.remote_id, replace(document, number="INV-0001-B"))

    assert (updated.voucher, updated.number) == ("P-000001", "INV-0001-B")
    assert connector.get(booked.remote_id, Stage.PRELIMINARY).number == "INV-0001-B"


def test_void_leaves_no_balance_and_may_be_repeated(connector, document):
    booked = connector.create(document, "key-1")

    connector.void(booked.remote_id)
    connector.void(booked.remote_id)

    assert connector.get(booked.remote_id, Stage.PRELIMINARY).balance == 0
    assert [document.state for document in connector.changes(LONG_AGO)] == ["voided"]


def test_a_deleted_document_is_gone_and_in_the_feed(connector, document):
    booked = connector.create(document, "key-1")

    connector.delete(booked.remote_id)

    (deletion,) = connector.deletions(LONG_AGO)
    assert (deletion.what, deletion.remote_id, deletion.number) == ("document", booked.remote_id, "INV-0001")
    assert deletion.deleted_at.tzinfo is not None
    assert connector.find(document, ["key-1"]) == ()
    with pytest.raises(ErpError) as caught:
        connector.delete(booked.remote_id)
    assert caught.value.complaints[0].reason is Reason.NOT_FOUND


def test_a_deleted_supplier_is_in_the_feed(connector, company_path, document, erp):
    erp.ask("DELETE", f"{company_path}/suppliers/S%2F1%20%C3%BC/", secret=SECRET)

    assert [(one.what, one.remote_id) for one in connector.deletions(LONG_AGO)] == [("supplier", "S/1 ü")]


def test_nothing_is_voided_or_deleted_in_a_closed_period(connector, company, document, erp):
    booked = connector.create(document, "key-1")
    erp.close_period("2026-11", company)

    for remove in (connector.void, connector.delete):
        with pytest.raises(ErpError) as caught:
            remove(booked.remote_id)
        assert caught.value.complaints[0].reason is Reason.PERIOD_CLOSED
    assert connector.get(booked.remote_id, Stage.PRELIMINARY).balance == Decimal("10.99")


def test_changes_come_oldest_first_and_since_their_time(connector, document):
    for number in ("A", "B", "C"):
        connector.create(replace(document, number=number), f"key-{number}")

    changes = list(connector.changes(LONG_AGO))

    assert [change.number for change in changes] == ["A", "B", "C"]
    assert [one.number for one in connector.changes(changes[1].changed_at)] == ["B", "C"]
    assert list(connector.changes(changes[-1].changed_at + timedelta(seconds=1))) == []


def test_a_change_shows_the_final_booking(connector, document, final):
    booked = connector.create(document, "key-p")
    connector.create(replace(final, remote_id=booked.remote_id), "key-f")

    (change,) = connector.changes(LONG_AGO)

    assert [one.voucher for one in change.vouchers] == ["P-000001", "F-000001"]
    assert (change.stage, change.state, change.posting_date) == (Stage.FINAL, "open", date(2026, 11, 2))


def pay(connector, booked, amount, key, currency="USD"):
    payment = RemotePayment("", booked.remote_id, Decimal(amount), currency, date(2026, 11, 20))
    return connector.push_payment(payment, key)


def test_payments_lower_the_balance_until_it_is_paid(connector, final):
    booked = connector.create(final, "key-f")

    first = pay(connector, booked, "4.00", "pay-1")
    assert connector.get(booked.remote_id, Stage.FINAL).balance == Decimal("6.99")
    assert [change.balance for change in connector.changes(LONG_AGO)] == [Decimal("6.99")]
    second = pay(connector, booked, "6.99", "pay-2")

    assert [change.balance for change in connector.changes(LONG_AGO)] == [0]
    assert connector.payments(LONG_AGO) == (first, second)
    assert connector.payments(LONG_AGO, booked.remote_id) == (first, second)
    assert connector.payments(LONG_AGO, "999999") == ()
    assert first == RemotePayment(
        first.remote_id, booked.remote_id, Decimal("4.00"), "USD", date(2026, 11, 20), "pay-1"
    )  # fmt: skip


def test_the_same_payment_key_pays_once(connector, final):
    booked = connector.create(final, "key-f")

    assert pay(connector, booked, "4.00", "pay-1") == pay(connector, booked, "4.00", "pay-1")

    assert connector.get(booked.remote_id, Stage.FINAL).balance == Decimal("6.99")


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [("11.00", "USD", "OVERPAID"), ("1.00", "EUR", "CURRENCY_MISMATCH"), ("-1.00", "USD", "VALIDATION")],
)
def test_a_payment_that_does_not_fit_is_refused(connector, final, amount, currency, code):
    booked = connector.create(final, "key-f")

    with pytest.raises(ErpError) as caught:
        pay(connector, booked, amount, "pay-1", currency)

    assert [complaint.code for complaint in caught.value.complaints] == [code]
    assert connector.payments(LONG_AGO) == ()


def test_a_payment_needs_a_final_booking(connector, document):
    booked = connector.create(document, "key-p")

    with pytest.raises(ErpError) as caught:
        pay(connector, booked, "1.00", "pay-1")

    assert caught.value.complaints[0].code == "NOT_FINAL"


def test_a_deleted_payment_opens_the_document_again(connector, company_path, final, erp):
    booked = connector.create(final, "key-f")
    payment = pay(connector, booked, "10.99", "pay-1")

    erp.ask("DELETE", f"{company_path}/payments/{payment.remote_id}/", secret=SECRET)

    assert connector.get(booked.remote_id, Stage.FINAL).balance == Decimal("10.99")
    assert [change.balance for change in connector.changes(LONG_AGO)] == [Decimal("10.99")]
    assert [(one.what, one.number) for one in connector.deletions(LONG_AGO)] == [("payment", "INV-0001")]


def test_a_paid_document_is_neither_voided_nor_deleted(connector, final):
    booked = connector.create(final, "key-f")
    pay(connector, booked, "4.00", "pay-1")

    for remove in (connector.void, connector.delete):
        with pytest.raises(ErpError) as caught:
            remove(booked.remote_id)
        assert caught.value.complaints[0].code == "HAS_PAYMENTS"


def test_pdf_is_a_pdf_whose_table_of_places_is_right(connector, document):
    booked = connector.create(replace(document, number="INV (1) \\ ü"), "key-1")

    pdf = connector.pdf(booked.remote_id)

    assert pdf.startswith(b"%PDF-1.4")
    assert rb"INV \(1\) \\ " + "ü".encode("cp1252") in pdf
    start = int(pdf.split(b"startxref\n")[1].split()[0])
    assert pdf[start:].startswith(b"xref\n0 6\n")
    places = [int(line.split()[0]) for line in pdf[start:].split(b"\n")[3:8]]
    assert [pdf[place : place + 7] for place in places] == [b"%d 0 obj" % number for number in range(1, 6)]


def test_pdf_of_what_is_not_there_is_not_found(connector):
    with pytest.raises(ErpError) as caught:
        connector.pdf("999999")

    assert caught.value.complaints[0].reason is Reason.NOT_FOUND


def test_a_feed_of_many_pages_is_returned_whole(connector, document):
    for number in range(1001):
        connector.create(replace(document, number=f"N-{number}"), f"key-{number}")

    assert [change.number for change in connector.changes(LONG_AGO)] == [f"N-{n}" for n in range(1001)]
