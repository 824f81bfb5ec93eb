"""The sandbox ERP's HTTP interface for other systems, and the process around it.

Under `/companies/{company}/`, with `Authorization: Bearer <secret>`. A company is made by the first call that names
it, and the secret of that call is its secret from then on: enough for a sandbox, and 401 can be tested.

Every answer carries `X-Trace-Id`. Errors are a JSON list `{"errors": [{code, message, detail, field}, …]}`.

- 503 with the code MAINTENANCE or TOO_LATE means: nothing was read, nothing was written.
- `X-Not-After: <seconds since 1970>` on a write means: do not begin to save it after this instant, because the sender
  will have stopped waiting and may ask whether it is there. It is answered TOO_LATE.

A fault (faults.py) hits before or after the saving as its name says. `lose_answers`, `drop_before_saving` and
`html_in_200` hit writes of documents and payments only, so that `lose_answers: 1` always meets the invoice itself.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from aiohttp import web

from integrations.sandbox.books import Books, Company, Write, as_json
from integrations.sandbox.desk import add_desk
from integrations.sandbox.documents import Ledger
from integrations.sandbox.faults import Faults
from integrations.sandbox.paper import write_pdf
from integrations.sandbox.payments import Payments
from integrations.sandbox.rules import Problem, RefusedError, now, read_instant, read_object

LARGEST_BODY = 1024 * 1024
LARGE_PDF = 21 * 1024 * 1024
LISTS = "{list:suppliers|customers|items}"


class Call:
    """One request of another system, as the acts below see it."""

    __slots__ = ("body", "company", "named", "query")

    def __init__(
        self, company: Company, body: dict[str, Any], named: Mapping[str, str], query: Mapping[str, str], /
    ) -> None:
        """Take who calls, what was sent, the parts of the path, and the query."""
        self.company = company
        self.body = body
        self.named = named
        self.query = query

    def since(self) -> str:
        """Return the beginning of what is asked for."""
        return read_instant(self.query.get("since", ""), "since")

    def after(self) -> int:
        """Return the last line of the page before."""
        written = self.query.get("after", "0")
        return int(written) if written.isascii() and written.isdigit() else 0


Act = Callable[[Call], object]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SandboxErp:
    """The acts of the ERP, and what every request has in common."""

    def __init__(self, database: str) -> None:
        """Open the books."""
        self.books = Books(database)
        self.ledger = Ledger(self.books)
        self.payments = Payments(self.ledger)
        self.faults = Faults()
        self._prefix = os.urandom(4).hex()
        self._counter = count(1)
        # Writes take turns, one each round of the event loop, which looks at the sockets in between. Without this all
        # calls that wake from a latency together are saved in one round, stay together, and wait for each other.
        self._turn = asyncio.Lock()

    def app(self) -> web.Application:
        """Return the web application with all routes."""
        app = web.Application(client_max_size=LARGEST_BODY)
        root, books = "/companies/{company}/", self.books
        for method, path, effect, act in (
            ("GET", "", "", self.check),
            ("GET", "preferences/", "", lambda call: books.prefer(call.company, {})),
            ("PUT", "preferences/", "updated", lambda call: books.prefer(call.company, call.body)),
            ("GET", "periods/", "", lambda call: {"closed": books.closed_periods(call.company.name)}),
            ("GET", "documents/", "", self.find_documents),
            ("POST", "documents/", "booked", lambda call: self.ledger.book(call.company, call.body)),
            ("GET", "documents/{id}/", "", lambda call: self.ledger.get(call.company.name, call.named["id"])),
            ("PATCH", "documents/{id}/", "updated", self.update_document),
            ("POST", "documents/{id}/edit/", "edited", self.edit_document),
            ("POST", "documents/{id}/void/", "voided", lambda call: self.ledger.void(call.company, call.named["id"])),
            ("DELETE", "documents/{id}/", "deleted", lambda call: self.ledger.delete(call.company, call.named["id"])),
            ("GET", "documents/{id}/pdf/", "", self.print_document),
            ("GET", "changes/", "", self.list_changes),
            ("GET", "listing/", "", self.list_documents),
            ("GET", "deletions/", "", self.list_deletions),
            ("GET", "payments/", "", self.find_payments),
            ("POST", "payments/", "paid", lambda call: self.payments.record(call.company, call.body)),
            ("DELETE", "payments/{id}/", "deleted", lambda call: self.payments.delete(call.company, call.named["id"])),
            ("GET", f"{LISTS}/", "", self.list_masters),
            ("POST", f"{LISTS}/", "created", self.add_master),
            ("GET", f"{LISTS}/{{code}}/", "", self.get_master),
            ("PUT", f"{LISTS}/{{code}}/", "updated", self.put_master),
            ("PATCH", f"{LISTS}/{{code}}/", "updated", self.patch_master),
            ("DELETE", f"{LISTS}/{{code}}/", "deleted", self.delete_master),
        ):
            handler = self.write(act, effect) if effect else self.read(act)
            app.router.add_route(method, root + path, handler)
        add_desk(app, books, self.ledger, self.faults)
        app.router.add_route("*", "/{anything:.*}", self.refuse_path)
        return app

    # What every request has in common

    def read(self, act: Act) -> Handler:
        """Return the handler of a call that only reads."""

        async def handle(request: web.Request) -> web.StreamResponse:
            trace_id = self.trace()
            failed = self.fail(trace_id)
            if failed is not None:
                return failed
            latency = self.faults.take("latency_ms")
            if latency:
                await asyncio.sleep(latency / 1000)
            try:
                company = self.books.authorise(request.match_info["company"], authorization(request))
                answer = act(Call(company, {}, request.match_info, request.query))
            except RefusedError as exc:
                return self.answer({"errors": exc.errors}, trace_id, exc.status)
            if isinstance(answer, bytes):
                return web.Response(body=answer, content_type="application/pdf", headers={"X-Trace-Id": trace_id})
            return self.answer(answer, trace_id)

        return handle

    def write(self, act: Act, effect: str) -> Handler:
        """Return the handler of a call that writes: one transaction, with its line in the audit list."""

        async def handle(request: web.Request) -> web.StreamResponse:
            trace_id, path, faults = self.trace(), request.path, self.faults
            strikes = "/documents/" in path or "/payments/" in path
            raw = await request.read()
            body, (key, number, stage) = glance(raw)

            def note(did: str, outcome: str, status: int | None, shown: object = None) -> None:
                company, method = request.match_info["company"], request.method
                about = shown.get("number") or number if isinstance(shown, dict) else number
                self.books.note_write(
                    Write(company, method, path, trace_id, did, outcome, status, key, about, stage)
                )  # fmt: skip

            failed = self.fail(trace_id)
            if failed is not None:
                note("", "down" if failed.status == 503 else "failed", failed.status)
                return failed
            latency = faults.take("latency_ms")
            if latency:
                await asyncio.sleep(latency / 1000)
            if strikes and faults.take("drop_before_saving"):
                note("", "dropped", None)
                return abort(request)
            lost = strikes and bool(faults.take("lose_answers"))
            html = strikes and not lost and bool(faults.take("html_in_200"))

            def save() -> tuple[object, int]:
                """Act in one transaction, with its line in the audit list; no await: nothing comes in between."""
                try:
                    demand_in_time(request)
                    with self.books.transaction():
                        company = self.books.authorise(request.match_info["company"], authorization(request))
                        sent = read_object(raw) if body is None else body
                        shown = act(Call(company, sent, request.match_info, request.query))
                        replayed = isinstance(shown, dict) and shown.get("replayed")
                        did = "replayed" if replayed else effect
                        status = 201 if did in ("booked", "paid", "created") else 200
                        note(did, "lost" if lost else "html" if html else did, seen_status(status), shown)
                        return shown, status
                except RefusedError as exc:
                    outcome = "lost" if lost else "html" if html else "refused"
                    note("refused", outcome, seen_status(exc.status))
                    return {"errors": exc.errors}, exc.status

            def seen_status(status: int) -> int | None:
                return None if lost else 200 if html else status

            async with self._turn:
                shown, status = save()
            latency = faults.take("latency_after_ms")
            if latency:
                await asyncio.sleep(latency / 1000)
            if lost:
                return abort(request)
            if html:
                page = "<!doctype html><title>Welcome</title><h1>Please sign in to the guest network</h1>"
                return web.Response(text=page, content_type="text/html", headers={"X-Trace-Id": trace_id})
            return self.answer(shown, trace_id, status)

        return handle

    def trace(self) -> str:
        """Return a new trace id."""
        return f"{self._prefix}-{next(self._counter):08x}"

    def answer(self, body: object, trace_id: str, status: int = 200) -> web.Response:
        """Return a JSON answer."""
        headers = {"X-Trace-Id": trace_id, "Content-Type": "application/json; charset=utf-8"}
        return web.Response(body=as_json(body).encode(), status=status, headers=headers)

    def fail(self, trace_id: str) -> web.Response | None:
        """Return the answer of the faults that come before anything is read or written, if one is on."""
        if self.faults.take("down"):
            message = (
                "The system is under maintenance. Nothing was read and nothing was written. Please come back later."
            )
            return self.answer({"errors": RefusedError(Problem("MAINTENANCE", message)).errors}, trace_id, 503)
        status = self.faults.take("status")
        if not status:
            return None
        code = "RATE_LIMITED" if status == 429 else "SERVER_ERROR" if status >= 500 else "BAD_REQUEST"
        problem = Problem(code, f"Something went wrong here ({status}). Please try again.")
        failed = self.answer({"errors": RefusedError(problem).errors}, trace_id, status)
        if status == 429:
            failed.headers["Retry-After"] = "1"
        return failed

    async def refuse_path(self, request: web.Request) -> web.Response:
        """Answer a path that leads nowhere."""
        problem = Problem("NOT_FOUND", f"There is nothing at {request.path} for {request.method}.")
        return self.answer({"errors": RefusedError(problem).errors}, self.trace(), 404)

    # The acts that are more than one call

    def check(self, call: Call) -> object:
        """Say which company answers."""
        return {"company": call.company.name, "system": "Sandbox ERP", "time": now()}

    def find_documents(self, call: Call) -> object:
        """Find documents by their keys, or by number, direction, kind and party."""
        columns = {"number": "number", "direction": "direction", "kind": "kind", "party": "party_code"}
        filters = {columns[name]: value for name, value in call.query.items() if name in columns}
        keys = [value for name, value in call.query.items() if name == "key"]
        return {"documents": self.ledger.find(call.company.name, keys, filters)}

    def update_document(self, call: Call) -> object:
        """Change a document."""
        return self.ledger.update(call.company, call.named["id"], call.body)

    def edit_document(self, call: Call) -> object:
        """Change a document as a person in the ERP does, booked or not."""
        return self.ledger.edit(call.company, call.named["id"], call.body)

    def print_document(self, call: Call) -> bytes:
        """Return a document as PDF, or what a person put in its place."""
        document_id = call.named["id"]
        paper = self.ledger.row(call.company.name, document_id)["pdf"]
        if paper == "none":
            raise RefusedError(Problem("NO_PDF", f"Document {document_id} has no PDF.", "", "id"), status=404)
        if paper == "other":
            return b"<!doctype html><title>This is no PDF</title>"
        pdf = write_pdf(self.ledger.get(call.company.name, document_id))
        return pdf + b"\n" * (LARGE_PDF - len(pdf)) if paper == "large" else pdf

    def list_changes(self, call: Call) -> object:
        """Return a page of changes; `next` asks for the next one, and is empty at the end."""
        page = self.ledger.changes(call.company.name, call.since(), call.query.get("after", ""))
        return {"changes": page, "next": f"{page[-1]['changed_at']}|{page[-1]['id']}" if page else ""}

    def list_documents(self, call: Call) -> object:
        """Return a page of all documents."""
        page = self.ledger.listing(call.company.name, call.after())
        return {"listing": page, "next": page[-1]["id"] if page else ""}

    def list_deletions(self, call: Call) -> object:
        """Return a page of deletions."""
        page = self.books.deletions(call.company.name, call.since(), call.after())
        return {"deletions": page, "next": str(page[-1]["id"]) if page else ""}

    def find_payments(self, call: Call) -> object:
        """Return a page of payments."""
        keys = [value for name, value in call.query.items() if name == "key"]
        document = call.query.get("document", "")
        page = self.payments.find(call.company.name, call.since(), document, keys, call.after())
        return {"payments": page, "next": page[-1]["id"] if page else ""}

    def list_masters(self, call: Call) -> object:
        """Return a page of suppliers, customers or items."""
        page = self.books.masters(call.company.name, call.named["list"], call.since(), call.query.get("after", ""))
        return {call.named["list"]: page, "next": page[-1]["code"] if page else ""}

    def add_master(self, call: Call) -> object:
        """Make a supplier, customer or item."""
        return self.books.add_master(call.company.name, call.named["list"], call.body)

    def get_master(self, call: Call) -> object:
        """Return a supplier, customer or item."""
        return self.books.wanted_master(call.company.name, call.named["list"], call.named["code"])

    def put_master(self, call: Call) -> object:
        """Make or change a supplier, customer or item."""
        return self.books.put_master(call.company.name, call.named["list"], call.named["code"], call.body)

    def patch_master(self, call: Call) -> object:
        """Change a supplier, customer or item that is there."""
        self.get_master(call)
        return self.put_master(call)

    def delete_master(self, call: Call) -> object:
        """Delete a supplier, customer or item."""
        self.books.delete_master(call.company.name, call.named["list"], call.named["code"])
        return {"deleted": True}


def authorization(request: web.Request) -> str:
    """Return the header that names the secret."""
    return request.headers.get("Authorization", "")


def glance(raw: bytes) -> tuple[dict[str, Any] | None, tuple[str, str, str]]:
    """Return a body and, for the audit list, its key, number and stage; None if it cannot be read."""
    try:
        body = read_object(raw)
    except RefusedError:
        return None, ("", "", "")
    return body, (named(body, "key"), named(body, "number"), named(body, "stage"))


def named(body: dict[str, Any], field: str) -> str:
    """Return a field as the audit list keeps it, whatever it is."""
    value = body.get(field)
    return "" if value is None else str(value)[:200]


def demand_in_time(request: web.Request) -> None:
    """Refuse a write whose sender said that it will have stopped waiting by now."""
    written = request.headers.get("X-Not-After", "")
    try:
        late = bool(written) and time.time() > float(written)
    except ValueError:
        message = "The header X-Not-After must be seconds since 1970."
        raise RefusedError(Problem("BAD_REQUEST", message), status=400) from None
    if late:
        message = "This came too late: its sender has stopped waiting. Nothing was written."
        raise RefusedError(Problem("TOO_LATE", message), status=503)


def abort(request: web.Request) -> web.Response:
    """Break the connection without an answer; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the process."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8001, help="the port to listen on; 0 takes a free one")
    parser.add_argument("--database", default="var/erp.sqlite3", help="the SQLite file of the books")


def run(host: str, port: int, database: str) -> None:
    """Run the ERP until SIGTERM or SIGINT."""
    try:
        asyncio.run(serve(host, port, database))
    except OSError as exc:
        sys.exit(f"The sandbox ERP cannot listen on {host}:{port} or open {database}: {exc}")


async def serve(host: str, port: int, database: str) -> None:
    """Listen, say where on a line of its own, and wait for the signal to stop."""
    erp = SandboxErp(database)
    # Half a second for calls under way: a sleeping latency must not hold the end of the process.
    runner = web.AppRunner(erp.app(), access_log=None, shutdown_timeout=0.5)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        address = runner.addresses[0]
        sys.stdout.write(f"sandbox ERP ready http://{address[0]}:{address[1]}/\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()
        erp.books.close()
