"""Delivery at N lanes beside the ideal of an ERP that answers in 20 ms; each message delivered exactly once.

Three slices take turns: delivery, and twice the plainest HTTP client there is, at as many lanes. The client beside
itself says whether the machine was quiet enough; the client beside the ideal, what this machine leaves to be reached.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from statistics import median

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Count

from integrations import delivery
from integrations.models import Connection
from invoices import clock
from invoices.bulk import update_rows
from invoices.models import Attempt, Client, Counterparty, IntegrationMessage, Invoice, InvoiceLine
from invoices.workflow import Direction, MessageKind, MessageState, Step
from tests.bench.measure import Figure, cpu_of, descendants, differs_from_itself

LANES = (1, 4, 16, 64, 128)
LATENCY = 0.02
SLICE = 1.5  # seconds
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice did: calls a second, and CPU microseconds for each."""

    rate: float
    cpu: float = 0.0
    database_cpu: float = 0.0


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure every number of lanes."""
    erp = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.erp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert erp.stdout is not None
    port = int(erp.stdout.readline())
    settings.SANDBOX_ERP_URL = f"http://127.0.0.1:{port}"
    try:
        link = make_connection()
        for lanes in LANES:
            yield from measure(name, link, port, lanes, rounds)
    finally:
        erp.kill()
        erp.wait()
        erp.stdin.close()
        erp.stdout.close()


def measure(name: str, link: Connection, port: int, lanes: int, rounds: int) -> Iterator[Figure]:
    """Measure one number of lanes; the first round warms up and does not count."""
    link.lanes = lanes
    link.save(update_fields=["lanes"])
    ideal = lanes / LATENCY
    delivered: list[Slice] = []
    client: tuple[list[float], list[float]] = ([], [])
    for round_ in range(rounds + 1):
        write_messages(link.client, int(ideal * SLICE) + 1)
        turns = [lambda: deliver(link, port), lambda: call(port, lanes), lambda: call(port, lanes)]
        order = turns if round_ % 2 else turns[::-1]
        done = [turn() for turn in order]
        first, second, third = done if round_ % 2 else done[::-1]
        if round_:
            delivered.append(first)
            client[0].append(second.rate)
            client[1].append(third.rate)
    void = differs_from_itself(*client)
    yield Figure(
        f"delivery, {lanes} lanes, {name}",
        [one.rate for one in delivered],
        [ideal] * rounds,
        target=0.85 if lanes <= 16 else 0.75,
        void=void,
        more={
            "unit": "invoices a second; the baseline is lanes / 20 ms",
            "client": round(median(client[0]), 1),
            "ratio_to_client": round(median(one.rate / raw for one, raw in zip(delivered, client[0], strict=True)), 3),
            "cpu_us": round(median(one.cpu for one in delivered)),
            "database_cpu_us": round(median(one.database_cpu for one in delivered)),
            "each_exactly_once": True,
        },
    )
    yield Figure(f"A/A: plain client beside itself, {lanes} lanes, {name}", client[1], client[0], void=void)


def deliver(link: Connection, port: int) -> Slice:
    """Drain for one slice, and check with the ERP that each message was delivered exactly once."""
    before = IntegrationMessage.objects.filter(state=MessageState.CONFIRMED).count()
    backend = backend_pids()
    us, theirs = cpu_of([os.getpid(), *descendants(os.getpid())]) - cpu_of(erp_pids()), cpu_of(backend)
    began = time.perf_counter()
    delivery.drain(link.pk, at_most=timedelta(seconds=SLICE))
    took = time.perf_counter() - began
    us = cpu_of([os.getpid(), *descendants(os.getpid())]) - cpu_of(erp_pids()) - us
    theirs = cpu_of(backend) - theirs
    done = IntegrationMessage.objects.filter(state=MessageState.CONFIRMED).count() - before
    check_exactly_once(port, done)
    return Slice(done / took, us / done * 1e6, theirs / done * 1e6)


def check_exactly_once(port: int, done: int) -> None:
    """Compare the ERP's list with the outbox; an assertion here ends the run."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/audit/") as answer:
        written: dict[str, int] = json.load(answer)
    assert len(written) == done, (len(written), done)
    assert set(written.values()) == {1}
    confirmed = IntegrationMessage.objects.filter(state=MessageState.CONFIRMED)
    assert dict(confirmed.values_list("key", "voucher").order_by("-settled_at")[:done]) == {
        key: f"V-{key[:12]}" for key in written
    }
    assert not IntegrationMessage.objects.exclude(state__in=(MessageState.CONFIRMED, MessageState.PENDING)).exists()
    assert Invoice.objects.filter(step=Step.BOOKED).count() == confirmed.count()
    assert not Attempt.objects.exclude(outcome=Attempt.Outcome.CONFIRMED).exists()
    assert not confirmed.alias(tries=Count("attempts")).exclude(tries=1).exists()


