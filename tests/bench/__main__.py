"""Run the figures, each on each database in a process and a throw-away database of its own; print a JSON object a line.

A figure is a module of this package with a `main(quick)` that yields `Figure`s; it is named in FIGURES.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import psycopg.sql

from tests.run import find_postgresql

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = ("classify", "delivery", "desk", "event_log", "gate", "hostile", "reconcile")
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Run what was asked for; the status says whether every run counts, not whether every target was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("figures", nargs="*", default=FIGURES, metavar="figure", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 7: for a look, not for a claim")
    parser.add_argument("--database", choices=DATABASES, help="one database only")
    options = parser.parse_args()
    statuses = [
        run(figure, database, quick=options.quick)
        for figure in options.figures
        for database in ([options.database] if options.database else DATABASES)
    ]
    return max(statuses)


def run(figure: str, database: str, *, quick: bool) -> int:
    """Run one figure on one database, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="unstuck-bench-") as folder:
        url, why_not = (f"sqlite:///{folder}/bench.sqlite3", "") if database == "sqlite" else find_postgresql()
        if not url:
            print(f"{figure} on {database}: not run, because {why_not}.", file=sys.stderr)
            return 0
        environment = os.environ | {"UNSTUCK_MODE": "test", "DATABASE_URL": url, "UNSTUCK_DATA": folder}
        environment["LOG_LEVEL"] = "ERROR"
        command = [sys.executable, "-m", "tests.bench.child", figure, database, *(["--quick"] if quick else [])]
        created = make_database(url)
        try:
            return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
        finally:
            if created:
                drop_database(url)


def make_database(url: str) -> bool:
    """Create a PostgreSQL database; SQLite's file comes by itself."""
    if url.startswith("sqlite"):
        return False
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return True


def drop_database(url: str) -> None:
    """Drop it, whoever is still connected."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


if __name__ == "__main__":
    sys.exit(main())
