"""What every request for a page passes: its id on each log line."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.logs import bind_request


class LogContextMiddleware:
    """Binds the request to the log context and names it in the answer's `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with its id on each log line written meanwhile."""
        request_id = bind_request(request.path)
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response
