"""The queue in the admin: what is scheduled, what waits, what failed, and the heartbeat; to look at, not to change.

django-q2's own pages let anyone with `add_schedule` run any function, so they are taken away.
"""

from typing import Any

import django_q.admin  # noqa: F401 (registers its pages, so that they can be taken away here)
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success

from config.models import Heartbeat
from invoices.admin.access import clients_of, is_superuser
from invoices.roles import Right

admin.site.unregister([Failure, OrmQ, Schedule, Success])


def may_see_queue(request: HttpRequest) -> bool:
    """Say whether the person looks after a connection anywhere; superusers do. Asked once a request."""
    return is_superuser(request) or bool(clients_of(request, Right.MANAGE_CONNECTION))


class QueueAdmin(admin.ModelAdmin[Any]):
    """A list without a single button."""

    actions = None
    list_display_links = None
    show_full_result_count = False
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it to those who look after a connection."""
        return may_see_queue(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show the list; a single row has no page, for it may hold another client's numbers."""
        return obj is None and may_see_queue(request)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (Django's signature)
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse."""
        return False


@admin.register(Heartbeat)
class HeartbeatAdmin(QueueAdmin):
    """When the queue was last seen working."""

    list_display = (
        "name",
        "at",
    )


@admin.register(Schedule)
class ScheduleAdmin(QueueAdmin):
    """What runs by the clock; the table stands in config/schedules.py."""

    list_display = (
        "name",
        "func",
        "minutes",
        "next_run",
    )


@admin.register(OrmQ)
class QueuedTaskAdmin(QueueAdmin):
    """What waits for a worker, or is at one."""

    list_display = (
        "pk",
        "task_function",
        "lock",
    )
    ordering = ("pk",)

    @admin.display(description=_("task"))
    def task_function(self, row: OrmQ) -> str:
        """Return what it calls."""
        return str(row.func())


@admin.register(Failure)
class FailedTaskAdmin(QueueAdmin):
    """What ended with an error; the messages themselves say more."""

    list_display = (
        "func",
        "started",
        "stopped",
        "attempt_count",
    )
    ordering = ("-stopped",)
