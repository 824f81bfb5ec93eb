"""What was paid, cancelled, changed and deleted in a real Tryton, as the connector reads it; payments pushed there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.erps.contract import DocumentState, ErpError, ErrorKind, Reason, RemotePayment, Stage
from integrations.tryton_server.bookkeeper import SaidNoError
from tests.tryton.papers import final, line, paper
from tests.tryton.server import today
from tests.tryton.test_booking import invoices, key, reasons, refused

D = Decimal


@pytest.fixture
def book(connector):
    """Return what books a document in full."""

    def book(**facts):
        document = paper(**facts)
        booked = connector.create(document, key())
        if document.stage is Stage.PRELIMINARY:
            booked = connector.create(final(document, booked), key())
        return booked

    return book


def payment(booked, amount, **facts):
    usual = {"remote_id": "", "document_id": booked.remote_id, "amount": D(amount), "currency": "USD"}
    return RemotePayment(**(usual | {"paid_on": today()} | facts))


@pytest.mark.parametrize("direction", ["payable", "receivable"])
def test_a_payment_in_part_and_the_rest(tryton, connector, book, direction):
    booked = book(direction=direction)

    tryton.bookkeeper.pay(int(booked.remote_id), "4.00", on=today(), in_part=True)
    in_part, first = (
        connector.read(booked.remote_id),
        connector.payments(datetime(1970, 1, 1, tzinfo=UTC), booked.remote_id),
    )
    tryton.bookkeeper.pay(int(booked.remote_id), "6.99", on=today())
    in_full, both = (
        connector.read(booked.remote_id),
        connector.payments(datetime(1970, 1, 1, tzinfo=UTC), booked.remote_id),
    )

    assert (in_part.balance, [one.amount for one in first]) == (D("6.99"), [D("4.00")])
    assert (in_full.balance, [one.amount for one in both]) == (D(0), [D("4.00"), D("6.99")])
    assert both[0] == first[0]
    assert (both[0].paid_on, both[0].currency, both[0].document_id) == (today(), "USD", booked.remote_id)
    assert in_full.changed_at > in_part.changed_at


def test_a_payment_under_way_shows_and_has_paid_nothing_yet(tryton, connector, book):
    booked = book()
    before = connector.read(booked.remote_id)

    tryton.bookkeeper.begin_payment(int(booked.remote_id), "10.99", on=today())

    under_way = connector.read(booked.remote_id)
    assert (before.is_being_paid, under_way.is_being_paid) == (False, True)
    assert under_way.balance == D("10.99")
    assert under_way.changed_at > before.changed_at
    changed = {one.remote_id: one for one in connector.changes(under_way.changed_at - timedelta(microseconds=1))}
    assert changed[booked.remote_id] == under_way


def test_a_payment_in_another_currency_is_read_in_the_invoices_own(tryton, connector, book):
    booked = book(currency="EUR")

    tryton.bookkeeper.pay(int(booked.remote_id), "10.99", on=today())

    assert connector.read(booked.remote_id).balance == 0
    (paid,) = connector.payments(datetime(1970, 1, 1, tzinfo=UTC), booked.remote_id)
    assert (paid.amount, paid.currency) == (D("10.99"), "EUR")


def test_a_cancelled_invoice_is_voided(tryton, connector, book):
    by_hand, by_us = book(), book()

    tryton.bookkeeper.ask("account.invoice", "cancel", [int(by_hand.remote_id)])
    connector.void(by_us.remote_id)
    connector.void(by_us.remote_id)

    for booked in (by_hand, by_us):
        read = connector.read(booked.remote_id)
        assert (read.state, read.balance, read.total) == (DocumentState.VOIDED, D(0), D("10.99"))
        assert [one.voucher for one in read.vouchers] == [booked.voucher, booked.voucher]


def test_changes_come_oldest_first_and_only_those(tryton, connector, book):
    earlier = book(direction="receivable")
    since = connector.read(earlier.remote_id).changed_at + timedelta(microseconds=1)
    first, second = book(direction="receivable"), book(direction="receivable")
    tryton.bookkeeper.pay(int(first.remote_id), "10.99", on=today())

    changes = list(connector.changes(since))

    assert [one.remote_id for one in changes] == [second.remote_id, first.remote_id]
    assert [one.changed_at for one in changes] == sorted(one.changed_at for one in changes)
    assert changes[1] == connector.read(first.remote_id)


def test_the_listing_has_every_numbered_document_once(connector, book):
    booked = [book(direction="receivable"), book()]

    listed = [one for page in connector.listing() for one in page]

    ids = [one.remote_id for one in listed]
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids, key=int)
    mine = {one.remote_id: one for one in listed}
    for one in booked:
        assert (mine[one.remote_id].number, mine[one.remote_id].balance) == (one.number, D("10.99"))


def test_only_a_draft_can_be_deleted_and_what_is_gone_is_not_found(tryton, connector, book):
    booked = book()
    document = paper(number="ORPHAN-1")
    typed = tryton.bookkeeper.ask(
        "account.invoice",
        "copy",
        [int(booked.remote_id)],
        {"reference": document.number},
    )

    connector.delete(str(typed[0]))
    gone = refused(connector.read, str(typed[0]))
    error = refused(connector.delete, booked.remote_id)

    assert reasons(gone) == [Reason.NOT_FOUND]
    assert reasons(refused(connector.read, "no id")) == [Reason.NOT_FOUND]
    assert error.complaints[0].message
    assert connector.read(booked.remote_id).state is DocumentState.OPEN


def test_search_finds_our_number_and_tryton_s_own_where_it_was_typed_there(tryton, connector, book):
    ours = book(direction="receivable")
    typed = book(direction="receivable")
    tryton.bookkeeper.ask("account.invoice", "write", [int(typed.remote_id)], {"description": "by hand"})

    assert [one.remote_id for one in connector.search(ours.number, "receivable")] == [ours.remote_id]
    assert [one.remote_id for one in connector.search(typed.voucher, "receivable")] == [typed.remote_id]
    assert connector.search(typed.number, "receivable") == ()
    assert connector.search(ours.number, "payable") == ()


def test_items_come_with_what_may_not_be_used(tryton, connector):
    tryton.bookkeeper.set_active("product.product", "SRV", active=False)

    items = {one.code: one.is_active for one in connector.items(datetime(1970, 1, 1, tzinfo=UTC))}
    tryton.bookkeeper.set_active("product.product", "SRV", active=True)

    assert (items["CHAIR"], items["SRV"]) == (True, False)
    assert list(connector.items(datetime.now(UTC) + timedelta(hours=1))) == []


def test_a_document_without_libreoffice_is_no_pdf(connector, book):
    booked = book(direction="receivable")

    assert connector.read(booked.remote_id).has_pdf is False
    with pytest.raises(ErpError) as caught:
        connector.pdf(booked.remote_id)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert reasons(caught.value) == [Reason.NOT_THE_FILE]


# Pushing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["invoice", "credit_memo"])
def test_payments_pushed_in_part_and_in_full_make_it_paid(tryton, connector, book, kind):
    booked, keys = book(direction="receivable", kind=kind), [key(), key()]

    first = connector.push_payment(payment(booked, "4.00"), keys[0])
    in_part = connector.read(booked.remote_id).balance
    second = connector.push_payment(payment(booked, "6.99"), keys[1])

    assert in_part == D("6.99")
    assert connector.payments(datetime(1970, 1, 1, tzinfo=UTC), booked.remote_id) == (first, second)
    assert (first.key, second.key) == (keys[0], keys[1])
    (there,) = tryton.bookkeeper.find("account.invoice", ["id", "=", int(booked.remote_id)], fields=["state"])
    assert there["state"] == "paid"


def test_the_same_payment_again_is_recorded_once(connector, book):
    booked, again = book(direction="receivable"), key()

    first = connector.push_payment(payment(booked, "4.00"), again)
    second = connector.push_payment(payment(booked, "4.00"), again)

    assert first == second
    assert connector.find_payments(payment(booked, "4.00"), [again]) == (first,)
    assert connector.find_payments(payment(booked, "4.00"), [key()]) == (first,)
    assert connector.find_payments(payment(booked, "4.01"), [key()]) == ()
    assert connector.read(booked.remote_id).balance == D("6.99")


def test_a_payment_that_does_not_fit_is_refused_and_nothing_is_written(tryton, connector, book):
    booked = book(direction="receivable")
    foreign = book(direction="receivable", currency="EUR")

    too_much = refused(connector.push_payment, payment(booked, "11.00"), key())
    other = refused(connector.push_payment, payment(foreign, "1.00", currency="EUR"), key())

    assert [too_much.complaints[0].code, other.complaints[0].code] == ["OVERPAID", "OTHER_CURRENCY"]
    assert connector.read(booked.remote_id).balance == D("10.99")


# Drafts that were left behind -----------------------------------------------------------------------------------------


def test_drafts_left_behind_are_deleted_and_others_are_not(tryton, connector, book):
    booked = book()
    copy = tryton.bookkeeper.ask
    (ours,) = copy("account.invoice", "copy", [int(booked.remote_id)], {"description": f"unstuck:{key()}"})
    (theirs,) = copy("account.invoice", "copy", [int(booked.remote_id)], {"description": "typed by hand"})

    too_young = connector.tidy()
    tidied = connector._booking.tidy(datetime.now(UTC) + timedelta(hours=1))

    left = tryton.bookkeeper.find("account.invoice", ["id", "in", [ours, theirs]])
    assert (too_young, tidied) == (0, 1)
    assert [one["id"] for one in left] == [theirs]
    with pytest.raises(SaidNoError):
        tryton.bookkeeper.ask("account.invoice", "read", [ours], ["state"])


def test_a_draft_of_an_earlier_message_of_the_same_number_is_deleted_before_posting(tryton, connector, book):
    booked = book()
    document = paper(lines=(line("5.00"),))
    values = {"description": f"unstuck:{key()}", "reference": document.number}
    tryton.bookkeeper.ask("account.invoice", "copy", [int(booked.remote_id)], values)

    made = connector.create(document, key())

    (there,) = invoices(tryton, document)
    assert (str(there["id"]), there["state"]) == (made.remote_id, "validated")
    assert made.total == D("5.00")


def test_two_drafts_of_one_key_become_one(tryton, connector, book):
    booked, ours = book(), key()
    document = paper()
    values = {"description": f"unstuck:{ours}", "reference": document.number}
    for _draft in range(2):
        tryton.bookkeeper.ask("account.invoice", "copy", [int(booked.remote_id)], values)

    made = connector.create(document, ours)

    (there,) = invoices(tryton, document)
    assert (str(there["id"]), there["state"]) == (made.remote_id, "validated")
    assert replace(made, raw="") == replace(connector.get(made.remote_id, Stage.PRELIMINARY), raw="")
