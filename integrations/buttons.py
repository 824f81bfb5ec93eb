"""The buttons that this room adds to an invoice: those that ask the ERP."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from integrations import actions, payment_look_up, resync
from invoices.buttons import Button, PaymentButton
from invoices.roles import Right
from invoices.workflow import may_move

BUTTONS: Final = (
    Button(
        "posted-in-erp",
        _("It is posted in the ERP"),
        Right.HANDLE_QUEUE,
        actions.posted_in_erp,
        actions.is_guided,
        says=_("The invoice goes on to the next step under the ERP's voucher. No message is sent to the ERP."),
        done=_("Gone on under the ERP's voucher; no message was sent to the ERP."),
        asks=("voucher", "posting_date", "seen", "reason"),
        is_grave=True,
    ),
    Button(
        "not-posted",
        _("It is not posted in the ERP"),
        Right.HANDLE_QUEUE,
        actions.not_posted_in_erp,
        actions.is_guided,
        says=_("An open message is aborted, and the invoice is posted again. Correct it before, if need be."),
        done=_("Handed to the ERP again; it is asked once more before anything is sent."),
        asks=("seen", "reason"),
        is_grave=True,
    ),
    Button(
        "post-again",
        _("Post again"),
        Right.HANDLE_QUEUE,
        actions.post_again,
        lambda invoice: may_move(invoice.post_again) and not invoice.is_archived,
        says=_("The ERP is asked first. If it does not have the invoice, it is sent once more; if it has, nothing is."),
        done=_("The ERP does not have it: handed to the ERP again."),
        is_grave=True,
    ),
    Button(
        "invalidate",
        _("Invalidate"),
        Right.HANDLE_QUEUE,
        actions.invalidate,
        lambda invoice: may_move(invoice.invalidate) and not invoice.is_archived,
        says=_("The invoice is taken out of the flow for good. The ERP is asked first whether it has it."),
        done=_("Invalidated."),
        is_grave=True,
    ),
    Button(
        "look-up",
        _("Look it up in the ERP"),
        Right.LOOK_UP,
        actions.look_up,
        lambda invoice: invoice.step in actions.ASKABLE,
        says=_("The ERP is asked whether it has this invoice, or a payment in doubt, and the answer is kept."),
        done=_("The ERP was asked: see what it said below."),
        needs=(),
    ),
    Button(
        "re-sync",
        _("Re-sync"),
        Right.SYNC,
        resync.re_sync,
        resync.is_re_syncable,
        says=_("What waits is sent now. Balance, payments, status, PDF and changes are taken from the ERP."),
        done=_("Synchronised."),
        needs=(),
    ),
)
PAYMENT_BUTTONS: Final = (
    PaymentButton(
        "look-up",
        _("Look it up in the ERP"),
        payment_look_up.look_up_payment,
        payment_look_up.is_in_doubt,
        says=_("The ERP is asked whether it has this payment. If it cannot have it any more, it is sent again."),
        done=_("The ERP was asked."),
        needs=(),
        right=Right.LOOK_UP,
        not_from_here=_("What became of this payment is known: there is nothing to look up."),
    ),
)
