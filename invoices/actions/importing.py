"""Taking in a document that the ERP has booked and nobody has handed in here (article 001)."""

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices.actions.numbers import number_holder, take_number, why_no_duplicate, with_number
from invoices.actions.remote import RemoteFacts
from invoices.errors import BadInput
from invoices.events import record
from invoices.models import Client, Counterparty, Invoice, InvoiceLine, Payment
from invoices.money import is_currency, shown
from invoices.permissions import require
from invoices.roles import Right
from invoices.systems import system_name
from invoices.workflow import DocumentKind, PaymentState, Step


class Outcome(StrEnum):
    """What came of an import by number."""

    IMPORTED = "imported"
    IMPORTABLE = "importable"  # it would be imported; said by those who only ask
    HERE = "here"
    ARCHIVED = "archived"
    NUMBER_TAKEN = "number_taken"
    SEVERAL = "several"
    NOT_FOUND = "not_found"
    VOIDED = "voided"
    NOT_BOOKED = "not_booked"
    UNFIT = "unfit"
    NOT_ASKED = "not_asked"
    NOT_CONNECTED = "not_connected"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several documents of a number, and the invoice that it is here, if it is."""

    said: RemoteFacts
    here: Invoice | None

    @property
    def kind_name(self) -> str:
        """What sort of document it is, in words."""
        return str(DocumentKind(self.said.kind).label)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it: a sentence, the invoice here that it is about, and the documents there to choose from."""

    outcome: Outcome
    sentence: str
    invoice: Invoice | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Vouchers:
    """Under which vouchers the ERP has booked a document."""

    preliminary_voucher: str = ""
    preliminary_posting_date: date | None = None
    final_voucher: str = ""
    final_posting_date: date | None = None


@transaction.atomic
def import_document(
    client: Client,
    said: RemoteFacts,
    vouchers: Vouchers,
    *,
    by: User | None,
    reason: str = "",
    has_payments: bool = False,
) -> Imported:
    """Write a document of the ERP as a booked invoice, its counterparty too if it is unknown; one event.

    What is paid there becomes one payment, unless `has_payments`: then the caller takes them one by one. One import of
    a client at a time, so that a document asked for twice at once is here once.
    """
    require(by, Right.SYNC, client)
    first_look = look_for(client, said)
    if first_look.outcome is not Outcome.IMPORTABLE:
        return first_look
    party, _is_new = Counterparty.objects.get_or_create(
        client=client,
        direction=said.direction,
        code=said.party_code,
        defaults={"name": said.party_name or said.party_code},
    )
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    invoice = _invoice(client, party, said, vouchers, by=by)
    known = _look_here(invoice)
    if known is not None:
        return known

    def save() -> None:
        take_number(invoice)
        invoice.save()

    try:
        with_number(save)
    except BadInput:  # somebody was quicker
        return _look_here(invoice) or Imported(Outcome.NUMBER_TAKEN, _("Somebody used the number just now."))
    InvoiceLine.objects.bulk_create(
        InvoiceLine(invoice=invoice, position=position, **asdict(line))
        for position, line in enumerate(said.lines, start=1)
    )
    invoice.begin_payment()
    if not has_payments:
        _pay(invoice, said)
    record(invoice, "import", by=by, reason=reason, before={}, evidence={"changed_at": said.changed_at})
    return Imported(
        Outcome.IMPORTED,
        _("Imported %(number)s from %(system)s: %(total)s %(currency)s, of which %(balance)s are open.")
        % {
            "number": said.number,
            "system": system_name(client.pk),
            "total": shown(said.total, said.currency),
            "balance": shown(said.balance, said.currency),
            "currency": said.currency,
        },
        invoice,
    )


def look_for(client: Client, said: RemoteFacts) -> Imported:
    """Say what `import_document` would, and write nothing."""
    unfit = _why_unfit(said)
    if unfit:
        return Imported(Outcome.UNFIT, unfit)
    rows = Counterparty.objects.filter(client=client, direction=said.direction, code=said.party_code)
    known = _look_here(_invoice(client, rows.first(), said, Vouchers(), by=None))
    values = {"number": said.number, "system": system_name(client.pk)}
    sentence = _("%(number)s is in %(system)s and not here: import it by its number.") % values
    return known or Imported(Outcome.IMPORTABLE, sentence)


def _invoice(
    client: Client, party: Counterparty | None, said: RemoteFacts, vouchers: Vouchers, *, by: User | None
) -> Invoice:
    return Invoice(
        client=client,
        direction=said.direction,
        kind=said.kind,
        counterparty_id=party.pk if party else 0,
        number=said.number,
        invoice_date=said.invoice_date,
        due_date=said.due_date,
        currency=said.currency,
        total=said.total,
        step=Step.BOOKED,
        remote_id=said.remote_id,
        erp_state=Invoice.InErp.OPEN,
        erp_balance=said.balance,
        erp_balance_at=said.changed_at,
        synced_at=timezone.now(),
        created_by=by,
        **asdict(vouchers),
    )


def _why_unfit(said: RemoteFacts) -> str:
    """Say why what the ERP has cannot stand here; empty when it can."""
    values = {"number": said.number, "currency": said.currency}
    if not is_currency(said.currency):
        return _("%(number)s is in %(currency)s there, which is no ISO 4217 code: correct it there first.") % values
    if not 0 <= said.balance <= said.total:
        return _("The balance of %(number)s there is below zero or above its total: correct it there first.") % values
    return ""


def _look_here(invoice: Invoice) -> Imported | None:
    """Say why a document would not become `invoice`, which is not saved: it is here, or its number is in use."""
    here = Invoice.objects.filter(client_id=invoice.client_id, remote_id=invoice.remote_id)
    here = here.filter(direction=invoice.direction, kind=invoice.kind).select_related("client", "counterparty")
    known = here.first()
    if known is not None:
        return _is_here(known)
    holder = number_holder(invoice)
    if holder is None:
        return None
    if holder.counterparty_id != invoice.counterparty_id:
        if Client.objects.values_list("allows_duplicate_numbers", flat=True).get(pk=invoice.client_id):
            return None
        return Imported(Outcome.NUMBER_TAKEN, why_no_duplicate(holder), holder)
    if not holder.remote_id:
        return _is_here(holder)
    sentence = _(
        "%(number)s of %(party)s is here already, and it is another document there (%(id)s instead of %(other)s). "
        "Numbers of one counterparty must differ: give one of them another number there, then import that."
    )
    values = {"party": holder.counterparty, "id": holder.remote_id, "other": invoice.remote_id}
    return Imported(Outcome.NUMBER_TAKEN, sentence % {"number": holder.number, **values}, holder)


def _is_here(known: Invoice) -> Imported:
    values = {"number": known.number, "step": known.get_step_display(), "why": known.archived_reason}
    if not known.is_archived:
        return Imported(
            Outcome.HERE, _("%(number)s is here already, in the step %(step)s: nothing was imported.") % values, known
        )
    sentence = _("%(number)s is here already, but archived (%(why)s): restore it, and it is on the list again.")
    return Imported(Outcome.ARCHIVED, sentence % values, known)


def _pay(invoice: Invoice, said: RemoteFacts) -> None:
    """Put what is paid there on the invoice, as one payment."""
    paid = said.total - said.balance
    if not paid:
        return
    Payment.objects.create(
        invoice=invoice, amount=paid, currency=invoice.currency, state=PaymentState.SUCCEEDED, source="ERP"
    )
    invoice.paid = paid
    if invoice.balance:
        invoice.pay_part()
    else:
        invoice.pay_in_full()
