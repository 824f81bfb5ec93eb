"""Reads a JSON body: bounded, strict, and with every decimal as it was written."""

import json
from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import IO, Any, Final

from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

BODY_AT_MOST: Final = 1024 * 1024


class BodyTooLarge(APIException):
    """The body is larger than an invoice can be."""

    status_code = 413
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """JSON of at most 1 MiB; a name given twice is refused, and numbers are not rounded to floats."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 (DRF's signature)
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 (DRF's signature)
    ) -> Any:
        """Return the object that the body is; raises BodyTooLarge and ParseError."""
        body = stream.read(BODY_AT_MOST + 1)
        if len(body) > BODY_AT_MOST:
            raise BodyTooLarge(_("The body is larger than 1 MiB: hand invoices in one by one."))
        try:
            said = json.loads(
                body.decode(), parse_float=_number, parse_int=_number, parse_constant=str, object_pairs_hook=_object
            )
        except RecursionError as exc:
            raise ParseError(_("The body is nested too deeply to be an invoice.")) from exc
        except ValueError as exc:
            raise ParseError(_("The body is not JSON in UTF-8: %(why)s.") % {"why": exc}) from exc
        if not isinstance(said, dict):
            raise ParseError(_("The body is not a JSON object: send {…} with a value for each name."))
        return said


def _number(text: str) -> int | Decimal | str:
    """Return a number exactly; one that no computer holds stays text, which the field then refuses by name."""
    if text.lstrip("-").isdigit() and len(text) <= 20:
        return int(text)
    try:
        return Decimal(text)
    except DecimalException:
        return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError(_("A name stands twice in one object of the body: say each thing once."))
    return found
