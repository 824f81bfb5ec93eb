"""The machines of an invoice and of a payment: every state and every move, on one page (DESIGN §4).

`step`: where the invoice is. A receivable goes draft → final integration → booked.

    draft ─post─► preliminary integration ─confirm─► approval ─approve─► final integration ─confirm─► booked
                     │ stop                                                  │ stop          ◄─reopen─┐ │
                     ▼                                                       ▼                        │ │
              preliminary error ──post_again──► (back)               final error ──post_again──► (back)─┘
                     └──skip──► approval                                     └──skip──► booked
    draft, approval, the two errors ──invalidate──► invalidated

`status`: what became of it after booking; empty until then.

    payable:    ok_to_pay ─► processing_payment ─► partially_paid ─► paid     ok_to_pay, processing ─► denied
                ok_to_pay, processing ─► failed_erp_validation (the step is reopened: back to final error)
    receivable: open ─► partially_paid ─► paid (and back, when a payment fails or is deleted)

`state` of a payment, which is recorded as authorized or succeeded:

    authorized ─succeed─► succeeded
        ├──────fail───────────┴──► failed     (a succeeded ACH payment can still be returned)
        └──────void───────────┴──► voided

A transition sets the state and nothing else: verbs save, delivery sends.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import models
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django_fsm import GET_STATE, FSMField, can_proceed, transition

if TYPE_CHECKING:
    pass


class Step(TextChoices):
    """Where an invoice is."""

    DRAFT = "draft", _("Draft")
    PRELIMINARY_INTEGRATION = "preliminary_integration", _("Integration - preliminary")
    PRELIMINARY_ERROR = "preliminary_error", _("Preliminary integration error")
    APPROVAL = "approval", _("Approval")
    FINAL_INTEGRATION = "final_integration", _("Integration - final")
    FINAL_ERROR = "final_error", _("Final integration error")
    BOOKED = "booked", _("Booked")
    INVALIDATED = "invalidated", _("Invalidated")


class Status(TextChoices):
    """What has become of an invoice after booking."""

    NONE = "", _("Not booked yet")
    OK_TO_PAY = "ok_to_pay", _("Ok to Pay")
    PROCESSING_PAYMENT = "processing_payment", _("Processing Payment")
    PARTIALLY_PAID = "partially_paid", _("Partially Paid")
    PAID = "paid", _("Paid")
    DENIED = "denied", _("Denied")
    FAILED_ERP_VALIDATION = "failed_erp_validation", _("Failed ERP Validation")
    OPEN = "open", _("Open")


class Direction(TextChoices):
    """Whether we owe it or are owed it."""

    PAYABLE = "payable", _("Payable")
    RECEIVABLE = "receivable", _("Receivable")


class DocumentKind(TextChoices):
    """What sort of document it is; a credit memo's amounts are positive as well."""

    INVOICE = "invoice", _("Invoice")
    CREDIT_MEMO = "credit_memo", _("Credit memo")


class PaymentState(TextChoices):
    """Where a payment is; which ones count against the balance says `invoices.models.payment.counts`."""

    AUTHORIZED = "authorized", _("Authorized")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    VOIDED = "voided", _("Voided")


class MessageKind(TextChoices):
    """What an integration message tells the ERP."""

    BOOK_PRELIMINARY = "book_preliminary", _("Book preliminarily")
    BOOK_FINAL = "book_final", _("Book finally")
    PUSH_PAYMENT = "push_payment", _("Push payment")
    VOID = "void", _("Void")


class MessageState(TextChoices):
    """Where an integration message is (DESIGN §5); the moves stand in `integrations.policy`."""

    PENDING = "pending", _("Waiting to be sent")
    SENDING = "sending", _("On its way")
    UNKNOWN = "unknown", _("Outcome unknown")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Refused")
    ABORTED = "aborted", _("Aborted")


