"""Named fault points: places where a test makes the process die or fail. Off in production.

`UNSTUCK_FAULT=after_erp_accept:kill9` kills the process at the first passing of that point; `…:kill9:3` at the
third; `…:raise` raises instead. The variable is read only where `settings.FAULTS_ALLOWED` is true.
"""

import os
import signal
from collections import Counter

from django.conf import settings

POINTS = frozenset(
    {
        "after_claim",
        "before_call",
        "after_erp_accept",
        "before_report_commit",
        "before_gate_commit",
        "after_pdf_file",
        "before_cursor",
        "before_reconciled",
        "after_reconciled",
    }
)

_passed: Counter[str] = Counter()


class FaultInjected(Exception):  # noqa: N818 (it is no error of ours)
    """Raised at a fault point that was told to raise."""


def fault(point: str) -> None:
    """Do nothing, unless a test asked for a fault at this point; raises ValueError for a point that is not listed."""
    if point not in POINTS:
        raise ValueError(f"{point} is not in faults.POINTS")
    wish = os.environ.get("UNSTUCK_FAULT")
    if not wish or not settings.FAULTS_ALLOWED:
        return
    name, _, rest = wish.partition(":")
    if name != point:
        return
    action, _, nth = rest.partition(":")
    _passed[point] += 1
    if _passed[point] != int(nth or 1):
        return
    if action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FaultInjected(point)
