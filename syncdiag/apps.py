"""Why something did not sync."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncdiagConfig(AppConfig):
    """Why something did not sync."""

    name = "syncdiag"
    verbose_name = _("Diagnosis")
    default_auto_field = "django.db.models.BigAutoField"
