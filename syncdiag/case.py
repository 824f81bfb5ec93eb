"""A case: all that is known here of one invoice, gathered once, so that many questions cost no more than one.

It reads local rows, in a number of queries that does not grow with them. Nothing here asks the ERP: what the ERP said
when it was asked last is one of the rows (`look_up`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Max, Q

from integrations.erps.registry import CONNECTORS
from integrations.models import Connection
from integrations.policy import BreakerState
from invoices import clock
from invoices.actions.flow import OfferedBooking
from invoices.models import Attempt, Event, Evidence, IntegrationMessage, Invoice, InvoicePdf, Payment
from invoices.workflow import BOOKING_KINDS, ERROR_STEPS, INTEGRATION_STEPS, booking_kind
from syncdiag.standing import Standing

# The events that an answer points at: the last of each.
TELLING: Final = (
    "status_denied",
    "status_failed_erp_validation",
    "voided_in_erp",
    "missing_in_erp",
    "deleted_in_erp",
    "not_taken",
    "archive",
    "edit",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One invoice and all that is known of it, as of `now`, before the person who asks."""

    invoice: Invoice
    connection: Connection | None
    standing: Standing
    messages: tuple[IntegrationMessage, ...]  # the current one, the last of each payment, and one answered late
    attempts: Mapping[int, Attempt]  # the last one, by its message
    look_up: Evidence | None  # what the ERP, or a person, said last about the booking of the step
    payments: tuple[Payment, ...]
    pdf: InvoicePdf | None
    events: Mapping[str, Event]  # the last one, by what was done
    now: datetime

    @property
    def system(self) -> str:
        """The connector's name; empty where the client has no connection."""
        return self.connection.connector if self.connection else ""

    @property
    def system_name(self) -> str:
        """What the system is called; empty where the client has no connection."""
        return self.connection.get_connector_display() if self.connection else ""

    @property
    def has_pdfs(self) -> bool:
        """Whether the system hands out PDFs."""
        return self.connection is not None and CONNECTORS[self.connection.connector].capabilities.pdf

    @property
    def is_connected(self) -> bool:
        """Whether anything may be exchanged with an ERP."""
        return self.connection is not None and self.connection.is_enabled

    @property
    def is_paused(self) -> bool:
        """Whether the connection's breaker keeps everything back."""
        return self.connection is not None and self.connection.breaker_state != BreakerState.CLOSED

    @property
    def offered(self) -> OfferedBooking | None:
        """The booking that the ERP is known to have for the step: a late answer, or the last look-up."""
        if self.invoice.step not in (*INTEGRATION_STEPS, *ERROR_STEPS):
            return None
        kind = booking_kind(self.invoice.step)
        late = next((each for each in self.messages if each.kind == kind and each.voucher), None)
        if late is not None:
            return OfferedBooking(late.voucher, late.posting_date, late.remote_id)
        found = self.look_up
        if (
            found is not None
            and found.verdict == Evidence.Verdict.FOUND
            and found.matches == 1
            and not found.difference
        ):
            return OfferedBooking(found.voucher, found.posting_date, found.remote_id)
        return None

    def message_of(self, payment: Payment) -> IntegrationMessage | None:
        """Return the last message about a payment."""
        return next((each for each in self.messages if each.payment_id == payment.pk), None)

    def attempt_at(self, message: IntegrationMessage | None) -> Attempt | None:
        """Return the last attempt at delivering a message."""
        return self.attempts.get(message.pk) if message else None


def gather(invoice: Invoice, *, by: User | AnonymousUser | None) -> Case:
    """Gather the case of an invoice for a person; `None` is the system.

    The invoice comes with `client`, `counterparty`, `current_message` and `created_by`, or they are read one by one.
    """
    messages = _messages(invoice)
    payments = tuple(invoice.payments.all())
    for payment in payments:
        payment.invoice = invoice
    tries = Attempt.objects.filter(message__in=[each.pk for each in messages]).order_by()
    last = tries.values("message_id").annotate(latest=Max("pk")).values("latest")
    return Case(
        invoice=invoice,
        connection=Connection.objects.filter(client_id=invoice.client_id).first(),
        standing=Standing.read(by, invoice.client),
        messages=messages,
        attempts={each.message_id: each for each in Attempt.objects.filter(pk__in=last)},
        look_up=_look_up(invoice),
        payments=payments,
        pdf=InvoicePdf.objects.filter(invoice=invoice).first(),
        events=_events(invoice),
        now=clock.now(),
    )


def _messages(invoice: Invoice) -> tuple[IntegrationMessage, ...]:
    """Return the current message, the last of each payment, and the last of each kind that a voucher came to."""
    mine = IntegrationMessage.objects.filter(invoice=invoice)
    last = mine.filter(payment__isnull=False).order_by().values("payment_id").annotate(latest=Max("pk"))
    booked = (
        mine.filter(kind__in=BOOKING_KINDS).exclude(voucher="").order_by().values("kind").annotate(latest=Max("pk"))
    )
    wanted = Q(pk__in=last.values("latest")) | Q(pk__in=booked.values("latest"))
    if invoice.current_message_id is not None:
        wanted |= Q(pk=invoice.current_message_id)
    found = tuple(mine.filter(wanted))
    current = next((each for each in found if each.pk == invoice.current_message_id), None)
    return found if current is None else (current, *(each for each in found if each is not current))


def _look_up(invoice: Invoice) -> Evidence | None:
    rows = Evidence.objects.filter(invoice=invoice).select_related("asked_by")
    if invoice.step in (*INTEGRATION_STEPS, *ERROR_STEPS):
        return rows.filter(kind=booking_kind(invoice.step)).first()
    return rows.filter(kind__in=BOOKING_KINDS).first()


def _events(invoice: Invoice) -> Mapping[str, Event]:
    mine = Event.objects.filter(invoice=invoice)
    last = mine.filter(action__in=TELLING).order_by().values("action").annotate(latest=Max("pk")).values("latest")
    return {each.action: each for each in mine.filter(pk__in=last)}
