"""The addresses of this room, below `/api/v1/`."""

from django.urls import path

from integrations.api import BulkRuns, OneBulkRun

urlpatterns = [
    path("bulk-runs/", BulkRuns.as_view(), name="api-bulk-runs"),
    path("bulk-runs/<int:run_id>/", OneBulkRun.as_view(), name="api-bulk-run"),
]
