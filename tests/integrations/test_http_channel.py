"""The HTTP channel of all connectors, against a server that says whatever a test wants."""

import json
import logging
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest

from integrations.erps.contract import Access, ErpError, ErrorKind, Reason, Stage
from integrations.erps.http import LARGEST_ANSWER, LONGEST_RAW
from integrations.erps.sandbox import SandboxConnector

from .conftest import SECRET
from .raw_server import RawServer, http

BOOKED = {
    "id": "17",
    "number": "INV-0001",
    "party": {"code": "S/1 ü", "name": ""},
    "currency": "USD",
    "total": "10.99",
    "balance": "10.99",
    "state": "open",
    "url": "/documents/17/view/",
    "bookings": [],
    "booking": {"stage": "preliminary", "key": "k", "voucher": "P-1", "posting_date": "2026-11-02"},
}


def errors(*codes):
    return json.dumps({"errors": [{"code": code, "message": f"about {code}"} for code in codes]}).encode()


@contextmanager
def served(*parts, script=None, seconds=5.0, secret=SECRET):
    """Give a connector whose server answers with these parts, and the server."""
    with RawServer(script or (lambda request: parts)) as server:
        connector = SandboxConnector(Access(server.url, "acme", secret, timedelta(seconds=seconds)), 2)
        try:
            yield connector, server
        finally:
            connector.close()


def fails(call, *arguments):
    with pytest.raises(ErpError) as caught:
        call(*arguments)
    return caught.value


def kinds(document, *parts, **options):
    """Return the kinds of error of a write and of a read that are answered so."""
    with served(*parts, **options) as (connector, _):
        return fails(connector.create, document, "k").kind, fails(connector.check).kind


@pytest.fixture
def document(make_document):
    return make_document()


UNSURE = (ErrorKind.UNCERTAIN, ErrorKind.UNAVAILABLE)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("400 Bad Request", ErrorKind.REJECTED, Reason.OTHER),
        ("401 Unauthorized", ErrorKind.CREDENTIALS, Reason.OTHER),
        ("403 Forbidden", ErrorKind.REJECTED, Reason.PERMISSION),
        ("404 Not Found", ErrorKind.REJECTED, Reason.NOT_FOUND),
        ("409 Conflict", ErrorKind.REJECTED, Reason.OTHER),
        ("422 Unprocessable", ErrorKind.REJECTED, Reason.OTHER),
        ("429 Too Many Requests", ErrorKind.RATE_LIMITED, Reason.OTHER),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"{}", b"[]", b"7", errors("ODD")])
def test_a_status_that_says_that_nothing_was_written(document, status, kind, reason, body):
    with served(http(body, status, "X-Trace-Id: t-1")) as (connector, _):
        for error in (fails(connector.create, document, "k"), fails(connector.check)):
            assert (error.kind, error.http_status, error.trace_id) == (kind, int(status[:3]), "t-1")
            assert [complaint.reason for complaint in error.complaints] == [reason]
            assert error.raw == body.decode()
            assert str(error)


@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad Gateway", "503 Unavailable", "504 Timeout", "408 Timeout", "302 Found"]
)
@pytest.mark.parametrize("body", [b"", b"<html>", errors("SERVER_ERROR")])
def test_a_status_that_says_nothing_about_the_writing(document, status, body):
    assert kinds(document, http(body, status, "Location: http://127.0.0.1:1/")) == UNSURE


def test_maintenance_proves_that_nothing_was_written(document):
    both = (ErrorKind.UNAVAILABLE, ErrorKind.UNAVAILABLE)
    assert kinds(document, http(errors("MAINTENANCE"), "503 Unavailable")) == both
    assert kinds(document, http(errors("TOO_LATE"), "503 Unavailable")) == both


def test_all_errors_of_a_list_are_kept_whole(document):
    body = {"errors": [{"code": f"C{n}", "message": f"m{n}", "detail": f"d{n}", "field": f"f{n}"} for n in range(30)]}
    with served(http(json.dumps(body).encode(), "422 No")) as (connector, _):
        error = fails(connector.create, document, "k")

    assert [(one.code, one.message, one.detail, one.field) for one in error.complaints] == [
        (f"C{n}", f"m{n}", f"d{n}", f"f{n}") for n in range(30)
    ]
    assert str(error).startswith("m0 · m1 · ")


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("soon", None),
        ("-3", None),
        ("9" * 5000, None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", timedelta(0)),
    ],
)
def test_retry_after(document, written, wait):
    with served(http(b"", "429 Wait", f"Retry-After: {written}")) as (connector, _):
        assert fails(connector.check).retry_after == wait


