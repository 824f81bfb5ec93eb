"""What the sandbox ERP refuses, seen through the connector: every error kept, and nothing booked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from integrations.erps.contract import Document, DocumentLine, ErpError, ErrorKind, Party, Reason, Stage
from integrations.erps.sandbox import SandboxConnector
from tests.erp_server import ErpServer

from .conftest import SECRET


@pytest.fixture
def refuse(erp: ErpServer, connector: SandboxConnector, company: str) -> Callable[[Document], ErpError]:
    """Return what sends a document that must be refused, and shows that nothing was booked."""

    def send(document: Document, key: str = "key-refused") -> ErpError:
        with pytest.raises(ErpError) as caught:
            connector.create(document, key)

        assert caught.value.kind is ErrorKind.REJECTED
        assert caught.value.http_status == 422
        assert caught.value.trace_id
        audit = erp.audit(f"key={key}")
        assert audit["documents"] == []
        assert [write["outcome"] for write in audit["writes"] if write["company"] == company] == ["refused"]
        return caught.value

    return send


def told(error: ErpError) -> list[tuple[str, Reason, str]]:
    return [(complaint.code, complaint.reason, complaint.field) for complaint in error.complaints]


def test_a_document_without_lines(document, refuse):
    assert told(refuse(replace(document, lines=()))) == [("NO_LINES", Reason.NO_LINES, "lines")]


def test_lines_that_do_not_add_up(document, refuse):
    error = refuse(replace(document, total=Decimal("11.00")))

    assert told(error) == [("TOTAL_MISMATCH", Reason.VALIDATION, "total")]
    assert "10.99 USD" in error.complaints[0].detail
    assert "11.00 USD" in error.complaints[0].detail


def test_an_unknown_party(document, refuse):
    error = refuse(replace(document, party=Party("NOBODY", "")))

    assert told(error) == [("PARTY_MISSING", Reason.CUSTOMER_MISSING, "party.code")]


def test_an_inactive_party(erp, company_path, document, refuse):
    erp.ask("PATCH", f"{company_path}/suppliers/S%2F1%20%C3%BC/",
            {"active": False}, SECRET)  # fmt: skip

    assert told(refuse(document)) == [("PARTY_INACTIVE", Reason.REFERENCE_INACTIVE, "party.code")]


def test_a_closed_period_of_the_invoice_date(erp, company, document, refuse):
    erp.close_period("2026-11", company)

    assert told(refuse(document)) == [("PERIOD_CLOSED", Reason.PERIOD_CLOSED, "posting_date")]


def test_a_posting_date_in_an_open_period_decides(erp, company, connector, document):
    erp.close_period("2026-11", company)

    booking = connector.create(replace(document, posting_date=date(2026, 12, 1)), "key-1")

    assert booking.posting_date == date(2026, 12, 1)


def test_a_period_that_is_closed_for_all_until_it_is_opened(erp, connector, document, refuse):
    far = replace(document, invoice_date=date(2031, 1, 2))
    erp.close_period("2031-01")
    refuse(far)

    assert erp.ask("POST", "/periods/2031-01/open/")[1] == {"month": "2031-01", "closed": False, "company": ""}
    assert connector.create(far, "key-open").voucher == "P-000001"


def items(erp: ErpServer, company_path: str, code: str, active: bool) -> None:
    assert erp.ask("POST", f"{company_path}/items/", {"code": code, "active": active}, SECRET)[0] == 201


def test_an_inactive_and_an_unknown_item_are_both_named(erp, company_path, document, refuse):
    items(erp, company_path, "OLD", active=False)
    line = document.lines[0]
    half = replace(line, item="OLD", unit_price=Decimal("5.00"), amount=Decimal("5.00"))
    rest = replace(line, item="GONE", unit_price=Decimal("5.99"), amount=Decimal("5.99"))

    assert told(refuse(replace(document, lines=(half, rest)))) == [
        ("ITEM_INACTIVE", Reason.REFERENCE_INACTIVE, "lines[0].item"),
        ("ITEM_UNKNOWN", Reason.REFERENCE_MISSING, "lines[1].item"),
    ]


def test_any_item_code_is_taken_by_a_company_that_keeps_no_items(connector, document):
    line = replace(document.lines[0], item="ANYTHING")

    assert connector.create(replace(document, lines=(line,)), "key-1").voucher == "P-000001"


def test_a_number_that_is_too_long(document, refuse):
    assert told(refuse(replace(document, number="9" * 41))) == [("NUMBER_TOO_LONG", Reason.VALIDATION, "number")]


def test_several_things_at_once_are_all_told(erp, company, document, refuse):
    erp.close_period("2026-11", company)

    error = refuse(replace(document, number="9" * 41, lines=(), party=Party("NOBODY", "")))

    assert [complaint.code for complaint in error.complaints] == [
        "NUMBER_TOO_LONG", "NO_LINES", "PERIOD_CLOSED", "PARTY_MISSING",
    ]  # fmt: skip


def test_ill_formed_fields_are_all_named(document, refuse):
    line = DocumentLine("x", Decimal("NaN"), Decimal(1), Decimal(1))

    error = refuse(replace(document, currency="usd", direction="sideways", number="", lines=(line,)))

    assert {complaint.field for complaint in error.complaints} == {
        "currency",
        "direction",
        "number",
        "lines[0].quantity",
    }
    assert {complaint.reason for complaint in error.complaints} == {Reason.VALIDATION}


def test_a_key_that_is_too_long(erp, connector, document):
    with pytest.raises(ErpError) as caught:
        connector.create(document, "k" * 37)

    assert told(caught.value) == [("VALIDATION", Reason.VALIDATION, "key")]


def test_a_second_number_where_numbers_are_unique(erp, company_path, connector, document, refuse):
    prefer(erp, company_path, unique_numbers=True)
    first = connector.create(document, "key-first")

    error = refuse(document)

    assert told(error) == [("DUPLICATE_NUMBER", Reason.DUPLICATE_NUMBER, "number")]
    assert error.complaints[0].detail == f"Number INV-0001 is assigned to document {first.remote_id}."


def test_a_second_final_booking_where_numbers_are_unique(erp, company_path, connector, document, refuse):
    prefer(erp, company_path, unique_numbers=True)
    first = connector.create(document, "key-first")
    final = replace(document, stage=Stage.FINAL, remote_id=first.remote_id)
    connector.create(final, "key-final")

    assert told(refuse(final)) == [("DUPLICATE_NUMBER", Reason.DUPLICATE_NUMBER, "number")]


def prefer(erp: ErpServer, company_path: str, **preferences: bool) -> None:
    assert erp.ask("PUT", f"{company_path}/preferences/", preferences, SECRET)[0] == 200


def test_booking_on_a_document_that_is_not_there(document, refuse):
    assert told(refuse(replace(document, remote_id="999999"))) == [("DOCUMENT_MISSING", Reason.NOT_FOUND, "remote_id")]


def test_booking_on_a_voided_document(connector, document, refuse):
    first = connector.create(document, "key-first")
    connector.void(first.remote_id)

    error = refuse(replace(document, stage=Stage.FINAL, remote_id=first.remote_id))

    assert told(error) == [("DOCUMENT_VOIDED", Reason.STALE_VERSION, "remote_id")]


def test_changing_a_final_document(connector, document):
    final = replace(document, stage=Stage.FINAL)
    booked = connector.create(final, "key-final")

    with pytest.raises(ErpError) as caught:
        connector.update(booked.remote_id, replace(final, number="INV-0002"))

    assert told(caught.value) == [("ALREADY_FINAL", Reason.STALE_VERSION, "id")]
    assert connector.get(booked.remote_id, Stage.FINAL).number == "INV-0001"


def test_a_wrong_secret_is_a_matter_of_credentials(erp, access, connector, connect_with, document):
    connector.check()
    stranger = connect_with(replace(access, secret="another"))

    with pytest.raises(ErpError) as caught:
        stranger.create(document, "key-stranger")

    assert caught.value.kind is ErrorKind.CREDENTIALS
    assert erp.audit("key=key-stranger")["documents"] == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(erp, body):
    status, answer = erp.ask("POST", "/companies/x/documents/", body, "s")

    assert (status, answer["errors"][0]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"down": "yes"}, "down"),
        ({"lose_answers": -1}, "lose_answers"),
        ({"latency_ms": "20"}, "latency_ms"),
        ({"latency_after_ms": -1}, "latency_after_ms"),
        ({"status": 200}, "status"),
        ({"times": 0, "down": True}, "times"),
        ({"rain": True}, "rain"),
    ],
)
def test_a_bad_fault_is_refused_naming_the_field_and_turns_nothing_on(erp, body, field):
    status, answer = erp.ask("POST", "/faults/", {"html_in_200": True, **body})

    assert status == 400
    assert field in answer["error"]
    assert erp.ask("GET", "/faults/") == (200, {})
