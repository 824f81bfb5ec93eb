"""The room at the top: it knows all others, and none of them knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConfigConfig(AppConfig):
    """Holds the heartbeat of the queue."""

    name = "config"
    verbose_name = _("Queue")
    default_auto_field = "django.db.models.BigAutoField"
