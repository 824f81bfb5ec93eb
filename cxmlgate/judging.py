"""What a notice wants, and which invoice it means: decided here, without a database, and applied elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from cxmlgate.errors import Unacceptable, UnknownInvoice
from cxmlgate.parsing import Amount, Notice
from invoices.actions.payments import Update, is_there, may_take
from invoices.models import Invoice

UPDATES: Final[dict[str, Update]] = {
    "paid": Update.PAID,
    "processing_payment": Update.PROCESSING_PAYMENT,
    "paying": Update.PROCESSING_PAYMENT,  # the standard's word
    "rejected": Update.DENIED,
    "validation_failed": Update.FAILED_ERP_VALIDATION,
    "processing": Update.NOTED,
    "reconciled": Update.NOTED,
}
CANCELED: Final = "canceled"
# Decimal() itself takes "NaN", "1e3", "1_000" and digits of other scripts. Zeros after the fourth place are left out:
# ERPs whose amounts have six places or more write them all.
AMOUNT: Final = re.compile(r"([+-]?[0-9]{1,11}(?:\.[0-9]{1,4})?)(?:(?<=\.[0-9]{4})0{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a notice wants of an invoice; `amount` is None where it says nothing of one that counts."""

    update: Update
    names: tuple[str, ...]  # numbers by which the invoice is named, the first first
    amount: Decimal | None
    currency: str
    comment: str


def judge_notice(notice: Notice, *, denies_canceled: bool) -> Wish:
    """Return what the notice wants; raises Unacceptable for what no invoice could take."""
    update = UPDATES.get(notice.type)
    if notice.type == CANCELED and denies_canceled:
        update = Update.DENIED
    if update is None:
        raise Unacceptable(
            _("InvoiceStatus type %(type)s is not taken here: send one of %(known)s.")
            % {"type": notice.type[:40] or "(empty)", "known": ", ".join(UPDATES)}
        )
    names = tuple(dict.fromkeys(name for name in (notice.document_id, notice.invoice_id) if name))
    if not names:
        raise Unacceptable(_("The message names no invoice: put its number into DocumentReference payloadID."))
    amount = read_amount(notice.amount) if notice.amount else None
    if update is Update.PAID and notice.amount and (amount is None or not notice.amount.currency):
        raise Unacceptable(
            _("PartialAmount needs one Money with a currency and an amount like 10.99: correct it and send it again.")
        )
    return Wish(update, names, amount, notice.amount.currency if notice.amount else "", notice.comment)


def read_amount(amount: Amount) -> Decimal | None:
    """Return the amount in its currency, or None for a text that is none."""
    written = AMOUNT.fullmatch(amount.text)
    return Decimal(written[1]) if written else None


def choose_invoice(wish: Wish, found: Sequence[Invoice]) -> Invoice:
    """Return the invoice that the wish means, of those `found` under its names.

    Raises UnknownInvoice for none, Unacceptable where it is not clear which one is meant.
    """
    groups = [[invoice for invoice in found if invoice.number == name] for name in wish.names]
    named = [group for group in groups if group]
    if not named:
        raise UnknownInvoice(
            _("There is no invoice %(number)s here: check the number and the address.") % {"number": wish.names[0][:60]}
        )
    if len(named) > 1:
        raise Unacceptable(
            _("DocumentReference and InvoiceIDInfo name different invoices: name one, and send it again.")
        )
    group = named[0]
    if len(group) == 1:
        return group[0]
    matching = [invoice for invoice in group if may_take(invoice, wish.update)] or [
        invoice for invoice in group if is_there(invoice, wish.update)
    ]
    if len(matching) == 1:
        return matching[0]
    raise Unacceptable(
        _("%(count)s invoices have the number %(number)s, and it is not clear which is meant: set its status by hand.")
        % {"count": len(group), "number": group[0].number}
    )
