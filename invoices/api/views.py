"""The doors of the API: each turns JSON into one verb or one question. Rules stand in the verbs."""

from typing import Any, Final, cast

from django.contrib.auth import authenticate, user_logged_in
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import APIException, NotFound, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from invoices.actions.intake import edit_invoice, hand_in
from invoices.api.parsers import StrictJSONParser
from invoices.api.serializers import (
    ErrorOut,
    EventOut,
    EventPage,
    InvoiceEdit,
    InvoiceFilter,
    InvoiceIn,
    InvoiceOut,
    InvoicePage,
    PageIn,
    PressIn,
    TokenIn,
    TokenOut,
)
from invoices.buttons import all_buttons, press
from invoices.errors import BadInput, NotThere
from invoices.models import Client, Event, Invoice
from invoices.permissions import NOT_THERE
from invoices.roles import Right

KEY_AT_MOST: Final = 200
ERRORS: Final = {
    "400": OpenApiResponse(ErrorOut, "Bad input, a sentence a field."),
    "401": OpenApiResponse(ErrorOut, "Nobody is signed in."),
    "403": OpenApiResponse(ErrorOut, "No right; says who has it."),
    "404": OpenApiResponse(ErrorOut, "Not there, or not yours."),
    "409": OpenApiResponse(ErrorOut, "Not from this step, or somebody was quicker."),
    "413": OpenApiResponse(ErrorOut, "Larger than 1 MiB."),
    "415": OpenApiResponse(ErrorOut, "Not JSON."),
}


def _only(*codes: str) -> dict[str, OpenApiResponse]:
    return {code: ERRORS[code] for code in codes}


class LengthRequired(APIException):
    """The body came in chunks, which would be read as empty."""

    status_code = 411
    default_code = "length_required"


class WrongPassword(APIException):
    """Nobody of this name has this password."""

    status_code = 401
    default_code = "authentication_failed"
    auth_header = "Token"


class TokenThrottle(AnonRateThrottle):
    """Slows down who tries passwords."""

    rate = "120/min"
    scope = "token"


