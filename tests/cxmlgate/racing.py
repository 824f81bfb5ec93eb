"""Sends messages at the same instant, breaks the database under them, and looks whether all still holds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from django.db import connection, connections, transaction

from invoices.models import Invoice
from tests.cxmlgate.conftest import send
from tests.cxmlgate.messages import SECRET
from tests.delivery.desk import Beside
from tests.invariants import Answer, Scene, log, payments, secrecy
from tests.invariants.told import accepted_gate_messages_have_one_effect
from tests.processes import wait_until

GATE_CHECKS = (
    accepted_gate_messages_have_one_effect,
    payments.payments_have_their_line,
    log.the_log_is_whole,
    payments.balances_add_up,
    secrecy.no_secret_is_written_anywhere,
)  # the others ask an ERP, or replay a log that begins before the invoice was booked

needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time: there is no race to lose"
)


def at_once(*bodies):
    """Send all bodies at the same instant, each over a connection of its own; return the verdicts in their order."""
    barrier = Barrier(len(bodies))

    def one(body):
        barrier.wait(timeout=20)
        try:
            return send(body).verdict
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(one, bodies))


def while_held(invoices, *bodies):
    """Send the bodies, let each get as far as it can while the invoices' rows are held, and return the verdicts."""
    with transaction.atomic():
        list(Invoice.objects.select_for_update().filter(pk__in=[invoice.pk for invoice in invoices]).order_by("pk"))
        beside = []
        for body in bodies:
            beside.append(Beside(lambda body=body: send(body).verdict))
            wait_until(lambda: len(waiting()) == len(beside), "all wait for a row", timeout=20)
    return [one.join() for one in beside]


def waiting():
    """Return the sessions that wait for a lock; PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the same picture for ever
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return [pid for (pid,) in cursor.fetchall()]


def end_waiting(count, *, kills=True):
    """Wait until `count` sessions wait for a lock, and end them."""
    pids = wait_until(lambda: waiting() if len(waiting()) == count else None, "it waits for the row", timeout=20)
    if kills:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])
        wait_until(lambda: not set(pids) & set(waiting()), "they are gone", timeout=20)


@contextmanager
def failing_commits(sqlstate: str) -> Iterator[None]:
    """Let the database refuse, at the commit and not before, whatever kept an accepted message; PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '{sqlstate}'; END $$"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON cxmlgate_gatemessage DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW WHEN (NEW.code = 200) EXECUTE FUNCTION refuse_commit()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_commit() CASCADE")


def told(payload_id, *verdicts, number="INV-0001"):
    """Return what the client of a message was told."""
    return [Answer("gate", "acme", number, code == 200 if code else None, text, payload_id) for code, text in verdicts]


def assert_the_gate_holds(*answers):
    """Fail with whatever does not hold of what the gate did, by the checker of DESIGN §11."""
    said = [one for group in answers for one in group]
    scene = Scene({"documents": []}, "default", said, True, [SECRET], {})
    wrong = [sentence for check in GATE_CHECKS for sentence in check(scene)]
    assert not wrong, "\n".join(wrong)
