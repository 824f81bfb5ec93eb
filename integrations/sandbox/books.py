"""The sandbox ERP's books: one SQLite file, its companies, their parties, items and periods, and the audit list.

One process, one connection, and no `await` between the first and the last statement of a request: every write is one
transaction, and nothing runs beside it. Money is TEXT and exact.
"""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.sandbox.rules import Form, Problem, RefusedError, now, period_closed

SCHEMA = """
CREATE TABLE IF NOT EXISTS companies (
    name TEXT PRIMARY KEY, secret_digest TEXT NOT NULL, unique_numbers INTEGER NOT NULL DEFAULT 0,
    ignore_keys INTEGER NOT NULL DEFAULT 0, allow_unknown_parties INTEGER NOT NULL DEFAULT 0,
    needs_location INTEGER NOT NULL DEFAULT 0,
    preliminary_count INTEGER NOT NULL DEFAULT 0, final_count INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS masters (
    company TEXT NOT NULL, list TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 1, changed_at TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (company, list, code)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed_periods (
    company TEXT NOT NULL, month TEXT NOT NULL, PRIMARY KEY (company, month)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, direction TEXT NOT NULL, kind TEXT NOT NULL,
    number TEXT NOT NULL, party_code TEXT NOT NULL, party_name TEXT NOT NULL, invoice_date TEXT NOT NULL,
    due_date TEXT, currency TEXT NOT NULL, total TEXT NOT NULL, paid TEXT NOT NULL DEFAULT '0', lines TEXT NOT NULL,
    voided_at TEXT, created_at TEXT NOT NULL, changed_at TEXT NOT NULL, pdf TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS documents_by_number ON documents (number, company);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (company, id);
CREATE INDEX IF NOT EXISTS documents_by_change ON documents (company, changed_at, id);
CREATE TABLE IF NOT EXISTS bookings (
    id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    company TEXT NOT NULL, stage TEXT NOT NULL, key TEXT NOT NULL, remembered INTEGER NOT NULL,
    voucher TEXT NOT NULL, posting_date TEXT NOT NULL, booked_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS bookings_by_key ON bookings (key, company);
CREATE INDEX IF NOT EXISTS bookings_by_document ON bookings (document);
CREATE INDEX IF NOT EXISTS bookings_by_voucher ON bookings (voucher, company);
CREATE TABLE IF NOT EXISTS payments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL,
    document INTEGER NOT NULL REFERENCES documents (id), amount TEXT NOT NULL, currency TEXT NOT NULL,
    paid_on TEXT NOT NULL, key TEXT NOT NULL, remembered INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS payments_by_key ON payments (key, company);
CREATE INDEX IF NOT EXISTS payments_by_document ON payments (document);
CREATE INDEX IF NOT EXISTS payments_by_time ON payments (company, created_at, id);
CREATE TABLE IF NOT EXISTS deletions (
    id INTEGER PRIMARY KEY, company TEXT NOT NULL, what TEXT NOT NULL, remote_id TEXT NOT NULL,
    number TEXT NOT NULL, deleted_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deletions_by_time ON deletions (company, deleted_at, id);
CREATE TABLE IF NOT EXISTS writes (
    id INTEGER PRIMARY KEY, time TEXT NOT NULL, company TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    key TEXT NOT NULL, number TEXT NOT NULL, stage TEXT NOT NULL, effect TEXT NOT NULL, outcome TEXT NOT NULL,
    status INTEGER, trace_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS writes_by_key ON writes (key);
CREATE INDEX IF NOT EXISTS writes_by_number ON writes (number);
"""

# Columns that a file of an earlier version does not have.
ADDED = (
    ("companies", "needs_location", "INTEGER NOT NULL DEFAULT 0"),
    ("masters", "changed_at", "TEXT NOT NULL DEFAULT ''"),
    ("documents", "pdf", "TEXT NOT NULL DEFAULT ''"),
)
PREFERENCES = ("unique_numbers", "ignore_keys", "allow_unknown_parties", "needs_location")
SINGULAR = {"suppliers": "supplier", "customers": "customer", "items": "item"}
PAGE = 1000
LISTED = 5000  # lines of the list of all documents: a page stays well below a megabyte
ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the ERP and its preferences."""

    name: str
    secret_digest: str
    unique_numbers: bool = False
    ignore_keys: bool = False
    allow_unknown_parties: bool = False
    needs_location: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One line of the audit list: what was asked, what the books did, and what the sender came to see."""

    company: str
    method: str
    path: str
    trace_id: str
    effect: str  # what the books did: booked, replayed, updated, …, refused, or empty: nothing was looked at
    outcome: str  # the effect if it was answered, else lost, html, dropped, down, failed
    status: int | None  # what was answered; None: nothing
    key: str = ""
    number: str = ""
    stage: str = ""


