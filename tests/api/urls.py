"""The API where config puts it, whatever else config has."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("invoices.api.urls"))]
