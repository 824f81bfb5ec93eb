"""The one HTTP channel of all connectors: time and size limits, errors turned into `ErpError`, secrets kept out.

It stands on httpcore2, the transport of httpx2, without the client above it. Two reasons, both measured or met:
timeouts are per read, so a server that drips a byte a second would hold a call for ever, and only the network backend
under the pool sees every read (the header's too), where each wait is cut to what is left of the call's own deadline;
and the client above costs as much CPU as all the rest of a call, for redirects, cookies and environment variables
that are off here anyway.

What the kinds of error promise (DESIGN §5): on a write, anything that happened after the first byte may have been
sent is `uncertain`, unless the answer itself proves that nothing was written.
"""

import base64
import json
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpcore2
import httpx2

from integrations.erps.contract import Access, Complaint, ErpError, ErrorKind, Reason

# At DEBUG it writes every header of every answer into the log, and an answer may repeat the secret.
logging.getLogger("httpcore2").setLevel(logging.INFO)

LARGEST_ANSWER = 1024 * 1024
LONGEST_RAW = 20_000
LONGEST_CONNECT = 10.0  # seconds; an ERP that takes longer to say hello is down
IDLE_CONNECTION = 15.0  # seconds; shorter than servers keep an idle connection, so that few are found dead

HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


def write_exactly(value: object) -> str:
    """Return a Decimal or a date as it stands in JSON: as a string."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


ENCODER = json.JSONEncoder(default=write_exactly, separators=(",", ":"))
DECODER = json.JSONDecoder(parse_float=Decimal)

# UnicodeError is what the resolver says to a host name that cannot be one.
UNSENT = (
    httpcore2.ConnectError,
    httpcore2.ConnectTimeout,
    httpcore2.PoolTimeout,
    httpcore2.UnsupportedProtocol,
    UnicodeError,
)

RawHeaders = Sequence[tuple[bytes, bytes]]
Headers = Mapping[bytes, str]  # by lower-case name
Params = Sequence[tuple[str, str]]

JSON_WANTED: RawHeaders = ((b"Accept", b"application/json"),)
JSON_SENT: RawHeaders = (*JSON_WANTED, (b"Content-Type", b"application/json"))


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of ERP words its errors."""

    complaints: Callable[[Any], Sequence[Complaint]]  # from the parsed body; an empty list if it is of another form
    trace_header: bytes  # in lower case
    unwritten_codes: frozenset[str] = frozenset()  # with one of these a 5xx proves that nothing was written


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: 2xx, and JSON."""

    status: int
    body: Any
    text: str
    trace_id: str


class Channel:
    """Calls of one company's ERP, from as many threads as there are lanes."""

    def __init__(
        self, access: Access, lanes: int, dialect: Dialect, *, base_url: str, headers: Mapping[str, str]
    ) -> None:
        """Take the access and the headers of every call; `base_url` is what all paths are under."""
        self._dialect = dialect
        self._call_seconds = access.call_timeout.total_seconds()
        self._secrets = written_forms(access.secret)
        self._clock = _Clock()
        self._base_url = re.sub("//[^/@]*@", "//", base_url)  # as it is shown: without a password
        self._unfit: tuple[ErrorKind, str] | None = None  # why no call of this channel can be sent
        try:
            url = urlsplit(base_url)
            self._scheme, self._port, self._target = url.scheme.encode(), url.port, url.path
            self._host, named = (url.hostname or "").encode("idna"), url.netloc.rpartition("@")[2].encode("idna")
        except ValueError:  # UnicodeError is one
            self._unfit = (ErrorKind.UNAVAILABLE, "The connection's address is not one. Please enter it again.")
            self._scheme, self._port, self._target, self._host, named = b"", None, "", b"", b""
        # A header that cannot be sent is found by h11, whose error repeats it: the secret would stand in a traceback.
        if not all(HEADER_VALUE.fullmatch(value) for value in headers.values()):
            message = "The connection's secret has characters that cannot be sent. Please enter it again."
            self._unfit, headers = (ErrorKind.CREDENTIALS, message), {}
        self._headers = [
            (b"Host", named),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"unstuck"),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
        encrypted = self._scheme == b"https"
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False) if encrypted else None,
            max_connections=lanes,
            max_keepalive_connections=lanes,
            keepalive_expiry=IDLE_CONNECTION,
            network_backend=_Backend(self._clock),
        )

    def __repr__(self) -> str:
        return f"<Channel {self._base_url}>"

    def deadline(self) -> float:
        """Return the end of a call that begins now, on the monotonic clock; several requests may share it."""
        return time.monotonic() + self._call_seconds

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def read(self, path: str, params: Params = (), *, headers: RawHeaders = (), until: float | None = None) -> Answer:
        """GET `path` and return its JSON; whatever goes wrong on the way, nothing was written."""
        own = [*JSON_WANTED, *headers] if headers else JSON_WANTED
        status, seen, body = self._exchange("GET", path, params, None, own, until, LARGEST_ANSWER, writes=False)
        return self._judge(status, seen, body, writes=False)

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: RawHeaders = (),
        until: float | None = None,
    ) -> Answer:
        """Send a JSON object (Decimals and dates become strings) and return the JSON of the answer."""
        content = None if body is None else ENCODER.encode(body).encode()
        own = [*JSON_SENT, *headers]
        status, seen, answer = self._exchange(method, path, (), content, own, until, LARGEST_ANSWER, writes=True)
        return self._judge(status, seen, answer, writes=True)

    def download(self, path: str, *, largest: int, content_type: str, headers: RawHeaders = ()) -> bytes:
        """GET a file of at most `largest` bytes."""
        own = [(b"Accept", content_type.encode()), *headers]
        status, seen, body = self._exchange("GET", path, (), None, own, None, largest, writes=False)
        if not 200 <= status < 300:
            self._judge(status, seen, body, writes=False)
        if seen.get(b"content-type", "").partition(";")[0].strip() != content_type:
            text = body[:LONGEST_RAW].decode("utf-8", "replace")
            message = "The ERP answered, but not with the file."
            raise self._failed(ErrorKind.UNAVAILABLE, message, status, seen, text, Reason.NOT_THE_FILE)
        return body

    def unclear(self, kind: ErrorKind, message: str, answer: Answer) -> ErpError:
        """Return the error for an answer of 2xx that does not say what it must; on a write that is `uncertain`."""
        raw = self.clean(answer.text)
        return ErpError(kind, [Complaint(message)], http_status=answer.status, trace_id=answer.trace_id, raw=raw)

    def clean(self, text: str) -> str:
        """Return what another system said as it may be stored: without secrets, at most 20,000 characters.

        PostgreSQL stores neither NUL nor half a surrogate pair, both of which JSON can hold.
        """
        if not text.isprintable():
            text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "•••")
        return text[:LONGEST_RAW]

    # One exchange

    def _exchange(
        self,
        method: str,
        path: str,
        params: Params,
        content: bytes | None,
        headers: RawHeaders,
        until: float | None,
        largest: int,
        *,
        writes: bool,
    ) -> tuple[int, Headers, bytes]:
        """Send one request and read the answer whole, within the deadline and the size."""
        kind = ErrorKind.UNCERTAIN if writes else ErrorKind.UNAVAILABLE
        if self._unfit is not None:
            raise ErpError(self._unfit[0], [Complaint(self._unfit[1])])
        self._clock.ends = until or self.deadline()
        if self._clock.left(None) <= 0:
            raise ErpError(ErrorKind.UNAVAILABLE, [Complaint("The call's time was over. Nothing more was sent.")])
        left = self._clock.left(None)
        timeouts = {"connect": min(LONGEST_CONNECT, left), "read": left, "write": left, "pool": left}
        target = f"{self._target}{path}?{urlencode(params)}" if params else f"{self._target}{path}"
        sent = [*self._headers, *headers]
        if content is not None:
            sent.append((b"Content-Length", b"%d" % len(content)))
        request = httpcore2.Request(
            method.encode(),
            httpcore2.URL(scheme=self._scheme, host=self._host, port=self._port, target=target.encode()),
            headers=sent,
            content=content,
            extensions={"timeout": timeouts},
        )
        try:
            response = self._pool.handle_request(request)
            try:
                body, whole = collect(response.iter_stream(), largest)
            finally:
                response.close()
        except UNSENT as exc:
            message = f"The ERP at {self._base_url} cannot be reached. Nothing was sent."
            raise self._broken(ErrorKind.UNAVAILABLE, message, exc) from exc
        except httpcore2.TimeoutException as exc:
            raise self._broken(kind, "The ERP did not answer in time.", exc) from exc
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as exc:
            raise self._broken(kind, "The connection to the ERP broke before the answer was there.", exc) from exc
        seen = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        if not whole:
            text = body[:LONGEST_RAW].decode("utf-8", "replace")
            message = f"The ERP's answer is larger than {largest} bytes."
            raise self._failed(kind, message, response.status, seen, text, Reason.TOO_LARGE)
        return response.status, seen, body

    def _broken(self, kind: ErrorKind, message: str, exc: Exception) -> ErpError:
        """Return the error of an exchange that has no answer."""
        return ErpError(kind, [Complaint(message, detail=self.clean(f"{type(exc).__name__}: {exc}"))])

    def _judge(self, status: int, headers: Headers, body: bytes, *, writes: bool) -> Answer:
        """Return the answer if it is a success, else raise what it means."""
        text = body.decode("utf-8", "replace")
        try:
            parsed = DECODER.decode(text)
        except (ValueError, ArithmeticError, RecursionError):
            parsed = None
        if 200 <= status < 300:
            if parsed is not None or status == 204:
                return Answer(status, parsed, text, self.clean(headers.get(self._dialect.trace_header, "")))
            kind = ErrorKind.UNCERTAIN if writes else ErrorKind.UNAVAILABLE
            raise self._failed(kind, "The ERP's answer cannot be read: it is not JSON.", status, headers, text)
        complaints = [] if parsed is None else self._dialect.complaints(parsed)
        codes = {complaint.code for complaint in complaints}
        kind = kind_of(status, writes=writes, unwritten=bool(codes & self._dialect.unwritten_codes))
        if not complaints:
            raise self._failed(kind, f"The ERP answered with HTTP status {status}.", status, headers, text)
        raise self._error(kind, complaints, status, headers, text)

    def _failed(
        self,
        kind: ErrorKind,
        message: str,
        status: int,
        headers: Headers,
        text: str,
        reason: Reason = Reason.OTHER,
    ) -> ErpError:
        """Return an error in our own words, beside the answer as it came."""
        return self._error(kind, [Complaint(message, code=f"HTTP_{status}", reason=reason)], status, headers, text)

    def _error(
        self, kind: ErrorKind, complaints: Sequence[Complaint], status: int, headers: Headers, text: str
    ) -> ErpError:
        """Return an error with every complaint, cleaned, and the reason that the status alone tells."""
        told = {403: Reason.PERMISSION, 404: Reason.NOT_FOUND}.get(status)
        cleaned = [
            Complaint(
                message=self.clean(complaint.message),
                code=self.clean(complaint.code),
                detail=self.clean(complaint.detail),
                field=self.clean(complaint.field),
                reason=complaint.reason,
            )
            for complaint in complaints
        ]
        if told is not None and all(complaint.reason is Reason.OTHER for complaint in cleaned):
            cleaned = [replace(complaint, reason=told) for complaint in cleaned]
        return ErpError(
            kind,
            cleaned,
            http_status=status,
            retry_after=read_retry_after(headers.get(b"retry-after", "")),
            trace_id=self.clean(headers.get(self._dialect.trace_header, "")),
            raw=self.clean(text),
        )


