"""The addresses of this room, below `/api/v1/`."""

from django.urls import path

from integrations.api import BulkRuns, ImportInvoice, OneBulkRun

urlpatterns = [
    path("invoices/import/", ImportInvoice.as_view(), name="api-import"),
    path("bulk-runs/", BulkRuns.as_view(), name="api-bulk-runs"),
    path("bulk-runs/<int:run_id>/", OneBulkRun.as_view(), name="api-bulk-run"),
]
