"""The age chart of the desk: how many have stood there how long, as bars with their numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

AGES: Final[tuple[tuple[str | Promise, timedelta | None], ...]] = (
    (gettext_lazy("under 15 min"), timedelta(minutes=15)),
    (gettext_lazy("under 1 h"), timedelta(hours=1)),
    (gettext_lazy("under 4 h"), timedelta(hours=4)),
    (gettext_lazy("under 1 day"), timedelta(days=1)),
    (gettext_lazy("under 1 week"), timedelta(weeks=1)),
    (gettext_lazy("older"), None),
)
TONES: Final = ("fresh", "fresh", "aging", "aging", "old", "old")
WIDTH: Final = 320
LINE: Final = 22
LEFT: Final = 92
RIGHT: Final = 52


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; lengths in the drawing's units."""

    label: str
    count: str
    tone: str
    y: int
    middle: int
    length: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing, and what it says in words."""

    bars: tuple[Bar, ...]
    said: str
    width: int
    height: int
    left: int
    track: int


def draw_chart(counts: Sequence[int]) -> Chart:
    """Draw the counts of AGES, youngest first; something that is there has a bar that can be seen."""
    track = WIDTH - LEFT - RIGHT
    most = max([*counts, 1])
    bars = []
    for number, ((label, _limit), count) in enumerate(zip(AGES, counts, strict=True)):
        length = max(4, round(track * count / most)) if count else 0
        y = number * LINE + 4
        bars.append(Bar(str(label), f"{count:,}", TONES[number], y, y + 7, length))
    said = _("How long they have stood there: %(ages)s.") % {
        "ages": ", ".join(f"{bar.label} {bar.count}" for bar in bars)
    }
    return Chart(tuple(bars), said, WIDTH, len(AGES) * LINE, LEFT, track)
