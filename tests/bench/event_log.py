"""The event log of 10,000,000 lines, beside the same pages over 2,000: a number, a code, the first page, a level."""

from collections.abc import Iterator

from django.db import connections
from django.urls import reverse

from tests.bench.desk import fill, prepare
from tests.bench.measure import Figure
from tests.bench.pages import beside_small, measure_page

LINES = 10  # of each invoice
INVOICES = 1_000_000
SMALL = 200
LIMIT_MS = 100
PAGES = {
    "search by number": "?q=INV-177",
    "search by code": "?q=PERIOD_CLOSED",
    "first page": "",
    "level error": "?level=error",
    "last 24 hours": "?time=24",
}
# Of a hundred lines one is an error of the ERP, of ten one a warning; the latest is a minute old, a second between two.
EVENTS = """
INSERT INTO invoices_event (client_id, invoice_id, sequence, at, actor_name, action, level, reason, code, before, after,
    evidence, previous_hash, hash)
SELECT client_id, id, line, now() - interval '1 minute' - (%(all)s - g) * interval '1 second', 'Unstuck',
    CASE WHEN g %% 100 = 0 THEN 'refuse' ELSE 'confirm' END,
    CASE WHEN g %% 100 = 0 THEN 'error' WHEN g %% 10 = 0 THEN 'warning' ELSE 'info' END, '',
    CASE WHEN g %% 100 = 0 THEN 'PERIOD_CLOSED' ELSE '' END, '{}', '{"step": "booked"}',
    CASE WHEN g %% 100 = 0 THEN '{"complaints": [{"code": "PERIOD_CLOSED", "message": "Closed.", "detail": ""}]}'::jsonb
        ELSE '{}' END, '', ''
FROM (SELECT id, client_id, line, (id - 1) * %(lines)s + line AS g
    FROM invoices_invoice, generate_series(1, %(lines)s) line ORDER BY id, line) every
"""


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure each page; on SQLite there is nothing to claim."""
    if name == "sqlite":
        return
    browser, clients = prepare()
    with beside_small() as (large, small):
        for link, invoices in ((small, SMALL), (large, INVOICES)):
            connections["default"] = link
            fill(link, clients, every=invoices, stuck=SMALL)
            with link.cursor() as cursor:
                write_lines(cursor, invoices)
        for page, query in PAGES.items():
            address = reverse("admin:invoices_event_changelist") + query
            name = f"event log, {page}, 10,000,000 lines, beside 2,000"
            yield from measure_page(name, address, browser, (large, small), rounds, limit_ms=LIMIT_MS)


def write_lines(cursor, invoices):
    """Write the lines of this many invoices, the indexes after them, which is several times as fast."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'invoices_event' AND indexname LIKE '%event_by%'"
    )
    indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    cursor.execute("SET session_replication_role = replica")  # no checks of foreign keys that are right by making
    cursor.execute(EVENTS, {"all": invoices * LINES, "lines": LINES})
    cursor.execute("SET session_replication_role = origin")
    for _name, definition in indexes:
        cursor.execute(definition)
    cursor.execute("VACUUM ANALYZE invoices_event")
