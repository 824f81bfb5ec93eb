"""The gate beside the admin, as the project has them."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("", include("cxmlgate.urls")), path("admin/", admin.site.urls)]
