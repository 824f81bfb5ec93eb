"""The gate's way in, before Django's handler: a machine needs no middleware, and whatever fails there is no page."""

from collections.abc import Callable, Iterable
from typing import Any

import structlog
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest, get_path_info
from django.db import close_old_connections
from django.http import HttpResponse
from django.utils.translation import deactivate_all

from config.logs import bind_request
from cxmlgate.verdicts import PERMANENT
from cxmlgate.views import answer_outside, client_slug_in, take_message

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
log = structlog.get_logger(__name__)


class GateFirst:
    """A WSGI application: answers the gate's address, and leaves everything else to the pages.

    Sessions, log-ins, languages, routing and headers for browsers cost more than reading the message's XML.
    """

    def __init__(self, pages: Application) -> None:
        """Take the rest of the site."""
        self.pages = pages

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a message, or pass the request on."""
        path = get_path_info(environ)
        client_slug = client_slug_in(path)
        if client_slug is None:
            return self.pages(environ, start_response)
        request_id = bind_request(path)
        response = _answer(environ, client_slug)
        start_response("200 OK", [*response.items(), ("X-Request-Id", request_id)])
        return [response.content]


def _answer(environ: dict[str, Any], client_slug: str) -> HttpResponse:
    try:
        close_old_connections()  # as Django does at a request's start
        request = WSGIRequest(environ)
        request.get_host()
        deactivate_all()  # a page that this thread served before left its language
        return take_message(request, client_slug)
    except DisallowedHost as exc:
        log.warning("gate_host_is_not_ours", error=str(exc))
        return answer_outside(PERMANENT)
    except Exception:
        log.exception("gate_failed", client=client_slug)
        return answer_outside()
