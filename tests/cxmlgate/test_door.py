"""Whatever comes to the gate's address, cXML leaves it with HTTP 200."""

import io

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import DataError, OperationalError, connection
from django.test import Client as Browser
from django.test import RequestFactory

from cxmlgate.models import GateMessage
from cxmlgate.parsing import MAX_BYTES
from cxmlgate.verdicts import PERMANENT as PERMANENT_ERROR
from cxmlgate.views import answer_outside, is_gate_path, status_update_request
from invoices.workflow import Status
from tests.cxmlgate.conftest import MALFORMED, OK, PERMANENT, TRANSIENT, everything, read_reply, send, status_of
from tests.cxmlgate.messages import PATH, message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


def chunked(raw, **environ):
    """A POST as gunicorn hands it on when it came in chunks: no length, and a stream that ends by itself."""
    wsgi = RequestFactory().generic("POST", PATH).environ
    wsgi.pop("CONTENT_LENGTH", None)
    wsgi |= {"wsgi.input": io.BytesIO(raw), "wsgi.input_terminated": True, **environ}
    return WSGIRequest(wsgi)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_method_is_refused_in_cxml(invoice, method):
    before = everything()

    reply = read_reply(Browser().generic(method, PATH, message(), content_type="text/xml"))

    assert reply.verdict == PERMANENT
    assert everything() == before


@pytest.mark.parametrize("path", [PATH + "/", PATH + "//", PATH + "?a=b"])
def test_address_is_taken_with_a_slash_too(invoice, path):
    assert send(message(), path).verdict == OK


@pytest.mark.parametrize("slug", ["ACME", "acme/x", "a%0ab", "%00", "..", "x" * 500, "%F0%9F%92%A5", "%ff"])
def test_other_client_is_refused_in_cxml(invoice, slug):
    assert send(message(), PATH.replace("acme", slug)).verdict == PERMANENT
    assert status_of(invoice) == Status.OK_TO_PAY


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/xml"},
        {"content_type": "text/xml; charset=utf-16"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": ""},
        {"content_type": "text/xml", "HTTP_COOKIE": "csrftoken=x; sessionid=y"},
        {"content_type": "text/xml", "HTTP_ACCEPT_LANGUAGE": "de"},
    ],
)
def test_headers_decide_nothing(invoice, headers):
    response = Browser(enforce_csrf_checks=True).generic("POST", PATH, message(), **headers)

    assert read_reply(response).verdict == OK


def test_body_in_chunks_without_a_length_is_read(invoice):
    assert read_reply(status_update_request(chunked(message()), "acme")).verdict == OK


def test_body_in_chunks_that_never_ends_is_refused(invoice):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            self.given += size
            return b"x" * size

    stream = Endless()

    reply = read_reply(status_update_request(chunked(b"", **{"wsgi.input": stream}), "acme"))

    assert reply.verdict == PERMANENT
    assert stream.given < 5 * 1024 * 1024


def test_no_body_is_malformed(invoice):
    assert send(b"").verdict == MALFORMED
    assert read_reply(status_update_request(chunked(b""), "acme")).verdict == MALFORMED


def test_body_of_exactly_the_limit_is_taken(invoice):
    body = message()
    body = body.replace(b"ERP", b"E" * (MAX_BYTES - len(body) + 3))
    assert len(body) == MAX_BYTES

    assert send(body).verdict == OK


def test_body_above_the_limit_is_refused_and_counted_on_one_row(invoice):
    body = b"<cXML>" + b" " * MAX_BYTES

    assert [send(body).verdict, send(body).verdict] == [PERMANENT, PERMANENT]
    assert GateMessage.objects.get().repeats == 1


def test_body_that_ends_before_its_length_may_be_sent_again(invoice):
    body = message()
    request = chunked(body[:100], CONTENT_LENGTH=str(len(body)))

    assert read_reply(status_update_request(request, "acme")).verdict == TRANSIENT
    assert send(body).verdict == OK


def test_stream_that_breaks_may_be_sent_again(invoice):
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise OSError("connection reset")

    reply = read_reply(status_update_request(chunked(b"", **{"wsgi.input": Broken()}), "acme"))

    assert reply.verdict == TRANSIENT


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "٣"])
def test_odd_length_does_not_break_the_door(invoice, length):
    reply = read_reply(status_update_request(chunked(message(), CONTENT_LENGTH=length), "acme"))

    assert reply.verdict == OK


class _Down:
    """Makes every statement with `word` in it fail, as a database that went away does."""

    def __init__(self, word, error):
        self.word, self.error = word, error

    def __call__(self, execute, sql, params, many, context):
        if self.word in sql:
            raise self.error("server closed the connection unexpectedly")
        return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError, DataError])
@pytest.mark.parametrize(
    "word", ["SELECT", "UPDATE", "INSERT", "invoices_payment", "invoices_event", "gatemessage", ""]
)
def test_database_error_is_a_cxml_500_and_the_resend_is_taken(invoice, word, error):
    before = everything()

    with connection.execute_wrapper(_Down(word, error)):
        reply = send(message())

    assert reply.verdict == TRANSIENT
    assert everything() == before
    assert send(message()).verdict == OK


def test_plain_http_is_refused_where_https_is_demanded(invoice, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert read_reply(status_update_request(chunked(message()), "acme")).verdict == PERMANENT
    assert status_of(invoice) == Status.OK_TO_PAY


def test_address_of_the_gate_is_known_to_those_who_answer_for_it():
    assert is_gate_path(PATH)
    assert is_gate_path(PATH + "/")
    assert not is_gate_path(PATH + "/x")
    assert read_reply(answer_outside()).verdict == TRANSIENT
    assert read_reply(answer_outside(PERMANENT_ERROR)).verdict == PERMANENT


def test_route_leaves_the_language_of_the_request_as_it_was(invoice):
    response = Browser().generic("POST", PATH, message(), content_type="text/xml")

    assert read_reply(response).verdict == OK
    assert response.headers["Content-Language"] == "en"
