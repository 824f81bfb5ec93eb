"""Tryton's databases: made once as a template, which takes up to a minute, and copied from then on, which takes none.

A template is made under another name and gets its own with the last step, so one that was cut short is never used. Its
name holds what went into it: the series, the pins, the seed and the year, whose periods are seeded.
"""

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from integrations.tryton_server.environment import home_of, locked, pins_of, plain_environment, python_of

HERE: Final = Path(__file__).resolve().parent
MODULES: Final = ("account_invoice", "account_payment")
COMPANIES: Final = {"acme": "Acme Corporation", "globex": "Globex Trading"}  # by the name in their users' logins
DATABASE: Final = "erp"
# retry: with its default two posts at once end in 503. timeout: a session must be fresh to post over JSON-RPC.
CONFIGURATION: Final = """[database]
uri = {uri}
path = {folder}
list = False
retry = 60

[web]
listen = 127.0.0.1:{port}

[session]
timeout = 86400
max_attempt = 50

[request]
timeout = 60
"""
LOGGING: Final = """[loggers]
keys = root, requests

[handlers]
keys = console

[formatters]
keys = plain

[logger_root]
level = WARNING
handlers = console

[logger_requests]
level = WARNING
qualname = werkzeug
handlers =

[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain

[formatter_plain]
format = tryton: %(levelname)s %(name)s %(message)s
"""


class CannotPrepareError(Exception):
    """Tryton's database could not be made; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Template:
    """A database to copy from: where it lies, and the secrets in it."""

    series: str
    folder: Path
    name: str
    postgresql: str = ""  # the server's URI, ending in a slash; empty: SQLite

    @property
    def secrets_file(self) -> Path:
        """Where its secrets stand, for the eyes of this user alone."""
        # Two templates of one name, on SQLite and on PostgreSQL, are two databases with secrets of their own.
        return self.folder / f"{self.name}.{'postgresql' if self.postgresql else 'sqlite'}.json"

    @property
    def file(self) -> Path:
        """The database itself, on SQLite."""
        return self.folder / f"{self.name}.sqlite"


@dataclass(frozen=True, slots=True)
class Books:
    """One database of a Tryton, and how to get at it."""

    series: str
    folder: Path
    database: str
    postgresql: str
    password: str
    keys: dict[str, str]  # the application key of each company, by its name

    @property
    def uri(self) -> str:
        """What Tryton is told of its database server; the database itself is named beside it."""
        return self.postgresql or "sqlite:///"

    @property
    def configuration(self) -> Path:
        """The server's configuration file."""
        return self.folder / f"trytond-{self.database}.conf"

    def configure(self, port: int) -> None:
        """Write the configuration for a server on a port of loopback."""
        self.configuration.touch(mode=0o600)  # the URI may hold a password
        text = CONFIGURATION.format(uri=self.uri, folder=self.folder, port=port).replace("%", "%%")
        self.configuration.write_text(text)
        self.logging.write_text(LOGGING)

    @property
    def logging(self) -> Path:
        """What the server writes into its log: each request, if it were not told otherwise."""
        return self.folder / "logging.conf"

    def command(self) -> list[str]:
        """Return the command of the server."""
        program = str(home_of(self.series) / "bin" / "trytond")
        return [program, "-c", str(self.configuration), "--logconf", str(self.logging), "-d", self.database]


def prepare_template(folder: Path, *, series: str, postgresql: str = "") -> Template:
    """Return the template of a series, made now unless it is there; raises CannotPrepareError.

    `postgresql` is the URI of a server, without a database. One process at a time makes one, others wait for it.
    """
    parts = [pins_of(series).read_bytes(), (HERE / "seed.py").read_bytes(), CONFIGURATION.encode()]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()[:8]
    name = f"unstuck_tryton_{series.replace('.', '_')}_{date.today().year}_{digest}"  # noqa: DTZ011 (Tryton's own today)
    template = Template(series, folder.resolve(), name, postgresql)
    with locked(folder / f"{'postgresql' if postgresql else 'sqlite'}-{series}.lock"):
        if not _is_there(template):
            _make(template)
    return template


