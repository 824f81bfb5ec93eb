"""Every answer is a valid cXML Response of its own; `read_answer` holds each answer of every gate test to the DTD."""

import re

import pytest
from django.test import Client as Browser
from lxml import etree

from cxmlgate.answers import compose_answer
from cxmlgate.verdicts import ALL
from cxmlgate.views import answer_outside
from invoices.workflow import Status
from tests.cxmlgate.conftest import (
    ALREADY,
    MALFORMED,
    NOT_FOUND,
    OK,
    PERMANENT,
    RESPONSE_DTD,
    TRANSIENT,
    WRONG_STATUS,
    book,
    read_answer,
    read_reply,
    send,
)
from tests.cxmlgate.messages import PATH, SAMPLE, message, money

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


@pytest.fixture
def ask(gate):
    """Return what brings each verdict about."""
    book(gate.client)
    book(gate.client, "PAID", status=Status.PAID)
    book(gate.client, "DENIED", status=Status.DENIED)
    return {
        OK: lambda: send(message()),
        ALREADY: lambda: send(message(number="PAID")),
        PERMANENT: lambda: send(message(type_="unheard")),
        MALFORMED: lambda: send(b"<cXML>"),
        NOT_FOUND: lambda: send(message(number="nowhere")),
        WRONG_STATUS: lambda: send(message(number="DENIED")),
        TRANSIENT: lambda: read_reply(answer_outside()),
    }


@pytest.mark.parametrize(
    "verdict", [OK, ALREADY, PERMANENT, MALFORMED, NOT_FOUND, WRONG_STATUS, TRANSIENT], ids=lambda verdict: verdict[1]
)
def test_answer_of_each_verdict_is_valid(ask, verdict):
    reply = ask[verdict]()

    assert reply.verdict == verdict
    assert re.fullmatch(r"[0-9a-f]{32}@unstuck", reply.payload_id)
    assert re.search(rb'timestamp="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"', reply.body)


def test_answer_to_a_profile_request_is_valid(gate):
    reply = send(message("<ProfileRequest/>"), PATH + "?a=1&b=%3C")

    assert reply.verdict == OK
    root = etree.fromstring(reply.body)
    assert [node.get("requestName") for node in root.iter("Transaction")] == ["ProfileRequest", "StatusUpdateRequest"]
    assert {node.text for node in root.iter("URL")} == {f"http://testserver{PATH}?a=1&b=%3C"}


@pytest.mark.parametrize("text", ["<b>&amp;</b> ]]> \"'", "日本 € 💥", "a\r\n\tb", "x" * 5000])
def test_reason_of_any_letters_leaves_it_valid(text):
    reply = read_answer(compose_answer(ALL[0], text).xml)

    assert reply.reason == text.replace("\r\n", "\n")[:1000]


@pytest.mark.parametrize("number", ["a&#x9;b", "&lt;b&gt;", "&#x1F4A5;", "]]&gt;", "&#xFFFD;&#x7f;&#x85;&#x2028;"])
def test_odd_letters_of_the_sender_leave_it_valid(gate, number):
    assert send(message(number=number)).verdict == NOT_FOUND


def test_no_two_answers_have_the_same_payload_id(gate):
    book(gate.client)

    replies = [send(SAMPLE) for _ in range(5)] + [send(b"") for _ in range(5)]

    assert len({reply.payload_id for reply in replies}) == 10
    assert all(reply.payload_id.encode() not in SAMPLE for reply in replies)


def test_http_says_200_and_the_length_of_the_answer(gate):
    book(gate.client)

    for body in (message(partial=money("99")), b"", SAMPLE):
        response = Browser().generic("POST", PATH, body, content_type="text/xml")
        assert (response.status_code, response["Content-Type"]) == (200, "text/xml; charset=utf-8")
        assert response.content.startswith(
            b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE cXML SYSTEM "http://xml.c'
        )


@pytest.mark.parametrize(
    "broken",
    [
        (b"<Status ", b"<Status x='1' "),
        (b'code="200"', b'code="201"'),
        (b' text="OK"', b""),
        (b"<Response>", b"<Response><Status code='200' text='OK'/>"),
        (b"<Response>", b"<Response><html/>"),
        (b"payloadID=", b"payloadid="),
        (b"cXML", b"xml"),
    ],
)
def test_dtd_knows_a_broken_answer(broken):
    body = compose_answer(ALL[0], "fine").xml
    assert RESPONSE_DTD.validate(etree.fromstring(body))

    assert not RESPONSE_DTD.validate(etree.fromstring(body.replace(*broken)))
