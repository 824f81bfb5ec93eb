"""The room of invoices: clients, roles, the workflow, the outbox row and the event log."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicesConfig(AppConfig):
    """Registers nothing: the rooms above register themselves here."""

    name = "invoices"
    verbose_name = _("Invoices")
    default_auto_field = "django.db.models.BigAutoField"