INTEGRATION_STEPS: Final = (Step.PRELIMINARY_INTEGRATION, Step.FINAL_INTEGRATION)
ERROR_STEPS: Final = (Step.PRELIMINARY_ERROR, Step.FINAL_ERROR)
EDITABLE_STEPS: Final = (Step.DRAFT, *ERROR_STEPS)
PRELIMINARY_STEPS: Final = (Step.PRELIMINARY_INTEGRATION, Step.PRELIMINARY_ERROR, Step.APPROVAL)
FINAL_STEPS: Final = (Step.FINAL_INTEGRATION, Step.FINAL_ERROR, Step.BOOKED)
OPEN_MESSAGE_STATES: Final = (MessageState.PENDING, MessageState.SENDING, MessageState.UNKNOWN)
LIVE_PAYMENT_STATES: Final = (PaymentState.AUTHORIZED, PaymentState.SUCCEEDED)
BOOKING_KINDS: Final = (MessageKind.BOOK_PRELIMINARY, MessageKind.BOOK_FINAL)


def booking_kind(step: str) -> MessageKind:
    """Return the booking that a step waits for, failed at or rests on; raises KeyError for a step that has none."""
    return {
        **dict.fromkeys(PRELIMINARY_STEPS, MessageKind.BOOK_PRELIMINARY),
        **dict.fromkeys(FINAL_STEPS, MessageKind.BOOK_FINAL),
    }[Step(step)]


