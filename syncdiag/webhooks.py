"""How a webhook is called: the signature, which addresses are allowed, and one POST. Knows no database.

Each delivery is a POST of JSON with

    X-Unstuck-Delivery:   the delivery's key; the same one again is the same news
    X-Unstuck-Timestamp:  seconds since 1970 when it was sent
    X-Unstuck-Signature:  sha256=<HMAC-SHA256 of "{timestamp}.{body}" under the webhook's secret, in hex>

and counts as delivered when the answer is 2xx. A receiver checks the bytes as they came, before it parses them:

    said = request.headers["X-Unstuck-Signature"]
    timestamp = request.headers["X-Unstuck-Timestamp"]
    ours = hmac.new(secret.encode(), timestamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={ours}", said) or abs(time.time() - int(timestamp)) > 300:
        refuse                                       # not from us, or an old one sent again
    if key_was_seen(request.headers["X-Unstuck-Delivery"]):
        answer 200 and do nothing                    # our last try was answered, and the answer was lost
"""

import hashlib
import hmac
import ipaddress
import logging
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

LONGEST_CALL: Final = 10.0  # seconds, all in all
TIMEOUT: Final = httpx2.Timeout(5.0, connect=3.0)
LONGEST_ANSWER: Final = 500  # bytes kept of an answer that was no success
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
# The library's line on each request holds the whole address, whose path may be a secret of the receiver.
logging.getLogger("httpx2").setLevel(logging.WARNING)
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressError(Exception):
    """An address that is not called; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make; `turn` counts the tries and chooses among a host's addresses."""

    url: str
    secret: str
    key: str
    body: str
    turn: int = 0


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def sign(secret: str, timestamp: str, body: str) -> str:
    """Return the value of X-Unstuck-Signature."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def check_url(url: str) -> None:
    """Raise AddressError for an address that is never called, whatever its host resolves to."""
    no_address = _("This is no address: it must look like https://example.com/alerts.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as exc:
        raise AddressError(no_address) from exc
    if parts.scheme not in (("https",) if settings.IS_PRODUCTION else ("https", "http")):
        raise AddressError(_("The address must begin with https://."))
    if not host or port == 0 or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>'):
        raise AddressError(no_address)
    if parts.username is not None or parts.password is not None:
        raise AddressError(_("The address must not hold a name or a password: the signature says who calls."))
    if settings.IS_PRODUCTION and is_written_out(host) and not is_public(ipaddress.ip_address(host)):
        raise AddressError(_("The host %(host)s is not in the open internet.") % {"host": host})


def is_written_out(host: str) -> bool:
    """Say whether a host is an address itself, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: IpAddress) -> bool:
    """Say whether an address lies in the open internet, and not within it something else's that does not."""
    inner: list[IpAddress | None] = []
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        inner = [address.ipv4_mapped, address.sixtofour, teredo[1] if teredo else None]
        if address in NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if any(each is not None for each in inner):
        return all(is_public(each) for each in inner if each is not None)
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raises AddressError if it has none, or in production one that is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except (OSError, UnicodeError) as exc:
        raise AddressError(_("The host %(host)s is not known.") % {"host": host}) from exc
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if settings.IS_PRODUCTION:
        for address in addresses:
            if not is_public(ipaddress.ip_address(address.partition("%")[0])):
                raise AddressError(_("The host %(host)s is not in the open internet.") % {"host": host})
    return addresses


def post(call: Call) -> str:
    """Make one call; return what went wrong, or nothing where the answer was 2xx.

    The host is resolved once, checked, and called at that very address: a second look could find another one. The name
    still stands in the Host header, and the certificate is checked against it. Redirects are not followed, proxies of
    the environment not used, and all in all it takes `LONGEST_CALL` at most.
    """
    try:
        check_url(call.url)
        parts = urlsplit(call.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = resolve(host, port)
    except AddressError as exc:
        return str(exc)
    address = addresses[call.turn % len(addresses)]
    pinned = urlunsplit(parts._replace(netloc=f"[{address}]:{port}" if ":" in address else f"{address}:{port}"))
    timestamp = str(int(time.time()))
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "Unstuck",
        "X-Unstuck-Delivery": call.key,
        "X-Unstuck-Timestamp": timestamp,
        "X-Unstuck-Signature": sign(call.secret, timestamp, call.body),
    }
    client = httpx2.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
    # A timeout of the library is one of each wait; a server that sends a byte now and then ends with its connection.
    end = threading.Timer(LONGEST_CALL, client.close)
    end.daemon = True
    end.start()
    try:
        extensions = {"sni_hostname": host}
        with client.stream(
            "POST", pinned, content=call.body.encode(), headers=headers, extensions=extensions
        ) as answer:
            if answer.is_success:
                return ""
            said = _beginning_of(answer)
            return _("It answered with HTTP status %(status)s. %(said)s") % {"status": answer.status_code, "said": said}
    except httpx2.TimeoutException:
        return _("It did not answer in time.")
    except (httpx2.HTTPError, httpx2.StreamError, OSError, RuntimeError) as exc:  # the last: closed by the timer
        return _("It could not be called: %(error)s") % {"error": f"{type(exc).__name__}: {exc}"}
    finally:
        end.cancel()
        client.close()


def _beginning_of(answer: httpx2.Response) -> str:
    text = b""
    for chunk in answer.iter_raw():
        text += chunk
        if len(text) >= LONGEST_ANSWER:
            break
    return text[:LONGEST_ANSWER].decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}").strip()
