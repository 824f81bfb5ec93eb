"""The room of integrations: adds its buttons and checks to the invoice, and listens for messages to deliver."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Registers what this room adds to the one below."""

    name = "integrations"
    verbose_name = _("Integrations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add the buttons that ask the ERP and what the preflight looks at, and subscribe to the outbox."""
        from integrations import tasks  # noqa: PLC0415 (models are there only now)
        from integrations.buttons import BUTTONS, PAYMENT_BUTTONS  # noqa: PLC0415
        from integrations.learning import check_against_books  # noqa: PLC0415
        from integrations.models import name_of_system  # noqa: PLC0415
        from invoices import buttons, preflight, systems  # noqa: PLC0415
        from invoices.actions import outbox  # noqa: PLC0415

        buttons.register(*BUTTONS)
        buttons.register_for_payments(*PAYMENT_BUTTONS)
        outbox.subscribe(tasks.wake)
        preflight.add_check(check_against_books)
        systems.name_with(name_of_system)
