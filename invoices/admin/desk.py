"""The tabs of the list of invoices, and what there is to approve. Counts stop at a cap.

What is stuck stands on the front page, which `syncdiag.desk` makes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.admin.paging import capped_count
from invoices.models import Invoice
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageState, Status, Step

COUNT_TO: Final = 99
ROWS: Final = 5
DESK_ORDER: Final = ("step_since", "pk")  # longest waiting first


@dataclass(frozen=True, slots=True)
class Group:
    """One group: which invoices it holds, and what is to be done about them."""

    slug: str
    title: str | Promise
    hint: str | Promise
    tone: str
    filter: Callable[[QuerySet[Any]], QuerySet[Any]]

    def only(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the group's invoices, longest waiting first."""
        return self.filter(rows).order_by(*DESK_ORDER)


GROUPS: Final = (
    Group(
        "waiting",
        _("Waiting for the ERP"),
        _("They go out by themselves. What is stuck can be aborted."),
        "wait",
        lambda rows: rows.filter(step__in=INTEGRATION_STEPS),
    ),
    Group(
        "unknown",
        _("Unknown"),
        _("The answer was lost: look them up in the ERP before anything else."),
        "warn",
        lambda rows: rows.filter(step__in=INTEGRATION_STEPS, current_message__state=MessageState.UNKNOWN),
    ),
    Group(
        "error",
        _("In error"),
        _("The ERP refused them, or a person aborted them: correct, then post again or skip."),
        "bad",
        lambda rows: rows.filter(step__in=ERROR_STEPS),
    ),
    Group(
        "validation",
        _("Failed ERP Validation"),
        _("Booked, then rejected by the ERP's validation: correct and post again."),
        "bad",
        lambda rows: rows.filter(step=Step.FINAL_ERROR, status=Status.FAILED_ERP_VALIDATION),
    ),
    Group(
        "approve",
        _("To approve"),
        _("Booked preliminarily; somebody other than who handed them in approves them."),
        "todo",
        lambda rows: rows.filter(step=Step.APPROVAL),
    ),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """A group with its count, at most one more than COUNT_TO, and its first rows where they were asked for."""

    group: Group
    count: int
    rows: tuple[Invoice, ...] = ()

    @property
    def count_text(self) -> str:
        """The count as it is shown."""
        return f"{COUNT_TO}+" if self.count > COUNT_TO else str(self.count)


def count_groups(client_ids: Iterable[int]) -> list[Counted]:
    """Return each group within these clients, counted."""
    mine = Invoice.objects.filter(client_id__in=list(client_ids), archived_at__isnull=True)
    return [Counted(group, capped_count(group.only(mine), COUNT_TO)) for group in GROUPS]


def count_to_approve(client_ids: Iterable[int]) -> Counted:
    """Return the group of those to approve within these clients, with the five that wait longest."""
    group = next(group for group in GROUPS if group.slug == "approve")
    rows = group.only(Invoice.objects.filter(client_id__in=list(client_ids), archived_at__isnull=True))
    return Counted(group, capped_count(rows, COUNT_TO), tuple(rows.select_related("client", "counterparty")[:ROWS]))