def test_retry_after_as_a_date(document):
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with served(http(b"", "429 Wait", f"Retry-After: {then}")) as (connector, _):
        assert timedelta(seconds=50) < fails(connector.check).retry_after <= timedelta(seconds=60)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "17"', b"\xff\xfe", b"[" * 100_000, b"1" * 100_000, b"null"])
def test_an_unreadable_body_in_a_200(document, body):
    assert kinds(document, http(body)) == UNSURE


@pytest.mark.parametrize("body", [{}, [], 7, "ok", {"id": "17"}, {**BOOKED, "booking": {"stage": "preliminary"}}])
def test_json_of_another_form_in_a_200(document, body):
    assert kinds(document, http(json.dumps(body).encode())) == UNSURE


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": None},
        {"id": 17},
        {"booking": {**BOOKED["booking"], "voucher": ""}},
        {"booking": None},
        {"total": "much"},
        {"party": None},
    ],
)
def test_a_200_without_a_document_id_and_a_voucher_is_uncertain(document, change):
    with served(http(json.dumps({**BOOKED, **change}).encode())) as (connector, _):
        assert fails(connector.create, document, "k").kind is ErrorKind.UNCERTAIN


def test_the_answer_that_those_are_made_from_is_a_success(document):
    with served(http(json.dumps(BOOKED).encode())) as (connector, _):
        assert connector.create(document, "k").voucher == "P-1"


@pytest.mark.parametrize(
    "part", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"SSH-2.0-x\r\n"]
)
def test_half_an_answer(document, part):
    assert kinds(document, part) == UNSURE


def test_an_answer_that_is_too_large(document):
    assert kinds(document, http(b'"' + b"x" * LARGEST_ANSWER + b'"')) == UNSURE


def test_an_endless_answer_is_not_read_to_its_end(document):
    def script(request):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b" " * 65536

    assert kinds(document, script=script) == UNSURE


def test_a_compressed_answer_is_not_unpacked(document):
    with served(http(b"\x1f\x8b\x08", "200 OK", "Content-Encoding: gzip")) as (connector, server):
        assert fails(connector.check).kind is ErrorKind.UNAVAILABLE

    assert b"accept-encoding: identity" in server.requests[0].lower()


def drip(begin):
    """Return what sends `begin` and then a byte every tenth of a second."""

    def script(request):
        yield begin
        while True:
            time.sleep(0.1)
            yield b"x"

    return script


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["header", "body"])
def test_a_dripping_server_does_not_hold_the_call(document, begin):
    with served(script=drip(begin), seconds=0.5) as (connector, _):
        began = time.monotonic()
        error = fails(connector.create, document, "k")

        assert error.kind is ErrorKind.UNCERTAIN
        assert 0.4 < time.monotonic() - began < connector.longest_call.total_seconds()


def test_a_silent_server_does_not_hold_the_call(document):
    def script(request):
        time.sleep(1)
        yield b""

    with served(script=script, seconds=0.3) as (connector, _):
        began = time.monotonic()

        assert fails(connector.create, document, "k").kind is ErrorKind.UNCERTAIN
        assert time.monotonic() - began < 1


def test_all_requests_of_one_call_share_its_time(document):
    def script(request):
        time.sleep(0.3)
        yield http(b'{"documents": []}')

    with served(script=script, seconds=0.5) as (connector, server):
        assert fails(connector.find, document, ["k"]).kind is ErrorKind.UNAVAILABLE

    assert len(server.requests) == 2


def test_a_refused_connection_means_nothing_was_sent(document):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    connector = SandboxConnector(Access(f"http://127.0.0.1:{port}/", "acme", SECRET), 1)

    error = fails(connector.create, document, "k")

    assert error.kind is ErrorKind.UNAVAILABLE
    assert "Nothing was sent" in str(error)
    connector.close()


