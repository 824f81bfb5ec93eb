"""However a body comes, it is taken whole or not at all, and the next message is answered; over a raw socket."""

import gzip
import zlib

import pytest
from django.utils import timezone

from cxmlgate.models import GateMessage
from cxmlgate.parsing import MAX_BYTES
from tests.cxmlgate.conftest import MALFORMED, OK, PERMANENT, TRANSIENT
from tests.cxmlgate.messages import message
from tests.cxmlgate.wire import (
    CLOSED,
    Wire,
    ask,
    assert_honest_message_is_taken,
    chunked,
    chunks,
    committed_gate,
    good,
    invoice,
    port,
    request,
    said,
    transactional_db,
)

__all__ = ["committed_gate", "good", "invoice", "port", "transactional_db"]

BLANKS = b" " * MAX_BYTES
BOMB = gzip.compress(b"<cXML>" + b" " * 30_000_000)


def with_length(body, *lengths):
    return request(body, *(f"Content-Length: {length}" for length in lengths), length=False)


def in_chunks(body, *headers):
    return request(b"", "Transfer-Encoding: chunked", *headers, length=False) + body


def taken(good):
    """The ways in which the message `good` may come."""
    return {
        "one chunk": chunked(good),
        "chunks of a byte": chunked(good, size=1),
        "chunks with an extension": in_chunks(b"%x;a=b\r\n%s\r\n0;c\r\n\r\n" % (len(good), good)),
        "chunks with a trailer": chunked(good, "Trailer: X-Sum", end=b"0\r\nX-Sum: 1\r\n\r\n"),
        "a trailer that names another length": chunked(good, end=b"0\r\nX-Content-Length: 1\r\n\r\n"),
        "a length with zeros before it": with_length(good, f"000{len(good)}"),
        "identity as its encoding": request(good, "Content-Encoding: identity"),
        "a charset as its encoding": request(good, "Content-Encoding: UTF-8"),
        "blanks around the length": with_length(good, f"   {len(good)}   "),
    }


def refused(good):
    """What may come instead of the message `good`, and what is said to it."""
    large = good + BLANKS
    return {
        "no length and no chunks": (with_length(good), MALFORMED),
        "no chunk but the last": (in_chunks(b"0\r\n\r\n"), MALFORMED),
        "a length shorter than the body": (with_length(good, len(good) - 100), MALFORMED),
        "a length of nothing": (with_length(good, 0), MALFORMED),
        "a length longer than the body": (with_length(good, len(good) + 1), TRANSIENT),
        "a length beyond all bodies": (with_length(good, "9" * 30), TRANSIENT),
        "a chunk size that is no number": (in_chunks(b"zz\r\n" + good), TRANSIENT),
        "a negative chunk size": (in_chunks(b"-5\r\n" + good), TRANSIENT),
        "an empty chunk size": (in_chunks(b"\r\n" + good), TRANSIENT),
        "a chunk longer than its size": (in_chunks(b"5\r\n" + good + b"\r\n0\r\n\r\n"), TRANSIENT),
        "a chunk size beyond all bodies": (in_chunks(b"f" * 16 + b"\r\n" + good), TRANSIENT),
        "chunks that break off": (in_chunks(chunks(good)), TRANSIENT),
        "chunks that break off in the trailer": (chunked(good, end=b"0\r\nX-Sum: 1\r\n"), TRANSIENT),
        "a trailer that sets the length": (chunked(good, end=b"0\r\nContent-Length: 1\r\n\r\n"), TRANSIENT),
        "more than the limit": (request(large), PERMANENT),
        "more than the limit in chunks": (chunked(large), PERMANENT),
        "more than the limit, and less than its length": (with_length(large, 9_000_000), PERMANENT),
        "gzip": (request(gzip.compress(good), "Content-Encoding: gzip"), PERMANENT),
        "gzip in chunks": (chunked(gzip.compress(good), "Content-Encoding: GZIP"), PERMANENT),
        "gzip as transfer coding": (in_chunks(chunks(good) + b"0\r\n\r\n", "Transfer-Encoding: gzip"), 400),
        "gzip below the chunks": (
            request(b"", "Transfer-Encoding: gzip, chunked", length=False) + chunks(gzip.compress(good)) + b"0\r\n\r\n",
            PERMANENT,
        ),
        "gzip that nobody announced": (request(gzip.compress(good)), MALFORMED),
        "deflate": (request(zlib.compress(good), "Content-Encoding: deflate"), PERMANENT),
        "two encodings": (request(good, "Content-Encoding: identity, br"), PERMANENT),
        # What the server refuses before the gate is asked; behind the proxy of config/DEPLOYMENT.md these are cXML too.
        "two lengths": (with_length(good, len(good), 5), 400),
        "two equal lengths": (with_length(good, len(good), len(good)), 400),
        "a list of equal lengths": (with_length(good, f"{len(good)}, {len(good)}"), 400),
        "a length beside chunks": (chunked(good, f"Content-Length: {len(good)}"), 400),
        "a negative length": (with_length(good, -1), 400),
        "a length with a sign": (with_length(good, f"+{len(good)}"), 400),
        "a length in words": (with_length(good, "many"), 400),
        "an empty length": (with_length(good, ""), 400),
        "a length of 5,000 digits": (with_length(good, "9" * 5000), 400),
        "an unknown transfer coding": (request(good, "Transfer-Encoding: xchunked"), 501),
        "chunks of chunks": (request(chunks(good), "Transfer-Encoding: chunked, chunked", length=False), 400),
        "chunks in HTTP/1.0": (chunked(good).replace(b"HTTP/1.1", b"HTTP/1.0", 1), 400),
    }


