"""The gate on PostgreSQL under gunicorn, beside a no-op Django view and beside the bare transaction through psycopg.

A message pays an invoice in full: it is kept and applied, with a payment and a line of the event log. After each slice
the rows are compared with the answers. CPU is that of gunicorn's processes and of all PostgreSQL processes that work
for the database.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

import psycopg
from django.conf import settings
from django.db import connection as database
from django.db.models import Sum

from config.parts import Options, web
from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices.models import Client, Counterparty, Event, Invoice, Payment
from invoices.workflow import Direction, Status
from tests.bench.measure import Figure, cpu_of, descendants, differs_from_itself
from tests.cxmlgate.messages import IDENTITY, PATH, SAMPLE, SECRET

SLICE = 1.5  # seconds
INVOICES = 4_000  # more than a slice can pay
BARE = 20_000  # more than a slice can commit
KEPT, KEPT_QUICK, FEW = 5_000_000, 500_000, 100
PAID = SAMPLE.decode().replace("INV-0001", "B-{n}").replace("999732868377--681956365911302107", "p-{n}")
WRONG = SAMPLE.decode().replace(SECRET, "guess-{n}")
OK, ALREADY, REFUSED = 'code="200" text="OK"', 'text="Invoice Update Already Received"', 'code="400"'
WRITE_INVOICES = """
INSERT INTO invoices_invoice (id, client_id, counterparty_id, direction, kind, number, invoice_date, currency, total,
    paid, step, status, step_since, preliminary_voucher, final_voucher, remote_id, archived_reason, created_at,
    event_count, event_head)
SELECT g, %(client)s, %(party)s, 'payable', 'invoice', 'B-' || g, '2026-11-02', 'USD', 10.99, 0, 'booked', 'ok_to_pay',
    now(), '', 'V-' || g, '', '', now(), 0, ''
FROM generate_series(%(first)s::bigint, %(last)s::bigint) g
"""
WRITE_MESSAGES = """
INSERT INTO cxmlgate_gatemessage (client_id, received_at, last_seen_at, repeats, sender, payload_id, digest, types,
    is_test, is_known, code, text, reason, raw, raw_note, answer, duration_ms)
SELECT %(client)s, now() - g * interval '1 second', now() - g * interval '1 second', 0, 'jill@buyerorg.com',
    'kept-' || g, encode(sha256(g::text::bytea), 'hex'), 'paid', false, true, 200, 'OK', 'B-' || g || ': Paid.',
    %(raw)s, '', %(answer)s, 5
FROM generate_series(1, %(count)s::integer) g
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice did: answers a second, CPU microseconds for each, of which PostgreSQL's; p50 in milliseconds."""

    done: int
    rate: float
    cpu: float
    database_cpu: float
    p50: float

    @property
    def per_cpu_second(self) -> float:
        return 1e6 / self.cpu


class Bench:
    """The databases, the servers, and the process that sends to them."""

    def __init__(self, stack: ExitStack, kept: int) -> None:
        self.client, self.party = make_client()
        self.next_invoice = 1
        self.next_transaction = 1
        self.small = str(settings.DATABASES["default"]["NAME"])
        self.large = f"{self.small}_large"
        database.close()
        stack.enter_context(another_database(self.large, self.small))
        self.run(self.large, *fill(self.client, kept))
        self.run(self.small, *TABLES)
        self.noop = stack.enter_context(serve("tests.bench.noop:application", "/noop", self.small))
        self.gate = stack.enter_context(serve("config.wsgi:application", "/healthz", self.small))
        self.large_gate = stack.enter_context(serve("config.wsgi:application", "/healthz", self.large))
        self.load = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(self.load.kill)

    def run(self, name, *statements):
        """Run statements on one of the databases, each for itself."""
        with psycopg.connect(url_of(name), autocommit=True) as connection:
            for statement, values in statements:
                connection.execute(statement, values)

    def write_invoices(self, *names):
        """Write invoices to be paid, the same in each of the databases, and return the first one's number."""
        first = self.next_invoice
        self.next_invoice += INVOICES
        values = {"client": self.client.pk, "party": self.party.pk, "first": first, "last": self.next_invoice - 1}
        for name in names:
            self.run(name, (WRITE_INVOICES, values), ("ANALYZE invoices_invoice", None))
        return first

    def ask(self, **job):
        """Have one slice done, and return what the sender counted."""
        self.load.stdin.write(json.dumps({"seconds": SLICE, "first": 1, "count": INVOICES, **job}) + "\n")
        self.load.stdin.flush()
        answer = self.load.stdout.readline()
        assert answer, "the sender ended: its reason stands above"
        return json.loads(answer)

    def send(self, server, request, body="", *, expected, first=1, count=INVOICES):
        """Send to a server for one slice, and measure."""
        pids = [server.pid, *descendants(server.pid)]
        backends = backend_pids()
        web_cpu, database_cpu = cpu_of(pids), cpu_of(backends)
        job = {"port": server.port, "request": request, "body": body, "expected": expected}
        said = self.ask(**job, first=first, count=count)
        web_cpu, database_cpu = cpu_of(pids) - web_cpu, cpu_of(backends) - database_cpu
        each = 1e6 / said["done"]
        return Slice(said["done"], said["rate"], (web_cpu + database_cpu) * each, database_cpu * each, said["p50_ms"])