@pytest.mark.parametrize(
    "url",
    ["http://nowhere.invalid/", "ftp://127.0.0.1/", "http://a..b/", "nonsense", "", "http://h:99999/", "http://[::1/"],
)
def test_an_address_that_leads_nowhere_means_nothing_was_sent(document, url):
    connector = SandboxConnector(Access(url, "acme", SECRET, timedelta(seconds=2)), 1)

    assert fails(connector.create, document, "k").kind is ErrorKind.UNAVAILABLE
    connector.close()


def test_a_full_pool_means_nothing_was_sent(document):
    first_is_in, first_may_go = threading.Event(), threading.Event()

    def script(request):
        first_is_in.set()
        first_may_go.wait(10)
        yield http(json.dumps(BOOKED).encode())

    with RawServer(script) as server:
        connector = SandboxConnector(Access(server.url, "acme", SECRET, timedelta(seconds=10)), 1)
        with ThreadPoolExecutor(1) as other:
            holds_the_lane = other.submit(connector.create, document, "first")
            assert first_is_in.wait(10)
            error = fails(lambda: connector._channel.write("POST", "documents/", {}, until=time.monotonic() + 0.2))
            first_may_go.set()
            assert holds_the_lane.result().voucher == "P-1"
        connector.close()

    assert error.kind is ErrorKind.UNAVAILABLE
    assert len(server.requests) == 1


def test_money_is_sent_as_strings_and_read_exactly(make_document):
    document = make_document(total=Decimal("1E+2"))
    body = json.dumps(BOOKED).replace('"total": "10.99"', '"total": 0.10').encode()
    with served(http(body)) as (connector, server):
        booking = connector.create(document, "k")

    assert booking.total == Decimal("0.10")
    sent = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert (sent["total"], sent["lines"][0]["amount"], sent["invoice_date"]) == ("100", "100", "2026-11-02")
    assert sent["posting_date"] is None


