"""Booking in a real Tryton: what stands in its ledger afterwards, and what it and we refuse."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from integrations.erps.contract import Access, ErpError, ErrorKind, Party, Reason, Stage
from integrations.erps.registry import connect
from tests.tryton.papers import final, line, paper
from tests.tryton.server import COMPANY, today

D = Decimal


def key():
    return uuid4().hex


def refused(call, *arguments):
    """Return the error of a call that must be refused."""
    with pytest.raises(ErpError) as caught:
        call(*arguments)
    assert caught.value.kind is ErrorKind.REJECTED, caught.value
    return caught.value


def reasons(error):
    return [complaint.reason for complaint in error.complaints]


def invoices(tryton, document):
    """Return everything that Tryton has of a document's number."""
    fields = ["number", "state", "description", "total_amount", "move"]
    return tryton.bookkeeper.find("account.invoice", ["reference", "=", document.number], fields=fields)


def test_a_payable_is_validated_then_posted_as_one_record_with_our_key(tryton, connector):
    document, first = paper(), key()

    booked = connector.create(document, first)
    (validated,) = invoices(tryton, document)
    posted = connector.create(final(document, booked), key())
    (after,) = invoices(tryton, document)

    assert (validated["state"], validated["description"]) == ("validated", f"unstuck:{first}")
    assert (booked.voucher, booked.stage, booked.total, booked.key) == (
        validated["number"],
        Stage.PRELIMINARY,
        D("10.99"),
        first,
    )
    assert booked.posting_date == document.invoice_date
    assert (after["id"], after["state"]) == (validated["id"], "posted")
    assert (posted.remote_id, posted.voucher, posted.balance) == (booked.remote_id, booked.voucher, D("10.99"))
    assert posted.url == f"tryton://127.0.0.1:{tryton.port}/erp/model/account.invoice/{posted.remote_id}"


def test_a_receivable_is_posted_at_once(tryton, connector):
    document = paper(direction="receivable")

    booked = connector.create(document, key())

    (posted,) = invoices(tryton, document)
    assert posted["state"] == "posted"
    assert booked.voucher.startswith("INV-")
    assert (booked.number, booked.party_code, booked.currency) == (document.number, "CUS-1", "USD")


@pytest.mark.parametrize("direction", ["payable", "receivable"])
def test_a_credit_memo_has_a_negative_total_there_and_a_positive_one_here(tryton, connector, direction):
    document = paper(direction=direction, kind="credit_memo", lines=(line(), line("3.00")))

    booked = connector.create(document, key())

    (there,) = invoices(tryton, document)
    assert there["total_amount"] == D("-13.99")
    assert booked.voucher.startswith("SCN-" if direction == "payable" else "CN-")
    read = connector.read(booked.remote_id)
    assert (read.kind, read.total, read.balance) == ("credit_memo", D("13.99"), D("13.99"))
    assert read.lines == document.lines


def test_what_was_sent_comes_back_the_same(connector):
    lines = (line(item="CHAIR"), line("20.50", account="5.1.3", quantity=D("2"), unit_price=D("10.25")))
    document = paper(lines=lines, currency="EUR")

    read = connector.read(connector.create(document, key()).remote_id)

    assert read.lines == lines
    assert (read.direction, read.kind, read.number) == ("payable", "invoice", document.number)
    assert (read.invoice_date, read.due_date) == (document.invoice_date, document.due_date)
    assert (read.currency, read.total, read.balance) == ("EUR", D("31.49"), D("31.49"))
    assert read.party == Party("SUP-1", "Paper & Sons")
    assert [one.stage for one in read.vouchers] == [Stage.PRELIMINARY]


def test_an_edited_invoice_is_posted_as_it_is_now(tryton, connector):
    document = paper()
    booked = connector.create(document, key())
    edited = replace(document, lines=(line("7.00", account="5.1.3"),), total=D("7.00"))

    posted = connector.create(final(edited, booked, posting_date=today()), key())

    assert (posted.remote_id, posted.voucher, posted.total) == (booked.remote_id, booked.voucher, D("7.00"))
    assert posted.posting_date == today()
    assert connector.read(posted.remote_id).lines[0].account == "5.1.3"
    assert len(invoices(tryton, document)) == 1


def test_the_same_key_again_is_the_same_booking(tryton, connector):
    document, again = paper(direction="receivable"), key()

    first, second = connector.create(document, again), connector.create(document, again)

    assert first == second
    assert len(invoices(tryton, document)) == 1


def test_find_knows_a_booking_by_key_and_one_typed_by_hand_by_number_and_party(connector):
    document, ours = paper(direction="receivable"), key()
    booked = connector.create(document, ours)

    by_key = connector.find(replace(document, number="other"), [ours])
    by_number = connector.find(document, [key()])

    assert by_key == by_number == (booked,)
    assert connector.find(replace(document, number="other"), [key()]) == ()
    assert connector.find(replace(document, kind="credit_memo"), [key()]) == ()
    assert connector.find(replace(document, party=Party("HOOLI", "")), [key()]) == ()


def test_a_draft_is_not_found(tryton, connector):
    document, ours = paper(), key()
    booked = connector.create(document, ours)

    assert connector.find(final(document, booked), [key()]) == ()
    assert connector.find(document, [ours]) == (booked,)


def test_a_final_booking_finds_the_record_by_its_voucher_where_the_step_was_skipped(tryton, connector):
    document = paper()
    booked = connector.create(document, key())
    skipped = replace(final(document), preliminary_voucher=booked.voucher)

    posted = connector.create(skipped, key())
    error = refused(connector.create, replace(skipped, preliminary_voucher="BILL-0"), key())

    assert posted.remote_id == booked.remote_id
    assert reasons(error) == [Reason.NOT_FOUND]
    assert len(invoices(tryton, document)) == 1