def kind_of(status: int, *, writes: bool, unwritten: bool) -> ErrorKind:
    """Say what to do next after an answer that is no success."""
    if status == 401:
        return ErrorKind.CREDENTIALS
    if status == 429:
        return ErrorKind.RATE_LIMITED
    if 400 <= status < 500 and status != 408:
        return ErrorKind.REJECTED
    # 5xx; 408, which proxies also send when the system behind them may go on; and redirects, which are not followed.
    return ErrorKind.UNCERTAIN if writes and not unwritten else ErrorKind.UNAVAILABLE


def collect(chunks: Iterable[bytes], largest: int) -> tuple[bytes, bool]:
    """Return the first `largest` bytes, and whether that is all."""
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > largest:
            return b"".join(parts)[:largest], False
    return b"".join(parts), True


def read_retry_after(written: str) -> timedelta | None:
    """Return how long to wait: the header holds seconds or an HTTP date."""
    if not written:
        return None
    if re.fullmatch("[0-9]{1,9}", written):
        return timedelta(seconds=int(written))
    try:
        then = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(aware - datetime.now(UTC), timedelta(0))


def written_forms(secret: str) -> tuple[str, ...]:
    """Return a secret in the forms in which an answer may repeat it."""
    forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}
    return tuple(sorted(forms - {""}, key=len, reverse=True))


class _Clock(threading.local):
    """The end of the call that this thread is making."""

    ends = float("inf")

    def left(self, timeout: float | None) -> float:
        """Return how many seconds this wait may take; 0 or less: none."""
        left = self.ends - time.monotonic()
        return left if timeout is None or left < timeout else timeout


class _Backend(httpcore2.SyncBackend):
    """Connections whose every wait ends with the call."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> "_Stream":
        left = self._clock.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the call's time is over")
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options), self._clock)


class _Stream(httpcore2.NetworkStream):
    """One connection; it takes the time limit of whichever call uses it."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._clock.left(timeout)
        if left <= 0:
            raise httpcore2.ReadTimeout("the call's time is over")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._clock.left(timeout)
        if left <= 0:
            raise httpcore2.WriteTimeout("the call's time is over")
        self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_Stream":
        left = self._clock.left(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the call's time is over")
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
