"""The operator's side of the sandbox ERP: audit list, faults, periods, and pages for people.

No fault ever touches it, and nobody signs in: it is a sandbox that listens on loopback.
"""

import sqlite3
from typing import Any

from aiohttp import web

from integrations.sandbox.books import Books, as_json
from integrations.sandbox.documents import Ledger
from integrations.sandbox.faults import BadFaultError, Faults
from integrations.sandbox.paper import write_page
from integrations.sandbox.payments import Payments
from integrations.sandbox.rules import MONTH, RefusedError, read_object

ABOUT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox ERP</title>
<h1>Sandbox ERP</h1><p>A small ERP to try Unstuck with. Nothing here is real.</p>
<ul><li><a href="/audit/">Audit list</a></li><li><a href="/faults/">Faults</a></li>
<li><a href="/healthz">Health</a></li></ul></html>"""


class Desk:
    """The operator's pages."""

    def __init__(self, books: Books, ledger: Ledger, faults: Faults) -> None:
        """Take what is looked at and switched."""
        self.books = books
        self.ledger = ledger
        self.faults = faults

    async def about(self, _request: web.Request) -> web.Response:
        """Say what this is."""
        return web.Response(text=ABOUT, content_type="text/html")

    async def healthz(self, _request: web.Request) -> web.Response:
        """Say that the process answers and the file can be read."""
        try:
            self.books.run("SELECT 1 FROM companies LIMIT 1").fetchone()
        except sqlite3.Error as exc:
            return answer({"ok": False, "detail": str(exc)}, 500)
        return answer({"ok": True})

    async def audit(self, request: web.Request) -> web.Response:
        """Return documents, payments and writes of all companies; of one or more keys, of a number, or all."""
        keys, number = request.query.getall("key", []), request.query.get("number", "")
        return answer(
            {
                "documents": self.ledger.audit(keys, number),
                "payments": Payments(self.ledger).audit(keys, number),
                "writes": self.books.writes(keys, number),
            }
        )

    async def show_faults(self, _request: web.Request) -> web.Response:
        """Return the faults that are on."""
        return answer(self.faults.shown())

    async def turn_faults(self, request: web.Request) -> web.Response:
        """Turn faults on or off, and return those that are on."""
        try:
            self.faults.turn(read_object(await request.read()))
        except BadFaultError as exc:
            return answer({"error": str(exc)}, 400)
        except RefusedError as exc:
            return answer({"error": exc.errors[0]["message"]}, 400)
        return answer(self.faults.shown())

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Behave again."""
        self.faults.clear()
        return answer({})

    async def turn_period(self, request: web.Request) -> web.Response:
        """Close or open a month, of all companies or of the one that the body names."""
        month, turn = request.match_info["month"], request.match_info["turn"]
        if not MONTH.fullmatch(month):
            return answer({"error": f"{month} is not a month. Months are written like 2026-11."}, 400)
        try:
            company = read_object(await request.read()).get("company", "")
        except RefusedError as exc:
            return answer({"error": exc.errors[0]["message"]}, 400)
        if not isinstance(company, str):
            return answer({"error": "company must be the name of a company."}, 400)
        if turn == "close":
            self.books.close_period(company, month)
        else:
            self.books.open_period(company, month)
        return answer({"month": month, "closed": self.books.is_closed(company, month), "company": company})

    async def view_document(self, request: web.Request) -> web.Response:
        """Show a document to a person."""
        try:
            document = self.ledger.get("", request.match_info["id"])
        except RefusedError as exc:
            return web.Response(text=exc.errors[0]["message"], status=404)
        return web.Response(text=write_page(document), content_type="text/html")


def add_desk(app: web.Application, books: Books, ledger: Ledger, faults: Faults) -> None:
    """Add the operator's routes."""
    desk = Desk(books, ledger, faults)
    app.router.add_get("/", desk.about)
    app.router.add_get("/healthz", desk.healthz)
    app.router.add_get("/audit/", desk.audit)
    app.router.add_get("/faults/", desk.show_faults)
    app.router.add_post("/faults/", desk.turn_faults)
    app.router.add_delete("/faults/", desk.clear_faults)
    app.router.add_post("/periods/{month}/{turn:close|open}/", desk.turn_period)
    app.router.add_get("/documents/{id}/view/", desk.view_document)


def answer(body: Any, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=as_json(body).encode(), status=status, content_type="application/json", charset="utf-8")