def test_redirects_are_not_followed(document):
    with (
        RawServer(lambda request: [http(b"{}")]) as elsewhere,
        served(http(b"", "307 Go", f"Location: {elsewhere.url}")) as (connector, _),
    ):
        fails(connector.create, document, "k")
        fails(connector.check)

    assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_not_used(document, monkeypatch):
    with RawServer(lambda request: [http(b"{}")]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with served(http(json.dumps(BOOKED).encode())) as (connector, _):
            assert connector.create(document, "k").voucher == "P-1"

    assert proxy.requests == []


def echo(status):
    """Return what answers with the request's secret in every place and form."""

    def script(request):
        forms = [SECRET, SECRET.replace("/", "%2F").replace("+", "%2B"), f"Bearer {SECRET}"]
        body = {"errors": [{"code": form, "message": form, "detail": form, "field": form} for form in forms]}
        yield http(json.dumps(body).encode(), status, f"X-Trace-Id: {SECRET}")

    return script


@pytest.mark.parametrize("status", ["200 OK", "401 No", "422 No", "500 Oops"])
def test_no_secret_leaks_whatever_the_erp_repeats(document, status, caplog):
    caplog.set_level(logging.DEBUG)
    with served(script=echo(status)) as (connector, _):
        error = fails(connector.create, document, "k")
        told = [repr(connector), repr(connector._channel), str(error), repr(error), repr(vars(error)), caplog.text]
        told += traceback.format_exception(error)

    assert error.raw
    assert not [text for text in told if SECRET in text or SECRET.partition("+")[2] in text or "%2F4711" in text]


def test_no_secret_leaks_from_a_broken_connection(document, caplog):
    caplog.set_level(logging.DEBUG)
    with served(b"") as (connector, _):
        error = fails(connector.create, document, "k")

    assert SECRET not in "".join(traceback.format_exception(error)) + repr(vars(error)) + caplog.text


def test_the_access_does_not_show_its_secret():
    assert SECRET not in repr(Access("http://erp", "acme", SECRET))


def test_a_password_in_the_address_is_not_shown(document):
    connector = SandboxConnector(Access("http://me:hunter2@127.0.0.1:9/", "acme", SECRET), 1)

    told = repr(connector) + repr(connector._channel) + repr(vars(fails(connector.create, document, "k")))

    assert "hunter2" not in told
    connector.close()


def test_a_server_that_cannot_speak_tls_means_nothing_was_sent(document):
    with RawServer(lambda request: [http(b"{}")]) as server:
        connector = SandboxConnector(Access(server.url.replace("http", "https"), "acme", SECRET), 1)

        assert fails(connector.create, document, "k").kind is ErrorKind.UNAVAILABLE
        connector.close()


@pytest.mark.parametrize("secret", ["", "two\nlines", "schlüssel-geheim", "blank "])
def test_a_secret_that_cannot_be_sent_is_a_matter_of_credentials(document, secret):
    with served(http(b"{}"), secret=secret) as (connector, server):
        error = fails(connector.create, document, "k")

    assert error.kind is ErrorKind.CREDENTIALS
    assert server.requests == []
    assert not secret.strip() or secret not in "".join(traceback.format_exception(error))


def test_raw_is_cut(document):
    with served(http(b"x" * 50_000, "422 No")) as (connector, _):
        assert fails(connector.create, document, "k").raw == "x" * LONGEST_RAW


def test_a_booking_keeps_the_answer_without_the_secret(document):
    with served(http(json.dumps({**BOOKED, "memo": SECRET}).encode())) as (connector, _):
        raw = connector.create(document, "k").raw

    assert '"memo": "•••"' in raw


def test_a_pdf_that_is_none(document):
    with served(http(b"<html>", "200 OK", "Content-Type: text/html")) as (connector, _):
        assert fails(connector.pdf, "17").kind is ErrorKind.UNAVAILABLE


def test_a_pdf_may_be_larger_than_other_answers():
    pdf = b"%PDF-" + b"x" * 2 * LARGEST_ANSWER
    with served(http(pdf, "200 OK", "Content-Type: application/pdf")) as (connector, _):
        assert connector.pdf("17") == pdf


@pytest.mark.parametrize(
    "call",
    [
        lambda connector, document: connector.update("17", document),
        lambda connector, document: connector.void("17"),
        lambda connector, document: connector.delete("17"),
        lambda connector, document: connector.create(document, "k"),
    ],
)
def test_every_write_is_uncertain_when_its_answer_says_nothing(document, call):
    with served(http(b"{}")) as (connector, _):
        assert fails(call, connector, document).kind is ErrorKind.UNCERTAIN


@pytest.mark.parametrize(
    "call",
    [
        lambda connector, document: connector.find(document, ["k"]),
        lambda connector, document: connector.get("17", Stage.FINAL),
        lambda connector, document: list(connector.changes(datetime.now(UTC))),
        lambda connector, document: connector.read("17"),
        lambda connector, document: connector.search("INV-1", "payable"),
        lambda connector, document: list(connector.listing()),
        lambda connector, document: list(connector.items(datetime.now(UTC))),
        lambda connector, document: connector.periods(),
        lambda connector, document: connector.company_capabilities(),
        lambda connector, document: connector.deletions(datetime.now(UTC)),
        lambda connector, document: connector.payments(datetime.now(UTC)),
    ],
)
def test_every_read_is_unavailable_when_its_answer_says_nothing(document, call):
    with served(http(b"{}")) as (connector, _):
        assert fails(call, connector, document).kind is ErrorKind.UNAVAILABLE


def test_a_connection_is_kept_for_the_next_call(erp, connector):
    connector.check()
    (kept,) = connector._channel._pool.connections

    connector.check()

    assert connector._channel._pool.connections == [kept]


def test_what_no_database_can_store_is_replaced(document):
    body = b'{"errors": [{"code": "X", "message": "a\\u0000b\\ud800c"}], "junk": "\x7f"}'
    with served(http(body, "422 No")) as (connector, _):
        error = fails(connector.create, document, "k")

    assert error.complaints[0].message == "a\N{REPLACEMENT CHARACTER}b?c"


def test_a_voucher_that_cannot_be_kept_is_uncertain(document):
    odd = {**BOOKED, "booking": {**BOOKED["booking"], "voucher": "V" * 61}}
    with served(http(json.dumps(odd).encode())) as (connector, _):
        error = fails(connector.create, document, "k")

    assert error.kind is ErrorKind.UNCERTAIN
