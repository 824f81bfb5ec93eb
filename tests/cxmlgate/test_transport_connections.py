"""Connections that go on, drip or end, and every way to write the address; over a raw socket."""

from functools import partial

import pytest
from django.db import connection

from cxmlgate.models import GateMessage
from invoices.models import Event, Payment
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, MALFORMED, OK, PERMANENT, TRANSIENT, book, everything, status_of
from tests.cxmlgate.messages import PATH, message
from tests.cxmlgate.wire import (
    CLOSED,
    Wire,
    ask,
    assert_honest_message_is_taken,
    chunked,
    committed_gate,
    good,
    invoice,
    port,
    request,
    running_gate,
    said,
    transactional_db,
)
from tests.processes import free_port, wait_until

__all__ = ["committed_gate", "good", "invoice", "port", "transactional_db"]


def wrong(good):
    """What is answered as an error, with the connection kept."""
    return {
        "cut XML": (request(b"<cXML"), MALFORMED),
        "no body": (request(b""), MALFORMED),
        "too large": (request(b"<cXML" + b" " * 300_000), PERMANENT),
        "too large in chunks": (chunked(b"<cXML" + b" " * 300_000), PERMANENT),
        "GET": (request(method="GET", length=False), PERMANENT),
        "a body that nobody reads": (request(good, method="PUT"), PERMANENT),
        "compressed": (request(good, "Content-Encoding: gzip"), PERMANENT),
    }


@pytest.mark.parametrize("case", wrong(b""))
def test_connection_goes_on_after_an_error(port, invoice, good, case):
    raw, expected = wrong(good)[case]
    with Wire(port) as wire:
        wire.send(raw)
        assert said(wire.answer()) == expected

        wire.send(request(good))

        assert said(wire.answer()) == OK


def test_connection_ends_after_chunks_that_are_none(port, invoice, good):
    with Wire(port) as wire:
        wire.send(chunked(good, end=b"zz\r\n") + request(good))

        assert said(wire.answer()) == TRANSIENT
        assert wire.answer() == CLOSED
    assert_honest_message_is_taken(port, invoice, applied=False)


def test_messages_sent_in_one_go_are_answered_in_their_order(port, committed_gate):
    first, second = book(committed_gate.client, "INV-A"), book(committed_gate.client, "INV-B")
    bodies = [message(number="INV-A"), b"<cXML", message(number="INV-B"), message(number="INV-A")]

    with Wire(port) as wire:
        wire.send(b"".join([request(bodies[0]), request(bodies[1]), chunked(bodies[2]), request(bodies[3])]))

        assert [said(wire.answer()) for _ in bodies] == [OK, MALFORMED, OK, ALREADY]
    assert (status_of(first), status_of(second)) == (Status.PAID, Status.PAID)


@pytest.mark.parametrize("frame", [request, partial(chunked, size=100)], ids=["length", "chunks"])
def test_message_that_comes_byte_by_byte_is_taken(port, good, frame):
    raw = frame(good)
    with Wire(port) as wire:
        for at in range(len(raw)):
            wire.send(raw[at : at + 1])

        assert said(wire.answer()) == OK


@pytest.mark.parametrize("leave", [Wire.end, Wire.break_off, lambda wire: wire.socket.close()])
@pytest.mark.parametrize("frame", [request, partial(chunked, size=100)], ids=["length", "chunks"])
def test_client_that_leaves_in_mid_body_has_changed_nothing(port, invoice, good, frame, leave):
    raw = frame(good)
    with Wire(port) as wire:
        wire.send(raw[:-200])
        leave(wire)

    assert_honest_message_is_taken(port, invoice, applied=False)


def test_client_that_leaves_before_the_answer_finds_its_message_taken_once(port, invoice, good):
    with Wire(port) as wire:
        wire.send(request(good))

    wait_until(lambda: status_of(invoice) == Status.PAID, "the message is taken")

    assert ask(port, request(good)) == ALREADY
    assert (Payment.objects.filter(invoice=invoice).count(), Event.objects.filter(invoice=invoice).count()) == (1, 1)
    assert GateMessage.objects.get(invoice=invoice).repeats == 1


def test_clients_that_reset_before_the_answer_act_at_most_once(port, invoice, good):
    for _ in range(10):
        with Wire(port) as wire:
            wire.send(request(good))
            wire.break_off()

    assert ask(port, request(good)) in (OK, ALREADY)
    assert (status_of(invoice), Payment.objects.filter(invoice=invoice).count()) == (Status.PAID, 1)


def test_old_client_is_answered_and_hung_up_on(port, invoice, good):
    with Wire(port) as wire:
        wire.send(request(good, version="1.0"))

        assert said(wire.answer()) == OK
        assert wire.answer() == CLOSED


def test_client_that_asks_for_the_end_gets_it(port, invoice, good):
    with Wire(port) as wire:
        wire.send(request(good, "Connection: close"))

        assert said(wire.answer()) == OK
        assert wire.answer() == CLOSED


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_method_is_refused_in_cxml(port, invoice, good, method):
    assert ask(port, request(good, method=method)) == PERMANENT
    assert_honest_message_is_taken(port, invoice, applied=False)


