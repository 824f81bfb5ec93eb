"""What is tried on every series and database of Tryton: the short way through all that the connector does."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from integrations.erps.contract import DocumentState, ErpError, Party, Reason, RemotePayment
from tests.tryton.papers import final, line, paper
from tests.tryton.server import today

D = Decimal
EVER = datetime(1970, 1, 1, tzinfo=UTC)


def key() -> str:
    return uuid4().hex


class EverySeriesAndDatabase:
    def test_booked_paid_and_cancelled(self, tryton, connector):
        document, ours = paper(lines=(line(item="CHAIR"),)), key()
        booked = connector.create(document, ours)
        posted = connector.create(final(document, booked), key())
        there = int(posted.remote_id)

        payment = tryton.bookkeeper.begin_payment(there, "10.99", on=today())
        under_way = connector.read(posted.remote_id)
        tryton.bookkeeper.ask("account.payment", "fail", [payment])
        tryton.bookkeeper.pay(there, "4.00", on=today(), in_part=True)
        in_part = connector.read(posted.remote_id)
        tryton.bookkeeper.pay(there, "6.99", on=today())
        paid = connector.read(posted.remote_id)
        other = connector.create(paper(direction="receivable"), key())
        connector.void(other.remote_id)

        assert (booked.voucher, booked.key) == (posted.voucher, ours)
        assert connector.find(document, [ours]) != ()
        assert (under_way.is_being_paid, under_way.balance) == (True, D("10.99"))
        assert (in_part.is_being_paid, in_part.balance, paid.balance) == (False, D("6.99"), D(0))
        assert paid.lines == document.lines
        assert [one.amount for one in connector.payments(EVER, posted.remote_id)] == [D("4.00"), D("6.99")]
        assert connector.read(other.remote_id).state is DocumentState.VOIDED
        assert {one.remote_id for one in connector.changes(EVER)} >= {posted.remote_id, other.remote_id}

    def test_an_edit_between_the_two_bookings(self, connector):
        document = paper()
        booked = connector.create(document, key())
        edited = paper(number=document.number, lines=(line("7.00", account="5.1.3"),))

        posted = connector.create(final(edited, booked, posting_date=today()), key())

        assert (posted.remote_id, posted.total, posted.posting_date) == (booked.remote_id, D("7.00"), today())

    def test_payments_pushed_once_make_it_paid(self, connector):
        booked = connector.create(paper(direction="receivable"), key())
        payment = RemotePayment("", booked.remote_id, D("10.99"), "USD", today())
        ours = key()

        first, second = connector.push_payment(payment, ours), connector.push_payment(payment, ours)

        assert first == second
        assert connector.read(booked.remote_id).balance == 0
        assert connector.find_payments(payment, [ours]) == (first,)

    def test_refusals_have_the_same_reasons(self, tryton, connector):
        month_ago = today().replace(day=1) - timedelta(days=1)
        late, first = paper(invoice_date=month_ago, due_date=None), paper()
        connector.create(first, key())
        (there,) = tryton.bookkeeper.find("account.invoice", ["reference", "=", first.number])
        tryton.bookkeeper.ask("account.invoice", "draft", [there["id"]])
        tryton.bookkeeper.ask("account.invoice", "write", [there["id"]], {"description": "typed by hand"})
        tryton.bookkeeper.close_period(month_ago)

        reasons = []
        for document in (
            late,
            first,
            paper(lines=(line(account="9999"),)),
            paper(party=Party("NOBODY", "")),
            paper(party=Party("GONE-1", "")),
            paper(lines=(), total=D(0)),
        ):
            with pytest.raises(ErpError) as caught:
                connector.create(document, key())
            reasons.append(caught.value.complaints[0].reason)
        tryton.bookkeeper.reopen_period(month_ago)

        assert reasons == [
            Reason.PERIOD_CLOSED,
            Reason.DUPLICATE_NUMBER,
            Reason.REFERENCE_INACTIVE,
            Reason.CUSTOMER_MISSING,
            Reason.REFERENCE_INACTIVE,
            Reason.NO_LINES,
        ]

    def test_items_periods_and_the_listing_can_be_read(self, connector):
        assert {item.code for item in connector.items(EVER)} >= {"CHAIR", "LAMP", "SRV"}
        assert connector.periods() == ()
        assert sum(len(page) for page in connector.listing()) == len(list(connector.changes(EVER)))
        assert connector.tidy() == 0
