"""What every request passes: its id on each log line; and what the gate's need not pass."""

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from cxmlgate.views import client_slug_in, status_update_request


class LogContextMiddleware:
    """Binds the request to the log context and names it in the answer's `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with its id on each log line written meanwhile."""
        request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, path=request.path)
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class GateMiddleware:
    """Answers the gate's address before all that is for people with browsers: sessions, log-ins, languages, policies.

    They are a sixth of what a message costs in Python. A host that is not ours is refused here as it is for pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer by the gate's view, or pass the request on."""
        client_slug = client_slug_in(request.path_info)
        if client_slug is None:
            return self.get_response(request)
        request.get_host()
        return status_update_request(request, client_slug)
