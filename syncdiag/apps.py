"""The room of diagnosis: the panels "Why?", what "all that match" on the desk means, and the catalogue's check."""

from typing import Any

from django.apps import AppConfig
from django.core.checks import Error, register
from django.utils.translation import gettext_lazy as _


class SyncdiagConfig(AppConfig):
    """Registers what this room adds to the ones below."""

    name = "syncdiag"
    verbose_name = _("Diagnosis")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add the panels, the desk's selection, what errors are called, and the check of the catalogue."""
        from integrations.bulk import register_selection  # noqa: PLC0415 (models are there only now)
        from integrations.explaining import explain_with  # noqa: PLC0415
        from integrations.reconcile_admin import explain_with as explain_balances_with  # noqa: PLC0415
        from invoices.admin.panels import add_panel  # noqa: PLC0415
        from syncdiag.answers.balances import explain_balances  # noqa: PLC0415
        from syncdiag.catalogue import add_source  # noqa: PLC0415
        from syncdiag.desk import select_matching  # noqa: PLC0415
        from syncdiag.known import stored_of  # noqa: PLC0415
        from syncdiag.meaning import meaning_of  # noqa: PLC0415
        from syncdiag.panels import why_panel  # noqa: PLC0415

        add_panel(why_panel)
        register_selection(select_matching)
        explain_balances_with(explain_balances)
        explain_with(meaning_of)
        add_source(stored_of)
        register(check_catalogues)


def check_catalogues(**_kwargs: Any) -> list[Error]:
    """Read every catalogue; an entry that cannot be used stops the start with its name."""
    from syncdiag.catalogue import FOLDER, entries_of  # noqa: PLC0415
    from syncdiag.errors import CatalogueError  # noqa: PLC0415

    problems = []
    for path in sorted(FOLDER.glob("*.toml")):
        try:
            entries_of(path.stem)
        except CatalogueError as exc:
            problems.append(Error(str(exc), id="syncdiag.E001"))
    return problems
