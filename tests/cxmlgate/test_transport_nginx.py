"""Behind the nginx of config/nginx.conf all is cXML with HTTP 200, and the slow stop nobody; the very file is run."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from cxmlgate.models import GateMessage
from invoices.models import Payment
from tests.cxmlgate.conftest import MALFORMED, OK, PERMANENT, TRANSIENT, book
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
    request,
    running_gate,
    said,
    transactional_db,
)
from tests.processes import free_port, is_free, wait_until

__all__ = ["committed_gate", "good", "invoice", "transactional_db"]

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIGURATION = Path(settings.BASE_DIR) / "config" / "nginx.conf"
SLOW = 64

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (on Debian: apt-get install nginx-light)")


def make_certificate(folder):
    """Write a certificate of our own and its key as tls.crt and tls.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "unstuck.example.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (folder / "tls.crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def replaced(text, *pairs):
    for old, new in pairs:
        assert old in text, f"config/nginx.conf no longer says {old!r}"
        text = text.replace(old, new)
    return text


@contextmanager
def running_nginx(folder, behind, *changes):
    """Run nginx before the port `behind`; yields the port for https, and the next one is that for http."""
    front = free_port()
    make_certificate(folder)
    site = replaced(
        CONFIGURATION.read_text(),
        ("listen 443 ", f"listen 127.0.0.1:{front} "),
        ("listen 80 ", f"listen 127.0.0.1:{front + 1} "),
        ("/etc/ssl/unstuck.", f"{folder}/tls."),
        ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
        *changes,
    )
    (folder / "unstuck.conf").write_text(site)
    temporary = "".join(
        f"{what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{ worker_connections 1024; }}"
        f" http {{ access_log off; {temporary} include {folder}/unstuck.conf; }}"
    )
    with (folder / "log").open("wb") as log:
        nginx = subprocess.Popen(
            [NGINX, "-p", folder, "-c", folder / "nginx.conf"], stderr=log, env={**os.environ, "TZ": "UTC"}
        )
    try:
        wait_until(lambda: nginx.poll() is not None or not is_free(front), "nginx listens")
        assert nginx.poll() is None, (folder / "log").read_text()
        yield front
    finally:
        nginx.terminate()
        nginx.wait(timeout=10)


@pytest.fixture(scope="module")
def front(committed_gate, tmp_path_factory):
    """The port of nginx before a web server that runs as in production."""
    production = {
        "UNSTUCK_MODE": "production",
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1,desk.example.com",
        "BEHIND_PROXY": "1",
    }
    with running_gate(**production) as port, running_nginx(tmp_path_factory.mktemp("nginx"), port) as front:
        yield front


def taken(good):
    """The ways in which the message `good` may come."""
    return {
        "a length": request(good),
        "chunks": chunked(good, size=50),
        "chunks with a trailer": chunked(good, end=b"0\r\nX-Sum: 1\r\n\r\n"),
        "a slash at the end": request(good, path=PATH + "/"),
        "a query": request(good, path=PATH + "?a=b"),
        "HTTP/1.0": request(good, version="1.0"),
        "another host of ours": request(good, host="desk.example.com"),
        "lines without CR": request(good).replace(b"\r\n", b"\n"),
        "a long header": request(good, "X-Long: " + "x" * 7000),
        "what only a proxy may say": request(
            good, "X-Forwarded-Proto: http", "X-Forwarded-Ssl: off", "X-Forwarded-Protocol: http", "Script_Name: /x"
        ),
    }