TABLES = (
    ("CREATE TABLE bench_message (key text PRIMARY KEY, body text NOT NULL, at timestamptz DEFAULT now())", None),
    ("CREATE TABLE bench_invoice (id integer PRIMARY KEY, status text NOT NULL)", None),
    ("INSERT INTO bench_invoice SELECT g, 'ok_to_pay' FROM generate_series(1, 200000) g", None),
)


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure; on SQLite there is nothing to claim."""
    if name == "sqlite":
        return
    kept = KEPT if rounds > 3 else KEPT_QUICK
    with ExitStack() as stack:
        bench = Bench(stack, kept)
        yield from measure_work(bench, rounds)
        yield from measure_size(bench, rounds, kept)


def measure_work(bench: Bench, rounds: int) -> Iterator[Figure]:
    """Measure what a message costs; the first round warms up and does not count."""
    kinds = ("noop", "first", "duplicate", "wrong", "again", "bare")
    done = {kind: [] for kind in kinds}
    for round_ in range(rounds + 1):
        for kind, one in turn(bench, forwards=bool(round_ % 2)).items():
            if round_:
                done[kind].append(one)
    noop, first, duplicate, wrong, again, bare = (done[kind] for kind in kinds)
    void = differs_from_itself([one.cpu for one in again], [one.cpu for one in noop])
    for name, slices, target in (("a paid message", first, 0.28), ("a wrong secret", wrong, 0.5)):
        yield Figure(
            f"gate, {name}, beside a no-op Django view",
            [one.per_cpu_second for one in slices],
            [one.per_cpu_second for one in noop],
            target=target,
            void=void,
            more={"unit": "answers a second of CPU"} | costs(slices) | {"noop_cpu_us": costs(noop)["cpu_us"]},
        )
    yield Figure(
        "gate, a duplicate, beside the first message",
        [one.cpu for one in duplicate],
        [one.cpu for one in first],
        target=0.6,
        target_is_most=True,
        void=void,
        more={"unit": "CPU microseconds"} | costs(duplicate),
    )
    yield Figure(
        "gate, a paid message, beside bare transactions of five steps",
        [one.rate for one in first],
        bare,
        target=0.3,
        void=void,
        more={"unit": "a second", "checked": "rows and answers agree"},
    )
    yield Figure("A/A: no-op view beside itself", [one.cpu for one in again], [one.cpu for one in noop], void=void)


def turn(bench, *, forwards):
    """Do each slice once; the duplicates are of the first messages of the same turn."""
    number = bench.write_invoices(bench.small)
    slices = {
        "noop": lambda: bench.send(bench.noop, "GET /noop", expected="ok"),
        "first": lambda: pay(bench, number),
        "again": lambda: bench.send(bench.noop, "GET /noop", expected="ok"),
        "wrong": lambda: guess(bench),
        "bare": lambda: transact(bench),
    }
    done = {kind: slices[kind]() for kind in (slices if forwards else reversed(slices))}
    done["duplicate"] = repeat(bench, number, done["first"].done)
    return done


def transact(bench):
    """Commit bare transactions, and return how many a second."""
    first = bench.next_transaction
    bench.next_transaction += BARE
    said = bench.ask(database=url_of(bench.small), first=first, body=SAMPLE.decode())
    assert said["done"] < BARE, "more was done than there are rows"
    return said["rate"]


def pay(bench, number):
    """Pay invoices from that number on, and compare the rows with the answers."""
    before = GateMessage.objects.count(), Payment.objects.count(), Event.objects.count()
    one = bench.send(bench.gate, f"POST {PATH}", PAID, expected=OK, first=number)
    assert one.done <= INVOICES, "more was sent than there is to pay"
    paid = Invoice.objects.filter(pk__gte=number, status=Status.PAID, paid=10.99, event_count=1)
    assert paid.count() == one.done, (paid.count(), one.done)
    after = GateMessage.objects.count(), Payment.objects.count(), Event.objects.count()
    assert [now - then for now, then in zip(after, before, strict=True)] == [one.done] * 3, (before, after, one.done)
    return one


def repeat(bench, number, count):
    """Send what was paid once more, and look that it was counted and did nothing."""
    rows = GateMessage.objects.filter(code=200)
    before = rows.aggregate(Sum("repeats"))["repeats__sum"], Payment.objects.count()
    one = bench.send(bench.gate, f"POST {PATH}", PAID, expected=ALREADY, first=number, count=count)
    after = rows.aggregate(Sum("repeats"))["repeats__sum"], Payment.objects.count()
    assert (after[0] - before[0], after[1] - before[1]) == (one.done, 0)
    return one


def guess(bench):
    """Send wrong secrets, and look that they were counted."""
    one = bench.send(bench.gate, f"POST {PATH}", WRONG, expected=REFUSED)
    assert GateMessage.objects.filter(code=400).count() == 1
    return one


def measure_size(bench: Bench, rounds: int, kept: int) -> Iterator[Figure]:
    """Measure the p50 of a paid message where many are kept beside where few are."""
    taken: tuple[list[float], ...] = ([], [], [])
    few = (WRITE_MESSAGES, {"client": bench.client.pk, "count": FEW, "raw": b"", "answer": ""})
    for round_ in range(rounds + 1):
        turns = ((0, bench.large_gate), (1, bench.gate), (2, bench.gate))
        for place, server in turns if round_ % 2 else turns[::-1]:
            number = bench.write_invoices(bench.small, bench.large)
            if place:
                bench.run(bench.small, ("TRUNCATE cxmlgate_gatemessage CASCADE", None), few)
            one = bench.send(server, f"POST {PATH}", PAID, expected=OK, first=number)
            if round_:
                taken[place].append(one.p50)
    void = differs_from_itself(taken[2], taken[1])
    yield Figure(
        f"gate, {kept:,} kept messages, beside {FEW}",
        taken[0],
        taken[1],
        target=1.2,
        target_is_most=True,
        void=void,
        more={"unit": "ms, p50 of a paid message"},
    )
    yield Figure(f"A/A: gate, {FEW} kept messages beside themselves", taken[2], taken[1], void=void)


def costs(slices):
    """Return the medians that say where the time goes."""
    return {
        "cpu_us": round(median(one.cpu for one in slices)),
        "database_cpu_us": round(median(one.database_cpu for one in slices)),
        "rate": round(median(one.rate for one in slices)),
        "p50_ms": round(median(one.p50 for one in slices), 1),
    }


# rows and servers -----------------------------------------------------------------------------------------------------


def make_client():
    """Make the client, its open gate, and the counterparty of all invoices."""
    client = Client.objects.create(slug="acme", name="Acme")
    configure_gate(client, by=None, enabled=True, identity=IDENTITY, secret=SECRET)
    return client, Counterparty.objects.create(client=client, direction=Direction.PAYABLE, code="SUP", name="Supplier")


def fill(client, kept):
    """Return the statements that keep so many messages; the indexes are built after the rows."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'cxmlgate_gatemessage' AND indexname <> 'cxmlgate_gatemessage_pkey'"
        )
        indexes = dict(cursor.fetchall())
    unique = "gate_message_has_one_row_a_verdict"
    dropped = [
        f"ALTER TABLE cxmlgate_gatemessage DROP CONSTRAINT {name}" if name == unique else f'DROP INDEX "{name}"'
        for name in indexes
    ]
    database.close()
    return [
        *((statement, None) for statement in dropped),
        (WRITE_MESSAGES, {"client": client.pk, "count": kept, "raw": b"x" * 100, "answer": "x" * 100}),
        *((statement, None) for statement in indexes.values()),
        ("VACUUM ANALYZE", None),
    ]


@dataclass(frozen=True, slots=True)
class Server:
    """A gunicorn that answers."""

    pid: int
    port: int


@contextmanager
def serve(application, path, name):
    """Run gunicorn with the project's own arguments on a database, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [sys.executable, *web(Options(port=port, workers=2, threads=4)).program]
    program[program.index("config.wsgi:application")] = application
    process = subprocess.Popen(
        program, env=os.environ | {"DATABASE_URL": url_of(name).replace("postgresql", "postgres")}
    )
    try:
        wait_for(port, path)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait()


def wait_for(port, path):
    """Wait until the server answers."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
                link.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
                if link.recv(12) == b"HTTP/1.1 200":
                    return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def url_of(name):
    """Return the address of a database on the same server."""
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}".replace("postgres:", "postgresql:", 1)


@contextmanager
def another_database(name, template):
    """Make a copy of a database to which nobody is connected, and drop it in the end."""
    with psycopg.connect(url_of("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def backend_pids() -> list[int]:
    """Return the PostgreSQL processes that work for this database."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]
