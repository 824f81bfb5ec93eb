"""A fake ERP under a virtual clock: it accepts late, loses answers, refuses, is down, and says 429."""

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from integrations.erps.contract import Booking, Complaint, ErpError, ErrorKind, Stage

LONGEST_CALL = timedelta(seconds=8)
LONGEST_WRITE = timedelta(seconds=12)
FATES = ("answer", "answer", "answer", "answer", "lose", "lose", "drop", "refuse", "busy", "away")


@dataclass(frozen=True, slots=True)
class Call:
    """One call under way: when its end is seen by the worker, and how it ends."""

    ends_at: datetime
    lands_at: datetime | None  # when the ERP saves it; None: never
    key: str
    error: ErpError | None


class FakeErp:
    """What the ERP holds: bookings by invoice and kind of booking."""

    def __init__(self, rng: Random, *, native_key: bool) -> None:
        self.rng = rng
        self.native_key = native_key
        self.is_down = False
        self.behaves = False  # the dust settles: every call is answered
        self.bookings: dict[tuple[int, str], list[Booking]] = {}
        self._under_way: list[tuple[datetime, str, tuple[int, str]]] = []
        self._vouchers = 0

    def send(self, which: tuple[int, str], key: str, now: datetime) -> Call:
        """Begin a write: choose its fate, and when it is saved and answered."""
        rng = self.rng
        fate = "away" if self.is_down else "answer" if self.behaves else rng.choice(FATES)
        lands_at = None
        if fate == "answer":
            ends_at = now + LONGEST_CALL * rng.random()
            lands_at = now + (ends_at - now) * rng.random()
        else:
            ends_at = now + LONGEST_CALL * rng.random()
        if fate == "lose":  # it may be saved after the worker has stopped waiting
            lands_at = now + LONGEST_WRITE * rng.random()
        if lands_at is not None:
            heapq.heappush(self._under_way, (lands_at, key, which))
        return Call(ends_at, lands_at, key, ERRORS[fate])

    def look(self, which: tuple[int, str], keys: tuple[str, ...]) -> tuple[Booking, ...] | ErpError:
        """Answer a look-up: by key where keys are remembered, and by number and party."""
        if self.is_down or (not self.behaves and self.rng.random() < 0.15):
            return ERRORS["away"]
        found = self.bookings.get(which, [])
        return tuple(booking for booking in found if booking.key in keys) or tuple(found)

    def land(self, now: datetime) -> None:
        """Save what was on its way until now."""
        while self._under_way and self._under_way[0][0] <= now:
            _when, key, which = heapq.heappop(self._under_way)
            held = self.bookings.setdefault(which, [])
            if self.native_key and any(booking.key == key for booking in held):
                continue
            self._vouchers += 1
            voucher = f"V{self._vouchers}"
            held.append(Booking(voucher, voucher, None, Stage.FINAL, "", "", "USD", Decimal(1), Decimal(1), key=key))

    def booked(self, which: tuple[int, str], key: str) -> Booking:
        """Return the booking that a write is answered with."""
        held = self.bookings[which]
        return next((booking for booking in held if booking.key == key), held[0])


ERRORS = {
    "answer": None,
    "lose": ErpError(ErrorKind.UNCERTAIN, [Complaint("no answer")]),
    "drop": ErpError(ErrorKind.UNCERTAIN, [Complaint("connection lost")]),
    "refuse": ErpError(ErrorKind.REJECTED, [Complaint("period closed")]),
    "busy": ErpError(ErrorKind.RATE_LIMITED, [Complaint("slow down")], retry_after=timedelta(seconds=3)),
    "away": ErpError(ErrorKind.UNAVAILABLE, [Complaint("down")]),
}
