"""The room of invoices: clients, roles, the workflow, the outbox row and the event log."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicesConfig(AppConfig):
    """Registers what the preflight looks at; the rooms above register themselves here."""

    name = "invoices"
    verbose_name = _("Invoices")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the preflight look for another invoice of the number."""
        from invoices import preflight  # noqa: PLC0415 (models are there only now)
        from invoices.actions.numbers import check_number  # noqa: PLC0415

        preflight.add_check(check_number)
