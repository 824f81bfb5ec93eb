"""Pages of large tables: counted up to a cap, and beyond it by the key of the last row."""

from functools import cached_property
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet

CAP: Final = 10_000


def capped_count(rows: QuerySet[Any], cap: int) -> int:
    """Return how many rows there are, but at most `cap` + 1: the database stops counting there."""
    return rows.order_by()[: cap + 1].count()


class CappedPaginator(Paginator[Any]):
    """Counts no further than the cap; what lies behind it is reached by filters, search, or `?before=`."""

    @cached_property
    def counted(self) -> int:
        """How many rows there are, at most one more than the cap."""
        return capped_count(self.object_list, CAP)  # type: ignore[arg-type]  # the admin passes QuerySets alone

    @cached_property
    def count(self) -> int:
        """How many rows can be paged through."""
        return min(self.counted, CAP)

    @property
    def is_capped(self) -> bool:
        """Whether there is more than can be paged through."""
        return self.counted > CAP
