"""Five libraries that people send cXML with: how each puts its request on the wire, and what it sees of the answer.

Replayed, not run: the habits are what counts. Each learns the code, and why.
"""

import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from xml.dom.minidom import parseString

import pytest
from defusedxml.ElementTree import fromstring
from lxml import etree

from cxmlgate.models import GateMessage
from tests.cxmlgate.conftest import RESPONSE_DTD, book
from tests.cxmlgate.messages import PATH, message

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "There is no invoice nowhere here: check the number and the address."


def validating(body):
    """Refuse what is not valid, and put the content in the place of the text (perl)."""
    root = etree.fromstring(body)
    RESPONSE_DTD.assertValid(root)
    status = root.find("Response/Status")
    return status.get("code"), status.text


def by_doctype(body):
    """Take the version from the DOCTYPE, and crash without one; the content before the text (node)."""
    document = parseString(body)
    assert document.doctype.systemId.endswith("/cXML.dtd")
    (status,) = document.getElementsByTagName("Status")
    return status.getAttribute("code"), status.firstChild.data if status.firstChild else status.getAttribute("text")


def by_attributes(body):
    """Read nothing but the attributes (go)."""
    status = fromstring(body).find("Response/Status")
    return status.get("code"), status.get("text")


def by_content(body):
    """Read nothing but the code and the content (ruby)."""
    status = fromstring(body).find("Response/Status")
    return status.get("code"), status.text


def by_both(body):
    """Join text and content (php)."""
    status = fromstring(body).find("Response/Status")
    return status.get("code"), f"{status.get('text')}: {status.text}"


@dataclass(frozen=True)
class Habits:
    """How a library sends, what it writes as the time, and how it reads."""

    headers: tuple[str, ...]
    timestamp: str
    read: object
    taken: str
    refused: str
    is_chunked: bool = False

    @property
    def closes(self):
        return any(header.startswith("Connection:") and "close" in header for header in self.headers)


CLIENTS = {
    "perl": Habits(
        (
            "TE: deflate,gzip;q=0.3",
            "Connection: TE, close",
            "User-Agent: libwww-perl/6.67",
            'Content-Type: text/xml; charset="UTF-8"',
        ),
        "2026-11-02T10:00:00+0000",
        validating,
        "INV-0001: Paid.",
        UNKNOWN,
    ),
    "php": Habits(
        ("Accept: */*", "Accept-Encoding: gzip", "User-Agent: PHP", "Content-Type: text/xml;charset=UTF-8"),
        "2026-11-02T10:00:00+00:00",
        by_both,
        "OK: INV-0001: Paid.",
        f"Invoice Not Found: {UNKNOWN}",
    ),
    "ruby": Habits(
        (
            "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
            "Accept: */*",
            "User-Agent: Ruby",
            "Connection: close",
            "Content-Type: text/xml",
        ),
        "2026-11-02T10:00:00Z",
        by_content,
        "INV-0001: Paid.",
        UNKNOWN,
    ),
    "go": Habits(
        ("User-Agent: Go-http-client/1.1", "Content-Type: application/xml", "Accept-Encoding: gzip"),
        "2026-11-02T10:00:00.123456789Z",
        by_attributes,
        "OK",
        "Invoice Not Found",
    ),
    "node": Habits(
        ("accept: application/xml", "content-type: application/xml", "Connection: keep-alive"),
        "2026-11-02T10:00:00-00:00",
        by_doctype,
        "INV-0001: Paid.",
        UNKNOWN,
        is_chunked=True,
    ),
}


class Line:
    """A connection that is opened again where the client, or the server, closed it."""

    def __init__(self, port, habits):
        self.port, self.habits, self.socket = port, habits, None
        self.opened = 0

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def send(self, body):
        """Return the code and the words that the client sees."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            self.opened += 1
        self.socket.sendall(self._request(body))
        response = HTTPResponse(self.socket, method="POST")
        response.begin()
        answer = response.read()
        assert (response.status, response.getheader("Content-Type")) == (200, "text/xml; charset=utf-8")
        assert response.getheader("Content-Length") == str(len(answer))
        assert response.getheader("Content-Encoding") is None
        if response.will_close or self.habits.closes:  # gunicorn reads "TE, close" as no close: the client closes
            self.close()
        return self.habits.read(answer)

    def _request(self, body):
        size = "Transfer-Encoding: chunked" if self.habits.is_chunked else f"Content-Length: {len(body)}"
        head = [f"POST {PATH} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *self.habits.headers, size, "", ""]
        half = len(body) // 2
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
        return "\r\n".join(head).encode() + (chunks if self.habits.is_chunked else body)


@pytest.mark.parametrize("name", CLIENTS)
def test_client_learns_the_code_and_why(gate, web_port, name):
    book(gate.client)
    habits = CLIENTS[name]

    with Line(web_port, habits) as line:
        taken = line.send(message(timestamp=habits.timestamp))
        again = line.send(message(timestamp=habits.timestamp))
        refused = line.send(message(number="nowhere"))

    assert (taken, again[0], refused) == (("200", habits.taken), "200", ("403", habits.refused))
    assert line.opened == (3 if habits.closes else 1)
    assert sorted(GateMessage.objects.values_list("code", "repeats")) == [(200, 1), (403, 0)]


@pytest.mark.parametrize("body", [b"", b"\x1f\x8b gzip", b"<cXML/>", message(type_="unheard"), message(mode="odd")])
@pytest.mark.parametrize("name", CLIENTS)
def test_client_understands_a_refusal_too(gate, web_port, name, body):
    with Line(web_port, CLIENTS[name]) as line:
        code, words = line.send(body)

    assert code in {"400", "402"}
    assert words