class Books:
    """The file, and everything in it that is not a document."""

    def __init__(self, database: str) -> None:
        """Open or create the file."""
        if database != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(database, isolation_level=None, cached_statements=256)
        self.connection.row_factory = sqlite3.Row
        self.run = self.connection.execute
        self.run("PRAGMA journal_mode=WAL")
        self.run("PRAGMA synchronous=NORMAL")
        # A checkpoint waits for the disk and so does everybody: seldom, in one piece (64 MiB).
        self.run("PRAGMA wal_autocheckpoint=16384")
        self.run("PRAGMA cache_size=-65536")
        self.run("PRAGMA foreign_keys=ON")
        self.connection.executescript(SCHEMA)
        for table, column, kind in ADDED:
            if column not in {row["name"] for row in self.run(f"PRAGMA table_info({table})")}:
                self.run(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        self._companies: dict[str, Company] = {}

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything or nothing."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            self._companies.clear()  # one that was made in here is not there
            raise
        self.run("COMMIT")

    # Companies

    def authorise(self, name: str, authorization: str) -> Company:
        """Return the company that the secret opens; a new one is made and remembers this secret."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            message = "Please sign in: the header Authorization must be Bearer and the company's secret."
            raise RefusedError(Problem("UNAUTHORIZED", message), status=401)
        digest = hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).hexdigest()
        company = self._companies.get(name) or self._load_company(name)
        if company is None:
            self.run("INSERT INTO companies (name, secret_digest) VALUES (?, ?)", (name, digest))
            company = self._companies[name] = Company(name, digest)
        if not hmac.compare_digest(company.secret_digest, digest):
            message = "This secret does not open the company. Please connect it again."
            raise RefusedError(Problem("UNAUTHORIZED", message), status=401)
        return company

    def _load_company(self, name: str) -> Company | None:
        columns = ", ".join(PREFERENCES)
        row = self.run(f"SELECT secret_digest, {columns} FROM companies WHERE name = ?", (name,)).fetchone()  # noqa: S608 (constants)
        if row is None:
            return None
        company = Company(name, row[0], *(bool(value) for value in row[1:]))
        self._companies[name] = company
        return company

    def prefer(self, company: Company, body: dict[str, Any]) -> dict[str, bool]:
        """Change the named preferences and return all."""
        for name, value in body.items():
            if name not in PREFERENCES or not isinstance(value, bool):
                message = f"Preferences are {', '.join(PREFERENCES)}, each true or false."
                raise RefusedError(Problem("VALIDATION", message, "", name))
            self.run(f"UPDATE companies SET {name} = ? WHERE name = ?", (value, company.name))  # noqa: S608 (checked)
        self._companies.pop(company.name, None)
        loaded = self._load_company(company.name) or company
        return {name: getattr(loaded, name) for name in PREFERENCES}

    def next_voucher(self, company: Company, stage: str) -> str:
        """Draw the next voucher: P-000001 for a preliminary booking, F-000001 for a final one."""
        column = {"preliminary": "preliminary_count", "final": "final_count"}[stage]
        statement = f"UPDATE companies SET {column} = {column} + 1 WHERE name = ? RETURNING {column}"  # noqa: S608 (constants)
        (count,) = self.run(statement, (company.name,)).fetchone()
        return f"{stage[0].upper()}-{count:06d}"

    # Suppliers, customers, items

    def master(self, company: str, name: str, code: str) -> dict[str, Any] | None:
        """Return one entry of a list, or None."""
        row = self.run(
            "SELECT code, name, active FROM masters WHERE company = ? AND list = ? AND code = ?", (company, name, code)
        ).fetchone()
        return None if row is None else {"code": row[0], "name": row[1], "active": bool(row[2])}

    def wanted_master(self, company: str, name: str, code: str) -> dict[str, Any]:
        """Return one entry of a list, or refuse."""
        entry = self.master(company, name, code)
        if entry is None:
            message = f"There is no {SINGULAR[name]} {code}."
            raise RefusedError(Problem("NOT_FOUND", message, "", "code"), status=404)
        return entry

    def masters(self, company: str, name: str, since: str, after: str) -> list[dict[str, Any]]:
        """Return a page of a list, by code; only what changed since then."""
        rows = self.run(
            "SELECT code, name, active FROM masters"
            " WHERE company = ? AND list = ? AND code > ? AND changed_at >= ? ORDER BY code LIMIT ?",
            (company, name, after, since, PAGE),
        )
        return [{"code": row[0], "name": row[1], "active": bool(row[2])} for row in rows]

    def has_items(self, company: str) -> bool:
        """Say whether the company keeps items at all; one that does not takes any item code."""
        statement = "SELECT 1 FROM masters WHERE company = ? AND list = 'items' LIMIT 1"
        return self.run(statement, (company,)).fetchone() is not None

    def add_master(self, company: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a new entry; one that is there is 409."""
        form = Form(body)
        code = form.text("code")
        form.finish()
        if self.master(company, name, code) is not None:
            message = f"The {SINGULAR[name]} {code} is already there."
            raise RefusedError(Problem("ALREADY_THERE", message, "", "code"), status=409)
        return self.put_master(company, name, code, body)

    def put_master(self, company: str, name: str, code: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make or change an entry; what is not named stays as it is."""
        form = Form(body)
        old = self.master(company, name, code) or {"name": code, "active": True}
        title = form.text("name", needed=False) or old["name"]
        active = body.get("active", old["active"])
        if not isinstance(active, bool):
            form.complain("active", "The field active must be true or false.")
        form.finish()
        statement = (
            "INSERT OR REPLACE INTO masters (company, list, code, name, active, changed_at) VALUES (?, ?, ?, ?, ?, ?)"
        )
        self.run(statement, (company, name, code, title, active, now()))
        return {"code": code, "name": title, "active": active}

    def delete_master(self, company: str, name: str, code: str) -> None:
        """Delete an entry; customers and suppliers go into the deletions feed."""
        self.wanted_master(company, name, code)
        self.run("DELETE FROM masters WHERE company = ? AND list = ? AND code = ?", (company, name, code))
        self.note_deletion(company, SINGULAR[name], code, code)

    # Periods

    def is_closed(self, company: str, month: str) -> bool:
        """Say whether the month is closed, for this company or for all."""
        statement = "SELECT 1 FROM closed_periods WHERE company IN ('', ?) AND month = ?"
        return self.run(statement, (company, month)).fetchone() is not None

    def demand_open(self, company: str, month: str) -> None:
        """Refuse to write into a closed month."""
        if self.is_closed(company, month):
            raise RefusedError(period_closed(month))

    def close_period(self, company: str, month: str) -> None:
        """Close a month, for all companies if `company` is empty."""
        self.run("INSERT OR IGNORE INTO closed_periods VALUES (?, ?)", (company, month))

    def open_period(self, company: str, month: str) -> None:
        """Open a month again; without a company, whoever had closed it."""
        self.run("DELETE FROM closed_periods WHERE month = ? AND ? IN ('', company)", (month, company))

    def closed_periods(self, company: str) -> list[str]:
        """Return the closed months."""
        statement = "SELECT DISTINCT month FROM closed_periods WHERE company IN ('', ?) ORDER BY month"
        return [row[0] for row in self.run(statement, (company,))]

    # Deletions and the audit list

    def note_deletion(self, company: str, what: str, remote_id: str, number: str) -> None:
        """Write one line of the deletions feed."""
        self.run(
            "INSERT INTO deletions (company, what, remote_id, number, deleted_at) VALUES (?, ?, ?, ?, ?)",
            (company, what, remote_id, number, now()),
        )

    def deletions(self, company: str, since: str, after: int) -> list[dict[str, Any]]:
        """Return a page of what was deleted since then, oldest first."""
        rows = self.run(
            "SELECT id, what, remote_id, number, deleted_at FROM deletions"
            " WHERE company = ? AND deleted_at >= ? AND id > ? ORDER BY id LIMIT ?",
            (company, since, after, PAGE),
        )
        return [dict(row) for row in rows]

    def note_write(self, write: Write) -> None:
        """Write one line of the audit list."""
        self.run(
            "INSERT INTO writes (time, company, method, path, key, number, stage, effect, outcome, status, trace_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                now(), write.company, write.method, write.path, write.key, write.number, write.stage, write.effect,
                write.outcome, write.status, write.trace_id,
            ),
        )  # fmt: skip

    def writes(self, keys: list[str], number: str) -> list[dict[str, Any]]:
        """Return the audit list, oldest first; of these keys, of this number, or all of it."""
        where, values = audit_filter("key", keys, number)
        rows = self.run(f"SELECT * FROM writes{where} ORDER BY id", values)  # noqa: S608 (placeholders)
        return [dict(row) for row in rows]


def audit_filter(key_column: str, keys: list[str], number: str) -> tuple[str, list[str]]:
    """Return the WHERE that `GET /audit/?key=&number=` asks for, and its values."""
    conditions, values = [], list(keys)
    if keys:
        conditions.append(f"{key_column} IN ({', '.join('?' * len(keys))})")
    if number:
        conditions.append("number = ?")
        values.append(number)
    return (" WHERE " + " AND ".join(conditions) if conditions else ""), values


def as_json(value: object) -> str:
    """Return compact JSON."""
    return ENCODER.encode(value)