def refused(good):
    """What is not taken, and what is said to it; the first ones are answered by Unstuck, the others before it."""
    return {
        "no body": (request(b""), MALFORMED),
        "GET": (request(method="GET", length=False), PERMANENT),
        "another host": (request(good, host="other.example.com"), PERMANENT),
        "another client": (request(good, path=PATH.replace("acme", "other")), PERMANENT),
        "no client": (request(good, path=PATH.replace("/acme", "")), PERMANENT),
        "a path with a detour": (request(good, path=PATH.replace("acme", "x/%2e%2e/acme")), PERMANENT),
        "gzip": (request(good, "Content-Encoding: gzip"), PERMANENT),
        "above 256 KiB": (request(good + b" " * 300_000), PERMANENT),
        "above 1 MiB": (request(good + b" " * 1_100_000), PERMANENT),
        "above 1 MiB in chunks": (chunked(good + b" " * 1_100_000), PERMANENT),
        "above 1 MiB, and waiting": (
            request(b"", "Expect: 100-continue", "Content-Length: 9999999", length=False),
            PERMANENT,
        ),
        "a chunk size that is no number": (chunked(good, end=b"zz\r\n"), PERMANENT),
        "two lengths": (request(good, "Content-Length: 5"), PERMANENT),
        "two equal lengths": (request(good, f"Content-Length: {len(good)}"), PERMANENT),
        "a length beside chunks": (chunked(good, f"Content-Length: {len(good)}"), PERMANENT),
        "a negative length": (request(good, "Content-Length: -1", length=False), PERMANENT),
        "a length in words": (request(good, "Content-Length: many", length=False), PERMANENT),
        "an unknown transfer coding": (request(good, "Transfer-Encoding: xchunked"), PERMANENT),
        "gzip below the chunks": (chunked(good).replace(b"g: chunked", b"g: gzip, chunked"), PERMANENT),
        "chunks in HTTP/1.0": (chunked(good).replace(b"HTTP/1.1", b"HTTP/1.0", 1), PERMANENT),
        "no host": (request(good).replace(b"Host: 127.0.0.1\r\n", b""), PERMANENT),
        "two hosts": (request(good, "Host: second.example.com"), PERMANENT),
        "a host that is none": (request(good, host="no host!"), PERMANENT),
        "a folded header": (request(good, "X-Folded: a\r\n b"), PERMANENT),
        "a blank in a header's name": (request(good, "X Blank: a"), PERMANENT),
        "NUL in a header": (request(good, "X-Nul: a\0b"), PERMANENT),
        "a header line above the limit": (request(good, "X-Long: " + "x" * 9000), PERMANENT),
        "headers above the limit": (request(good, *(f"X-{n}: " + "x" * 7000 for n in range(6))), PERMANENT),
        "more headers than the server behind takes": (request(good, *(f"X-{n}: y" for n in range(120))), PERMANENT),
        "an address longer than the server behind takes": (request(good, path=PATH + "?" + "x" * 5000), PERMANENT),
        "TRACE": (request(method="TRACE", length=False), PERMANENT),
        "an address longer than nginx takes": (request(good, path=PATH + "?" + "x" * 9000), PERMANENT),
        "a method in small letters": (request(good, method="post"), PERMANENT),
        "HTTP/2.0": (request(good, version="2.0"), PERMANENT),
        "a blank in the address": (request(good, path=PATH.replace("acme", "ac me")), PERMANENT),
        "NUL in the address": (request(good, path=PATH.replace("acme", "%00")), PERMANENT),
        "a path above the root": (request(good, path="/.." + PATH), PERMANENT),
    }


@pytest.mark.parametrize("case", taken(b""))
def test_message_is_taken(front, invoice, good, case):
    assert ask(front, taken(good)[case], tls=True) == OK
    assert_honest_message_is_taken(front, invoice, applied=True, tls=True)


@pytest.mark.parametrize("case", refused(b""))
def test_whatever_is_refused_is_refused_in_cxml(front, invoice, good, case):
    raw, expected = refused(good)[case]

    verdict = ask(front, raw, tls=True)

    assert verdict == expected
    assert_honest_message_is_taken(front, invoice, applied=False, tls=True)


def test_http_is_refused_in_cxml_and_not_passed_on(front, invoice, good):
    kept = GateMessage.objects.count()

    for raw in (request(good), chunked(good), request(method="GET", length=False), request(good, "Content-Length: 1")):
        assert ask(front + 1, raw) == PERMANENT
    assert ask(front, request(good)) == PERMANENT  # http where https is spoken

    assert GateMessage.objects.count() == kept
    assert_honest_message_is_taken(front, invoice, applied=False, tls=True)


def test_other_addresses_keep_their_pages(front):
    with Wire(front + 1) as wire:
        wire.send(request(path="/admin/?a=b", method="GET", host="desk.example.com", length=False))
        redirect = wire.answer()
    with Wire(front, tls=True) as wire:
        wire.send(request(path="/healthz", method="GET", length=False))
        health = wire.answer()

    assert (redirect.status_code, redirect["Location"]) == (301, "https://desk.example.com/admin/?a=b")
    assert health.status_code == 200
    assert ask(front, request(path="/nothing", method="GET", length=False), tls=True) == 404
    assert ask(front, request(b"x", "Content-Length: 5", path="/admin/"), tls=True) == 400


def test_connection_goes_on_after_an_error(front, good):
    with Wire(front, tls=True) as wire:
        wire.send(request(b"<cXML") + request(good))

        assert [said(wire.answer()), said(wire.answer())] == [MALFORMED, OK]


