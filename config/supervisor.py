"""Keeps processes running: a dead or hung one is ended with all that it started, and started anew.

Every child leads a session and process group of its own, on a leash (config/leash.py): what it forked can be ended with
it, and none of them outlives the supervisor. Ending is SIGTERM to the child, then SIGKILL to its whole group.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Final, Protocol, Self

import structlog
from django.conf import settings

ROUND: Final = 0.2  # seconds between two looks at the children
GRACE: Final = 14.0  # seconds from SIGTERM to SIGKILL
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a child is started again
SETTLED: Final = 60.0  # a child that lived this long in seconds starts again without a pause

log = structlog.get_logger(__name__)


class Watch(Protocol):
    """Looks from outside whether a child still works; lives in a thread of its own."""

    every: float  # seconds between two looks

    def begin(self) -> None:
        """Forget what was before: the child has just been started."""

    def look(self) -> str:
        """Return what shows that the child hangs; empty when nothing does."""


@dataclass(slots=True)
class Child:
    """One process to keep: its name in the logs, its program (arguments for Python), and what watches it."""

    name: str
    program: Sequence[str]
    watch: Watch | None = None
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    not_before: float = 0.0
    complaint: str = ""

    def start(self) -> None:
        """Start it."""
        if self.watch is not None:
            self.watch.begin()
        self.complaint = ""
        command = [sys.executable, "-m", "config.leash", str(os.getpid()), *self.program]
        self.process = subprocess.Popen(  # noqa: S603 (our own programs)
            command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, start_new_session=True
        )
        self.started = time.monotonic()
        log.info("started", part=self.name, pid=self.process.pid)

    def clear_away(self) -> None:
        """End it at once, with everything that it started and that is still there."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS says the second for a group of zombies
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


class Supervisor:
    """Keeps its children running until SIGTERM, SIGINT or SIGHUP. Use it as a context, in the main thread."""

    def __init__(self) -> None:
        """Begin with no children."""
        self.children: list[Child] = []
        self._stop = threading.Event()
        self._in_rounds = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._asked_to_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_all()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned

    def _asked_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stop.set()
        if not self._in_rounds:  # still preparing: nothing looks at the event yet
            raise SystemExit(128 + number)

    def add(self, child: Child) -> None:
        """Start a child and keep it from now on."""
        self.children.append(child)
        child.start()
        if child.watch is not None:
            threading.Thread(target=self._keep_looking, args=(child, child.watch), daemon=True).start()

    def run(self, each_round: Callable[[], None] | None = None) -> None:
        """Keep the children until a signal comes; `each_round` is called between two looks."""
        self._in_rounds = True
        while not self._stop.wait(ROUND):
            for child in self.children:
                self._look_after(child)
            if each_round is not None:
                each_round()

    def check_alive(self) -> None:
        """Raise SystemExit with a sentence if a child has died while things are still being prepared."""
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                sys.exit(f"The part {child.name} ended at once; what it said stands above.")

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.not_before:
                child.start()
            return
        status = child.process.poll()
        if status is None and not child.complaint:
            return
        pid = child.process.pid
        if status is None:
            log.warning("hangs, is killed and started again", part=child.name, pid=pid, why=child.complaint)
        else:
            log.warning("died, is started again", part=child.name, pid=pid, status=status)
        child.clear_away()
        child.pause = FIRST_PAUSE if now - child.started >= SETTLED else min(child.pause * 2, LONGEST_PAUSE)
        child.not_before = now + child.pause

    def _keep_looking(self, child: Child, watch: Watch) -> None:
        while not self._stop.is_set():
            looked_at = child.process
            complaint = watch.look() if looked_at is not None and not child.complaint else ""
            if complaint and child.process is looked_at:  # a look takes time, and a new one may run by now
                child.complaint = complaint
            self._stop.wait(watch.every)

    def end_all(self) -> None:
        """End every child and all that it started: SIGTERM, and SIGKILL to what is left."""
        self._stop.set()
        running = [child for child in self.children if child.process is not None]
        for child in running:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE
        for child in running:
            if child.process is None:
                continue
            try:
                child.process.wait(timeout=max(0.1, deadline - time.monotonic()))
                log.info("ended", part=child.name, pid=child.process.pid)
            except subprocess.TimeoutExpired:
                log.warning("did not end in time, is killed", part=child.name, pid=child.process.pid)
            child.clear_away()
