"""Gives every log line of a request the request's id, path and person."""

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse


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
