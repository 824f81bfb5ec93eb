"""What to do after each thing that can happen to a message: pure functions over values, no clock, no database.

    pending ─claim─► sending ─confirmed─► confirmed
       ▲  ▲            │ ├─── refused ──► refused
       │  └─ not sent ─┘ │
       │                 └─ uncertain, or the lease ran out ─► unknown ─ found ─────────────► confirmed
       └─ not there, and nothing can arrive any more ────────────┘  │
                                                                    └ unsure after its limit ► unknown, for a person

Delivery carries these decisions out; the seeded simulation runs them under a virtual clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from integrations.erps.contract import ErrorKind
from invoices.workflow import MessageState

SLACK: Final = timedelta(seconds=5)  # how long a claimed message may wait for a lane
FIRST_DELAY: Final = timedelta(seconds=2)
LONGEST_DELAY: Final = timedelta(minutes=15)
LOOK_UP_DELAY: Final = timedelta(seconds=1)
SENDS_AT_MOST: Final = 200  # at the longest delay about two days
LOOK_UPS_AT_MOST: Final = 30  # about six hours
BREAKER_THRESHOLD: Final = 5
BREAKER_FIRST_PAUSE: Final = timedelta(seconds=10)
BREAKER_LONGEST_PAUSE: Final = timedelta(minutes=5)


class Found(Enum):
    """What a look-up found."""

    OURS = auto()  # one booking, and it is the invoice
    NOTHING = auto()
    OTHERWISE = auto()  # one that differs, or more than one: a person must judge
    COULD_NOT_ASK = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the message goes. `delay` None with an open state: nothing more happens by itself."""

    state: MessageState
    delay: timedelta | None = None
    keeps_doubt: bool = False  # it may still arrive


@dataclass(frozen=True, slots=True)
class Lease:
    """For how long a claimed message is its worker's alone."""

    start_by: datetime  # later than this the worker must not begin its call
    until: datetime  # by then it has reported, or is taken for dead
    doubtful_until: datetime  # by then what it asked for is written, or never will be


def lease(now: datetime, longest_call: timedelta, longest_write: timedelta) -> Lease:
    """Return the lease of a message that is claimed now."""
    start_by = now + SLACK
    return Lease(start_by, start_by + longest_call + SLACK, start_by + longest_write)


def backoff(tries: int, jitter: float) -> timedelta:
    """Return how long to wait after `tries` failures: doubling from 2 s to 15 min, ± 25 % by `jitter` in [0, 1)."""
    plain: timedelta = min(FIRST_DELAY * 2 ** min(max(tries - 1, 0), 12), LONGEST_DELAY)
    return plain * (0.75 + jitter / 2)


def after_confirmation() -> Decision:
    """Decide after the ERP's yes."""
    return Decision(MessageState.CONFIRMED)


def after_error(kind: ErrorKind, tries: int, jitter: float, retry_after: timedelta | None = None) -> Decision:
    """Decide after a failed call; `tries` counts this one."""
    if kind is ErrorKind.REJECTED:
        return Decision(MessageState.REFUSED)
    if kind is ErrorKind.UNCERTAIN:
        return Decision(MessageState.UNKNOWN, LOOK_UP_DELAY, keeps_doubt=True)
    if tries >= SENDS_AT_MOST:
        return Decision(MessageState.PENDING, None)
    wait = backoff(tries, jitter)
    return Decision(MessageState.PENDING, max(wait, retry_after) if retry_after else wait)


def after_lost_worker() -> Decision:
    """Decide when a lease ran out: the worker may have sent it."""
    return Decision(MessageState.UNKNOWN, timedelta(0), keeps_doubt=True)


def after_look_up(
    found: Found, *, now: datetime, doubtful_until: datetime | None, look_ups: int, jitter: float
) -> Decision:
    """Decide after asking the ERP; `look_ups` counts this one, `doubtful_until` is when nothing can arrive any more.

    `now` is when the ERP was asked, or earlier: an answer that came later says nothing about the time between.
    """
    if found is Found.OURS:
        return Decision(MessageState.CONFIRMED)
    if found is Found.OTHERWISE:
        return Decision(MessageState.UNKNOWN, None, keeps_doubt=True)
    if found is Found.NOTHING:
        if doubtful_until is None or doubtful_until <= now:
            return Decision(MessageState.PENDING, timedelta(0))
        return Decision(MessageState.UNKNOWN, doubtful_until - now + LOOK_UP_DELAY, keeps_doubt=True)
    if look_ups >= LOOK_UPS_AT_MOST:
        return Decision(MessageState.UNKNOWN, None, keeps_doubt=True)
    return Decision(MessageState.UNKNOWN, backoff(look_ups, jitter), keeps_doubt=True)


class BreakerState(TextChoices):
    """Whether a connection's queue runs."""

    CLOSED = "closed", _("Closed: running")
    OPEN = "open", _("Open: paused")
    HALF_OPEN = "half_open", _("Half open: trying one")


@dataclass(frozen=True, slots=True)
class Breaker:
    """Pauses a connection's queue instead of burning attempts; after the pause one message is tried."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    until: datetime | None = None

    def room(self, wanted: int, now: datetime) -> int:
        """Return how many messages may be sent now."""
        if self.until is not None and self.until > now:
            return 0
        return wanted if self.state is BreakerState.CLOSED else min(wanted, 1)

    def after_success(self) -> "Breaker":
        """Close."""
        return Breaker()

    def after_failure(self, now: datetime) -> "Breaker":
        """Count a call that could not reach the ERP; open at the fifth in a row, and again when a trial fails.

        Calls that were under way when it opened say nothing new, and do not prolong the pause.
        """
        if self.state is BreakerState.OPEN and self.until is not None and self.until > now:
            return self
        failures = self.failures + 1
        if failures < BREAKER_THRESHOLD:
            return Breaker(self.state, failures, self.until)
        doublings = min(failures - BREAKER_THRESHOLD, 10)
        pause = min(BREAKER_FIRST_PAUSE * 2**doublings, BREAKER_LONGEST_PAUSE)
        return Breaker(BreakerState.OPEN, failures, now + pause)

    def after_rate_limit(self, now: datetime, wait: timedelta) -> "Breaker":
        """Pause for as long as the system says; that is no failure."""
        return Breaker(self.state, self.failures, now + wait)

    def after_calls(
        self, kinds: Sequence[ErrorKind], *, answered: bool, wait: timedelta | None, now: datetime
    ) -> "Breaker":
        """Move by a group of calls: the kind of each error, whether one succeeded, and the longest wait asked for."""
        moved = self
        if answered or ErrorKind.REJECTED in kinds:
            moved = self.after_success()
        else:
            for _failure in range(kinds.count(ErrorKind.UNAVAILABLE)):
                moved = moved.after_failure(now)
        return moved.after_rate_limit(now, wait) if wait is not None else moved
