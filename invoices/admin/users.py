"""People in the admin: for superusers alone, whatever model permissions somebody else was given."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from invoices.admin.access import is_superuser


class PeopleAdmin(UserAdmin[User]):
    """Adds people and resets passwords. What they may do is said by roles, so groups and permissions are left out."""

    list_display = ("username", "first_name", "last_name", "email", "is_staff", "is_superuser", "is_active")
    list_filter = ()
    filter_horizontal = ()
    actions = None
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Personal info"), {"fields": ("first_name", "last_name", "email")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Superusers."""
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Superusers."""
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody: the event log names people for good. Deactivate them instead."""
        return False


admin.site.unregister([User, Group])
admin.site.register(User, PeopleAdmin)
