"""The buttons of an invoice: what each is called, who may press it, from where, what it asks for, which verb it calls.

The admin and the API show and press the same ones. Rooms above add theirs when the process starts. The verb decides;
what stands here only says beforehand whether it would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from invoices.actions import archiving, asking, flow, payments, receipts
from invoices.errors import NotThere
from invoices.models import Invoice, Payment
from invoices.permissions import may, who_may_sentence
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, Direction, Status, may_move

Verb = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Button:
    """One button. `asks` are names of the fields that its form has; `needs` of those that must be filled in."""

    slug: str
    label: str | Promise
    right: Right
    verb: Verb
    works_from: Callable[[Invoice], bool]
    says: str | Promise  # what it does, shown before it is confirmed
    done: str | Promise  # the one sentence shown after it
    asks: tuple[str, ...] = ("reason",)
    needs: tuple[str, ...] = ("reason",)
    is_grave: bool = False
    concerns: Callable[[Invoice], bool] = lambda _invoice: True  # a button that does not is not shown at all

    def why_not(self, invoice: Invoice, user: User) -> str:
        """Say why `user` cannot press it now; empty when they can."""
        if not self.works_from(invoice):
            return str(format_lazy(_("Not from the step {step}."), step=invoice.get_step_display()))
        if not may(user, self.right, invoice.client):
            return who_may_sentence(self.right, invoice.client)
        if self.slug == "approve" and invoice.created_by_id == user.pk:
            return str(_("You handed this invoice in, so somebody else must approve it."))
        return ""


@dataclass(frozen=True, slots=True)
class PaymentButton:
    """A button of a payment; its verb takes the payment's id, and may return a sentence of its own."""

    slug: str
    label: str | Promise
    verb: Verb
    works_from: Callable[[Payment], bool]
    says: str | Promise
    done: str | Promise
    needs: tuple[str, ...] = ("reason",)
    asks: tuple[str, ...] = ("reason",)
    is_grave: bool = False
    right: Right = Right.RECORD_PAYMENT
    not_from_here: str | Promise = ""  # why it does not work from where the payment is; empty: from its state

    def why_not(self, payment: Payment, user: User) -> str:
        """Say why `user` cannot press it now; empty when they can. The payment's invoice must be loaded."""
        if not payment.is_recorded_here:
            return str(_("The ERP told of it: change it there."))
        if not self.works_from(payment):
            by_state = format_lazy(_("Not from the state {state}."), state=payment.get_state_display())
            return str(self.not_from_here or by_state)
        if not may(user, self.right, payment.invoice.client):
            return who_may_sentence(self.right, payment.invoice.client)
        return ""


PAYMENT_BUTTONS: Final[dict[str, PaymentButton]] = {
    button.slug: button
    for button in (
        PaymentButton(
            "succeed",
            _("Succeeded"),
            receipts.settle_payment,
            lambda payment: may_move(payment.succeed),
            says=_("The money has come. The payment counts, and is pushed to the ERP if it is not there yet."),
            done=_("The payment succeeded."),
            needs=(),
        ),
        PaymentButton(
            "fail",
            _("Failed"),
            receipts.fail_payment,
            lambda payment: may_move(payment.fail),
            says=_(
                "The money has not come, or was returned. If the ERP has the payment already, it must be deleted there."
            ),
            done=_("The payment failed."),
            is_grave=True,
        ),
        PaymentButton(
            "void",
            _("Void"),
            receipts.void_payment,
            lambda payment: may_move(payment.void),
            says=_("The payment should not have been recorded. If the ERP has it already, it must be deleted there."),
            done=_("The payment is void."),
            is_grave=True,
        ),
    )
}
_buttons: Final[dict[str, Button]] = {}


def register(*buttons: Button) -> None:
    """Add buttons; called when the process starts."""
    for button in buttons:
        _buttons[button.slug] = button


def register_for_payments(*buttons: PaymentButton) -> None:
    """Add buttons of a payment; called when the process starts."""
    for button in buttons:
        PAYMENT_BUTTONS[button.slug] = button


def all_buttons() -> tuple[Button, ...]:
    """Return every button, in the order in which the page shows them."""
    return tuple(_buttons.values())


def find_button(slug: str) -> Button:
    """Return the button named `slug`; raises NotThere."""
    try:
        return _buttons[slug]
    except KeyError as exc:
        raise NotThere(_("There is no such button.")) from exc


def press(slug: str, invoice_id: int, *, by: User, **values: Any) -> str:
    """Call the button's verb with what was typed; return the verb's own sentence, or else the button's.

    Raises what the verb raises.
    """
    button = find_button(slug)
    said = button.verb(invoice_id, by=by, **{name: value for name, value in values.items() if name in button.asks})
    return said if isinstance(said, str) else str(button.done)


