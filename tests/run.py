"""`make test` and `make check`: the checks, then the suite on SQLite and on PostgreSQL.

The last line of the output is always pytest's own closing line; what ran where stands right above it.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MANAGE = [sys.executable, "manage.py"]
SERVER = "127.0.0.1:5432"
CHECKS = {
    "ruff check": [BIN / "ruff", "check", "--quiet", "."],
    "ruff format --check": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "mypy": [BIN / "mypy", "--no-error-summary", "."],
    "lint-imports": [BIN / "lint-imports", "--no-cache"],
    "makemigrations --check": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    "check --deploy": [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
}
# Three keep two cores busy, because many tests wait; the files come in the order of tests/conftest.py.
SPREAD = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
MODES = {
    "makemigrations --check": {"UNSTUCK_MODE": "test"},
    "check --deploy": {
        "UNSTUCK_MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "unstuck.example.com",
        "DATABASE_URL": "sqlite:///:memory:",
    },
}


def main() -> int:
    """Run what was asked for and return the exit status."""
    parser = argparse.ArgumentParser(description="Run the checks and the tests.")
    parser.add_argument("what", choices=("check", "test"))
    parser.add_argument("pytest", nargs="*", help="options and paths for pytest, after --")
    options = parser.parse_args()
    os.chdir(ROOT)
    failed = run_checks()
    if options.what == "check":
        return report_checks(failed)
    return run_tests(failed, options.pytest)


def run_checks() -> list[str]:
    """Run every check, show what the failing ones say, and return their names."""
    failed = []
    for name, command in CHECKS.items():
        began = time.monotonic()
        environment = os.environ | {"UNSTUCK_MODE": "test", "NO_COLOR": "1"} | MODES.get(name, {})
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        say(f"{name}: {'ok' if ran.returncode == 0 else 'FAILED'} ({time.monotonic() - began:.1f} s)")
        if ran.returncode != 0:
            failed.append(name)
            say((ran.stdout + ran.stderr).rstrip())
    return failed


def report_checks(failed: list[str]) -> int:
    """Say how the checks went."""
    say(f"Checks failed: {', '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0


def run_tests(failed_checks: list[str], arguments: list[str]) -> int:
    """Run the suite on each database, and close with pytest's own line."""
    ran: dict[str, tuple[int, str]] = {}
    url, why_not = find_postgresql()
    with tempfile.TemporaryDirectory(prefix="unstuck-tests-") as data:
        database = {"DATABASE_URL": f"sqlite:///{data}/unstuck.sqlite3", "POSTGRESQL_FOLLOWS": "yes" if url else ""}
        ran["SQLite"] = run_pytest("SQLite", database, data, arguments)
        if url:
            database = {"DATABASE_URL": url, "RAN_ON_SQLITE": "yes"}
            ran["PostgreSQL"] = run_pytest("PostgreSQL", database, data, arguments)
    say("")
    report_checks(failed_checks)
    sentences = [f"Ran on {name}: {closing}" for name, (_status, closing) in ran.items()]
    say("; ".join(sentences) + ("." if url else f". PostgreSQL: not run, because {why_not}."))
    broken = [closing for status, closing in ran.values() if status != 0]
    lacking = not url and bool(os.environ.get("REQUIRE_POSTGRESQL"))
    if lacking:
        say("This does not count as a full run: here the suite must have run on PostgreSQL too.")
    say(broken[0] if broken else list(ran.values())[-1][1])
    return 1 if broken or failed_checks or lacking else 0


def run_pytest(name: str, database: Mapping[str, str], data: str, arguments: list[str]) -> tuple[int, str]:
    """Run the suite on one database, passing its lines on as they come; return its status and its closing line."""
    say(f"\nTests on {name} …")
    environment = os.environ | {
        "UNSTUCK_MODE": "test",
        "UNSTUCK_DATA": data,
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        "PYTHONDONTWRITEBYTECODE": "",  # what is compiled once serves every process after it
    }
    command = [sys.executable, "-m", "pytest", *SPREAD, "--color", "no", *arguments]
    closing = ""
    with subprocess.Popen(
        command, env=environment | database, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if closing:
                say(closing)
            closing = line.rstrip()
    return process.returncode, closing or "pytest said nothing"


def find_postgresql() -> tuple[str, str]:
    """Return the URL of a throw-away database on PostgreSQL, or an empty one and why there is none."""
    given = os.environ.get("TEST_DATABASE_URL", "")
    if given:
        return given, ""
    said = ""
    for user in dict.fromkeys(("root", "postgres", os.environ.get("USER", "postgres"))):
        try:
            with psycopg.connect(f"postgresql://{user}@{SERVER}/postgres", connect_timeout=3) as connection:
                row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
                if (row.fetchone() or (False,))[0]:
                    return f"postgres://{user}@{SERVER}/unstuck_{secrets.token_hex(4)}", ""
                said = f"the user {user} may not create databases on {SERVER}"
        except psycopg.OperationalError as exc:
            said = said or f"no server lets us in on {SERVER} ({str(exc).splitlines()[0]})"
    return "", said + "; set TEST_DATABASE_URL to use one"


def say(line: str) -> None:
    """Print a line at once, so that lines of ours and of pytest keep their order."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