def call(port: int, lanes: int) -> Slice:
    """Send the same requests from as many plain connections as there are lanes, for one slice."""
    began = time.perf_counter()
    done = asyncio.run(_call(port, lanes))
    took = time.perf_counter() - began
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/audit/") as answer:
        answer.read()
    return Slice(done / took)


async def _call(port: int, lanes: int) -> int:
    loop = asyncio.get_running_loop()
    end = loop.time() + SLICE
    lanes_open = [loop.create_connection(lambda: Lane(end), "127.0.0.1", port) for _ in range(lanes)]
    made = [protocol for _transport, protocol in await asyncio.gather(*lanes_open)]
    return sum(await asyncio.gather(*(lane.over for lane in made)))


class Lane(asyncio.Protocol):
    """Sends one request after the other until the slice is over."""

    def __init__(self, end: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.over: asyncio.Future[int] = self.loop.create_future()
        self.end = end
        self.done = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def data_received(self, data: bytes) -> None:
        """Send the next; an answer comes in one piece here."""
        assert data.startswith(b"HTTP/1.1 201"), data
        self.done += 1
        if self.loop.time() < self.end:
            self.send()
        else:
            self.transport.close()
            self.over.set_result(self.done)

    def send(self) -> None:
        """Send one document."""
        body = json.dumps(
            {
                "key": uuid.uuid4().hex,
                "stage": "final",
                "number": "INV-1",
                "party": {"code": "CUS-1", "name": "Customer"},
                "currency": "USD",
                "total": "10.99",
            }
        ).encode()
        head = b"POST /companies/bench/documents/ HTTP/1.1\r\nHost: erp\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


# rows -----------------------------------------------------------------------------------------------------------------


def make_connection() -> Connection:
    """Make a client with its connection."""
    client = Client.objects.create(slug="bench", name="Bench")
    return Connection.objects.create(client=client, connector="sandbox", company="bench", secret="bench")


@transaction.atomic
def write_messages(client: Client, wanted: int) -> None:
    """Have at least that many receivables waiting for final booking."""
    missing = wanted - IntegrationMessage.objects.filter(state=MessageState.PENDING).count()
    if missing <= 0:
        return
    party, _is_new = Counterparty.objects.get_or_create(
        client=client, direction=Direction.RECEIVABLE, code="CUS-1", defaults={"name": "Customer"}
    )
    invoices = Invoice.objects.bulk_create(
        Invoice(
            client=client,
            counterparty=party,
            direction=Direction.RECEIVABLE,
            number=f"B-{next(NUMBERS):07d}",
            invoice_date=date(2026, 11, 2),
            currency="USD",
            total=Decimal("10.99"),
            step=Step.FINAL_INTEGRATION,
        )
        for _ in range(missing)
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=1,
            description="Paper",
            quantity=Decimal(1),
            unit_price=invoice.total,
            amount=invoice.total,
        )
        for invoice in invoices
    )
    now = clock.now()
    messages = IntegrationMessage.objects.bulk_create(
        IntegrationMessage(
            client=client, invoice=invoice, kind=MessageKind.BOOK_FINAL, key=uuid.uuid4().hex, not_before=now
        )
        for invoice in invoices
    )
    for invoice, message in zip(invoices, messages, strict=True):
        invoice.current_message = message
    update_rows(invoices, ["current_message"])
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")


def backend_pids() -> list[int]:
    """Return the PostgreSQL processes that work for this database."""
    if database.vendor != "postgresql":
        return []
    with database.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


def erp_pids() -> list[int]:
    """Return the ERP's process, which is no part of what is measured."""
    return [pid for pid in descendants(os.getpid()) if "tests.bench.erp" in command_of(pid)]


def command_of(pid: int) -> str:
    """Return a process's command line."""
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read()
