"""The lanes: threads that call the ERP, and nothing else. They touch no database; results come back through a queue."""

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final

from integrations.erps.contract import Booking, Complaint, Connector, Document, ErpError, ErrorKind, Reason
from invoices.faults import fault

GATHERING: Final = 0.004  # seconds; the lanes have work for longer than this
AHEAD: Final = 2  # jobs for each lane: one under way, and one that waits


@dataclass(frozen=True, slots=True)
class Job:
    """One call to make: book `document` under `key`, or look for it under `keys`."""

    message_id: int
    attempt: int  # 0 for a look-up
    attempt_id: int
    attempts_made: int  # with this one
    document: Document
    key: str
    keys: tuple[str, ...]
    creates_party: bool
    start_by: float  # time.monotonic(): later than this the lease would not cover the call
    claimed_at: datetime  # by the database's clock

    @property
    def is_look_up(self) -> bool:
        """Whether it only asks."""
        return self.attempt == 0


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended: bookings, or an error."""

    job: Job
    bookings: tuple[Booking, ...] = ()
    error: ErpError | None = None
    took: timedelta = timedelta(0)


class Lanes:
    """Runs jobs on as many threads as the connection has lanes."""

    def __init__(self, connector: Connector, count: int) -> None:
        """Take the connector that all lanes share."""
        self.connector = connector
        self.in_flight = 0
        self._is_stopped = False
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="lane")

    def __enter__(self) -> "Lanes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)
        self.connector.close()

    def submit(self, job: Job) -> None:
        """Put a job on the next free lane."""
        self.in_flight += 1
        self._pool.submit(self._run, job)

    def stop(self) -> None:
        """Begin no further call: jobs that wait for a lane end as not sent."""
        self._is_stopped = True

    def collect(self, *, at_most: float) -> list[Result]:
        """Wait for the next result, and take what is there a moment later: a group costs little more than one.

        Returns nothing when none came within `at_most` seconds.
        """
        try:
            results = [self._results.get(timeout=at_most)]
        except queue.Empty:
            return []
        if self.in_flight > 1:
            time.sleep(GATHERING)
        while not self._results.empty():
            results.append(self._results.get())
        self.in_flight -= len(results)
        return results

    def _run(self, job: Job) -> None:
        started = time.monotonic()
        bookings: tuple[Booking, ...] = ()
        error: ErpError | None = None
        try:
            if self._is_stopped:
                raise ErpError(ErrorKind.UNAVAILABLE, [Complaint("The client was disconnected.", code="DISCONNECTED")])
            bookings = call(self.connector, job)
        except ErpError as exc:
            error = exc
        except BaseException as exc:  # noqa: BLE001 (a bug in a connector: whether it had sent is not known)
            error = ErpError(ErrorKind.UNCERTAIN, [Complaint(f"{type(exc).__name__}: {exc}", code="OUR_FAULT")])
        self._results.put(Result(job, bookings, error, timedelta(seconds=time.monotonic() - started)))


def call(connector: Connector, job: Job) -> tuple[Booking, ...]:
    """Make the call of one job; raises ErpError.

    A counterparty that the ERP does not know is created there first where the client wants that, and the same key is
    sent again: nothing was booked by the first try. That second try must begin in time as well, or else it waits for
    the next attempt.
    """
    _demand_time(job)
    if job.is_look_up:
        return connector.find(job.document, job.keys)
    fault("before_call")
    try:
        booking = connector.create(job.document, job.key)
    except ErpError as exc:
        unknown_party = any(complaint.reason is Reason.CUSTOMER_MISSING for complaint in exc.complaints)
        if not (job.creates_party and exc.kind is ErrorKind.REJECTED and unknown_party):
            raise
        _create_party(connector, job.document)
        _demand_time(job)
        booking = connector.create(job.document, job.key)
    fault("after_erp_accept")
    return (booking,)


def _demand_time(job: Job) -> None:
    if time.monotonic() > job.start_by:
        raise ErpError(ErrorKind.UNAVAILABLE, [Complaint("No lane was free in time.", code="NO_LANE")])


def _create_party(connector: Connector, document: Document) -> None:
    try:
        connector.ensure_party(document)
    except ErpError as exc:
        if exc.kind is ErrorKind.UNCERTAIN:  # no invoice was sent, and a party is created by its code: try again later
            raise ErpError(ErrorKind.UNAVAILABLE, exc.complaints, raw=exc.raw, trace_id=exc.trace_id) from exc
        raise
