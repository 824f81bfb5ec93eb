"""The accounting systems that the demo can talk to, and what people do in them while its stories are told."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final, Protocol

import httpx2
from django.conf import settings

from config import parts
from config.supervisor import Child
from integrations.models import Connection
from integrations.pulling import pull
from integrations.tryton_server import bookkeeper, books, environment
from invoices.models import Invoice
from invoices.money import rounded

# client, list, code, name
KNOWN_IN_SANDBOX: Final = (
    ("acme", "suppliers", "PAPER", "Paper & Sons"),
    ("acme", "suppliers", "NORTH", "Northwind Logistics"),
    ("acme", "suppliers", "LIND", "Lindqvist Möbel AB"),
    ("acme", "customers", "HOOLI", "Hooli Retail"),
    ("acme", "items", "CHAIR", "Office chair"),
    ("acme", "items", "LAMP", "Desk lamp (old model)"),
    ("globex", "suppliers", "SPRING", "Springfield Power"),
)


class DemoErp(Protocol):
    """One accounting system, and somebody who works in it."""

    name: str
    files: tuple[str, ...]  # what of the demo's folder is its database

    def prepare(self, say: Callable[[str], None]) -> None:
        """Do before it starts what may take a while; raises SystemExit with a sentence."""

    def child(self, options: parts.Options) -> Child:
        """Return its process."""

    def link(self, slug: str) -> dict[str, Any]:
        """Return how a client is connected to it."""

    def introduce(self, slug: str) -> None:
        """Tell it of the counterparties and items of a connected client."""

    def close_month(self, day: date) -> None:
        """Close the month of a day in all companies."""

    def take_out_of_use(self, slug: str, item: str) -> None:
        """Make an item inactive."""

    def pay(self, slug: str, invoice: Invoice, amount: str, *, is_done: bool) -> bool:
        """Pay an invoice in it, or begin to; False where the ERP tells of payments through the gate."""

    def greeting(self) -> str:
        """Return what the person who started the demo needs to know of it."""


class SandboxDemo:
    """The sandbox ERP."""

    name = "sandbox"
    files: tuple[str, ...] = ("erp.sqlite3*",)

    def __init__(self, data: Path, port: int) -> None:
        """Take the demo's folder, and where the ERP listens."""
        self.data = data
        self.port = port

    def prepare(self, say: Callable[[str], None]) -> None:
        """Do nothing: it makes its database when it starts."""

    def child(self, options: parts.Options) -> Child:
        """Return its process."""
        return parts.sandbox_erp(options, self.port, self.data / "erp.sqlite3")

    def link(self, slug: str) -> dict[str, Any]:
        """Return how a client is connected to it."""
        return {"connector": "sandbox", "company": slug, "secret": token_urlsafe(24), "call_timeout": 5}

    def introduce(self, slug: str) -> None:
        """Tell it of the counterparties and items of a connected client."""
        for owner, master, code, title in KNOWN_IN_SANDBOX:
            if owner == slug:
                self._tell(slug, "PUT", f"{master}/{code}/", {"name": title})

    def close_month(self, day: date) -> None:
        """Close the month of a day in all companies."""
        httpx2.post(f"{settings.SANDBOX_ERP_URL}/periods/{day:%Y-%m}/close/", json={}).raise_for_status()

    def take_out_of_use(self, slug: str, item: str) -> None:
        """Make an item inactive."""
        self._tell(slug, "PATCH", f"items/{item}/", {"active": False})

    def pay(self, slug: str, invoice: Invoice, amount: str, *, is_done: bool) -> bool:  # noqa: ARG002 (DemoErp's)
        """Leave it to the gate."""
        return False

    def greeting(self) -> str:
        """Return what the person who started the demo needs to know of it."""
        erp = f"http://127.0.0.1:{self.port}"
        return f"""The sandbox ERP at  {erp}/

Take the ERP down, and bring it back:
  curl -d '{{"down": true}}' {erp}/faults/
  curl -X DELETE {erp}/faults/
"""

    def _tell(self, slug: str, method: str, path: str, body: dict[str, object]) -> None:
        secret = Connection.objects.get(client__slug=slug).secret
        url = f"{settings.SANDBOX_ERP_URL}/companies/{slug}/{path}"
        httpx2.request(method, url, json=body, headers={"Authorization": f"Bearer {secret}"}).raise_for_status()


class TrytonDemo:
    """A real Tryton."""

    name = "tryton"
    files: tuple[str, ...] = ("tryton/erp.*",)

    def __init__(self, data: Path, port: int) -> None:
        """Take the demo's folder, and where Tryton listens."""
        self.folder = data / "tryton"
        self.port = port

    def prepare(self, say: Callable[[str], None]) -> None:
        """Install Tryton and copy its database, which is kept as a template."""
        say("Preparing Tryton: the first time it is installed and its database made, which takes a minute or two …")
        try:
            environment.install()
            self._books()
        except (books.CannotPrepareError, environment.CannotInstallError) as exc:
            raise SystemExit(str(exc)) from exc

    def child(self, options: parts.Options) -> Child:
        """Return its process."""
        program = ["-m", "integrations.tryton_server", "--port", str(self.port), "--data", str(self.folder)]
        watch = parts.PageWatch("127.0.0.1", self.port, "/healthz", options.silence)
        return Child("erp", program, watch)

    def link(self, slug: str) -> dict[str, Any]:
        """Return how a client is connected to it."""
        company = books.COMPANIES[slug]
        return {"connector": "tryton", "company": company, "secret": self._books().keys[company], "call_timeout": 20}

    def introduce(self, slug: str) -> None:
        """Do nothing: its template knows them."""

    def close_month(self, day: date) -> None:
        """Close the month of a day in all companies."""
        for slug in books.COMPANIES:
            self._bookkeeper(slug).close_period(day)

    def take_out_of_use(self, slug: str, item: str) -> None:
        """Make an item inactive."""
        self._bookkeeper(slug).set_active("product.product", item, active=False)

    def pay(self, slug: str, invoice: Invoice, amount: str, *, is_done: bool) -> bool:
        """Pay an invoice in Tryton, or begin to, and take that in."""
        person, today = self._bookkeeper(slug), date.today()  # noqa: DTZ011 (Tryton's own today)
        wanted, there = rounded(Decimal(amount or invoice.balance), invoice.currency), int(invoice.remote_id)
        if is_done:
            person.pay(there, wanted, on=today, in_part=wanted < invoice.balance)
        else:
            person.begin_payment(there, wanted, on=today)
        pull(Connection.objects.get(client__slug=slug).pk)
        return True

    def greeting(self) -> str:
        """Return what the person who started the demo needs to know of it."""
        return f"""Tryton listens at   http://127.0.0.1:{self.port}/, its database is called {books.DATABASE}.

Open the same invoices there with Tryton's own client (host 127.0.0.1:{self.port}, database {books.DATABASE}):
  users bookkeeper_acme and bookkeeper_globex, password {self._books().password}
An invoice's page links to tryton://127.0.0.1:{self.port}/{books.DATABASE}/model/account.invoice/…
"""

    def _books(self) -> books.Books:
        template = books.prepare_template(self.folder / "templates", series=environment.LONG_TERM)
        return books.open_books(template, self.folder)

    def _bookkeeper(self, slug: str) -> bookkeeper.Bookkeeper:
        return bookkeeper.Bookkeeper(settings.TRYTON_URL, f"bookkeeper_{slug}", self._books().password)
