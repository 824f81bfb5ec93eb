"""The doors to an invoice's payments."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from invoices.actions.receipts import record_payment
from invoices.api.serializers import PaymentIn, PaymentList, PaymentOut, PaymentPressIn
from invoices.api.views import ERRORS, Door, person_of, visible_invoices
from invoices.buttons import PAYMENT_BUTTONS, press_for_payment
from invoices.errors import NotThere
from invoices.models import Payment
from invoices.permissions import NOT_THERE


class Payments(Door):
    """Record payments on a receivable, and read them."""

    @extend_schema(
        operation_id="payments",
        summary="Read the payments",
        responses={"200": PaymentList, "401": ERRORS["401"], "404": ERRORS["404"]},
    )
    def get(self, request: Request, invoice_id: int) -> Response:
        """Return all payments of an invoice, oldest first."""
        if not visible_invoices(request).filter(pk=invoice_id).exists():
            raise NotThere(NOT_THERE)
        rows = Payment.objects.filter(invoice_id=invoice_id).order_by("pk")
        return Response({"results": PaymentOut(rows, many=True).data})

    @extend_schema(
        operation_id="payment_record",
        summary="Record a payment",
        request=PaymentIn,
        responses={"201": PaymentOut, **ERRORS},
    )
    def post(self, request: Request, invoice_id: int) -> Response:
        """Record a payment; it is pushed to the ERP once it counts."""
        given = PaymentIn(data=request.data)
        given.is_valid(raise_exception=True)
        payment = record_payment(invoice_id, by=person_of(request), **given.validated_data)
        return Response(PaymentOut(payment).data, status=201)


class PressPaymentButton(Door):
    """Press a button of a payment."""

    @extend_schema(
        operation_id="payment_press",
        summary="Press a payment's button",
        request=PaymentPressIn,
        parameters=[OpenApiParameter("button", str, OpenApiParameter.PATH, enum=sorted(PAYMENT_BUTTONS))],
        responses={"200": PaymentOut, **ERRORS},
    )
    def post(self, request: Request, invoice_id: int, payment_id: int, button: str) -> Response:
        """Call the button's verb and return the payment as it is then."""
        given = PaymentPressIn(data=request.data)
        given.is_valid(raise_exception=True)
        there = Payment.objects.filter(pk=payment_id, invoice_id=invoice_id).exists()
        if not there or button not in PAYMENT_BUTTONS or not visible_invoices(request).filter(pk=invoice_id).exists():
            raise NotThere(NOT_THERE)
        press_for_payment(button, payment_id, by=person_of(request), **given.validated_data)
        return Response(PaymentOut(Payment.objects.get(pk=payment_id)).data)
