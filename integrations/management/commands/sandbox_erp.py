"""`manage.py sandbox_erp`: the sandbox ERP as a process of its own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from integrations.sandbox.server import add_options, run


class Command(BaseCommand):
    """Run the sandbox ERP until SIGTERM or SIGINT."""

    help = "Run the sandbox ERP: a small ERP for the demo and the fault tests."
    requires_system_checks = ()  # it is another system; ours need not be in order for it

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the same options as `python -m integrations.sandbox`."""
        add_options(parser)

    def handle(self, **options: Any) -> None:
        """Run it."""
        run(host=options["host"], port=options["port"], database=options["database"])