def test_head_is_answered_without_a_body(port, invoice, good):
    with Wire(port) as wire:
        wire.send(request(method="HEAD", length=False))
        reply = wire.answer(has_body=False)
        wire.send(request(good))

        assert (reply.status_code, reply["Content-Type"]) == (200, "text/xml; charset=utf-8")
        assert said(wire.answer()) == OK


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PATH + "/", OK),
        (PATH + "///", OK),
        (PATH + "?a=b&c", OK),
        (PATH + "#part", OK),
        (PATH.replace("acme", "%61cme"), OK),
        (PATH.replace("cxmlgate", "cxml%67ate"), OK),
        ("http://other.example.com" + PATH, OK),
        ("//127.0.0.1" + PATH, PERMANENT),
        ("/" + PATH, PERMANENT),
        (PATH.replace("acme", "ac%2eme"), PERMANENT),
        (PATH.replace("acme", "%2e%2e"), PERMANENT),
        (PATH.replace("acme", "other/../acme"), PERMANENT),
        (PATH.replace("acme", "acme%2f"), PERMANENT),
        (PATH.replace("acme", "ACME"), PERMANENT),
        (PATH.replace("acme", "acme%0a"), PERMANENT),
        (PATH.replace("acme", "acme%00"), PERMANENT),
        (PATH.replace("acme", "%ff"), PERMANENT),
        (PATH.replace("/acme", ""), PERMANENT),
        # These are other addresses: the desk's page for what is not there.
        (PATH.upper(), 404),
        (PATH.replace("/abc/", "//abc/"), 404),
        (PATH + "/x", 404),
        # The server does not read these.
        (PATH.replace("acme", "ac\xe9me"), 400),
        (PATH.replace("acme", "ac me"), 400),
        (PATH.lstrip("/"), 400),
        (PATH + "?" + "x" * 5000, 414),
        (PATH + "?" + "x" * 4000, OK),
    ],
)
def test_address_is_taken_as_it_is_written(port, invoice, good, path, expected):
    assert ask(port, request(good, path=path)) == expected
    assert_honest_message_is_taken(port, invoice, applied=expected == OK)


def heads(good):
    """Requests with an odd head around the message `good`, and what is said to them."""
    return {
        "a header line above the limit": (request(good, "X-Long: " + "x" * 9000), 431),
        "a header line below the limit": (request(good, "X-Long: " + "x" * 7000), OK),
        "too many headers": (request(good, *(f"X-{n}: y" for n in range(120))), 431),
        "a folded header": (request(good, "X-Folded: a\r\n b"), 400),
        "a blank in a header's name": (request(good, "X Blank: a"), 400),
        "NUL in a header": (request(good, "X-Nul: a\0b"), 400),
        "lines without CR": (request(good).replace(b"\r\n", b"\n"), 400),
        "two hosts": (request(good, "Host: second.example.com"), 400),
        "a host that is none": (request(good, host="no host!"), PERMANENT),
        "no host": (request(good).replace(b"Host: 127.0.0.1\r\n", b""), OK),
        "a method in small letters": (request(good, method="post"), 400),
        "HTTP/2.0": (request(good, version="2.0"), 400),
        "HTTP/0.9": (request(good, version="0.9"), 400),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
        "an empty line before it": (b"\r\n" + request(good), OK),
    }


@pytest.mark.parametrize("case", heads(b""))
def test_head_of_a_request_is_read_strictly(port, invoice, good, case):
    raw, expected = heads(good)[case]

    verdict = ask(port, raw)

    assert verdict == expected
    assert_honest_message_is_taken(port, invoice, applied=expected == OK)


def commit_fails(how):
    """Make the commit of an accepted message fail in the database itself, after the gate has judged."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER gate_commit_fails AFTER INSERT ON cxmlgate_gatemessage WHEN NEW.code = 200 BEGIN"
                " UPDATE cxmlgate_gatemessage SET client_id = -1 WHERE id = NEW.id; END"
            )
            return
        cursor.execute(
            "CREATE FUNCTION gate_commit_fails() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {how}; RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER gate_commit_fails AFTER INSERT ON cxmlgate_gatemessage"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.code = 200) EXECUTE FUNCTION gate_commit_fails()"
        )


def commit_works():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS gate_commit_fails")
        else:
            cursor.execute("DROP FUNCTION IF EXISTS gate_commit_fails CASCADE")


@pytest.mark.parametrize(
    "how",
    [
        "RAISE EXCEPTION 'a deferred constraint'",
        "RAISE EXCEPTION 'a deferred constraint' USING ERRCODE = 'unique_violation'",
        "PERFORM pg_terminate_backend(pg_backend_pid())",
    ],
    ids=["constraint", "unique", "connection lost"],
)
def test_commit_that_fails_after_the_verdict_is_transient_and_the_resend_is_judged_anew(port, invoice, good, how):
    before = everything()
    commit_fails(how)
    try:
        verdicts = [ask(port, request(good)) for _ in range(3)]
    finally:
        commit_works()

    assert verdicts == [TRANSIENT] * 3
    assert everything() == before
    assert not GateMessage.objects.filter(invoice=invoice, code=200).exists()
    assert_honest_message_is_taken(port, invoice, applied=False)


def test_process_that_dies_before_the_commit_answers_nothing_and_keeps_nothing(port, invoice, good):
    before = everything()
    with running_gate(UNSTUCK_FAULT="before_gate_commit:kill9") as mortal:
        assert ask(mortal, request(good)) == CLOSED
        assert everything() == before
    assert_honest_message_is_taken(port, invoice, applied=False)


@pytest.mark.parametrize("database", ["postgres://nobody@127.0.0.1:{port}/gone", "sqlite:////dev/null/gone.sqlite3"])
def test_database_that_is_not_there_is_transient_for_every_message(database):
    with running_gate(DATABASE_URL=database.format(port=free_port())) as port:
        assert ask(port, request(message())) == TRANSIENT
        assert ask(port, request(b"<cXML")) == TRANSIENT  # it could not be kept
        assert ask(port, chunked(b" " * 300_000)) == TRANSIENT
        assert ask(port, request(method="GET", length=False)) == PERMANENT
