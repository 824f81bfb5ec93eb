"""The desk over 1,000,000 invoices of which 10,000 are stuck, beside the same pages over 200 stuck ones alone.

Two throw-away databases on PostgreSQL take turns behind one process and one session; every round is three slices: the
large one, and twice the small one, whose ratio says whether the machine was quiet enough.
"""

import re
from collections.abc import Iterator

from django.conf import settings
from django.db import connections
from django.test import Client as Browser
from django.urls import reverse

from integrations.models import Connection
from invoices.models import Client, RoleGrant
from invoices.roles import Role
from tests.bench.measure import Figure
from tests.bench.pages import beside_small, measure_page
from tests.factories import UserFactory

INVOICES = 1_000_000
STUCK = 10_000
SMALL = 200
LIMIT_MS = 150
PAGES = {"groups": "", "list": "?reason=error", "narrowed": "?reason=overdue&mine=queue"}

# Of 200 stuck ones one has two documents (9), one was answered late (10), ten failed validation (8); the rest are
# errors, lost answers (11 to 13), behind a paused connection (19), and overdue.
ROWS = """
WITH row AS (
    SELECT g, g <= %(stuck)s AS stuck, CASE WHEN g > %(stuck)s THEN -1
        WHEN g %% 20 IN (9, 10) AND g %% 200 > 10 THEN 14 ELSE g %% 20 END AS kind
    FROM generate_series(1, %(all)s) g
), placed AS (
    SELECT g, stuck, kind,
        CASE WHEN kind = 19 THEN %(paused)s ELSE %(running)s END AS client_id,
        CASE WHEN kind = -1 THEN 'booked' WHEN kind <= 7 OR kind = 10 THEN 'preliminary_error' WHEN kind = 8 THEN 'final_error'
            ELSE 'preliminary_integration' END AS step
    FROM row
), written AS (
    INSERT INTO invoices_integrationmessage (id, client_id, invoice_id, kind, key, state, attempt_count, look_up_count,
        reason, complaints, voucher, remote_id, created_at, not_before)
    SELECT g, client_id, g, CASE WHEN step IN ('booked', 'final_error') THEN 'book_final' ELSE 'book_preliminary' END, g,
        CASE WHEN kind <= 6 AND stuck THEN 'refused' WHEN kind IN (7, 10) THEN 'aborted' WHEN kind IN (11, 12, 13) THEN 'unknown'
            WHEN kind > 13 THEN 'pending' WHEN kind = 9 THEN 'unknown' ELSE 'confirmed' END,
        1, 0, CASE WHEN stuck THEN 'The ERP did not answer within 30 seconds.' ELSE '' END,
        CASE WHEN kind BETWEEN 0 AND 6 THEN '[{"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed.",
            "detail": "Reopen it."}]'::jsonb ELSE '[]'::jsonb END,
        CASE WHEN kind IN (-1, 10) THEN 'V-' || g ELSE '' END, '', now() - interval '1 day', now() + interval '1 hour'
    FROM placed
), asked AS (
    INSERT INTO invoices_evidence (invoice_id, message_id, kind, verdict, asked_at, voucher, currency, party_code, remote_id,
        url, matches, difference, detail, is_word)
    SELECT g, g, CASE WHEN step = 'final_error' THEN 'book_final' ELSE 'book_preliminary' END,
        CASE WHEN kind IN (9, 11) THEN 'found' ELSE 'not_found' END, now() - interval '3 minutes',
        CASE WHEN kind IN (9, 11) THEN 'V-' || g ELSE '' END, 'USD', '', '', '', CASE kind WHEN 9 THEN 2 WHEN 11 THEN 1 ELSE 0 END,
        CASE kind WHEN 9 THEN 'The ERP has 2 bookings of it.' ELSE '' END, '', false
    FROM placed WHERE stuck
)
INSERT INTO invoices_invoice (id, client_id, counterparty_id, direction, kind, number, invoice_date, currency, total, paid, step,
    status, step_since, preliminary_voucher, final_voucher, remote_id, archived_reason, created_at, event_count, event_head,
    current_message_id)
SELECT g, client_id, CASE client_id WHEN %(paused)s THEN 100000 ELSE 0 END + g %% 1000 + 1, 'payable', 'invoice', 'INV-' || g,
    '2026-11-02', 'USD', 10.99, 0, step,
    CASE kind WHEN -1 THEN 'ok_to_pay' WHEN 8 THEN 'failed_erp_validation' ELSE '' END,
    now() - interval '20 minutes' - g * interval '7 seconds', '', CASE kind WHEN -1 THEN 'V-' || g ELSE '' END, '', '',
    now() - interval '1 day', 0, '', g
FROM placed
"""  # noqa: E501 (SQL in its own lines)
PARTIES = """
INSERT INTO invoices_counterparty (id, client_id, direction, code, name)
SELECT base + g, client, 'payable', 'SUP-' || g, 'Paper & Sons ' || g
FROM generate_series(1, 1000) g, (VALUES (0, %(running)s), (100000, %(paused)s)) c (base, client)
"""


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure each page; on SQLite there is nothing to claim."""
    if name == "sqlite":
        return
    browser, clients = prepare()
    with beside_small() as (large, small):
        for link, every, stuck in ((small, SMALL, SMALL), (large, INVOICES, STUCK)):
            connections["default"] = link
            fill(link, clients, every=every, stuck=stuck)
        pages = {page: reverse("admin:index") + query for page, query in PAGES.items()}
        connections["default"] = small
        first = browser.get(pages["list"]).content.decode()
        (key,) = re.findall(r"after=(\d+-\d+)", first)
        pages["next page"] = f"{pages['list']}&after={key}"
        for page, address in pages.items():
            name = f"desk, {page}, 1,000,000 invoices, 10,000 stuck, beside 200"
            yield from measure_page(name, address, browser, (large, small), rounds, limit_ms=LIMIT_MS)


def prepare():
    """Make the people and clients that both databases begin with; return a browser that is logged in on both."""
    settings.ALLOWED_HOSTS = ["*"]
    handler = UserFactory(username="handler")
    clients = []
    for slug, breaker in (("acme", "closed"), ("globex", "open")):
        client = Client.objects.create(slug=slug, name=slug.title())
        Connection.objects.create(client=client, connector="sandbox", company=slug, secret="x", breaker_state=breaker)
        RoleGrant.objects.create(user=handler, client=client, role=Role.QUEUE_HANDLER)
        clients.append(client)
    browser = Browser()
    browser.force_login(handler, backend="django.contrib.auth.backends.ModelBackend")
    return browser, clients


def fill(link, clients, *, every, stuck):
    """Write the rows on the server, and let it learn what it has."""
    values = {"all": every, "stuck": stuck, "running": clients[0].pk, "paused": clients[1].pk}
    with link.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no checks of foreign keys that are right by making
        cursor.execute(PARTIES, values)
        cursor.execute(ROWS, values)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")
