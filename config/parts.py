"""The parts that `manage.py serve` and `manage.py demo` keep running, and what tells that one of them hangs."""

import http.client
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django_q.tasks import async_task

from config.models import last_beat
from config.supervisor import Child
from integrations.models import Connection
from invoices import clock

TRIES: Final = 3  # a page that does not come so many times in a row means that its process hangs
STARTING: Final = timedelta(seconds=30)  # until its first sign of life a part may take so long
ASK_AGAIN: Final = timedelta(seconds=10)  # the worker that took the last beat may have died with it

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class PageWatch:
    """Asks a process for a page. An answer of any kind is a sign of life."""

    host: str
    port: int
    path: str
    patience: float  # seconds for one answer
    every: float = 2.0
    misses: int = 0
    starting_until: float = 0.0

    def begin(self) -> None:
        """Count from nothing."""
        self.misses = 0
        self.starting_until = time.monotonic() + STARTING.total_seconds()

    def answers(self) -> bool:
        """Say whether an answer came within the patience."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.patience)
        try:
            connection.request("GET", self.path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    def look(self) -> str:
        """Complain after too many misses in a row."""
        if self.answers():
            self.misses, self.starting_until = 0, 0.0
        else:
            self.misses += 1
        if self.misses < TRIES or time.monotonic() < self.starting_until:
            return ""
        return f"{self.path} did not answer {TRIES} times, each within {self.patience:g} s"


class QueueWatch:
    """Has the queue beat, and complains when it has been silent for too long.

    A worker may rightly be at a delivery for longer than that, so a drain that holds its lease is a sign of life too.
    """

    def __init__(self, silence: float, every: float = 2.0) -> None:
        """Take how many seconds of silence mean that the queue hangs."""
        self.silence = timedelta(seconds=silence)
        self.every = min(every, silence / 3)
        self.began: datetime | None = None
        self.asked: datetime | None = None

    def begin(self) -> None:
        """Count from now on: what is older was another process's."""
        self.began = self.asked = None

    def look(self) -> str:
        """Ask for the next beat if the last one was taken; complain about silence."""
        close_old_connections()
        try:
            now = clock.now()
            beat = last_beat()
            self._ask(now, beat)
            self.began = self.began or now
            has_beaten = beat is not None and beat >= self.began
            last = beat if beat is not None and has_beaten else self.began
            allowed = self.silence if has_beaten else max(self.silence, STARTING)
            if now - last <= allowed or Connection.objects.filter(drain_until__gt=now).exists():
                return ""
        except (DatabaseError, InterfaceError) as exc:  # no fault of the queue's: count anew when it is back
            log.warning("the watch over the queue cannot read the database", error=str(exc))
            self.began = None
            return ""
        return f"no heartbeat for {(now - last).total_seconds():.0f} s"

    def _ask(self, now: datetime, beat: datetime | None) -> None:
        is_taken = self.asked is None or (beat is not None and beat >= self.asked)
        if is_taken or (self.asked is not None and now - self.asked > ASK_AGAIN):
            async_task("config.tasks.beat")
            self.asked = now


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who starts everything may choose."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 8
    silence: float = 30.0  # seconds after which a part that gives no sign of life is started anew


def web(options: Options) -> Child:
    """Return the web server: gunicorn with threads."""
    memory = Path("/dev/shm")  # noqa: S108 (gunicorn's own heartbeat files: a slow disk would stall its workers)
    program = [
        "-m",
        "gunicorn",
        "config.wsgi:application",
        *("--bind", f"{options.host}:{options.port}"),
        *("--worker-class", "gthread", "--workers", str(options.workers), "--threads", str(options.threads)),
        *("--worker-tmp-dir", str(memory) if memory.is_dir() else tempfile.gettempdir()),
        *("--timeout", "60", "--graceful-timeout", "10", "--log-level", "warning"),
        "--no-control-socket",
    ]
    host = "127.0.0.1" if options.host in {"0.0.0.0", ""} else options.host  # noqa: S104 (compared, not bound)
    return Child(
        "web", program, PageWatch(host, options.port, "/healthz", options.silence, every=min(2.0, options.silence / 3))
    )


def queue(options: Options) -> Child:
    """Return the queue: one django-q2 cluster."""
    return Child("queue", ["manage.py", "qcluster"], QueueWatch(options.silence))


def sandbox_erp(options: Options, port: int, database: Path) -> Child:
    """Return the sandbox ERP on a port of loopback; as a module, because it needs nothing of Django."""
    program = ["-m", "integrations.sandbox", "--port", str(port), "--database", str(database)]
    return Child("erp", program, PageWatch("127.0.0.1", port, "/healthz", options.silence))