# What is refused -----------------------------------------------------------------------------------------------------


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_written(tryton, connector):
    tryton.bookkeeper.set_active("product.product", "LAMP", active=False)
    lines = (line(account="9999"), line(account="nope"), line(item="LAMP"), line(item="nope"))
    document = paper(party=Party("GONE-1", "Bygone"), currency="XAU", lines=lines)

    error = refused(connector.create, document, key())

    assert [complaint.code for complaint in error.complaints] == [
        "PARTY_INACTIVE",
        "CURRENCY_MISSING",
        "ACCOUNT_CLOSED",
        "ACCOUNT_UNKNOWN",
        "ITEM_INACTIVE",
        "ITEM_UNKNOWN",
    ]
    assert error.complaints[2].field == "lines[0].account"
    assert invoices(tryton, document) == []


def test_no_lines_and_a_missing_party_are_refused_by_us(tryton, connector):
    document = paper(party=Party("NEW-1", "Newcomer"), lines=(), total=D(0))

    error = refused(connector.create, document, key())

    assert reasons(error) == [Reason.NO_LINES, Reason.CUSTOMER_MISSING]
    assert invoices(tryton, document) == []


def test_a_party_is_created_once_and_an_inactive_one_stays_so(tryton, connector):
    document = paper(party=Party("NEW-2", "Newcomer & Co"))

    connector.ensure_party(document)
    connector.ensure_party(document)
    connector.ensure_party(paper(party=Party("GONE-1", "Bygone")))
    booked = connector.create(document, key())

    assert booked.party_code == "NEW-2"
    found = tryton.bookkeeper.find("party.party", ["code", "=", "NEW-2"], fields=["name"])
    assert [one["name"] for one in found] == ["Newcomer & Co"]
    assert tryton.bookkeeper.find("party.party", ["code", "=", "GONE-1"]) == []


def test_a_closed_period_is_refused_and_the_draft_is_gone(tryton, connector):
    month_ago = today().replace(day=1) - timedelta(days=1)
    document = paper(invoice_date=month_ago, due_date=None)
    tryton.bookkeeper.close_period(month_ago)

    closed = connector.periods()
    error = refused(connector.create, document, key())
    left = invoices(tryton, document)
    later = connector.create(replace(document, posting_date=today()), key())
    tryton.bookkeeper.reopen_period(month_ago)

    assert [(one.first_day.day, one.last_day) for one in closed] == [(1, month_ago)]
    assert reasons(error) == [Reason.PERIOD_CLOSED]
    assert "reopen the period" in error.complaints[0].message
    assert left == []
    assert later.posting_date == today()
    assert connector.periods() == ()


def test_a_final_booking_refused_for_its_day_leaves_the_preliminary_one_as_it_was(tryton, connector):
    months_ago = today() - timedelta(days=70)
    document = paper()
    booked = connector.create(document, key())
    tryton.bookkeeper.close_period(months_ago)

    error = refused(connector.create, final(document, booked, posting_date=months_ago), key())
    (there,) = invoices(tryton, document)
    posted = connector.create(final(document, booked), key())
    tryton.bookkeeper.reopen_period(months_ago)

    assert reasons(error) == [Reason.PERIOD_CLOSED]
    assert there["state"] == "validated"
    assert (posted.voucher, posted.posting_date) == (booked.voucher, document.invoice_date)


def test_a_duplicate_reference_is_for_a_person_who_may_allow_it(tryton, connector):
    document = paper()
    typed = connector.create(document, key())
    tryton.bookkeeper.ask("account.invoice", "write", [int(typed.remote_id)], {"description": "typed by hand"})
    again = replace(document, invoice_date=document.invoice_date - timedelta(days=1))

    error = refused(connector.create, again, key())
    left = invoices(tryton, document)
    allowed = connector.create(replace(again, accepts_duplicate=True), key())

    assert reasons(error) == [Reason.DUPLICATE_NUMBER]
    assert typed.voucher in error.complaints[0].message
    assert len(left) == 1
    assert allowed.voucher != typed.voucher


def test_a_total_that_tryton_reckons_otherwise_is_refused(tryton, connector):
    document = paper(total=D("11.00"))

    error = refused(connector.create, document, key())

    assert error.complaints[0].code == "TOTAL_MISMATCH"
    assert invoices(tryton, document) == []


def test_a_wrong_key_a_wrong_company_and_no_right_are_told_apart(tryton):
    def check(**facts):
        access = Access(**({"base_url": tryton.url, "company": COMPANY, "secret": tryton.key} | facts))
        made = connect("tryton", access, 1)
        try:
            return made.check().company
        except ErpError as exc:
            return exc.kind, [complaint.reason for complaint in exc.complaints]
        finally:
            made.close()

    assert check() == COMPANY
    assert check(secret="wrong") == (ErrorKind.CREDENTIALS, [Reason.OTHER])
    assert check(company="Nobody Inc") == (ErrorKind.REJECTED, [Reason.NOT_FOUND])
    assert check(company="Globex Trading") == (ErrorKind.REJECTED, [Reason.PERMISSION])
    assert check(base_url="http://127.0.0.1:9/erp")[0] is ErrorKind.UNAVAILABLE


def test_the_key_is_in_no_error_and_no_picture_of_the_connector(tryton, connector):
    error = refused(connector.create, paper(total=D("11.00")), key())

    assert tryton.key not in f"{error.raw}{error}{connector!r}"
