"""The gate's way in: its address never reaches the pages, and whatever fails before the view is cXML too."""

import io
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import connection

from config.door import GateFirst
from cxmlgate.models import GateMessage
from tests.cxmlgate.conftest import ALREADY, OK, PERMANENT, TRANSIENT, everything, read_answer
from tests.cxmlgate.messages import PATH, message, money

pytestmark = pytest.mark.django_db(transaction=True)


class Visit:
    """One request through the door; `passed_on` says whether it went to the pages."""

    def __init__(self, path=PATH, body=None, **environ):
        raw = message() if body is None else body
        self.passed_on = False
        asked = {"PATH_INFO": path, "REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(raw)}
        asked |= {"CONTENT_LENGTH": str(len(raw)), "REMOTE_ADDR": "127.0.0.1"}
        setup_testing_defaults(asked)
        asked = {name: value for name, value in (asked | environ).items() if value is not None}
        self.body = b"".join(GateFirst(self.pages)(asked, self.start))

    def pages(self, environ, start_response):
        self.passed_on = True
        return [b"a page"]

    def start(self, status, headers):
        self.status, self.headers = status, dict(headers)

    @property
    def reply(self):
        assert (self.passed_on, self.status) == (False, "200 OK")
        assert self.headers["Content-Type"] == "text/xml; charset=utf-8"
        assert self.headers["Content-Length"] == str(len(self.body))
        assert len(self.headers["X-Request-Id"]) == 32
        return read_answer(self.body)


@pytest.mark.parametrize("path", [PATH, PATH + "/", PATH + "//"])
def test_message_is_taken(invoice, path):
    assert Visit(path).reply.verdict == OK
    assert GateMessage.objects.get().code == 200


@pytest.mark.parametrize("path", ["/", "/admin/", PATH + "/x", "/cxmlgate/abc/status_update_request", "/healthz"])
def test_other_address_goes_to_the_pages(invoice, path):
    visit = Visit(path)

    assert (visit.passed_on, visit.body) == (True, b"a page")


def test_host_that_is_not_ours_is_refused_in_cxml(invoice, settings):
    settings.ALLOWED_HOSTS = ["desk.example.com"]
    before = everything()

    assert Visit(HTTP_HOST="evil.example.com").reply.verdict == PERMANENT
    assert everything() == before


def test_what_breaks_before_the_view_is_a_transient_error(invoice):
    assert Visit(REQUEST_METHOD=None).reply.verdict == TRANSIENT
    assert GateMessage.objects.count() == 0


def test_each_answer_has_an_id_of_its_own(invoice):
    assert Visit().headers["X-Request-Id"] != Visit().headers["X-Request-Id"]


def test_repeat_is_counted_without_waiting_for_the_disk_and_nothing_else_is(invoice):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such setting")
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # as elsewhere; databases of tests have it off
    body = message(partial=money("1.00"))
    waits = []

    def look(execute, sql, params, many, context):
        outcome = execute(sql, params, many, context)
        if sql.startswith(("UPDATE", "WITH")):
            waits.append((sql.split()[0], "synchronous_commit" in sql))
        return outcome

    with connection.execute_wrapper(look):
        verdicts = [Visit(body=body).reply.verdict for _ in range(2)]

    assert verdicts == [OK, ALREADY]
    assert waits == [("WITH", False), ("UPDATE", True)]
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
    connection.close()
    assert GateMessage.objects.get().repeats == 1
