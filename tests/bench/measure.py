"""What all figures have in common: paired ratios, the row that is printed, and CPU time from /proc."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
SAME = (0.9, 1.1)  # a baseline beside itself that lies outside says that the machine was too noisy


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the output: the medians of subject and baseline, and of their paired ratios."""

    name: str
    subject: Sequence[float]
    baseline: Sequence[float]
    target: float | None = None
    target_is_most: bool = False  # the ratio may be at most the target, instead of at least
    void: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the line."""
        ratios = [value / base for value, base in zip(self.subject, self.baseline, strict=True)]
        ratio = median(ratios)
        line: dict[str, Any] = {
            "name": self.name,
            "value": round(median(self.subject), 1),
            "baseline": round(median(self.baseline), 1),
            "ratio": round(ratio, 3),
            "min": round(min(ratios), 3),
            "max": round(max(ratios), 3),
            "rounds": len(ratios),
        }
        if self.target is not None:
            reached = ratio <= self.target if self.target_is_most else ratio >= self.target
            line |= {"target": self.target, "holds": reached and not self.void}
        if self.void:
            line["void"] = "The baseline beside itself lies outside 0.9-1.1: the machine was too noisy."
        return json.dumps(line | self.more)


def differs_from_itself(first: Sequence[float], second: Sequence[float]) -> bool:
    """Say whether a baseline measured twice makes the run void."""
    return not SAME[0] <= median(one / other for one, other in zip(first, second, strict=True)) <= SAME[1]


def cpu_of(pids: Iterable[int]) -> float:
    """Return the CPU seconds that processes have used; one that has ended counts as nothing."""
    total = 0
    for pid in pids:
        try:
            facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(facts[11]) + int(facts[12])
    return total / TICKS


def descendants(pid: int) -> list[int]:
    """Return a process's children and theirs."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, children) for found in (child, *descendants(child))]
