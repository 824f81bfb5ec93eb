"""The admin and the API with this room's addresses, where config puts them."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("integrations.urls")),
    path("api/v1/", include("invoices.api.urls")),
]
