"""The addresses of this room, below `/api/v1/`."""

from django.urls import path

from syncdiag.api import DiagnosisView, ExplainView

urlpatterns = [
    path("invoices/<int:pk>/diagnosis/", DiagnosisView.as_view(), name="invoice-diagnosis"),
    path("explain/", ExplainView.as_view(), name="explain"),
]
