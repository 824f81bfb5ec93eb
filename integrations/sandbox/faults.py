"""The switches for faults: how the sandbox ERP is made to misbehave, for ever or for the next n calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FLAGS = ("down", "lose_answers", "drop_before_saving", "html_in_200")
DELAYS = ("latency_ms", "latency_after_ms")
LONGEST_DELAY_MS = 600_000


class BadFaultError(ValueError):
    """The body of POST /faults/ makes no sense; the sentence names the field."""


@dataclass(slots=True)
class Switch:
    """One fault that is on: its value, and for how many more calls (None: until it is taken back)."""

    value: int
    left: int | None


@dataclass(slots=True)
class Faults:
    """All faults that are on."""

    switches: dict[str, Switch] = field(default_factory=dict)

    def take(self, name: str) -> int:
        """Use one call of a fault; 0 when it is off."""
        switch = self.switches.get(name)
        if switch is None:
            return 0
        if switch.left is not None:
            switch.left -= 1
            if switch.left <= 0:
                del self.switches[name]
        return switch.value

    def turn(self, body: Mapping[str, Any]) -> None:
        """Turn the named switches on or off, all or none; the others stay.

        A flag takes true, false, or the number of calls it is for. `times` limits every switch of the same body that
        has no number of calls of its own: `status`, the latencies, and flags that are true.
        """
        for name in body:
            if name not in (*FLAGS, *DELAYS, "status", "times"):
                raise BadFaultError(f"{name} is not a fault. The faults are {', '.join((*FLAGS, *DELAYS, 'status'))}.")
        times = body.get("times")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise BadFaultError("times must be a whole number of calls, at least 1.")
        turned = {name: read_switch(name, value, times) for name, value in body.items() if name != "times"}
        for name, switch in turned.items():
            if switch is None:
                self.switches.pop(name, None)
            else:
                self.switches[name] = switch

    def clear(self) -> None:
        """Behave again."""
        self.switches.clear()

    def shown(self) -> dict[str, Any]:
        """Return what is on, as `POST /faults/` takes it: a flag with its calls left, or true."""
        shown: dict[str, Any] = {}
        for name, switch in self.switches.items():
            if name in FLAGS:
                shown[name] = True if switch.left is None else switch.left
            else:
                shown[name] = switch.value
                if switch.left is not None:
                    shown[f"{name}_calls_left"] = switch.left
        return shown


def read_switch(name: str, value: object, times: int | None) -> Switch | None:
    """Return the switch that `value` asks for; None turns it off."""
    if value is None or value is False:
        return None
    if name in FLAGS:
        if value is True:
            return Switch(1, times)
        if not isinstance(value, int) or value < 0:
            raise BadFaultError(f"{name} must be true, false, or a number of calls.")
        return Switch(1, value) if value else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadFaultError(f"{name} must be a whole number.")
    if name == "status":
        if not 400 <= value <= 599:
            raise BadFaultError("status must be an HTTP status from 400 to 599.")
        return Switch(value, times)
    if not 0 <= value <= LONGEST_DELAY_MS:
        raise BadFaultError(f"{name} must be milliseconds, from 0 to {LONGEST_DELAY_MS}.")
    return Switch(value, times) if value else None
