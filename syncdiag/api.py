"""The API's door to a diagnosis."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invoices.errors import NotThere
from invoices.models import Invoice
from syncdiag.diagnosis import diagnose


class DiagnosisView(APIView):
    """`GET /api/v1/invoices/{id}/diagnosis/`."""

    @extend_schema(
        operation_id="invoices_diagnosis",
        responses={200: {"type": "object", "properties": {"findings": {"type": "array", "items": {"type": "object"}}}}},
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return the findings on one invoice, what to do first coming first."""
        invoice = (
            Invoice.objects.visible_to(request.user)
            .select_related("client", "current_message", "created_by")
            .filter(pk=pk)
            .first()
        )
        if invoice is None:
            raise NotThere("There is no such invoice here, or it belongs to a client that you have no part in.")
        return Response({"findings": [finding.as_json() for finding in diagnose(invoice)]})