def open_books(template: Template, folder: Path, database: str = DATABASE) -> Books:
    """Return the database of a folder: the one that lies there, or a new copy of the template."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{database}.json"
    if not kept.exists():
        if template.postgresql:
            _postgresql(template, "drop", database)
            _postgresql(template, "create", database, template.name)
        else:
            _forget(folder, database)
            shutil.copy(template.file, folder / f"{database}.sqlite")
        _keep(template.secrets_file.read_text(), kept)
    said = json.loads(kept.read_text())
    keys = {COMPANIES[slug]: key for slug, key in said["keys"].items()}
    return Books(template.series, folder.resolve(), database, template.postgresql, said["password"], keys)


def drop_books(books: Books) -> None:
    """Delete a database."""
    (books.folder / f"{books.database}.json").unlink(missing_ok=True)
    if books.postgresql:
        _postgresql(Template(books.series, books.folder, "", books.postgresql), "drop", books.database)
    else:
        _forget(books.folder, books.database)


def _is_there(template: Template) -> bool:
    if not template.secrets_file.exists():
        return False
    return _postgresql(template, "exists", template.name) if template.postgresql else template.file.exists()


def _make(template: Template) -> None:
    """Make the database under another name, seed it, and give it its name."""
    making = f"{template.name}_making"
    chosen, keys = secrets.token_urlsafe(16), {slug: secrets.token_hex(32) for slug in COMPANIES}
    said = {"password": chosen, "keys": keys}
    books = Books(template.series, template.folder, making, template.postgresql, chosen, keys)
    template.secrets_file.unlink(missing_ok=True)
    if template.postgresql:
        _postgresql(template, "drop", making)
        _postgresql(template, "create", making)
    else:
        _forget(template.folder, making)
        (template.folder / f"{making}.sqlite").touch(mode=0o600)
    books.configure(0)
    password = template.folder / f"{making}.password"
    _keep(chosen, password)
    environment = plain_environment() | {"TRYTONPASSFILE": str(password), "PGOPTIONS": "-c synchronous_commit=off"}
    try:
        _run(
            [
                str(home_of(template.series) / "bin" / "trytond-admin"),
                *("-c", str(books.configuration), "-d", making, "-u", *MODULES, "--activate-dependencies"),
                *("-p", "--email", "admin@example.com"),  # an empty address would be asked for
            ],
            environment,
        )
        seed = [str(python_of(template.series)), str(HERE / "seed.py"), books.uri, making, str(books.configuration)]
        _run(seed, environment, json.dumps({**said, "companies": COMPANIES}))
    finally:
        password.unlink()
        books.configuration.unlink()
    if template.postgresql:
        _postgresql(template, "drop", template.name)
        _postgresql(template, "rename", making, template.name)
    else:
        with sqlite3.connect(template.folder / f"{making}.sqlite") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        (template.folder / f"{making}.sqlite").replace(template.file)
        _forget(template.folder, making)
    _keep(json.dumps(said), template.secrets_file)


def _keep(text: str, path: Path) -> None:
    """Write a secret whole or not at all, for this user alone."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


def _forget(folder: Path, database: str) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        (folder / f"{database}.sqlite{suffix}").unlink(missing_ok=True)


def _postgresql(template: Template, *words: str) -> bool:
    command = [str(python_of(template.series)), str(HERE / "postgresql.py"), template.postgresql, *words]
    return _run(command, plain_environment(), fine=(0, 3)) == 0


def _run(command: list[str], environment: dict[str, str], given: str = "", fine: tuple[int, ...] = (0,)) -> int:
    ran = subprocess.run(command, env=environment, input=given, capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    if ran.returncode not in fine:
        last = (ran.stderr or ran.stdout).strip().splitlines()
        program = os.path.basename(command[1] if "python" in command[0] else command[0])
        raise CannotPrepareError(f"Tryton's database could not be made ({program}): {last[-1] if last else '?'}")
    return ran.returncode
