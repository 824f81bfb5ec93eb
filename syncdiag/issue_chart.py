"""The chart of issues: failures by day, as bars; each bar says its day and number in words too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

DAYS: Final = 30
STEP: Final = 14
BAR: Final = 10
HEIGHT: Final = 72


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day; lengths in the drawing's units."""

    said: str
    x: int
    y: int
    height: int
    count: int


@dataclass(frozen=True, slots=True)
class DayChart:
    """The drawing, and what it says in words."""

    bars: tuple[DayBar, ...]
    said: str
    first: date
    last: date
    most: int
    width: int = DAYS * STEP
    height: int = HEIGHT
    bar: int = BAR


def first_day(today: date) -> date:
    """Return the first day that a chart of `today` shows."""
    return today - timedelta(days=DAYS - 1)


def draw_days(counts: Mapping[date, int], today: date) -> DayChart:
    """Draw the failures of the last 30 days (UTC), oldest first; a day with one failure has a bar that can be seen."""
    days = [first_day(today) + timedelta(days=number) for number in range(DAYS)]
    most = max([*(counts.get(day, 0) for day in days), 1])
    bars = []
    for number, day in enumerate(days):
        count = counts.get(day, 0)
        height = max(4, round(HEIGHT * count / most)) if count else 1
        said = ngettext("%(day)s: %(count)d failure", "%(day)s: %(count)d failures", count) % {
            "day": date_format(day, "j M"),
            "count": count,
        }
        bars.append(DayBar(said, number * STEP + 2, HEIGHT - height, height, count))
    total = sum(bar.count for bar in bars)
    said = ngettext("%(count)d failure in the last 30 days.", "%(count)d failures in the last 30 days.", total) % {
        "count": total
    }
    busiest = max(bars, key=lambda bar: bar.count)
    if busiest.count:
        said = f"{said} {_('Most on %(day)s.') % {'day': busiest.said}}"
    return DayChart(tuple(bars), said, days[0], days[-1], most)
