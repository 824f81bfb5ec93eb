"""The gate's door: bytes in, a cXML answer out, with HTTP 200 whatever happens (DESIGN §7).

A client takes any other status, and anything that is no cXML, for a broken line, and sends its message again.
"""

import re
import time
from typing import Final

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from gunicorn.http.errors import ParseException

from cxmlgate.actions import receive_message, refuse_unread
from cxmlgate.answers import CONTENT_TYPE, Answer, compose_answer
from cxmlgate.errors import Transient, Unacceptable
from cxmlgate.parsing import MAX_BYTES
from cxmlgate.sources import read_source
from cxmlgate.verdicts import PERMANENT, TRANSIENT, Verdict

log = structlog.get_logger(__name__)

LANGUAGE: Final = None  # none is the language that our sentences are written in; the answer says xml:lang="en"
CHUNK: Final = 64 * 1024
MOST_DRAINED: Final = 4 * 1024 * 1024
COMPRESSIONS: Final = frozenset({"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"})
GATE: Final = r"/cxmlgate/abc/status_update_request/*\Z"
GATE_PATH: Final = re.compile(GATE)
ADDRESS: Final = f"(?P<client_slug>(?s:.*)){GATE}"  # without the first slash
CLIENTS_PATH: Final = re.compile(f"/{ADDRESS}")


@csrf_exempt
def status_update_request(request: HttpRequest, client_slug: str) -> HttpResponse:
    """Take a message that came by way of Django's handler, and answer it."""
    with override(LANGUAGE):
        return take_message(request, client_slug)


def take_message(request: HttpRequest, client_slug: str) -> HttpResponse:
    """Take a message, and answer it, in whatever language is active: none should be."""
    started = time.monotonic()
    try:
        answer = _answer(request, client_slug, started)
    except Exception:
        log.exception("gate_failed", client=client_slug)
        answer = _transient()
    return _response(answer)


def is_gate_path(path: str) -> bool:
    """Say whether a request for `path` must be answered in cXML."""
    return GATE_PATH.search(path) is not None


def client_slug_in(path: str) -> str | None:
    """Return the client's slug, or what stands in its place; None: `path` is not that of a client's gate."""
    found = CLIENTS_PATH.match(path)
    return found["client_slug"] if found else None


def answer_outside(verdict: Verdict = TRANSIENT) -> HttpResponse:
    """Return the answer for a request that did not get as far as the view: a wrong host, a broken middleware."""
    with override(LANGUAGE):
        if verdict is PERMANENT:
            return _response(compose_answer(verdict, _("The request cannot be taken at this address: check it.")))
        return _response(_transient())


def _transient() -> Answer:
    return compose_answer(TRANSIENT, _("It could not be taken just now: send it again."))


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.xml, content_type=CONTENT_TYPE, headers={"Content-Length": str(len(answer.xml))})


def _answer(request: HttpRequest, slug: str, started: float) -> Answer:
    if request.method != "POST":
        return compose_answer(PERMANENT, _("Only POST is taken here: send the message by POST."))
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return compose_answer(PERMANENT, _("The shared secret must not travel in the open: send the message by https."))
    source = read_source(request)
    head, is_whole = _read(request)
    if len(head) > MAX_BYTES:
        refusal = Unacceptable(_("The message is larger than 256 KiB: send fewer status updates at a time."))
        return refuse_unread(slug, head, refusal, source=source, started=started)
    if not is_whole:
        refusal_of_part = Transient(_("The message broke off before its end: send it again."))
        return refuse_unread(slug, head, refusal_of_part, source=source, started=started)
    if _is_compressed(request):  # never unpacked: it may be a bomb, and no ERP sends it
        refusal_of_form = Unacceptable(_("The message is compressed: send it as it is, without Content-Encoding."))
        return refuse_unread(slug, head, refusal_of_form, source=source, started=started)
    return receive_message(slug, head, address=request.build_absolute_uri, source=source, started=started)


def _read(request: HttpRequest) -> tuple[bytes, bool]:
    """Return the body, or a little more than may be taken of a larger one, and whether it came to its end.

    Django reads a chunked POST without Content-Length as empty; the server marks a stream that ends by itself.
    """
    length = _content_length(request)
    ends_by_itself = request.META.get("wsgi.input_terminated", False)
    stream = request.META["wsgi.input"] if ends_by_itself else request
    left = None if ends_by_itself else length or 0
    parts: list[bytes] = []
    size = 0
    while size < MOST_DRAINED and (left is None or left > size):
        try:
            part = stream.read(CHUNK if left is None else min(CHUNK, left - size))
        except (OSError, ParseException):  # the client left, or its chunks are none
            return b"".join(parts)[: MAX_BYTES + 1], False
        if not part:
            break
        if size <= MAX_BYTES:
            parts.append(part)
        size += len(part)  # the rest of a body that is too large is read and dropped, so that the answer is heard
    return b"".join(parts)[: MAX_BYTES + 1], length is None or size >= min(length, MOST_DRAINED)


def _is_compressed(request: HttpRequest) -> bool:
    """Say whether a header says so; what others stand there by mistake (`identity`, a charset) changes nothing."""
    said = f"{request.META.get('HTTP_CONTENT_ENCODING', '')},{request.META.get('HTTP_TRANSFER_ENCODING', '')}"
    return not COMPRESSIONS.isdisjoint(word.strip().lower() for word in said.split(","))


def _content_length(request: HttpRequest) -> int | None:
    text = str(request.META.get("CONTENT_LENGTH") or "")
    return int(text) if text.isascii() and text.isdigit() else None
