"""Documents of the sandbox ERP: booking them, changing them, paying them, and finding them again.

A document is one per invoice and carries its bookings, one a stage. The ERP is naive: the same key is answered with
the first booking, but another key with the same number books again, unless the company prefers `unique_numbers`.
"""

import json
import sqlite3
from decimal import Decimal
from typing import Any

from integrations.sandbox.books import LISTED, PAGE, Books, Company, as_json, audit_filter
from integrations.sandbox.rules import (
    PAPERS,
    STAGES,
    Draft,
    Form,
    Problem,
    RefusedError,
    judge_content,
    judge_locations,
    now,
    period_closed,
    read_draft,
)

IDENTITY = ("direction", "kind", "number", "party_code")
LARGEST_PAGE = 500_000  # bytes of documents in one page of changes, unless a single one is larger


def missing(document_id: str) -> RefusedError:
    """Say that there is no such document."""
    message = f"There is no document {document_id}. It may have been deleted."
    return RefusedError(Problem("DOCUMENT_MISSING", message, "", "id"), status=404)


class Ledger:
    """All documents and payments in the books."""

    def __init__(self, books: Books) -> None:
        """Take the open books."""
        self.books = books
        self.run = books.run

    # Reading

    def row(self, company: str, document_id: str) -> sqlite3.Row:
        """Return a document's row, or refuse."""
        row: sqlite3.Row | None = None
        if document_id.isascii() and document_id.isdigit() and len(document_id) < 19:
            statement = "SELECT * FROM documents WHERE id = ? AND (company = ? OR ? = '')"
            row = self.run(statement, (int(document_id), company, company)).fetchone()
        if row is None:
            raise missing(document_id)
        return row

    def show(self, row: sqlite3.Row, *, lines: bool = True, audit: bool = False) -> dict[str, Any]:
        """Return a document as the API shows it; the audit list also sees keys that were not remembered."""
        bookings = self.run(
            "SELECT stage, key, voucher, posting_date, booked_at, remembered FROM bookings"
            " WHERE document = ? ORDER BY id",
            (row["id"],),
        ).fetchall()
        total, paid = Decimal(row["total"]), Decimal(row["paid"])
        if row["voided_at"]:
            state, balance = "voided", Decimal(0)
        else:
            balance = total - paid
            state = "partially_paid" if paid else "open"
            if all(booking["stage"] == "preliminary" for booking in bookings):
                state = "preliminary"
            elif paid and not balance:
                state = "paid"
        shown = {
            "id": str(row["id"]),
            "company": row["company"],
            "direction": row["direction"],
            "kind": row["kind"],
            "number": row["number"],
            "party": {"code": row["party_code"], "name": row["party_name"]},
            "invoice_date": row["invoice_date"],
            "due_date": row["due_date"],
            "currency": row["currency"],
            "total": row["total"],
            "balance": str(balance),
            "state": state,
            "changed_at": row["changed_at"],
            "url": f"/documents/{row['id']}/view/",
            "has_pdf": row["pdf"] != "none",
            "bookings": [
                {
                    "stage": booking["stage"],
                    "key": booking["key"] if audit or booking["remembered"] else "",
                    "voucher": booking["voucher"],
                    "posting_date": booking["posting_date"],
                    "booked_at": booking["booked_at"],
                }
                for booking in bookings
            ],
        }
        if lines:
            shown["lines"] = json.loads(row["lines"])
        return shown

    def get(self, company: str, document_id: str) -> dict[str, Any]:
        """Return one document; of any company if `company` is empty."""
        return self.show(self.row(company, document_id))

    def find(self, company: str, keys: list[str], filters: dict[str, str]) -> list[dict[str, Any]]:
        """Return the documents of these keys, or with these facts (direction, kind, number, party)."""
        conditions, values = ["company = ?"], [company]
        for column, value in filters.items():
            conditions.append(f"{column} = ?")
            values.append(value)
        if keys:
            marks = ", ".join("?" * len(keys))
            conditions.append(
                f"id IN (SELECT document FROM bookings WHERE key IN ({marks}) AND company = ? AND remembered)"  # noqa: S608 (placeholders)
            )
            values += [*keys, company]
        statement = f"SELECT * FROM documents WHERE {' AND '.join(conditions)} ORDER BY id LIMIT {PAGE}"  # noqa: S608 (placeholders)
        return [self.show(row) for row in self.run(statement, values).fetchall()]

    def changes(self, company: str, since: str, after: str) -> list[dict[str, Any]]:
        """Return a page of what changed since then, oldest first; `after` is the last line of the page before."""
        changed_at, _, last = after.partition("|")
        rows = self.run(
            "SELECT * FROM documents WHERE company = ? AND changed_at >= ? AND (changed_at, id) > (?, ?)"
            " ORDER BY changed_at, id LIMIT ?",
            (company, since, changed_at, int(last) if last.isdigit() else 0, PAGE),
        )
        page: list[dict[str, Any]] = []
        size = 0
        for row in rows.fetchall():
            shown = self.show(row)
            size += len(as_json(shown).encode())
            if page and size > LARGEST_PAGE:
                break
            page.append(shown)
        return page

    def listing(self, company: str, after: int) -> list[dict[str, str]]:
        """Return a page of all documents, by id: what is needed to compare, and no more."""
        rows = self.run(
            "SELECT id, number, total, paid, currency, voided_at FROM documents WHERE company = ? AND id > ?"
            " ORDER BY id LIMIT ?",
            (company, after, LISTED),
        )
        return [
            {
                "id": str(row["id"]),
                "number": row["number"],
                "total": row["total"],
                "balance": "0" if row["voided_at"] else str(Decimal(row["total"]) - Decimal(row["paid"])),
                "currency": row["currency"],
            }
            for row in rows
        ]

    def audit(self, keys: list[str], number: str) -> list[dict[str, Any]]:
        """Return every document of every company; with one of these keys, with this number, or all."""
        where, values = audit_filter("bookings.key", keys, number)
        source = "documents JOIN bookings ON bookings.document = documents.id" if keys else "documents"
        rows = self.run(f"SELECT DISTINCT documents.* FROM {source}{where} ORDER BY documents.id", values)  # noqa: S608 (placeholders)
        return [self.show(row, audit=True) for row in rows.fetchall()]

    # Booking

    def book(self, company: Company, body: dict[str, Any]) -> dict[str, Any]:
        """Book a document at a stage and return it with `booking` and `replayed`."""
        form = Form(body)
        key = form.key()
        replay = self._replay(company, key)
        if replay is not None:
            return replay
        stage = form.text("stage", among=STAGES)
        remote_id = form.text("remote_id", needed=False)
        preliminary_voucher = form.text("preliminary_voucher", needed=False)
        draft = read_draft(form)
        existing = self._existing(company, remote_id, preliminary_voucher)
        problems = judge_content(draft) + self._judge(company, draft, existing, stage)
        if problems:
            raise RefusedError(*problems)
        instant = now()
        document_id = self._save(company, draft, existing, instant)
        self.run(
            "INSERT INTO bookings (document, company, stage, key, remembered, voucher, posting_date, booked_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document_id, company.name, stage, key, bool(key) and not company.ignore_keys,
                self.books.next_voucher(company, stage), str(draft.posting_date or draft.invoice_date), instant,
            ),
        )  # fmt: skip
        shown = self.get(company.name, str(document_id))
        return {**shown, "booking": shown["bookings"][-1], "replayed": False}

    def _replay(self, company: Company, key: str) -> dict[str, Any] | None:
        """Return the first answer to this key, if it is remembered."""
        if not key or company.ignore_keys:
            return None
        statement = "SELECT document, voucher FROM bookings WHERE key = ? AND company = ? AND remembered ORDER BY id"
        row = self.run(statement, (key, company.name)).fetchone()
        if row is None:
            return None
        shown = self.get(company.name, str(row["document"]))
        (first,) = (booking for booking in shown["bookings"] if booking["voucher"] == row["voucher"])
        return {**shown, "booking": first, "replayed": True}

    def _existing(self, company: Company, remote_id: str, preliminary_voucher: str) -> sqlite3.Row | None:
        """Return the document to book on: the one named by id, else the one of a voucher that is found."""
        row: sqlite3.Row | None
        if remote_id:
            try:
                row = self.row(company.name, remote_id)
            except RefusedError:
                message = f"There is no document {remote_id}. It may have been deleted."
                raise RefusedError(Problem("DOCUMENT_MISSING", message, "", "remote_id")) from None
        else:
            row = self.run(
                "SELECT documents.* FROM bookings JOIN documents ON documents.id = bookings.document"
                " WHERE bookings.voucher = ? AND bookings.company = ?",
                (preliminary_voucher, company.name),
            ).fetchone() if preliminary_voucher else None  # fmt: skip
        if row is not None and row["voided_at"]:
            message = f"Document {row['id']} was voided. Nothing can be booked on it any more."
            raise RefusedError(Problem("DOCUMENT_VOIDED", message, "", "remote_id"))
        return row

    def _judge(self, company: Company, draft: Draft, existing: sqlite3.Row | None, stage: str) -> list[Problem]:
        """Return what is wrong with a document beside what the books hold; stage is empty when nothing is booked."""
        problems = []
        if self.books.is_closed(company.name, draft.month):
            problems.append(period_closed(draft.month))
        problems += self._judge_party(company, draft) + self._judge_items(company, draft)
        if company.needs_location:
            problems += judge_locations(draft)
        if company.unique_numbers:
            problems += self._judge_number(company, draft, existing, stage)
        return problems

    def _judge_party(self, company: Company, draft: Draft) -> list[Problem]:
        party = self.books.master(company.name, draft.role, draft.party_code)
        word = draft.role.removesuffix("s")
        if party is None and not company.allow_unknown_parties:
            message = f"There is no {word} {draft.party_code}."
            return [Problem("PARTY_MISSING", message, f"Create the {word} first.", "party.code")]
        if party is not None and not party["active"]:
            message = f"The {word} {draft.party_code} is inactive."
            return [Problem("PARTY_INACTIVE", message, f"Make the {word} active again.", "party.code")]
        return []

    def _judge_items(self, company: Company, draft: Draft) -> list[Problem]:
        problems = []
        for index, line in enumerate(draft.lines):
            if not line["item"]:
                continue
            item = self.books.master(company.name, "items", line["item"])
            place = f"lines[{index}].item"
            if item is None and self.books.has_items(company.name):
                message = f"There is no item {line['item']}."
                problems.append(Problem("ITEM_UNKNOWN", message, "Create it, or take it off the line.", place))
            elif item is not None and not item["active"]:
                message = f"The item {line['item']} is inactive."
                problems.append(Problem("ITEM_INACTIVE", message, "Make it active again, or take it off.", place))
        return problems

    def _judge_number(self, company: Company, draft: Draft, existing: sqlite3.Row | None, stage: str) -> list[Problem]:
        other = self.run(
            "SELECT id, number FROM documents WHERE number = ? AND company = ? AND direction = ? AND kind = ?"
            " AND party_code = ? AND voided_at IS NULL AND id <> ? LIMIT 1",
            (
                draft.number,
                company.name,
                draft.direction,
                draft.kind,
                draft.party_code,
                existing["id"] if existing else 0,
            ),
        ).fetchone()
        if other is None and existing is not None and stage:
            statement = "SELECT 1 FROM bookings WHERE document = ? AND stage = ?"
            if self.run(statement, (existing["id"], stage)).fetchone() is not None:
                other = existing
        if other is None:
            return []
        message = f"The number {other['number']} is already in use."
        detail = f"Number {other['number']} is assigned to document {other['id']}."
        return [Problem("DUPLICATE_NUMBER", message, detail, "number")]

    def _save(self, company: Company, draft: Draft, existing: sqlite3.Row | None, instant: str) -> int:
        """Write the document, new or over the existing one, and return its id."""
        facts = (
            draft.direction, draft.kind, draft.number, draft.party_code, draft.party_name, str(draft.invoice_date),
            str(draft.due_date) if draft.due_date else None, draft.currency, str(draft.total), as_json(draft.lines),
            instant,
        )  # fmt: skip
        if existing is not None:
            self.run(
                "UPDATE documents SET direction = ?, kind = ?, number = ?, party_code = ?, party_name = ?,"
                " invoice_date = ?, due_date = ?, currency = ?, total = ?, lines = ?, changed_at = ? WHERE id = ?",
                (*facts, existing["id"]),
            )
            return int(existing["id"])
        (document_id,) = self.run(
            "INSERT INTO documents (direction, kind, number, party_code, party_name, invoice_date, due_date, currency,"
            " total, lines, changed_at, created_at, company) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            (*facts, instant, company.name),
        ).fetchone()
        return int(document_id)

    # Changing

    def update(self, company: Company, document_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change a document that is not final yet; what is not named stays as it is."""
        row = self.row(company.name, document_id)
        shown = self.show(row)
        if any(booking["stage"] == "final" for booking in shown["bookings"]):
            message = f"Document {document_id} is final and cannot be changed. Void it, or book a credit memo."
            raise RefusedError(Problem("ALREADY_FINAL", message, "", "id"))
        if row["voided_at"]:
            raise RefusedError(Problem("DOCUMENT_VOIDED", f"Document {document_id} was voided.", "", "id"))
        draft = read_draft(Form({**shown, **body}))
        problems = judge_content(draft) + self._judge(company, draft, row, "")
        if problems:
            raise RefusedError(*problems)
        self._save(company, draft, row, now())
        return self.get(company.name, document_id)

    def edit(self, company: Company, document_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Let a person in the ERP correct a document, booked or not; what is not named stays as it is.

        `pdf` says what becomes of its PDF: printed anew (empty), none, large, or other (no PDF at all).
        """
        row = self.row(company.name, document_id)
        if row["voided_at"]:
            raise RefusedError(Problem("DOCUMENT_VOIDED", f"Document {document_id} was voided.", "", "id"))
        form = Form({**self.show(row), **body})
        pdf = form.text("pdf", needed=False, among=PAPERS) if "pdf" in body else row["pdf"]
        draft = read_draft(form)
        problems = judge_content(draft) + self._judge(company, draft, row, "")
        if draft.total < Decimal(row["paid"]):
            detail = f"Paid are {row['paid']} {row['currency']}. Delete payments first."
            problems.append(Problem("OVERPAID", f"The total of document {document_id} is below its payments.", detail))
        if problems:
            raise RefusedError(*problems)
        self._save(company, draft, row, now())
        self.run("UPDATE documents SET pdf = ? WHERE id = ?", (pdf, row["id"]))
        return self.get(company.name, document_id)

    def void(self, company: Company, document_id: str) -> dict[str, Any]:
        """Void a document; one that is voided already stays so and is no error."""
        row = self.row(company.name, document_id)
        if not row["voided_at"]:
            self._demand_removable(row)
            instant = now()
            self.run("UPDATE documents SET voided_at = ?, changed_at = ? WHERE id = ?", (instant, instant, row["id"]))
        return self.get(company.name, document_id)

    def delete(self, company: Company, document_id: str) -> dict[str, Any]:
        """Delete a document for good; it goes into the deletions feed."""
        row = self.row(company.name, document_id)
        shown = self.show(row)
        self._demand_removable(row)
        self.run("DELETE FROM documents WHERE id = ?", (row["id"],))
        self.books.note_deletion(company.name, "document", document_id, row["number"])
        return shown

    def _demand_removable(self, row: sqlite3.Row) -> None:
        """Refuse to void or delete what was paid or lies in a closed period."""
        if self.run("SELECT 1 FROM payments WHERE document = ?", (row["id"],)).fetchone() is not None:
            message = f"Document {row['id']} has payments. Delete them first."
            raise RefusedError(Problem("HAS_PAYMENTS", message, "", "id"))
        statement = "SELECT posting_date FROM bookings WHERE document = ? ORDER BY id DESC LIMIT 1"
        (posting_date,) = self.run(statement, (row["id"],)).fetchone()
        self.books.demand_open(row["company"], posting_date[:7])
