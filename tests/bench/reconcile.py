"""Reconcile 1,000,000 invoices with 1,000,000 documents beside a dict of `values_list().iterator()`.

Both read the same list, made before and given in pages; both must find the same differences. Time: whole comparisons
take turns, and the dict a second time says whether the machine was quiet enough. Memory: each in a process of its own
whose list is made page by page, so that nothing but its own way is held; the growth over the process at rest counts.
"""

import gc
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.erps.contract import Listed
from integrations.listing import take_listing
from integrations.models import Connection, Reconciliation
from integrations.reconcile import compare
from invoices.models import Client, Counterparty, Invoice
from tests.bench.measure import Figure, differs_from_itself
from tests.factories import UserFactory

SIZES = {"postgresql": 1_000_000, "sqlite": 20_000}  # SQLite is for a desk, not for a million
PAGE = 5_000
AMOUNT, OTHER = Decimal("10.99"), Decimal("9.99")
LIMIT_MB = 64
DIFFERS, GONE, EXTRA = 1_009, 2_053, 1_999  # each so many-th one


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure time, then memory."""
    size = SIZES[name]
    run = make_rows(size)
    pages = list(listing(size))
    gc.collect()
    gc.freeze()
    sides: tuple[list[float], list[float], list[float]] = ([], [], [])
    found: list[Any] = []
    for round_ in range(rounds + 1):  # the first one warms up
        order = [(0, ours), (1, with_dict), (2, with_dict)]
        for side, way in order if round_ % 2 else order[::-1]:
            began = time.perf_counter()
            counts = way(run, iter(pages))
            took = time.perf_counter() - began
            found.append(counts)
            if round_:
                sides[side].append(took)
    assert all(one == found[0] for one in found), found
    void = differs_from_itself(sides[1], sides[2])
    subject, baseline = ([1000 * each for each in side] for side in sides[:2])
    yield Figure(
        f"reconcile {size:,} with {size:,}, {name}",
        subject,
        baseline,
        target=0.65 if name == "postgresql" else None,
        target_is_most=True,
        void=void,
        more={"unit": "ms", "found": found[0]},
    )
    yield Figure(f"A/A: the dict beside itself, {name}", sides[2], sides[1], void=void)
    grown = [[float(memory_of(way, size)) for _round in range(2)] for way in ("ours", "dict")]
    yield Figure(
        f"reconcile, memory above the process at rest, {name}",
        grown[0],
        grown[1],
        more={"unit": "MB", "limit": LIMIT_MB, "within": median(grown[0]) <= LIMIT_MB},
    )


def ours(run: Reconciliation, pages: Iterator[Sequence[Listed]]) -> dict[str, int]:
    """Stream the list into the database and have it compare."""
    with take_listing() as list_there:
        for page in pages:
            list_there.add(page)
        list_there.complete()
        with transaction.atomic():
            counts = compare(run, list_there)
            transaction.set_rollback(True)  # each round begins with the same rows
    return counts


def with_dict(run: Reconciliation, pages: Iterator[Sequence[Listed]]) -> dict[str, int]:
    """Hold our side in a dict and walk through the list; nothing is written."""
    rows = Invoice.objects.filter(client=run.connection.client, archived_at__isnull=True).exclude(status="")
    rows = rows.exclude(remote_id="").order_by().annotate(open_amount=F("total") - F("paid"))
    known = {
        remote_id: (amount, currency)
        for remote_id, amount, currency in rows.values_list("remote_id", "open_amount", "currency").iterator()
    }
    same = differ = extra = 0
    for page in pages:
        for one in page:
            mine = known.pop(one.remote_id, None)
            if mine is None:
                extra += 1
            elif mine == (one.balance, one.currency):
                same += 1
            else:
                differ += 1
    return {"same": same, "differ": differ, "missing_there": len(known), "missing_here": extra}


def listing(size: int) -> Iterator[tuple[Listed, ...]]:
    """Give the ERP's list in pages: some with another balance, some not there, some of its own."""
    for start in range(1, size + 1, PAGE):
        yield tuple(
            Listed(
                f"X-{nth}" if nth % EXTRA == 0 else f"R-{nth}",
                f"INV-{nth}",
                AMOUNT,
                OTHER if nth % DIFFERS == 0 else AMOUNT,
                "USD",
            )
            for nth in range(start, min(start + PAGE, size + 1))
            if nth % GONE
        )


def make_rows(size: int) -> Reconciliation:
    """Make a client with so many booked invoices, and a run over its connection."""
    client = Client.objects.create(slug="bench", name="Bench")
    link = Connection.objects.create(client=client, connector="sandbox", company="bench", secret="bench")
    party = Counterparty.objects.create(client=client, direction="receivable", code="CUS-1", name="Customer")
    first = Invoice.objects.create(
        client=client, counterparty=party, direction="receivable", number="INV-0", invoice_date="2026-11-02",
        currency="USD", total=AMOUNT, step="booked", status="open", final_voucher="V-0",
    )  # fmt: skip
    others = [
        field.column
        for field in Invoice._meta.concrete_fields
        if field.column not in ("id", "number", "remote_id") and not field.generated
    ]
    names = ", ".join(f'"{name}"' for name in others)
    series = "generate_series(1, %s)" if database.vendor == "postgresql" else "series"
    prefix = (
        ""
        if database.vendor == "postgresql"
        else ("WITH RECURSIVE series (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM series WHERE g < %s) ")
    )
    source = f"{series} AS s (g)" if database.vendor == "postgresql" else series
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO invoices_invoice (number, remote_id, {names}) {prefix}"
            f"SELECT 'INV-' || g, 'R-' || g, {names} FROM {source}, invoices_invoice WHERE number = 'INV-0'",
            [size],
        )
        if database.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
    first.delete()
    return Reconciliation.objects.create(connection=link, by=UserFactory(username="bench"), started_at=timezone.now())


def memory_of(way: str, size: int) -> int:
    """Return by how many MB a process grew that did the work once."""
    code = (
        "import os, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings'); django.setup();"
        f" from tests.bench.reconcile import grow; print(grow({way!r}, {size}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=settings.BASE_DIR
    )
    return int(done.stdout)


def grow(way: str, size: int) -> int:
    """Do the work once, and return by how many MB this process grew."""
    run = Reconciliation.objects.select_related("connection__client").get()
    for _page in zip(range(2), listing(size), strict=False):  # what every process loads first
        pass
    before = peak()
    {"ours": ours, "dict": with_dict}[way](run, listing(size))
    return (peak() - before) // 1024


def peak() -> int:
    """Return the most KB that this process has held; `ru_maxrss` would count what the parent held at the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