def press_for_payment(slug: str, payment_id: int, *, by: User, **values: Any) -> str:
    """Call the verb of a payment's button; return the verb's own sentence, or else the button's. Raises NotThere."""
    button = PAYMENT_BUTTONS.get(slug)
    if button is None:
        raise NotThere(_("There is no such button."))
    said = button.verb(payment_id, by=by, **values)
    return said if isinstance(said, str) else str(button.done)


register(
    Button(
        "post",
        _("Post"),
        Right.POST,
        flow.post_invoice,
        lambda invoice: may_move(invoice.post) and not invoice.is_archived,
        says=_("The invoice is handed to the ERP. If the ERP is down, it waits and goes out by itself."),
        done=_("Handed to the ERP."),
        needs=(),
    ),
    Button(
        "approve",
        _("Approve"),
        Right.APPROVE,
        flow.approve_invoice,
        lambda invoice: may_move(invoice.approve) and not invoice.is_archived,
        says=_("The invoice is released for final booking in the ERP."),
        done=_("Approved, and handed to the ERP for final booking."),
        needs=(),
    ),
    Button(
        "abort",
        _("Abort integration message"),
        Right.HANDLE_QUEUE,
        flow.abort_message,
        lambda invoice: may_move(invoice.stop),
        says=_("We stop waiting for the ERP. Nothing in the ERP is changed. A voucher typed here is kept."),
        done=_("Aborted: the invoice is in the error step. Nothing in the ERP was changed."),
        asks=("voucher", "posting_date", "reason"),
        is_grave=True,
    ),
    Button(
        "skip",
        _("Skip integration step"),
        Right.HANDLE_QUEUE,
        flow.skip_step,
        lambda invoice: may_move(invoice.skip) and not invoice.is_archived,
        says=_("The invoice goes on to the next step under this voucher. No message is sent to the ERP."),
        done=_("Skipped: the invoice went on, and no message was sent to the ERP."),
        asks=("voucher", "posting_date", "reason"),
        is_grave=True,
    ),
    Button(
        "archive",
        _("Archive"),
        Right.ARCHIVE,
        flow.archive_invoice,
        lambda invoice: not invoice.is_archived and invoice.step not in INTEGRATION_STEPS,
        says=_("The invoice is put away; it can be restored."),
        done=_("Archived."),
    ),
    Button(
        "restore",
        _("Restore"),
        Right.ARCHIVE,
        archiving.restore,
        lambda invoice: invoice.is_archived and invoice.step not in INTEGRATION_STEPS,
        says=_("The invoice comes back from the archive, also where the ERP has deleted it."),
        done=_("Restored."),
    ),
    Button(
        "note-voucher",
        _("Keep voucher"),
        Right.HANDLE_QUEUE,
        flow.note_voucher,
        lambda invoice: invoice.step in (*INTEGRATION_STEPS, *ERROR_STEPS),
        says=_("The voucher and posting date are kept on the invoice; it does not move."),
        done=_("Kept."),
        asks=("voucher", "posting_date", "reason"),
        needs=("voucher",),
    ),
    Button(
        "ask-handler",
        _("Ask a queue handler"),
        Right.VIEW,
        asking.ask_handler,
        lambda invoice: invoice.step in (*INTEGRATION_STEPS, *ERROR_STEPS),
        says=_("Everybody who may handle this client's queue gets a mail with a link to this invoice."),
        done=_("The queue handlers got your mail."),
        needs=(),
    ),
    Button(
        "set-status",
        _("Set status by hand"),
        Right.SET_STATUS,
        payments.set_status,
        lambda invoice: invoice.status in (Status.OK_TO_PAY, Status.PROCESSING_PAYMENT, Status.PARTIALLY_PAID),
        says=_("The status is set here; the ERP is not told. Paid books the open balance as a payment."),
        done=_("The status is set."),
        asks=("status", "amount", "reason"),
        needs=("status", "reason"),
        is_grave=True,
    ),
    Button(
        "record-payment",
        _("Record a payment"),
        Right.RECORD_PAYMENT,
        receipts.record_payment,
        receipts.may_record,
        says=_("The payment is recorded here, and pushed to the ERP once it succeeded (authorized ACH: as preferred)."),
        done=_("The payment is recorded."),
        asks=("amount", "method", "state", "paid_on", "reference", "reason"),
        needs=("amount", "method", "state"),
        concerns=lambda invoice: invoice.direction == Direction.RECEIVABLE,
    ),
)
