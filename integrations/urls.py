"""The addresses of this room, below `/api/v1/`."""

from django.urls import path

from integrations.api import BulkRuns, ImportInvoice, OneBulkRun
from integrations.sync_api import OneSyncRun, SyncNow

urlpatterns = [
    path("invoices/import/", ImportInvoice.as_view(), name="api-import"),
    path("bulk-runs/", BulkRuns.as_view(), name="api-bulk-runs"),
    path("bulk-runs/<int:run_id>/", OneBulkRun.as_view(), name="api-bulk-run"),
    path("connections/<slug:client>/sync/", SyncNow.as_view(), name="api-sync-now"),
    path("sync-runs/<int:run_id>/", OneSyncRun.as_view(), name="api-sync-run"),
]
