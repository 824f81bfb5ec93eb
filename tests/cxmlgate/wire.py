"""Speaks HTTP by hand to a real server, so that a test may say what no client library would."""

import itertools
import socket
import ssl
import struct
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from django.core.management import call_command

from config.parts import Options, web
from cxmlgate.actions import configure_gate
from invoices.models import Payment
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, OK, book, read_reply, status_of
from tests.cxmlgate.messages import IDENTITY, PATH, SECRET, message
from tests.factories import ClientFactory
from tests.processes import Processes, answers, free_port, test_database_url, wait_until

CLOSED = "closed"
FROM_ONE_SOURCE = 5  # connections: the server outlives the tests, and keeps 20 unreadable messages of a source a minute
opened = itertools.count()


def next_source():
    """Return the address of this machine from which the next connection comes."""
    number = next(opened) // FROM_ONE_SOURCE
    return f"127.0.{1 + number // 250 % 250}.{1 + number % 250}"


@dataclass
class HttpAnswer:
    """One answer as it came, in the form that `read_reply` reads."""

    status_code: int
    headers: dict = field(default_factory=dict)
    content: bytes = b""

    def __getitem__(self, name):
        return self.headers[name.lower()]


class Wire:
    """One connection to a port of this machine."""

    def __init__(self, port, *, tls=False):
        source = "127.0.0.1" if tls else next_source()  # nginx, which alone speaks TLS here, counts its sources itself
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            self.socket = trusting.wrap_socket(self.socket)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()

    def send(self, raw):
        """Send all of it; a server that has closed meanwhile may have answered all the same."""
        with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.socket.sendall(raw)

    def end(self):
        """Say that nothing more comes, and go on listening."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def break_off(self):
        """Leave as a machine does that lost its power: with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def answer(self, *, has_body=True):
        """Return the next answer, or CLOSED."""
        if not self._receive_until(lambda: b"\r\n\r\n" in self.received):
            return CLOSED
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        answer = HttpAnswer(int(first.split()[1]), {name.lower(): value for name, value in pairs})
        length = int(answer.headers.get("content-length", 0)) if has_body else 0
        assert self._receive_until(lambda: len(self.received) >= length), "the answer broke off"
        answer.content, self.received = self.received[:length], self.received[length:]
        return answer

    def _receive_until(self, is_enough):
        while not is_enough():
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return False
            self.received += part
        return True


def request(body=b"", *headers, method="POST", path=PATH, version="1.1", host="127.0.0.1", length=True):
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunks(raw, size=65536):
    """Return the body in chunks, without the last, empty one."""
    parts = (raw[at : at + size] for at in range(0, len(raw), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def chunked(raw, *headers, size=65536, end=b"0\r\n\r\n"):
    """Return a request whose body comes in chunks."""
    return request(b"", "Transfer-Encoding: chunked", *headers, length=False) + chunks(raw, size) + end


def said(answer):
    """Return the verdict of the gate's answer, the HTTP status of another one, or CLOSED."""
    if answer == CLOSED or answer.status_code != 200:
        return answer if answer == CLOSED else answer.status_code
    return read_reply(answer).verdict


def ask(port, raw, *, tls=False, ends=True):
    """Send bytes, say that nothing more comes, and return what was said to them."""
    with Wire(port, tls=tls) as wire:
        wire.send(raw)
        if ends and not tls:
            wire.end()
        return said(wire.answer())


def assert_honest_message_is_taken(port, invoice, *, applied, tls=False):
    """Check what the case before left behind, and that the next message is answered by what it says."""
    assert Payment.objects.filter(invoice=invoice).count() == int(applied)
    assert ask(port, request(message(number=invoice.number)), tls=tls) == (ALREADY if applied else OK)
    assert status_of(invoice) == Status.PAID
    assert Payment.objects.filter(invoice=invoice).count() == 1


@contextmanager
def running_gate(**environment):
    """Run the web server as `manage.py serve` does, on the test's database; yields its port."""
    port = free_port()
    with Processes(**{"DATABASE_URL": test_database_url(), **environment}) as processes:
        server = processes.python(*web(Options(port=port, threads=4)).program)
        wait_until(lambda: answers(port), "the web server answers", by=server)
        yield port


@pytest.fixture(scope="module")
def transactional_db(django_db_setup, django_db_blocker):
    """The database as other processes see it, cleared at the module's end.

    In the place of pytest-django's, which clears every table after each test: that takes longer than the test.
    """
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(scope="module")
def committed_gate(transactional_db):
    """An open gate that all tests of a module share."""
    client = ClientFactory(slug="acme", name="Acme", creates_counterparties=True)
    return configure_gate(client, by=None, enabled=True, identity=IDENTITY, secret=SECRET)


@pytest.fixture(scope="module")
def port(committed_gate):
    with running_gate() as port:
        yield port


_numbers = itertools.count(1)


@pytest.fixture
def invoice(committed_gate):
    """An invoice of its own for each test, because nothing is rolled back."""
    return book(committed_gate.client, f"INV-{next(_numbers):04}")


@pytest.fixture
def good(invoice):
    """The message that pays the test's invoice."""
    return message(number=invoice.number)
