"""Every error of the API as JSON: `detail` is one sentence, `fields` has a sentence for each field that is wrong.

Refusal (invoices.errors)     400 · 403 · 404 · 409
APIException (DRF)            400 · 401 · 404 · 405 · 406 · 413 · 415 · 429
anything else                 500, our fault: the traceback is logged
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import structlog
from django.core.signals import got_request_exception
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from invoices.errors import BadInput, Conflict, NotAllowed, NotThere, Refusal

log = structlog.get_logger(__name__)
HTTP_CODES: Final[dict[type[Refusal], int]] = {BadInput: 400, NotAllowed: 403, NotThere: 404, Conflict: 409}
FIELDS_AT_MOST: Final = 50  # of one answer: a body of a megabyte can be wrong in very many places


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Return the answer to whatever a door raised; DRF's EXCEPTION_HANDLER."""
    if isinstance(exc, exceptions.ValidationError):
        exc = BadInput(dict(named_fields(exc.detail)))
    if isinstance(exc, Refusal):
        set_rollback()
        return Response(_refusal(exc), status=HTTP_CODES[type(exc)])
    response = exception_handler(exc, dict(context))
    if response is None:
        return _our_fault(exc, context)
    response.data = {"detail": printable(_sentence(exc, response))}
    return response


def named_fields(errors: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) out of DRF's nested errors, with names such as `lines[0].quantity`."""
    if isinstance(errors, Mapping):
        for key, value in errors.items():
            if key == api_settings.NON_FIELD_ERRORS_KEY:
                below = name
            elif isinstance(key, int):
                below = f"{name}[{key}]"
            else:
                below = f"{name}.{key}" if name else str(key)
            yield from named_fields(value, below)
    elif isinstance(errors, list) and errors and all(isinstance(error, Mapping) for error in errors):
        for index, error in enumerate(errors):
            yield from named_fields(error, f"{name}[{index}]")
    elif errors:
        yield name or "body", " ".join(map(str, errors)) if isinstance(errors, list) else str(errors)


def printable(text: object) -> str:
    """Return text that UTF-8 can hold: a body may name its fields with half a surrogate pair."""
    return str(text).encode("utf-8", "replace").decode()


def _refusal(refusal: Refusal) -> dict[str, Any]:
    if not isinstance(refusal, BadInput):
        return {"detail": printable(refusal)}
    fields = {printable(name): printable(sentence) for name, sentence in list(refusal.fields.items())[:FIELDS_AT_MOST]}
    if len(fields) == 1:
        return {"detail": next(iter(fields.values())), "fields": fields}
    return {
        "detail": _("Please correct %(names)s: each is explained under fields.") % {"names": ", ".join(fields)},
        "fields": fields,
    }


def _sentence(exc: Exception, response: Response) -> str:
    if isinstance(exc, exceptions.NotAuthenticated):
        return _(
            "Say who you are: send the header “Authorization: Token …” with the token that POST /api/v1/token/ gives."
        )
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return _("Send the body as JSON, with the header “Content-Type: application/json”.")
    if isinstance(exc, Http404 | exceptions.NotFound):
        return _("There is nothing at this address: see /api/v1/docs/ for those that exist; each ends with a slash.")
    return str(response.data["detail"])


def _our_fault(exc: Exception, context: Mapping[str, Any]) -> Response:
    set_rollback()
    log.error("the API failed", exc_info=exc)
    # Django's own handler would send it: error reporters listen, and the test client raises what was not expected.
    request = getattr(context.get("request"), "_request", None)
    got_request_exception.send(sender=type(context.get("view")), request=request)
    return Response(
        {
            "detail": _(
                "This is our fault, not yours. Look whether it was done before you try again; if it fails again, tell "
                "your administrator the X-Request-Id of this answer."
            )
        },
        status=500,
    )
