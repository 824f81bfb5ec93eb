"""`manage.py prepare`: the database, the cache's table, the schedules and, in production, the static files."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.schedules import ensure_schedules


class Command(BaseCommand):
    """Bring everything that must be there before a start up to date; running it again changes nothing."""

    help = "Migrate the database, create the cache's table, write the schedules; collect static files in production."

    def handle(self, **options: Any) -> None:
        """Do all of it."""
        verbosity = options["verbosity"]
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=verbosity)
        call_command("createcachetable", verbosity=verbosity)
        ensure_schedules()
        if settings.IS_PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=verbosity)
