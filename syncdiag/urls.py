"""The addresses of this room, below `/api/v1/`."""

from django.urls import path

from syncdiag.api import InvoiceDiagnosis, MissingInvoice

urlpatterns = [
    path("invoices/missing/", MissingInvoice.as_view(), name="api-missing"),
    path("invoices/<int:invoice_id>/diagnosis/", InvoiceDiagnosis.as_view(), name="api-diagnosis"),
]