@pytest.mark.parametrize("case", taken(b""))
def test_body_is_taken_once(port, invoice, good, case):
    verdict = ask(port, taken(good)[case])

    assert verdict == OK
    assert_honest_message_is_taken(port, invoice, applied=True)


@pytest.mark.parametrize("case", refused(b""))
def test_body_changes_nothing(port, invoice, good, case):
    raw, expected = refused(good)[case]

    verdict = ask(port, raw)

    assert verdict == expected
    assert_honest_message_is_taken(port, invoice, applied=False)


@pytest.mark.parametrize("end", [b"", b"zz\r\n"], ids=["breaks off", "no chunk"])
def test_message_whose_chunks_fail_is_kept_with_the_reason(port, good, end):
    began = timezone.now()

    ask(port, chunked(good, end=end))

    kept = GateMessage.objects.get(last_seen_at__gte=began)
    assert (kept.code, kept.reason) == (500, "The message broke off before its end: send it again.")


def test_bytes_after_the_body_are_not_taken_for_a_part_of_it(port, invoice, good):
    with Wire(port) as wire:
        wire.send(request(good) + message(type_="rejected") + b"\r\n")

        assert said(wire.answer()) == OK
        assert said(wire.answer()) == 400
        assert wire.answer() == CLOSED
    assert_honest_message_is_taken(port, invoice, applied=True)


def test_body_larger_than_the_connection_holds_is_answered_while_it_still_comes(port, invoice):
    body = b"<cXML>" + b" " * 6_000_000

    verdict = ask(port, request(body), ends=False)

    assert verdict == PERMANENT
    assert_honest_message_is_taken(port, invoice, applied=False)


def test_packed_body_is_neither_unpacked_nor_kept(port, invoice):
    with Wire(port) as wire:
        wire.send(request(BOMB, "Content-Encoding: gzip"))
        reply = wire.answer()

    kept = GateMessage.objects.latest("pk")
    assert b"The message is compressed: send it as it is, without Content-Encoding." in reply.content
    assert (kept.code, bytes(kept.raw)) == (400, b"")


@pytest.mark.parametrize(
    ("change", "expected"),
    [(lambda body: body, OK), (lambda body: body + BLANKS, PERMANENT), (lambda _: b"", MALFORMED)],
    ids=["good", "too large", "empty"],
)
def test_client_that_waits_to_be_told_to_go_on_is_told(port, invoice, good, change, expected):
    body = change(good)
    with Wire(port) as wire:
        wire.send(request(body, "Expect: 100-continue").removesuffix(body))
        assert wire.answer().status_code == 100

        wire.send(body)

        assert said(wire.answer()) == expected
    assert_honest_message_is_taken(port, invoice, applied=expected == OK)


def test_other_expectation_is_refused_by_the_server(port, invoice, good):
    assert ask(port, request(good, "Expect: a-miracle")) == 417
    assert_honest_message_is_taken(port, invoice, applied=False)
