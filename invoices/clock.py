"""The database's clock: leases, due times and timestamps of the queue are compared in it, never in a host's own."""

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """Return the database's time, aware, in UTC.

    SQLite lives in this process's machine and has no other clock than ours.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)
