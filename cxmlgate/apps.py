"""Where ERPs post status updates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CxmlgateConfig(AppConfig):
    """Adds the gate's messages to the timeline of invoices, and those that were refused to the front page."""

    name = "cxmlgate"
    verbose_name = _("cXML gate")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the timeline source and the notice."""
        from cxmlgate.notices import refused_messages  # noqa: PLC0415 (models are there only now)
        from cxmlgate.timeline import gate_entries  # noqa: PLC0415
        from invoices.admin.notices import add_notice  # noqa: PLC0415
        from invoices.timeline import add_source  # noqa: PLC0415

        add_source(gate_entries)
        add_notice(refused_messages)
