"""A real Tryton as a process of its own: a copy of the template, a free port."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path
from typing import Self

import pytest

from integrations.tryton_server.bookkeeper import Bookkeeper
from integrations.tryton_server.books import Books, CannotPrepareError, drop_books, open_books, prepare_template
from integrations.tryton_server.environment import CannotInstallError, install, plain_environment
from tests.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "var" / "tryton" / "templates"  # kept: the next run begins with a copy
COMPANY = "Acme Corporation"


def have_books(folder: Path, *, series: str, postgresql: str = "", database: str = "erp") -> Books:
    """Return a database of its own for a module of tests, or skip them with a sentence."""
    try:
        install(series)
        template = prepare_template(TEMPLATES, series=series, postgresql=postgresql)
        return open_books(template, folder, database)
    except (CannotInstallError, CannotPrepareError) as exc:
        pytest.skip(f"These tests need a real Tryton {series}, and there is none: {exc}")


class TrytonServer:
    """One trytond."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._bookkeeper: Bookkeeper | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process is not None:
            self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.books.database}/"

    @property
    def key(self) -> str:
        """The application key of the company that the tests work in."""
        return self.books.keys[COMPANY]

    @property
    def bookkeeper(self) -> Bookkeeper:
        """Somebody who works in Tryton."""
        if self._bookkeeper is None:
            self._bookkeeper = Bookkeeper(self.url, "bookkeeper_acme", self.books.password)
        return self._bookkeeper

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.books.configure(self.port)
        log = (self.books.folder / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                self.books.command(), env=plain_environment(), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None, (self.books.folder / "server.log").read_text()[-3000:]
            assert time.monotonic() < deadline, "Tryton does not answer."
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(timeout=20)
        self.process = None
        self._bookkeeper = None

    def kill(self) -> None:
        """Let it die as in a power cut."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang: what it was doing goes on after `resume`."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def drop(self) -> None:
        """Delete its database."""
        drop_books(self.books)

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}rest/model/party.party", timeout=5):
                return True
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code == 401
        except OSError:
            return False


def today() -> date:
    """Return Tryton's own today."""
    return date.today()
