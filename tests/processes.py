"""Real processes for tests: `manage.py …` on the test's own database, watched from outside, and always cleared away.

    def test_it(transactional_db):
        with Processes() as processes:
            port = free_port()
            server = processes.manage("serve", "--port", str(port))
            wait_until(lambda: answers(port), "the web server answers", by=server)
            server.kill9()

Needs Linux: what a process left behind is found in /proc by a mark in its environment, which all descendants inherit.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

from django.db import connection

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
MARK = "UNSTUCK_TEST_PROCESSES"


def free_port() -> int:
    """Return a port that is free, and whose next one is too, below those that the kernel gives to outgoing calls."""
    while True:
        port = random.randrange(20_000, 32_000)
        if is_free(port) and is_free(port + 1):
            return port


def is_free(port: int) -> bool:
    """Say whether a port of this machine can be listened on now."""
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def sessions() -> set[int]:
    """Return the sessions of others in the test's database; PostgreSQL notices a killed client a moment later."""
    if connection.vendor != "postgresql":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def end_sessions(pids: set[int]) -> None:
    """End sessions that a browser's kept connections hold open: the test database cannot be dropped under them."""
    if pids:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [list(pids)])


def wait_until(condition: Callable[[], T], what: str, *, timeout: float = 60, by: "Started | None" = None) -> T:
    """Ask until `condition` is true and return what it said; else fail with a sentence, and with what `by` printed."""
    deadline = time.monotonic() + timeout
    while True:
        said = condition()
        if said:
            return said
        if by is not None and by.has_ended:
            raise AssertionError(f"{by.name} ended before {what}. It printed:\n{by.output()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {timeout} s: {what}." + (f" It printed:\n{by.output()}" if by else ""))
        time.sleep(0.02)  # between two looks; nothing waits longer than it must


def answers(port: int, path: str = "/healthz") -> bool:
    """Say whether anything answers HTTP on a port of this machine."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def test_database_url() -> str:
    """Return the DATABASE_URL of the database that this test uses."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        assert "memory" not in str(settings["NAME"]), "another process cannot see a database in memory"
        return f"sqlite:///{settings['NAME']}"
    user, password = quote(str(settings["USER"]), safe=""), quote(str(settings["PASSWORD"]), safe="")
    return (
        f"postgres://{user}{':' + password if password else ''}@{settings['HOST']}:{settings['PORT'] or 5432}"
        f"/{settings['NAME']}"
    )


class Started:
    """One process that a test started; its output goes into a file."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self._output = folder / f"{uuid.uuid4().hex}.log"
        with self._output.open("wb") as output:
            self.popen = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def has_ended(self) -> bool:
        return self.popen.poll() is not None

    def output(self) -> str:
        """Return all that it printed until now."""
        return self._output.read_text(errors="replace")

    def kill9(self) -> None:
        """Kill this one process, not what it started."""
        self.popen.kill()
        self.popen.wait()

    def interrupt(self, timeout: float = 20) -> int:
        """Press Ctrl-C and return its exit status."""
        self.popen.send_signal(signal.SIGINT)
        return self.popen.wait(timeout)

    def terminate(self, timeout: float = 20) -> int:
        """Ask it to end, wait until it did, and return its exit status."""
        self.popen.terminate()
        return self.popen.wait(timeout)

    def wait(self, timeout: float = 60) -> int:
        """Wait until it ends by itself, and return its exit status."""
        return self.popen.wait(timeout)


class Processes:
    """All processes of one test. Leaving the context kills them, and whatever they left behind."""

    def __init__(self, **environment: str) -> None:
        """Take what to add to the environment of all of them, e.g. UNSTUCK_FAULT."""
        self.mark = uuid.uuid4().hex
        self.environment = environment
        self._started: list[Started] = []
        self._folder = tempfile.TemporaryDirectory(prefix="unstuck-processes-")
        self.folder = Path(self._folder.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        wait_until(self._kill_all, "all processes are gone", timeout=10)
        for started in self._started:
            started.popen.wait()
        self._folder.cleanup()

    def _kill_all(self) -> bool:
        living = self.living()
        for pid in living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not living

    def manage(self, *arguments: str, **environment: str) -> Started:
        """Start `manage.py` with these arguments on the test's database."""
        return self.python("manage.py", *arguments, **{"DATABASE_URL": test_database_url(), **environment})

    def python(self, *arguments: str, **environment: str) -> Started:
        """Start Python with these arguments."""
        full = os.environ | {
            "UNSTUCK_MODE": "test",
            "UNSTUCK_DATA": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            MARK: self.mark,
            **self.environment,
            **environment,
        }
        started = Started(" ".join(arguments[:2]), [sys.executable, *arguments], full, self.folder)
        self._started.append(started)
        return started

    def living(self) -> list[int]:
        """Return the ids of all processes that were started here, descendants included, and that still run."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):  # it ended while we looked, or is another user's
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def living_with(self, words: str) -> list[int]:
        """Return those of the living whose command line holds `words`."""
        return [pid for pid in self.living() if words in command_line(pid)]


def command_line(pid: int) -> str:
    """Return a process's command line, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """Return the id of a process's parent, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
