"""What the connector reads of the sandbox ERP's books: documents, its list of them, items, months, preferences."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from integrations.erps.contract import (
    ClosedPeriod,
    DocumentLine,
    DocumentState,
    ErpError,
    ErrorKind,
    Listed,
    Party,
    Reason,
    RemoteItem,
    RemoteVoucher,
    Stage,
)
from tests.integrations.raw_server import RawServer, http

from .conftest import SECRET

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def person(erp, company_path):
    """Return somebody who works in the ERP."""

    def act(method, path, body=None):
        status, answer = erp.ask(method, f"{company_path}/{path}", body, secret=SECRET)
        assert status < 300, answer
        return answer

    return act


@pytest.fixture
def booked(connector, document):
    return connector.create(replace(document, stage=Stage.FINAL), "key-1")


def test_read_returns_every_fact(connector, booked):
    document = connector.read(booked.remote_id)

    assert (document.remote_id, document.direction, document.kind) == (booked.remote_id, "payable", "invoice")
    assert (document.number, document.party) == ("INV-0001", Party("S/1 ü", "Supplier One"))
    assert (document.invoice_date, document.due_date, document.posting_date) == (
        date(2026, 11, 2),
        date(2026, 12, 2),
        date(2026, 11, 2),
    )
    assert (document.currency, document.total, document.balance) == ("USD", Decimal("10.99"), Decimal("10.99"))
    assert document.lines == (DocumentLine("Consulting", Decimal(1), Decimal("10.99"), Decimal("10.99")),)
    assert (document.state, document.stage, document.has_pdf) == (DocumentState.OPEN, Stage.FINAL, True)
    assert document.vouchers == (RemoteVoucher(Stage.FINAL, "F-000001", date(2026, 11, 2)),)
    assert document.changed_at.tzinfo is not None
    assert document.url == booked.url


def test_read_of_what_is_not_there_is_not_found(connector):
    with pytest.raises(ErpError) as caught:
        connector.read("999999")

    assert (caught.value.kind, caught.value.complaints[0].reason) == (ErrorKind.REJECTED, Reason.NOT_FOUND)


def test_a_person_in_the_erp_edits_a_document_that_is_booked(connector, booked, person):
    lines = [{"description": "Hours", "quantity": "2", "unit_price": "6", "amount": "12", "item": ""}]
    person("PUT", "suppliers/S-2/", {"name": "Second"})
    edit = {"total": "12.00", "due_date": "2027-01-31", "party": {"code": "S-2", "name": "Second"}, "lines": lines}

    person("POST", f"documents/{booked.remote_id}/edit/", edit)

    (document,) = connector.changes(LONG_AGO)
    assert (document.total, document.balance, document.due_date) == (12, 12, date(2027, 1, 31))
    assert document.party == Party("S-2", "Second")
    assert document.lines == (DocumentLine("Hours", Decimal(2), Decimal(6), Decimal(12)),)


def test_search_finds_documents_by_their_exact_number_voided_ones_too(connector, document, booked):
    connector.create(replace(document, number="INV-0001-B"), "key-2")
    voided = connector.create(replace(document, stage=Stage.FINAL), "key-3")
    connector.void(voided.remote_id)

    assert [(one.remote_id, one.state) for one in connector.search("INV-0001", "payable")] == [
        (booked.remote_id, DocumentState.OPEN),
        (voided.remote_id, DocumentState.VOIDED),
    ]
    assert connector.search("INV-0001", "receivable") == ()
    assert connector.search("INV-00", "payable") == ()


def test_the_listing_has_every_document_once(connector, document, booked):
    voided = connector.create(replace(document, number="VOID"), "key-2")
    connector.void(voided.remote_id)

    (page, last) = connector.listing()

    assert page == (
        Listed(booked.remote_id, "INV-0001", Decimal("10.99"), Decimal("10.99"), "USD"),
        Listed(voided.remote_id, "VOID", Decimal("10.99"), Decimal(0), "USD"),
    )
    assert last == ()


def test_items_come_by_their_change_and_the_deleted_ones_as_inactive(connector, person):
    person("PUT", "items/OLD/", {"name": "Old lamp"})
    between = datetime.now(UTC)
    person("PUT", "items/LAMP/", {"name": "Lamp"})
    person("PUT", "items/OFF/", {"name": "Off", "active": False})
    person("PUT", "items/GONE/", {"name": "Gone"})
    person("DELETE", "items/GONE/")

    assert list(connector.items(between)) == [
        RemoteItem("LAMP", "Lamp", is_active=True),
        RemoteItem("OFF", "Off", is_active=False),
        RemoteItem("GONE", "", is_active=False),
    ]
    assert len(list(connector.items(LONG_AGO))) == 4


def test_closed_months_come_with_their_first_and_last_day(connector, company, erp):
    erp.close_period("2024-02", company)

    assert connector.periods() == (ClosedPeriod("2024-02", date(2024, 2, 1), date(2024, 2, 29)),)


def test_the_company_may_want_a_location_on_lines_without_a_price(connector, document, person):
    assert connector.company_capabilities() == connector.capabilities
    free = DocumentLine("Free", Decimal(1), Decimal(0), Decimal(0))

    person("PUT", "preferences/", {"needs_location": True})

    assert connector.company_capabilities().needs_location_on_zero_lines
    with pytest.raises(ErpError) as caught:
        connector.create(replace(document, lines=(*document.lines, free)), "key-1")
    (complaint,) = caught.value.complaints
    assert (complaint.reason, complaint.field) == (Reason.LOCATION_MISSING, "lines[1].unit_price")


def test_a_page_of_changes_is_of_bounded_size(connector, document, erp, company_path):
    line = DocumentLine("x" * 500, Decimal(1), Decimal(1), Decimal(1))
    large = replace(document, total=Decimal(700), lines=(line,) * 700)
    for number in range(3):
        connector.create(replace(large, number=f"L-{number}"), f"key-{number}")

    status, page = erp.ask("GET", f"{company_path}/changes/", secret=SECRET)

    assert (status, len(page["changes"])) == (200, 1)
    assert [one.number for one in connector.changes(LONG_AGO)] == ["L-0", "L-1", "L-2"]


def test_one_document_that_cannot_be_read_does_not_stop_the_feed(erp, access, booked, company_path, connect_with):
    _status, page = erp.ask("GET", f"{company_path}/changes/", secret=SECRET)
    good = page["changes"][0]
    odd = [{**good, "id": "77", "total": "a lot"}, {**good, "id": "78", "number": "N" * 41}]
    body = json.dumps({"changes": [*odd, good], "next": ""}).encode()

    with RawServer(lambda _request: (http(body),)) as server:
        first, second, third = connect_with(replace(access, base_url=server.url)).changes(LONG_AGO)

    assert (first.remote_id, first.number) == ("77", "INV-0001")
    assert "InvalidOperation" in first.trouble
    assert "The ERP's number cannot be read" in second.trouble
    assert (third.trouble, third.total) == ("", Decimal("10.99"))
    assert first.changed_at == datetime.fromisoformat(good["changed_at"])


def test_the_cut_between_pages_loses_nothing_that_changed_at_one_instant(connector, document):
    documents = [connector.create(replace(document, number=f"N-{n}"), f"k-{n}") for n in range(5)]

    seen = [one.remote_id for one in connector.changes(LONG_AGO)]

    assert seen == [one.remote_id for one in documents]
    last = list(connector.changes(LONG_AGO))[-1]
    assert list(connector.changes(last.changed_at + timedelta(microseconds=1))) == []


@pytest.mark.parametrize(("paper", "answer"), [("none", ErrorKind.REJECTED), ("large", ErrorKind.UNAVAILABLE)])
def test_a_person_in_the_erp_takes_the_pdf_away(connector, booked, person, paper, answer):
    person("POST", f"documents/{booked.remote_id}/edit/", {"pdf": paper})

    with pytest.raises(ErpError) as caught:
        connector.pdf(booked.remote_id)

    assert caught.value.kind is answer
    assert connector.read(booked.remote_id).has_pdf is (paper != "none")
