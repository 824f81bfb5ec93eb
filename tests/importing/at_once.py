"""Several things at the same instant: each gets as far as it can while somebody else holds the client's row."""

from collections.abc import Callable
from typing import Any

from django.db import connection as database
from django.db import transaction

from invoices.errors import Refusal
from invoices.models import Client
from tests.delivery.desk import Beside
from tests.processes import wait_until


def waiting_for_locks() -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the same picture for ever
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]


def beside_until_they_wait(*acts: Callable[[], Any]) -> list[Beside]:
    """Start the acts, and return when each waits for what this thread's transaction holds."""
    beside = [Beside(act) for act in acts]
    wait_until(lambda: waiting_for_locks() == len(acts), "all wait", timeout=20)
    return beside


def ends(beside: list[Beside]) -> list[Any]:
    """Return what each returned, or the refusal that it raised; raises whatever else was raised."""
    said = []
    for one in beside:
        try:
            said.append(one.join())
        except Refusal as exc:
            said.append(exc)
    return said


def at_once(client: Client, *acts: Callable[[], Any]) -> list[Any]:
    """Let the acts begin while the client's row is held, and go on at the same instant."""
    with transaction.atomic():
        Client.objects.select_for_update().get(pk=client.pk)
        beside = beside_until_they_wait(*acts)
    return ends(beside)
