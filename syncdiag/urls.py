"""The addresses of this room, below `/api/v1/`."""

from django.urls import path

from syncdiag.api import InvoiceDiagnosis, MissingInvoice
from syncdiag.explain_api import ExplainView

urlpatterns = [
    path("invoices/missing/", MissingInvoice.as_view(), name="api-missing"),
    path("invoices/<int:invoice_id>/diagnosis/", InvoiceDiagnosis.as_view(), name="api-diagnosis"),
    path("explain/", ExplainView.as_view(), name="explain"),
]
