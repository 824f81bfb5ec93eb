"""What is stuck for a person: the groups of the desk, and the invoices of each, oldest first.

An invoice stands in one group only, the most telling one, in this order:

    two         the ERP has two documents for it: never resolved by itself
    late        the ERP booked it after the message was aborted: skip with that voucher
    validation  booked, then rejected by the ERP's validation
    error       in an error step for any other reason: refused, or aborted by a person
    unknown     the answer was lost
    paused      it waits behind a connection whose breaker is open, that is disabled, or that needs new credentials
    overdue     it has waited in an integration step longer than its client's patience

What waits in an integration step for less than that is not stuck. Everything here reads by the partial index of stuck
invoices, or begins at what is rare: nothing looks at the invoices that are fine.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.models import Evidence, IntegrationMessage, Invoice
from invoices.models.invoice import InvoiceQuerySet
from invoices.workflow import (
    ERROR_STEPS,
    FINAL_STEPS,
    INTEGRATION_STEPS,
    PRELIMINARY_STEPS,
    MessageKind,
    MessageState,
    Status,
    Step,
)

STUCK_STEPS: Final = (*INTEGRATION_STEPS, *ERROR_STEPS)
OLDEST_FIRST: Final = ("step_since", "pk")


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the desk; `tone` is wait, warn or bad."""

    slug: str
    title: str | Promise
    hint: str | Promise
    tone: str


GROUPS: Final = (
    Group(
        "two",
        _("Two documents"),
        _("The ERP has more than one document for the invoice. Void one of them there, then look it up again."),
        "bad",
    ),
    Group(
        "late",
        _("Posted after all"),
        _("The ERP answered after the message was aborted: skip the step with its voucher."),
        "bad",
    ),
    Group(
        "validation",
        _("Failed ERP Validation"),
        _("Booked, then rejected by the ERP's validation: correct it, then post it again."),
        "bad",
    ),
    Group(
        "error",
        _("In error"),
        _("The ERP refused it, or a person aborted it: correct and post again, or skip if the ERP has it."),
        "bad",
    ),
    Group("unknown", _("Unknown"), _("The answer was lost: whether the ERP booked it must be looked up."), "warn"),
    Group(
        "paused",
        _("Connection paused"),
        _("They wait behind a connection that is paused, and go out by themselves when it is back."),
        "wait",
    ),
    Group(
        "overdue",
        _("Waiting too long"),
        _("In an integration step for longer than the client's patience, though the connection runs."),
        "warn",
    ),
)


@dataclass(frozen=True, slots=True)
class Stuck:
    """The stuck invoices among some: `all` of them, and those `of` each group."""

    all: InvoiceQuerySet
    of: Mapping[str, QuerySet[Invoice]]


def find_stuck(invoices: InvoiceQuerySet, *, paused: Collection[int], at: datetime) -> Stuck:
    """Return what is stuck among `invoices` at `at`; `paused` are the clients whose connection exchanges nothing."""
    rows = invoices.filter(step__in=STUCK_STEPS, archived_at__isnull=True)
    single = rows.filter(~Q(pk__in=_doubled()))
    errors = single.filter(step__in=ERROR_STEPS)
    failed = Q(step=Step.FINAL_ERROR, status=Status.FAILED_ERP_VALIDATION)
    answered = Exists(
        IntegrationMessage.objects.filter(pk=OuterRef("current_message_id"), state=MessageState.ABORTED, voucher__gt="")
    )
    waiting = single.filter(step__in=INTEGRATION_STEPS)
    lost = Q(current_message__state=MessageState.UNKNOWN)
    known = waiting.filter(Q(current_message__isnull=True) | ~lost)
    of = {
        "two": rows.filter(pk__in=_doubled()),
        "late": errors.filter(current_message__state=MessageState.ABORTED, current_message__voucher__gt=""),
        "validation": errors.filter(failed, ~answered),
        "error": errors.filter(~failed, ~answered),
        "unknown": waiting.filter(lost),
        "paused": known.filter(client_id__in=paused),
        "overdue": known.overdue(at).exclude(client_id__in=paused),
    }
    unknown = IntegrationMessage.objects.filter(state=MessageState.UNKNOWN).values("invoice_id")
    always = Q(step__in=ERROR_STEPS) | Q(client_id__in=paused) | Q(pk__in=unknown) | Q(pk__in=_doubled())
    return Stuck(rows.filter(always) | rows.overdue(at), of)


def _doubled() -> QuerySet[Evidence, Any]:
    """Return the invoices whose latest evidence, on the booking that their step is about, names several documents."""
    about = Q(kind=MessageKind.BOOK_PRELIMINARY, invoice__step__in=PRELIMINARY_STEPS) | Q(
        kind=MessageKind.BOOK_FINAL, invoice__step__in=FINAL_STEPS
    )
    newer = Evidence.objects.filter(invoice=OuterRef("invoice"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    return Evidence.objects.filter(about, ~Exists(newer), matches__gt=1).order_by().values("invoice_id")