@pytest.mark.parametrize("frame", [request, chunked], ids=["length", "chunks"])
def test_message_that_breaks_off_never_reaches_unstuck(front, invoice, good, frame):
    kept = GateMessage.objects.count()

    with Wire(front, tls=True) as wire:
        wire.send(frame(good)[:-20])
        wire.end()
        assert wire.answer() == CLOSED

    assert GateMessage.objects.count() == kept
    assert_honest_message_is_taken(front, invoice, applied=False, tls=True)


def test_nobody_behind_the_proxy_is_a_cxml_500(tmp_path, good):
    with running_nginx(tmp_path, free_port()) as front:
        assert ask(front, request(good), tls=True) == TRANSIENT
        assert ask(front, request(good, path="/admin/"), tls=True) == 502


@pytest.fixture
def silent():
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent


def test_silence_behind_the_proxy_is_a_cxml_500(tmp_path, silent, good):
    impatient = ("proxy_read_timeout 60s", "proxy_read_timeout 1s")
    with running_nginx(tmp_path, silent.getsockname()[1], impatient) as front:
        assert ask(front, request(good), tls=True) == TRANSIENT


def test_only_the_proxy_says_where_a_message_came_from_and_how_long_it_is(tmp_path, silent, good):
    lies = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-Ssl: off", "Script_Name: /x")
    with running_nginx(tmp_path, silent.getsockname()[1]) as front, Wire(front, tls=True) as wire:
        wire.send(chunked(good, *lies, size=50))
        with silent.accept()[0] as behind, behind.makefile("rb") as received:
            lines = [line.decode().strip() for line in iter(received.readline, b"\r\n")]
            body = received.read(len(good))

    assert body == good
    assert sorted(lines) == sorted(
        [
            f"POST {PATH} HTTP/1.0",
            "Host: 127.0.0.1",
            "Connection: close",
            f"Content-Length: {len(good)}",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: https",
        ]
    )


def test_too_many_at_once_from_one_place_are_told_to_come_back(tmp_path, silent, good):
    strict = ("limit_conn gate_sources 100", "limit_conn gate_sources 1")
    with running_nginx(tmp_path, silent.getsockname()[1], strict) as front, Wire(front, tls=True) as first:
        first.send(request(good))
        with silent.accept()[0]:
            assert ask(front, request(good), tls=True) == TRANSIENT


def test_client_that_takes_too_long_is_hung_up_on(tmp_path, silent, good):
    impatient = [(f"client_{part}_timeout 10s", f"client_{part}_timeout 1s") for part in ("header", "body")]
    with (
        running_nginx(tmp_path, silent.getsockname()[1], *impatient) as front,
        Wire(front, tls=True) as slow_head,
        Wire(front, tls=True) as slow_body,
    ):
        slow_head.send(request(good)[:50])
        slow_body.send(request(good)[:-50])

        assert (slow_head.answer(), slow_body.answer()) == (CLOSED, CLOSED)


def drip_until(done, wires, raws):
    """Send each of `raws` on its wire, a byte at a time, all of them for as long as `done` is not set."""
    for at in range(min(map(len, raws)) - 20):
        for wire, raw in zip(wires, raws, strict=True):
            wire.send(raw[at : at + 1])
        if done.wait(0.1):
            return


def test_slow_clients_do_not_stop_honest_ones(front, committed_gate, good):
    head, numbers = request(good).removesuffix(good), [f"HONEST-{number}" for number in range(30)]
    for number in numbers:
        book(committed_gate.client, number)
    done = threading.Event()

    with ExitStack() as stack:
        slow = [stack.enter_context(Wire(front, tls=True)) for _ in range(SLOW)]
        for wire in slow[: SLOW // 2]:
            wire.send(head)
        raws = [good] * (SLOW // 2) + [request(good)] * (SLOW // 2)  # slow bodies, and slow heads
        dripping = threading.Thread(target=drip_until, args=(done, slow, raws))
        dripping.start()
        verdicts, times = [], []
        for number in numbers:
            began = time.monotonic()
            verdicts.append(ask(front, request(message(number=number)), tls=True))
            times.append(time.monotonic() - began)
        was_dripping = dripping.is_alive()
        done.set()
        dripping.join()

    assert was_dripping
    assert verdicts == [OK] * len(numbers)
    assert median(times) < 2  # and none above what a wire waits for
    assert Payment.objects.filter(invoice__number__in=numbers).count() == len(numbers)
