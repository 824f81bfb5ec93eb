"""`manage.py demo`: everything from nothing on SQLite, with demo data, in one terminal."""

import logging
import os
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config import demo, parts
from config.demo_erps import DemoErp, SandboxDemo, TrytonDemo
from config.models import last_beat
from config.supervisor import Supervisor
from invoices import clock

LOADED = "loaded"  # this file in the folder says that the demo data is complete, and with which ERP
FILES = ("unstuck.sqlite3*", LOADED)
ERPS: dict[str, Callable[[Path, int], DemoErp]] = {"sandbox": SandboxDemo, "tryton": TrytonDemo}


class Command(BaseCommand):
    """Run the demo until Ctrl-C."""

    help = "Run everything from nothing on SQLite: web, queue, ERP and demo data."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to listen, and where to write."""
        parser.add_argument("--port", type=int, default=8000, help="web listens here, the ERP on the next one")
        parser.add_argument("--data", default="var/demo", help="the folder for everything that the demo writes")
        parser.add_argument("--reset", action="store_true", help="begin anew: the demo's databases are deleted")
        parser.add_argument("--erp", choices=tuple(ERPS), default="sandbox", help="the ERP to talk to")

    def handle(self, **options: Any) -> None:
        """Run it."""
        port, data = options["port"], Path(options["data"]).resolve()
        self._refuse_taken_ports(port, port + 1)
        begin_again_unless_set(data, f"http://127.0.0.1:{port + 1}")
        os.environ["SITE_URL"] = f"http://127.0.0.1:{port}"  # for the links in the mails of web and queue
        logging.getLogger("config.supervisor").setLevel(logging.INFO)
        erp = ERPS[options["erp"]](data, port + 1)
        loaded_with = loaded(data)
        if loaded_with not in ("", erp.name) and not options["reset"]:
            self._refuse(
                f"The demo in {data} talks to the ERP {loaded_with}. Choose another folder (DATA=…), "
                f"go on with ERP={loaded_with}, or begin anew with RESET=1."
            )
        is_loaded = bool(loaded_with) and not options["reset"]
        if not is_loaded:  # what a start that was cut short has left is no use either
            remove_databases(data)
        data.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        chosen = parts.Options(port=port)
        pages = [parts.PageWatch("127.0.0.1", number, "/healthz", patience=2) for number in (port, port + 1)]
        with Supervisor() as supervisor:
            erp.prepare(self._say)
            supervisor.add(erp.child(chosen))
            self._say(f"Preparing the database in {data} …")
            call_command("prepare", verbosity=0)
            if not is_loaded:
                self._load(supervisor, pages[1], erp)
                (data / LOADED).write_text(erp.name, encoding="utf-8")
            message = data / "status_update.xml"
            message.write_text(demo.status_update("INV-0001", "paid", "10.99"), encoding="utf-8")
            self._say(f"Prepared in {time.monotonic() - began:.1f} s. Starting web and queue …")
            started = clock.now()
            supervisor.add(parts.web(chosen))
            supervisor.add(parts.queue(chosen))
            is_announced = False

            def announce() -> None:
                nonlocal is_announced
                beat = None if is_announced else last_beat()
                if beat is not None and beat >= started and all(page.answers() for page in pages):
                    is_announced = True
                    self._say(demo.greeting(port, message, erp))
                    self._say(f"ready http://127.0.0.1:{port}/")

            supervisor.run(announce)
        self._say("Stopped; nothing is left running.")

    def _load(self, supervisor: Supervisor, page: parts.PageWatch, erp: DemoErp) -> None:
        self._say(f"Walking the demo invoices through the desk and the ERP ({erp.name}) …")
        while not page.answers():
            supervisor.check_alive()
            time.sleep(0.05)
        demo.load(erp)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _refuse_taken_ports(self, *ports: int) -> None:
        for port in ports:
            if not 0 < port < 65536:
                self._refuse(f"{port} is not a port. Choose one from 1 to 65534: make demo PORT=8100")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as exc:
                    self._refuse(
                        f"Port {port} cannot be used ({exc.strerror}). Stop what listens there, or choose another: "
                        f"make demo PORT={port + 100 if port < 65000 else 8100}"
                    )

    def _refuse(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(2)


def begin_again_unless_set(data: Path, erp: str) -> None:
    """Run this command anew in this same process, unless settings are right already: they are read once, at the start.

    `make demo` sets the environment beforehand and saves that second start.
    """
    database = data / "unstuck.sqlite3"
    database_here = str(settings.DATABASES["default"]["NAME"])
    here = (settings.MODE, settings.DATA_DIR, database_here, settings.SANDBOX_ERP_URL, settings.TRYTON_URL)
    wanted = {
        "UNSTUCK_MODE": "demo",
        "UNSTUCK_DATA": str(data),
        "DATABASE_URL": f"sqlite:///{quote(str(database))}",
        "SANDBOX_ERP_URL": erp,
        "TRYTON_URL": f"{erp}/erp/",
    }
    if here != ("demo", data, str(database), erp, f"{erp}/erp/") and not wanted.items() <= os.environ.items():
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 (ourselves)


def loaded(data: Path) -> str:
    """Return the ERP with which the demo data in a folder was made whole; empty where there is none."""
    marker = data / LOADED
    return (marker.read_text(encoding="utf-8") or SandboxDemo.name) if marker.exists() else ""


def remove_databases(data: Path) -> None:
    """Delete what the demo wrote, and nothing else that may lie in the folder; Tryton's template is kept."""
    for pattern in (*FILES, *SandboxDemo.files, *TrytonDemo.files):
        for path in data.glob(pattern):
            path.unlink()