class Door(APIView):
    """A door of the API: JSON bodies only, of a length that is said beforehand."""

    parser_classes = (StrictJSONParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the person, and that the body can be read."""
        super().initial(request, *args, **kwargs)
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired(_("Send the body with a Content-Length, not in chunks."))


class TokenDoor(Door):
    """Gives a person their token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (TokenThrottle,)

    @extend_schema(
        operation_id="token",
        summary="Get a token",
        request=TokenIn,
        responses={"200": TokenOut, **_only("400", "401", "413", "415"), "429": ErrorOut},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Give the token for the header `Authorization: Token …`; too many wrong passwords lock the name out."""
        given = TokenIn(data=request.data)
        given.is_valid(raise_exception=True)
        user = authenticate(request, **given.validated_data)
        if getattr(request, "axes_locked_out", False):
            raise Throttled(detail=_("Too many wrong passwords: wait a quarter of an hour, then try again."))
        if user is None:
            raise WrongPassword(_("This name and password do not fit: check both, or ask your administrator."))
        user_logged_in.send(sender=type(user), request=request, user=user)
        token, _is_new = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})


class Invoices(Door):
    """Hand invoices in, and find them."""

    @extend_schema(
        operation_id="invoices_find",
        summary="Find invoices",
        parameters=[InvoiceFilter],
        responses={"200": InvoicePage, "400": ERRORS["400"], "401": ERRORS["401"]},
    )
    def get(self, request: Request) -> Response:
        """Return the invoices of all clients in which you have a part, latest first."""
        asked = asked_of(request, InvoiceFilter)
        rows = visible_invoices(request)
        for name, lookup in (
            ("client", "client__slug"),
            ("number", "number"),
            ("step", "step"),
            ("status", "status"),
            ("direction", "direction"),
            ("message_state", "current_message__state"),
        ):
            if asked.get(name):
                rows = rows.filter(**{lookup: asked[name]})
        if asked.get("archived"):
            rows = rows.filter(archived_at__isnull=asked["archived"] == "false")
        if "cursor" in asked:
            rows = rows.filter(pk__lt=asked["cursor"])
        return Response(first_page(request, rows.order_by("-pk"), asked["limit"], InvoiceOut))

    @extend_schema(
        operation_id="invoices_hand_in",
        summary="Hand an invoice in",
        request=InvoiceIn,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="Your own name for this request, up to 200 printable ASCII characters: the same key and "
                "body give the same invoice again (200), another body is refused (409).",
            )
        ],
        responses={"201": InvoiceOut, "200": OpenApiResponse(InvoiceOut, "It was handed in before."), **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Take an invoice in as a draft; nothing goes to the ERP before it is posted."""
        key = _idempotency_key(request)
        given = InvoiceIn(data=request.data)
        given.is_valid(raise_exception=True)
        client = Client.objects.where(request.user, Right.VIEW).filter(slug=given.validated_data["client"]).first()
        if client is None:
            raise NotThere(NOT_THERE)
        invoice, is_new = hand_in(client, given.handed_in(), by=person_of(request), key=key)
        return Response(_shown(request, invoice.pk), status=201 if is_new else 200)


class OneInvoice(Door):
    """Follow one invoice."""

    @extend_schema(
        operation_id="invoice", summary="Look at an invoice", responses={"200": InvoiceOut, **_only("401", "404")}
    )
    def get(self, request: Request, invoice_id: int) -> Response:
        """Return one invoice with its lines and its current integration message."""
        return Response(_shown(request, invoice_id))

    @extend_schema(
        operation_id="invoice_edit",
        summary="Edit an invoice",
        request=InvoiceEdit,
        responses={"200": InvoiceOut, **ERRORS},
    )
    def put(self, request: Request, invoice_id: int) -> Response:
        """Replace what was handed in, while it is ours to edit: once it is booked, it is edited in the ERP (409)."""
        given = InvoiceEdit(data=request.data)
        given.is_valid(raise_exception=True)
        shown = visible_invoices(request).filter(pk=invoice_id).first()
        if shown is None:
            raise NotThere(NOT_THERE)
        wanted = given.given(shown.direction, shown.kind)
        edit_invoice(invoice_id, wanted, by=person_of(request), reason=given.validated_data["reason"])
        return Response(_shown(request, invoice_id))


class InvoiceEvents(Door):
    """Read what happened to an invoice."""

    @extend_schema(
        operation_id="invoice_events",
        summary="Read the event log",
        parameters=[PageIn],
        responses={"200": EventPage, **_only("400", "401", "404")},
    )
    def get(self, request: Request, invoice_id: int) -> Response:
        """Return the invoice's event log, oldest first; each `hash` covers its line and the `previous_hash`."""
        asked = asked_of(request)
        if not visible_invoices(request).filter(pk=invoice_id).exists():
            raise NotThere(NOT_THERE)
        rows = Event.objects.filter(invoice_id=invoice_id, sequence__gt=asked.get("cursor", 0))
        return Response(first_page(request, rows.order_by("sequence"), asked["limit"], EventOut, key="sequence"))


class PressButton(Door):
    """Press a button of an invoice."""

    @extend_schema(
        operation_id="invoice_press",
        summary="Press a button",
        description="The buttons, and what each needs:\n\n"
        + "\n".join(
            f"- `{button.slug}`: {button.says}" + (f" Needs {', '.join(button.needs)}." if button.needs else "")
            for button in all_buttons()
        ),
        request=PressIn,
        parameters=[
            OpenApiParameter("button", str, OpenApiParameter.PATH, enum=sorted(button.slug for button in all_buttons()))
        ],
        responses={"200": InvoiceOut, **ERRORS},
    )
    def post(self, request: Request, invoice_id: int, button: str) -> Response:
        """Call the button's verb and return the invoice as it is then."""
        given = PressIn(data=request.data)
        given.is_valid(raise_exception=True)
        press(button, invoice_id, by=person_of(request), **given.validated_data)
        return Response(_shown(request, invoice_id))


class NothingHere(Door):
    """Answers every address of the API that does not exist."""

    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 (DRF's signature)
        """Say that there is nothing, whatever the method."""
        raise NotFound


def person_of(request: Request) -> User:
    """Return who is asking."""
    return cast("User", request.user)  # IsAuthenticated let nobody else in


def visible_invoices(request: Request) -> QuerySet[Invoice]:
    """Return the invoices that the person may see."""
    rows = Invoice.objects.visible_to(request.user)
    return rows.select_related("client", "counterparty", "current_message").prefetch_related("lines")


def _shown(request: Request, invoice_id: int) -> Any:
    invoice = visible_invoices(request).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotThere(NOT_THERE)
    return InvoiceOut(invoice).data


def asked_of(request: Request, serializer: type[PageIn] = PageIn) -> dict[str, Any]:
    """Return what the address asks for, checked; raises ValidationError."""
    asked = serializer(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    return cast("dict[str, Any]", asked.validated_data)


def first_page(
    request: Request, rows: QuerySet[Any], limit: int, serializer: Any, *, key: str = "pk", name: str = "results"
) -> dict[str, Any]:
    """Return the first rows, and where to go on: after the last row's key, so that no page is counted or skipped."""
    found = list(rows[: limit + 1])
    shown = found[:limit]
    there = request.build_absolute_uri()
    following = replace_query_param(there, "cursor", getattr(shown[-1], key)) if len(found) > limit else None
    return {name: serializer(shown, many=True).data, "next": following}


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not key.strip() or len(key) > KEY_AT_MOST or not (key.isascii() and key.isprintable()):
        raise BadInput({"Idempotency-Key": _("Give 1 to 200 printable ASCII characters, or leave the header out.")})
    return key
