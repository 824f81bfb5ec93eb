"""Where ERPs post status updates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CxmlgateConfig(AppConfig):
    """Where ERPs post status updates."""

    name = "cxmlgate"
    verbose_name = _("cXML gate")
    default_auto_field = "django.db.models.BigAutoField"
