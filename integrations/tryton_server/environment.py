"""The environment of a Tryton series: `.venv-tryton`, installed by our pins, never mixed with ours."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PINS: Final = ROOT / "config" / "requirements"
LONG_TERM: Final = "8.0"
FILES: Final = {LONG_TERM: "tryton.txt", "8.2": "tryton-8.2.txt"}
STAMP: Final = "installed-by-unstuck"


class CannotInstallError(Exception):
    """Tryton cannot be had on this machine; the sentence says why."""


def home_of(series: str) -> Path:
    """Return where a series is installed."""
    return ROOT / (".venv-tryton" if series == LONG_TERM else f".venv-tryton-{series}")


def python_of(series: str) -> Path:
    """Return the Python of a series."""
    return home_of(series) / "bin" / "python"


def pins_of(series: str) -> Path:
    """Return the pins of a series; raises KeyError for one that is not pinned."""
    return PINS / FILES[series]


def install(series: str = LONG_TERM) -> Path:
    """Install a series unless it is there by today's pins, and return its folder; raises CannotInstallError.

    An installation that was cut short has no stamp, and begins anew.
    """
    home, pins = home_of(series), pins_of(series)
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    with locked(home.with_name(f"{home.name}.lock")):
        stamp = home / STAMP
        if stamp.exists() and stamp.read_text() == wanted:
            return home
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
        _run([str(python_of(series)), "-m", "pip", "install", *options, "-r", str(pins)])
        stamp.write_text(wanted)
    return home


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock among the processes of this machine; it goes with a process that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> None:
    ran = subprocess.run(command, env=plain_environment(), capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    if ran.returncode:
        last = (ran.stderr or ran.stdout).strip().splitlines()
        raise CannotInstallError(f"Tryton could not be installed: {last[-1] if last else 'no reason was given'}.")


def plain_environment() -> dict[str, str]:
    """Return our environment without what would mislead another Python or a Tryton."""
    misleading = ("TRYTON", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DB_NAME")
    return {name: value for name, value in os.environ.items() if not name.startswith(misleading)}
