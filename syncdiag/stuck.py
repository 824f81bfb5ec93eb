"""What is stuck for a person: the groups of the desk, and the invoices of each, oldest first.

An invoice stands in one group only, the most telling one, in this order:

    two         the ERP has two documents for it: never resolved by itself
    late        the ERP booked it after the message was aborted: skip with that voucher
    validation  booked, then rejected by the ERP's validation
    error       in an error step for any other reason: refused, or aborted by a person
    unknown     the answer was lost
    paused      it waits behind a connection whose breaker is open, that is disabled, or that needs new credentials
    overdue     it has waited in an integration step longer than its client's patience
    payment     booked, and one of its payments needs a person: the push was refused, is in doubt or given up, or the
                payment came to nothing after it was pushed
    silent      it is in Processing Payment, and for longer than its client's patience nothing was heard of it

The last two are booked, a receivable and a payable.

What waits in an integration step for less than that is not stuck. Everything here reads by the partial index of stuck
invoices, or begins at what is rare: nothing looks at the invoices that are fine.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.models import Client, Evidence, IntegrationMessage, Invoice
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


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the desk; `tone` is wait, warn or bad."""

    slug: str
    title: str | Promise
    hint: str | Promise
    tone: str
    since: str = "step_since"  # what its rows are ordered by, and how long they have stood there
    is_booked: bool = False  # nothing is posted or skipped in it
    counted: str | Promise = ""  # what stands after the number of its rows


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
    Group(
        "payment",
        _("Payments"),
        _("A payment that the ERP refused, that is in doubt, or that failed after it was pushed: see its next step."),
        "bad",
        since="payment_stuck_since",
        is_booked=True,
        counted=_("with a payment that needs a person"),
    ),
    Group(
        "silent",
        _("No update from the ERP"),
        _("In Processing Payment for longer than the client's patience without a word: ask there what became of it."),
        "wait",
        since="news_at",
        is_booked=True,
        counted=_("without an update from the ERP"),
    ),
)


@dataclass(frozen=True, slots=True)
class Stuck:
    """The stuck invoices among some: `all` that are not booked, and those `of` each group."""

    all: InvoiceQuerySet
    of: Mapping[str, QuerySet[Invoice]]


def find_stuck(invoices: InvoiceQuerySet, *, clients: Collection[int], paused: Collection[int], at: datetime) -> Stuck:
    """Return what is stuck at `at` among `invoices`, which all belong to `clients`.

    `paused` are the clients whose connection exchanges nothing. The two rarest groups are read first, in a query each:
    every other group leaves them out by their keys.
    """
    rows = invoices.filter(step__in=STUCK_STEPS, archived_at__isnull=True)
    two = _doubled(clients)
    late = _answered_late(clients) - two
    single = rows.exclude(pk__in=two) if two else rows
    errors = rows.filter(step__in=ERROR_STEPS)
    others = errors.exclude(pk__in=two | late) if two or late else errors
    failed = Q(step=Step.FINAL_ERROR, status=Status.FAILED_ERP_VALIDATION)
    waiting = single.filter(step__in=INTEGRATION_STEPS)
    unknown = IntegrationMessage.objects.filter(client_id__in=clients, state=MessageState.UNKNOWN)
    lost = Q(pk__in=unknown.order_by().values("invoice_id"))
    overdue = _overdue(clients, at)
    known = waiting.filter(~lost)
    of = {
        "two": invoices.filter(pk__in=two),
        "late": invoices.filter(pk__in=late),
        "validation": others.filter(failed),
        "error": others.filter(~failed),
        "unknown": waiting.filter(current_message__state=MessageState.UNKNOWN, current_message__client_id__in=clients),
        "paused": known.filter(client_id__in=paused),
        "overdue": known.filter(overdue, ~Q(client_id__in=paused)),
        "payment": invoices.filter(payment_stuck_since__isnull=False, step=Step.BOOKED, archived_at__isnull=True),
        "silent": invoices.filter(_silent(clients, at), status=Status.PROCESSING_PAYMENT, archived_at__isnull=True),
    }
    any_of_them = Q(step__in=ERROR_STEPS) | Q(client_id__in=paused) | overdue | lost | Q(pk__in=two)
    return Stuck(rows.filter(any_of_them), of)


def _overdue(clients: Collection[int], at: datetime) -> Q:
    """Say of invoices of these clients what `overdue` says of all, without a join to the client for each."""
    limits: dict[tuple[Step, int], list[int]] = {}
    patience = Client.objects.filter(pk__in=clients).order_by()
    for pk, preliminary, final in patience.values_list("pk", "preliminary_patience", "final_patience"):
        limits.setdefault((Step.PRELIMINARY_INTEGRATION, preliminary), []).append(pk)
        limits.setdefault((Step.FINAL_INTEGRATION, final), []).append(pk)
    found = Q(pk__in=[])
    for (step, minutes), pks in limits.items():
        found |= Q(step=step, step_since__lt=at - timedelta(minutes=minutes), client_id__in=pks)
    return found


def _silent(clients: Collection[int], at: datetime) -> Q:
    """Say of invoices of these clients whether their last news is older than the client's patience."""
    limits: dict[int, list[int]] = {}
    for pk, days in Client.objects.filter(pk__in=clients).order_by().values_list("pk", "payment_patience"):
        limits.setdefault(days, []).append(pk)
    found = Q(pk__in=[])
    for days, pks in limits.items():
        found |= Q(news_at__lt=at - timedelta(days=days), client_id__in=pks)
    return found


def _doubled(clients: Collection[int]) -> set[int]:
    """Return the stuck invoices whose latest evidence, on the booking of their step, names several documents."""
    about = Q(kind=MessageKind.BOOK_PRELIMINARY, invoice__step__in=PRELIMINARY_STEPS) | Q(
        kind=MessageKind.BOOK_FINAL, invoice__step__in=FINAL_STEPS
    )
    newer = Evidence.objects.filter(invoice=OuterRef("invoice"), kind=OuterRef("kind"), pk__gt=OuterRef("pk"))
    found = Evidence.objects.filter(about, ~Exists(newer), matches__gt=1, invoice__client_id__in=clients).filter(
        invoice__step__in=STUCK_STEPS, invoice__archived_at__isnull=True
    )
    return set(found.order_by().values_list("invoice_id", flat=True))


def _answered_late(clients: Collection[int]) -> set[int]:
    """Return the invoices in an error step whose aborted message was answered after all."""
    errors = Invoice.objects.filter(step__in=ERROR_STEPS, archived_at__isnull=True, client_id__in=clients)
    found = errors.filter(current_message__state=MessageState.ABORTED, current_message__voucher__gt="")
    return set(found.order_by().values_list("pk", flat=True))
