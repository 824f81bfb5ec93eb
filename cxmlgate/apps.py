"""Where ERPs post status updates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CxmlgateConfig(AppConfig):
    """Adds the gate's messages to the timeline of invoices."""

    name = "cxmlgate"
    verbose_name = _("cXML gate")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the timeline source."""
        from cxmlgate.timeline import gate_entries  # noqa: PLC0415 (models are there only now)
        from invoices.timeline import add_source  # noqa: PLC0415

        add_source(gate_entries)
