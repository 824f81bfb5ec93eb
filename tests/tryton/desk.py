"""The desk of a client whose ERP is a real Tryton."""

import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

from integrations.actions import post_again
from integrations.erps.contract import Connector
from integrations.erps.registry import connect
from integrations.models import Connection
from invoices.actions.intake import InvoiceGiven, edit_invoice, lines_of
from invoices.models import Client, Invoice
from tests.delivery.desk import Desk
from tests.tryton.server import COMPANY, TrytonServer, today


class TrytonDesk(Desk):
    """What tests do to a client, in the words of the desk; its `erp` is a Tryton."""

    erp: TrytonServer

    @classmethod
    def open(cls, erp: TrytonServer, client: Client, clerk, approver, handler, *, call_timeout=20) -> "TrytonDesk":
        connection = Connection.objects.create(
            client=client, connector="tryton", company=COMPANY, secret=erp.key, call_timeout_seconds=call_timeout
        )
        return cls(erp, client, connection, clerk, approver, handler, [])

    def hand_in(self, number: str = "", **facts: Any) -> Invoice:
        return super().hand_in(number, **{"invoice_date": today() - timedelta(days=1), **facts})

    def connector(self) -> Connector:
        return connect("tryton", self.connection.access(), 1)

    def book_both(self, number: str = "", **facts: Any) -> Invoice:
        """Have a payable booked preliminarily and finally."""
        invoice = self.post(number, **facts)
        self.drain()
        self.approve(invoice)
        self.drain()
        return self.see(invoice)

    def mend(self, invoice: Invoice, **facts: Any) -> Invoice:
        """Edit a refused invoice, post it again, and have it delivered."""
        invoice = self.see(invoice)
        given = InvoiceGiven(
            direction=invoice.direction,
            kind=invoice.kind,
            number=invoice.number,
            party_code=invoice.counterparty.code,
            party_name=invoice.counterparty.name,
            invoice_date=invoice.invoice_date,
            due_date=invoice.due_date,
            currency=invoice.currency,
            lines=lines_of(invoice),
        )
        if facts:
            edit_invoice(invoice.pk, replace(given, **facts), by=self.clerk)
        post_again(invoice.pk, by=self.handler, reason="Mended")
        self.settle()
        return self.see(invoice)

    def in_tryton(self) -> Counter[tuple[str, str]]:
        """Count reference and state of every invoice in Tryton's own database, past Tryton itself."""
        statement = "SELECT reference, state FROM account_invoice"
        books = self.erp.books
        if books.postgresql:
            with psycopg.connect(books.postgresql, dbname=books.database) as opened:
                return Counter(opened.execute(statement).fetchall())
        opened = sqlite3.connect(f"file:{books.folder / books.database}.sqlite?mode=ro", uri=True)
        try:
            return Counter(opened.execute(statement).fetchall())
        finally:
            opened.close()

    def states(self, invoice: Invoice) -> list[str]:
        """Return the states of Tryton's invoices of the invoice's number."""
        return sorted(
            state
            for (number, state), count in self.in_tryton().items()
            for _one in range(count)
            if number == invoice.number
        )
