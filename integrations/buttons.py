"""The buttons that this room adds to an invoice: those that ask the ERP."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from integrations import actions
from invoices.buttons import Button
from invoices.roles import Right
from invoices.workflow import may_move

BUTTONS: Final = (
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
        says=_("The ERP is asked whether it has this invoice, and the answer is kept."),
        done=_("The ERP was asked: see what it said below."),
        needs=(),
    ),
    Button(
        "re-sync",
        _("Re-sync"),
        Right.SYNC,
        actions.re_sync,
        lambda _invoice: True,
        says=_("What waits is sent now, and what the ERP has is looked up."),
        done=_("Synchronising."),
        needs=(),
    ),
)
