"""What the tests of delivery do to a client, its connection and its ERP, in the words of the desk."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import User
from django.db import connections
from django.db.models import F

from integrations import delivery
from integrations.erps.contract import Connector
from integrations.erps.registry import connect
from integrations.lanes import Job
from integrations.models import Connection
from invoices import clock
from invoices.actions.flow import approve_invoice, post_invoice
from invoices.actions.intake import InvoiceGiven, LineGiven, hand_in
from invoices.actions.receipts import record_payment
from invoices.models import Client, IntegrationMessage, Invoice, Payment
from tests.erp_server import ErpServer
from tests.invariants import Answer, assert_holds, read_audit

SECRET = "open-sesame/4711+secret"
NUMBERS = count(1)
AGO = timedelta(hours=1)


@dataclass
class Desk:
    """One client, its people and its ERP."""

    erp: ErpServer
    client: Client
    connection: Connection
    clerk: User
    approver: User
    handler: User
    answers: list[Answer]

    @classmethod
    def open(
        cls, erp: ErpServer, client: Client, clerk: User, approver: User, handler: User, *, company: str
    ) -> "Desk":
        """Connect `client` to a company of its own."""
        connection = Connection.objects.create(
            client=client, connector="sandbox", company=company, secret=SECRET, lanes=4, call_timeout_seconds=5
        )
        desk = cls(erp, client, connection, clerk, approver, handler, [])
        desk.ask("PUT", "suppliers/SUP-1/", {"name": "Paper & Sons"})
        desk.ask("PUT", "customers/CUS-1/", {"name": "Readers"})
        return desk

    # The ERP

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request to the client's company in the ERP, past all that is tested."""
        company = quote(self.connection.company, safe="")
        status, answer = self.erp.ask(method, f"companies/{company}/{path}", body, secret=SECRET)
        assert status < 300, answer
        return answer

    def prefer(self, **preferences: bool) -> None:
        """Change the company's preferences."""
        self.ask("PUT", "preferences/", preferences)

    def book_by_hand(self, invoice: Invoice, **facts: Any) -> Any:
        """Have somebody type the invoice into the ERP."""
        total = str(facts.get("total", invoice.total))
        line = {"description": "Paper", "quantity": "1", "unit_price": total, "amount": total}
        usual = {
            "stage": "preliminary",
            "direction": invoice.direction,
            "kind": invoice.kind,
            "number": invoice.number,
            "party": {"code": invoice.counterparty.code},
            "invoice_date": str(invoice.invoice_date),
            "currency": invoice.currency,
            "total": total,
            "lines": [line],
        }
        return self.ask("POST", "documents/", usual | facts)

    def documents(self, invoice: Invoice) -> list[dict[str, Any]]:
        """Return the ERP's documents of the invoice's number."""
        audit = self.erp.audit(f"number={quote(invoice.number)}")
        return [one for one in audit["documents"] if one["company"] == self.connection.company]

    def calls(self, invoice: Invoice) -> list[str]:
        """Return what came of each booking of the invoice's number that the ERP was asked for."""
        audit = self.erp.audit(f"number={quote(invoice.number)}")
        return [one["outcome"] for one in audit["writes"] if one["company"] == self.connection.company]

    # Invoices

    def hand_in(self, number: str = "", **facts: Any) -> Invoice:
        """Hand an invoice in: payable, one line over 10.99, unless said otherwise."""
        direction = facts.get("direction", "payable")
        usual = {
            "direction": direction,
            "number": number or f"D-{next(NUMBERS):05d}",
            "party_code": "SUP-1" if direction == "payable" else "CUS-1",
            "party_name": "Paper & Sons",
            "invoice_date": date(2026, 11, 2),
            "currency": "USD",
            "lines": (LineGiven("Paper", Decimal(1), Decimal("10.99")),),
        }
        invoice, _is_new = hand_in(self.client, InvoiceGiven(**(usual | facts)), by=self.clerk)
        self.answers.append(Answer("hand_in", self.client.slug, invoice.number, is_yes=True))
        return invoice

    def post(self, number: str = "", **facts: Any) -> Invoice:
        """Hand an invoice in and post it."""
        return post_invoice(self.hand_in(number, **facts).pk, by=self.clerk)

    def approve(self, invoice: Invoice) -> Invoice:
        """Approve it by somebody else."""
        return approve_invoice(invoice.pk, by=self.approver)

    def book(self, number: str = "", **facts: Any) -> Invoice:
        """Hand a receivable in and have it booked."""
        invoice = self.post(number, direction="receivable", **facts)
        self.drain()
        return self.see(invoice)

    def pay(self, invoice: Invoice, amount: str = "10.99", **facts: Any) -> Payment:
        """Record a payment: ACH and authorized unless said otherwise."""
        usual = {"by": self.clerk, "method": "ach", "state": "authorized", "paid_on": date(2026, 11, 20)}
        return record_payment(invoice.pk, amount=Decimal(amount), **(usual | facts))

    def payments(self, invoice: Invoice) -> list[dict[str, Any]]:
        """Return the ERP's payments on documents of the invoice's number."""
        audit = self.erp.audit(f"number={quote(invoice.number)}")
        return [one for one in audit["payments"] if one["company"] == self.connection.company]

    def see(self, invoice: Invoice) -> Invoice:
        """Return the invoice as it is now."""
        return Invoice.objects.select_related("current_message", "counterparty").get(pk=invoice.pk)

    def message(self, invoice: Invoice) -> IntegrationMessage:
        """Return the invoice's latest message as it is now."""
        return IntegrationMessage.objects.filter(invoice=invoice).latest("pk")

    def actions(self, invoice: Invoice) -> list[str]:
        """Return what the log says was done, in order."""
        return list(invoice.events.order_by("sequence").values_list("action", flat=True))

    # Delivery

    def tune(self, **values: Any) -> None:
        """Change the connection's row."""
        Connection.objects.filter(pk=self.connection.pk).update(**values)
        self.connection.refresh_from_db()

    def connector(self) -> Connector:
        """Return a connector as a drain makes it."""
        return connect("sandbox", self.connection.access(), self.connection.lanes)

    def claim(self, room: int = 1) -> list[Job]:
        """Claim messages as a drain would, and do nothing with them."""
        connector = self.connector()
        try:
            return delivery.claim(self.connection, connector, room)
        finally:
            connector.close()

    def drain(self) -> int:
        """Deliver what is due."""
        return delivery.drain(self.connection.pk)

    def start_drain(self) -> "Beside":
        """Deliver what is due, beside the test."""
        return Beside(self.drain)

    def let_pass(self, *names: str) -> None:
        """Let the times in these columns of open messages pass, e.g. `not_before`: rows are changed, nobody sleeps."""
        rows = IntegrationMessage.objects.open().filter(client=self.client)
        for name in names:
            rows.filter(**{f"{name}__isnull": False}).update(**{name: F(name) - AGO})

    def end_pause(self) -> None:
        """Let the breaker's pause pass."""
        Connection.objects.filter(pk=self.connection.pk, breaker_until__isnull=False).update(
            breaker_until=clock.now() - AGO
        )

    def settle(self) -> None:
        """Deliver until nothing goes on by itself; every wait passes at once. Nobody else may be sending."""
        for _round in range(12):
            self.end_pause()
            self.let_pass("not_before", "lease_until", "doubtful_until")
            self.drain()
            if not IntegrationMessage.objects.open().filter(client=self.client, not_before__isnull=False).exists():
                return
        raise AssertionError("Messages are open after twelve rounds.")

    def assert_holds(self, **more: Any) -> None:
        """Check the invariants."""
        assert_holds(read_audit(self.erp.url), answers=self.answers, secrets=[SECRET], **more)


class Beside:
    """Something that runs in a thread beside the test, with a database connection of its own."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._act = act
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._act()
        except BaseException as exc:  # noqa: BLE001 (raised again by join)
            self.error = exc
        finally:
            connections.close_all()

    def join(self, timeout: float = 60) -> Any:
        """Wait for its end; return what it returned, or raise what it raised."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "It did not end."
        if self.error is not None:
            raise self.error
        return self.result