class StateField(FSMField):
    """A state that only a transition moves."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        kwargs["protected"] = True
        super().__init__(*args, **kwargs)


def _is_payable(invoice: models.Model) -> bool:
    return isinstance(invoice, Workflow) and invoice.direction == Direction.PAYABLE


def _is_receivable(invoice: models.Model) -> bool:
    return isinstance(invoice, Workflow) and invoice.direction == Direction.RECEIVABLE


class Protected(models.Model):
    """A row with states that only transitions move.

    `protected` fields of django-fsm-2 break `refresh_from_db` and `full_clean`; its own mixin switches protection off
    for the whole process while it loads. Here the loaded value is dropped first, which the descriptor allows.
    """

    STATE_FIELDS: ClassVar[tuple[str, ...]] = ()
    _states_aside: frozenset[str] = frozenset()

    class Meta:
        abstract = True

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Load the row again, states too."""
        aside = {name: self.__dict__.pop(name) for name in self.STATE_FIELDS if name in self.__dict__}
        self._states_aside = frozenset(aside)
        try:
            super().refresh_from_db(*args, **kwargs)
        finally:
            self._states_aside = frozenset()
            for name, value in aside.items():
                self.__dict__.setdefault(name, value)

    def get_deferred_fields(self) -> set[str]:
        """Return the fields that were not loaded; a state put aside by `refresh_from_db` was."""
        return super().get_deferred_fields() - self._states_aside

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Check all fields but the states, which nobody can have typed."""
        super().clean_fields(exclude={*(exclude or ()), *self.STATE_FIELDS})


class PaymentWorkflow(Protected):
    """The machine of a payment."""

    STATE_FIELDS = ("state",)

    state = StateField(_("state"), max_length=10, choices=PaymentState.choices)

    class Meta:
        abstract = True

    @transition("state", source=PaymentState.AUTHORIZED, target=PaymentState.SUCCEEDED)
    def succeed(self) -> None:
        """Note that the money has come."""

    @transition("state", source=LIVE_PAYMENT_STATES, target=PaymentState.FAILED)
    def fail(self) -> None:
        """Note that the money has not come, or was returned."""

    @transition("state", source=LIVE_PAYMENT_STATES, target=PaymentState.VOIDED)
    def void(self) -> None:
        """Take it back: it should not have been recorded."""


class Workflow(Protected):
    """Both machines of an invoice."""

    STATE_FIELDS = ("step", "status")

    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices)
    step = StateField(_("step"), choices=Step.choices, default=Step.DRAFT, db_index=False)
    status = StateField(_("status"), choices=Status.choices, default=Status.NONE, blank=True)

    class Meta:
        abstract = True

    # step ---------------------------------------------------------------------------------------------------------

    @transition(
        "step",
        source=Step.DRAFT,
        target=GET_STATE(
            lambda invoice: Step.PRELIMINARY_INTEGRATION if _is_payable(invoice) else Step.FINAL_INTEGRATION,
            states=list(INTEGRATION_STEPS),
        ),
    )
    def post(self) -> None:
        """Hand the draft to the ERP."""

    @transition("step", source=Step.PRELIMINARY_INTEGRATION, target=Step.APPROVAL)
    @transition("step", source=Step.FINAL_INTEGRATION, target=Step.BOOKED)
    def confirm(self) -> None:
        """Take the ERP's yes."""

    @transition("step", source=Step.PRELIMINARY_INTEGRATION, target=Step.PRELIMINARY_ERROR)
    @transition("step", source=Step.FINAL_INTEGRATION, target=Step.FINAL_ERROR)
    def stop(self) -> None:
        """Stop waiting for the ERP: it refused, or a person aborted the message."""

    @transition("step", source=Step.PRELIMINARY_ERROR, target=Step.PRELIMINARY_INTEGRATION)
    @transition("step", source=Step.FINAL_ERROR, target=Step.FINAL_INTEGRATION)
    def post_again(self) -> None:
        """Hand it to the ERP once more."""

    @transition("step", source=Step.PRELIMINARY_ERROR, target=Step.APPROVAL)
    @transition("step", source=Step.FINAL_ERROR, target=Step.BOOKED)
    def skip(self) -> None:
        """Go on without a message, because the ERP has it."""

    @transition("step", source=Step.APPROVAL, target=Step.FINAL_INTEGRATION)
    def approve(self) -> None:
        """Release it for final booking."""

    @transition("step", source=[Step.DRAFT, Step.APPROVAL, *ERROR_STEPS], target=Step.INVALIDATED)
    def invalidate(self) -> None:
        """Take it out of the flow for good."""

    @transition("step", source=Step.BOOKED, target=Step.FINAL_ERROR)
    def reopen(self) -> None:
        """Give it back for correction: the ERP's validation failed after booking."""

    # status -------------------------------------------------------------------------------------------------------

    @transition(
        "status",
        source=[Status.NONE, Status.FAILED_ERP_VALIDATION],
        target=GET_STATE(
            lambda invoice: Status.OK_TO_PAY if _is_payable(invoice) else Status.OPEN,
            states=[Status.OK_TO_PAY, Status.OPEN],
        ),
    )
    def begin_payment(self) -> None:
        """Start the payment side of a booked invoice."""

    @transition("status", source=Status.OK_TO_PAY, target=Status.PROCESSING_PAYMENT, conditions=[_is_payable])
    def process_payment(self) -> None:
        """Note that the ERP is paying it."""

    @transition(
        "status",
        source=[Status.OK_TO_PAY, Status.PROCESSING_PAYMENT, Status.OPEN, Status.PARTIALLY_PAID],
        target=Status.PARTIALLY_PAID,
    )
    def pay_part(self) -> None:
        """Note that some of it is paid."""

    @transition(
        "status",
        source=[Status.OK_TO_PAY, Status.PROCESSING_PAYMENT, Status.OPEN, Status.PARTIALLY_PAID],
        target=Status.PAID,
    )
    def pay_in_full(self) -> None:
        """Note that all of it is paid."""

    @transition("status", source=[Status.OK_TO_PAY, Status.PROCESSING_PAYMENT], target=Status.DENIED)
    def deny(self) -> None:
        """Take the ERP's no to paying it."""

    @transition("status", source=[Status.OK_TO_PAY, Status.PROCESSING_PAYMENT], target=Status.FAILED_ERP_VALIDATION)
    def fail_validation(self) -> None:
        """Take the ERP's failed validation; `reopen` goes with it."""

    @transition(
        "status", source=[Status.PAID, Status.PARTIALLY_PAID], target=Status.PARTIALLY_PAID, conditions=[_is_receivable]
    )
    def take_back_part(self) -> None:
        """Take back a payment that failed or was deleted; another one stays."""

    @transition("status", source=[Status.PAID, Status.PARTIALLY_PAID], target=Status.OPEN, conditions=[_is_receivable])
    def take_back_all(self) -> None:
        """Take back the only payment: it failed or was deleted."""


def may_move(move: Callable[[], Any]) -> bool:
    """Say whether a transition, e.g. `invoice.skip`, is possible from where the row is."""
    return bool(can_proceed(move))
