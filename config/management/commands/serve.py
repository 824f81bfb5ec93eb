"""`manage.py serve`: web, queue and, if asked for, the sandbox ERP, kept running until SIGTERM or Ctrl-C."""

import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import parts
from config.schedules import ensure_schedules
from config.supervisor import Supervisor


class Command(BaseCommand):
    """Keep everything running on this machine. Any number of machines may do the same on one PostgreSQL."""

    help = "Keep web and queue running: what dies or hangs is started again, and nothing is left at the end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take addresses and sizes."""
        parser.add_argument("--host", default="127.0.0.1", help="the address that the web server listens on")
        parser.add_argument("--port", type=int, default=8000, help="the port that the web server listens on")
        parser.add_argument("--workers", type=int, default=2, help="web processes")
        parser.add_argument("--threads", type=int, default=8, help="threads in each web process")
        parser.add_argument("--silence", type=float, default=30, help="seconds without a sign of life: started anew")
        parser.add_argument("--sandbox-erp", type=int, metavar="PORT", help="run the sandbox ERP there too")

    def handle(self, **options: Any) -> None:
        """Run until a signal comes."""
        logging.getLogger("config.supervisor").setLevel(logging.INFO)
        ensure_schedules()
        chosen = parts.Options(
            options["host"], options["port"], options["workers"], options["threads"], options["silence"]
        )
        with Supervisor() as supervisor:
            if options["sandbox_erp"]:
                database = Path(settings.DATA_DIR) / "erp.sqlite3"
                supervisor.add(parts.sandbox_erp(chosen, options["sandbox_erp"], database))
            supervisor.add(parts.web(chosen))
            supervisor.add(parts.queue(chosen))
            supervisor.run()
