"""No HTML leaves the gate's address, not even for what never reached its view."""

import pytest
from django.test import Client

URL = "/acme/cxmlgate/abc/status_update_request"


@pytest.fixture
def browser():
    return Client(raise_request_exception=False)


def test_a_wrong_host_is_answered_in_cxml(browser, db, settings):
    settings.ALLOWED_HOSTS = ["desk.example.com"]

    answer = browser.post(URL, b"<cXML/>", content_type="text/xml", headers={"host": "other.example.com"})

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert b'code="400"' in answer.content


def test_a_middleware_that_breaks_is_answered_in_cxml(browser, db, settings):
    settings.MIDDLEWARE = ["tests.config.test_gate_outside_the_view.broken_middleware", *settings.MIDDLEWARE]

    answer = browser.post(URL, b"<cXML/>", content_type="text/xml")

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert b'code="500"' in answer.content


@pytest.mark.parametrize("slug", ["admin", "api/v1", "acme", "%2e%2e"])
def test_whatever_stands_for_the_client_the_answer_is_cxml(slug, browser, db):
    answer = browser.post(f"/{slug}/cxmlgate/abc/status_update_request", b"", content_type="text/xml")

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml; charset=utf-8")


def broken_middleware(get_response):
    def middleware(request):
        raise RuntimeError("broken")

    return middleware
