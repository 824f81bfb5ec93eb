"""Leases: one worker at a time holds a row, and a dead one holds it a few seconds longer.

While its worker lives, a thread renews the lease every few seconds, whatever call is out: the heartbeat of the process,
not of its progress. So a lease can be short although a call is long. A worker that lives and does not get on loses its
lease as well, after its `patience`. Whoever lost it notices at its next `keep`, which hits no row.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Q, QuerySet

from invoices import clock

log = structlog.get_logger(__name__)
SPAN: Final = timedelta(seconds=20)  # how long a dead worker's lease lasts at most
BEAT: Final = 4.0  # seconds: several may be missed


class RowLease:
    """One worker's hold on one row: `token` says whose, `until` until when, by the database's clock."""

    def __init__(self, rows: QuerySet[Any], token_field: str, until_field: str, *, patience: timedelta = SPAN) -> None:
        """Take the query for the one row, and how long a worker that lives may go without `keep`."""
        self._rows = rows
        self._token_field, self._until_field = token_field, until_field
        self._patience = patience.total_seconds()
        self._got_on = time.monotonic()
        self.token = uuid.uuid4().hex

    def take(self, among: QuerySet[Any] | None = None, *, span: timedelta = SPAN) -> bool:
        """Take the row if nobody holds it, and it is `among` these; say whether."""
        now = clock.now()
        free = Q(**{f"{self._until_field}__isnull": True}) | Q(**{f"{self._until_field}__lte": now})
        rows = (self._rows if among is None else among).filter(free)
        self._got_on = time.monotonic()
        return bool(rows.update(**{self._token_field: self.token, self._until_field: now + span}))

    def keep(self, among: QuerySet[Any] | None = None, *, span: timedelta = SPAN, **values: object) -> bool:
        """Renew it and set `values`; False when it is somebody else's by now, or the row not `among` these."""
        self._got_on = time.monotonic()
        return bool(self.mine(among).update(**{self._until_field: clock.now() + span}, **values))

    def mine(self, among: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Return the row while it is ours."""
        return (self._rows if among is None else among).filter(**{self._token_field: self.token})

    def give_back(self) -> None:
        """Let the next worker have the row at once."""
        self.mine().update(**{self._token_field: "", self._until_field: None})

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Renew it from a thread for as long as the worker lives and gets on; give it back at the end."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.give_back()

    def _beat(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(BEAT) and time.monotonic() - self._got_on < self._patience:
                try:
                    if not self.mine().update(**{self._until_field: clock.now() + SPAN}):
                        return
                except (
                    DatabaseError,
                    InterfaceError,
                ) as exc:  # the next beat may get through
                    log.warning("a lease could not be renewed", error=str(exc))
                    connections.close_all()
        finally:
            connections.close_all()
