"""Payments of the sandbox ERP: recorded on a final document, never more than its balance."""

import sqlite3
from decimal import Decimal
from typing import Any

from integrations.sandbox.books import PAGE, Company, audit_filter
from integrations.sandbox.documents import Ledger
from integrations.sandbox.rules import Form, Problem, RefusedError, now, period_closed


class Payments:
    """All payments in the books."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger whose documents are paid."""
        self.ledger = ledger
        self.books = ledger.books
        self.run = ledger.books.run

    def show(self, row: sqlite3.Row) -> dict[str, Any]:
        """Return a payment as the API shows it."""
        return {
            "id": str(row["id"]),
            "document_id": str(row["document"]),
            "amount": row["amount"],
            "currency": row["currency"],
            "paid_on": row["paid_on"],
            "key": row["key"] if row["remembered"] else "",
            "created_at": row["created_at"],
        }

    def find(self, company: str, since: str, document_id: str, keys: list[str], after: int) -> list[dict[str, Any]]:
        """Return a page of the payments recorded since then, oldest first; of one document or of these keys."""
        conditions, values = ["company = ?", "created_at >= ?", "id > ?"], [company, since, after]
        if document_id:
            conditions.append("document = ?")
            values.append(int(document_id) if document_id.isascii() and document_id.isdigit() else 0)
        if keys:
            conditions.append(f"key IN ({', '.join('?' * len(keys))}) AND remembered")
            values += keys
        statement = f"SELECT * FROM payments WHERE {' AND '.join(conditions)} ORDER BY id LIMIT {PAGE}"  # noqa: S608 (placeholders)
        return [self.show(row) for row in self.run(statement, values).fetchall()]

    def audit(self, keys: list[str], number: str) -> list[dict[str, Any]]:
        """Return every payment; those under these keys, on documents of this number, or all; with their keys."""
        where, values = audit_filter("payments.key", keys, number)
        source = "payments JOIN documents ON documents.id = payments.document"
        rows = self.run(f"SELECT payments.* FROM {source}{where} ORDER BY payments.id", values).fetchall()  # noqa: S608 (placeholders)
        return [{**self.show(row), "key": row["key"], "company": row["company"]} for row in rows]

    def record(self, company: Company, body: dict[str, Any]) -> dict[str, Any]:
        """Record a payment and return it with `replayed`."""
        form = Form(body)
        key = form.key()
        if key and not company.ignore_keys:
            statement = "SELECT * FROM payments WHERE key = ? AND company = ? AND remembered"
            row = self.run(statement, (key, company.name)).fetchone()
            if row is not None:
                return {**self.show(row), "replayed": True}
        document_id, currency = form.text("document_id"), form.currency()
        amount, paid_on = form.amount("amount"), form.day("paid_on")
        form.finish()
        try:
            document = self.ledger.get(company.name, document_id)
        except RefusedError:
            message = f"There is no document {document_id}. It may have been deleted."
            raise RefusedError(Problem("DOCUMENT_MISSING", message, "", "document_id")) from None
        problems = judge(document, amount, currency)
        month = f"{paid_on:%Y-%m}"
        if self.books.is_closed(company.name, month):
            problems.append(period_closed(month))
        if problems:
            raise RefusedError(*problems)
        instant = now()
        row = self.run(
            "INSERT INTO payments (company, document, amount, currency, paid_on, key, remembered, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                company.name, int(document_id), str(amount), currency, str(paid_on), key,
                bool(key) and not company.ignore_keys, instant,
            ),
        ).fetchone()  # fmt: skip
        self._recount(int(document_id), amount, instant)
        return {**self.show(row), "replayed": False}

    def delete(self, company: Company, payment_id: str) -> dict[str, Any]:
        """Delete a payment; the document is open again by its amount."""
        statement = "SELECT * FROM payments WHERE id = ? AND company = ?"
        row = self.run(statement, (payment_id, company.name)).fetchone()
        if row is None:
            raise RefusedError(Problem("NOT_FOUND", f"There is no payment {payment_id}.", "", "id"), status=404)
        number = self.ledger.row(company.name, str(row["document"]))["number"]
        self.run("DELETE FROM payments WHERE id = ?", (row["id"],))
        self._recount(row["document"], -Decimal(row["amount"]), now())
        self.books.note_deletion(company.name, "payment", payment_id, number)
        return {**self.show(row), "number": number}

    def _recount(self, document: int, amount: Decimal, instant: str) -> None:
        """Add to what is paid of a document; its change shows in the feed."""
        (paid,) = self.run("SELECT paid FROM documents WHERE id = ?", (document,)).fetchone()
        statement = "UPDATE documents SET paid = ?, changed_at = ? WHERE id = ?"
        self.run(statement, (str(Decimal(paid) + amount), instant, document))


def judge(document: dict[str, Any], amount: Decimal, currency: str) -> list[Problem]:
    """Return what is wrong with a payment beside its document."""
    name, problems = f"Document {document['number']}", []
    if document["state"] == "voided":
        problems.append(Problem("DOCUMENT_VOIDED", f"{name} was voided.", "", "document_id"))
    elif document["state"] == "preliminary":
        problems.append(Problem("NOT_FINAL", f"{name} is not booked finally yet.", "", "document_id"))
    elif currency != document["currency"]:
        message = f"{name} is in {document['currency']}, the payment in {currency}."
        problems.append(Problem("CURRENCY_MISMATCH", message, "", "currency"))
    elif not amount or (amount < 0) != (Decimal(document["total"]) < 0):
        problems.append(Problem("VALIDATION", f"The amount {amount} does not fit {name}.", "", "amount"))
    elif abs(amount) > abs(Decimal(document["balance"])):
        detail = f"Open are {document['balance']} {currency}, the payment is {amount} {currency}."
        problems.append(Problem("OVERPAID", f"The payment is more than {name} has open.", detail, "amount"))
    return problems
