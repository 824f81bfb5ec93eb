"""The API's door to the catalogue: what the text of an error means."""

from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from invoices.api.serializers import Strict, TextField
from invoices.api.views import ERRORS, Door
from invoices.errors import BadInput
from syncdiag.catalogue import GENERAL
from syncdiag.explaining import ReadError, Reading, explain_text
from syncdiag.systems import all_systems

PASTED_AT_MOST: Final = 64 * 1024  # bytes


class ExplainIn(Strict):
    """The text of an error."""

    text = TextField(help_text="What a system said, as it came: words, JSON, XML or HTML; at most 64 KiB.")
    system = TextField(required=False, default="", help_text="Whose words they are; left out, it is guessed.")


class ExplainedOut(serializers.Serializer[ReadError]):
    """One error of the text; without an entry the catalogue does not know it."""

    code = serializers.CharField()
    text = serializers.CharField()
    field = serializers.CharField()
    trace_id = serializers.CharField()
    entry = serializers.SerializerMethodField(help_text="What the catalogue says of it.")

    def get_entry(self, error: ReadError) -> dict[str, Any] | None:
        """Return the entry with the values of the text in its cause and steps."""
        if error.explanation is None:
            return None
        entry = error.explanation.entry
        return {
            "id": entry.id,
            "system": entry.system,
            "kind": entry.kind,
            "title": entry.title,
            "cause": error.explanation.cause,
            "steps": list(error.explanation.steps),
            "fixed_in": entry.fixed_in,
            "retry_helps": entry.retry_helps,
            "button": entry.button,
            "field": entry.field,
        }


class ReadingOut(serializers.Serializer[Reading]):
    """What a text means, most telling first."""

    system = serializers.CharField(help_text="Empty where nothing told whose words they are.")
    certainty = serializers.ChoiceField(choices=["chosen", "sure", "likely", "unknown"])
    others = serializers.ListField(child=serializers.CharField(), help_text="Systems that may have said it as well.")
    errors = ExplainedOut(many=True)  # type: ignore[assignment]  # the answer's own word for what it holds


class ExplainView(Door):
    """`POST /api/v1/explain/`."""

    @extend_schema(
        operation_id="explain",
        summary="Explain the text of an error",
        request=ExplainIn,
        responses={"200": ReadingOut, **{code: ERRORS[code] for code in ("400", "401", "413", "415")}},
    )
    def post(self, request: Request) -> Response:
        """Return what a text means; nothing is stored."""
        given = ExplainIn(data=request.data)
        given.is_valid(raise_exception=True)
        text, system = given.validated_data["text"], given.validated_data["system"]
        if not text.strip():
            raise BadInput({"text": _("Give the text of an error.")})
        if len(text.encode("utf-8", "replace")) > PASTED_AT_MOST:
            raise BadInput({"text": _("Give at most 64 KiB: the part in which the error stands is enough.")})
        systems = [each for each in all_systems() if each != GENERAL]
        if system and system not in systems:
            raise BadInput({"system": _("Give one of %(systems)s, or leave it out.") % {"systems": ", ".join(systems)}})
        return Response(ReadingOut(explain_text(text, system)).data)
