"""An ERP that answers every write after 20 ms, as cheaply as Python can: `python -m tests.bench.erp`.

It speaks the sandbox ERP's `POST documents/`, counts what it was sent by key, and tells on `GET /audit/`. The sandbox
ERP itself keeps books in SQLite, and would be what is measured here.
"""

import asyncio
import json
import sys
from collections import Counter
from typing import Any

LATENCY = 0.02
WRITTEN: Counter[str] = Counter()


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def connection_made(self, transport: Any) -> None:
        """Take the socket."""
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer when the request is whole."""
        self.buffer += data
        head, gap, rest = self.buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(rest) < length:
            return
        self.buffer = b""
        if head.startswith(b"GET /audit/"):
            self.answer(json.dumps(WRITTEN).encode())
            WRITTEN.clear()
        else:
            self.loop.call_later(LATENCY, self.book, json.loads(rest))

    def book(self, sent: dict[str, Any]) -> None:
        """Book a document."""
        if self.transport.is_closing():
            return
        key = sent["key"]
        WRITTEN[key] += 1
        booking = {"stage": sent["stage"], "voucher": f"V-{key[:12]}", "posting_date": "2026-11-02", "key": key}
        shown = {
            "id": key,
            "number": sent["number"],
            "party": sent["party"],
            "currency": sent["currency"],
            "total": sent["total"],
            "balance": sent["total"],
            "url": "/",
            "booking": booking,
        }
        self.answer(json.dumps(shown).encode())

    def answer(self, body: bytes) -> None:
        """Send JSON."""
        self.transport.write(
            b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )


async def serve() -> None:
    """Listen on a free port and say which."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().connect_read_pipe(EndsWithParent, sys.stdin)
    await server.serve_forever()


class EndsWithParent(asyncio.Protocol):
    """Ends this process when whoever started it is gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop."""
        asyncio.get_running_loop().stop()


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except RuntimeError:  # the loop was stopped: the parent is gone
        sys.exit(0)
