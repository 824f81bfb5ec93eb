"""Taking what the ERP says of a booked invoice: there its word counts (DESIGN §4, edit rules).

A booked invoice is read-only here, so nothing can be lost. Where it came back for correction (Final integration error
after a reopen, or on its way again) both sides may have changed since they were last the same. What was edited here
alone stays; what the ERP changed is taken, and if it was edited here too, the event says what was lost.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices.actions.numbers import take_number
from invoices.actions.taking import take_invoice
from invoices.errors import BadInput, Conflict
from invoices.events import facts, plain, record
from invoices.models import Counterparty, Event, Invoice, InvoiceLine
from invoices.money import is_currency, shown
from invoices.roles import Right
from invoices.workflow import MessageState, Status, Step, may_move

HEAD: Final = ("number", "invoice_date", "due_date", "counterparty_id")
AMOUNTS: Final = ("currency", "total", "lines")  # taken together or not at all
IN_ERP: Final = (
    "erp_state", "erp_balance", "erp_balance_at", "erp_currency", "erp_read_at", "synced_at", "sync_problem",
)  # fmt: skip
NEW_BASES: Final = ("confirm", "changed_in_erp")  # what was edited before these is in the ERP, or lost


@dataclass(frozen=True, slots=True)
class RemoteLine:
    """One line as the ERP has it; it may reckon the amount otherwise than quantity × unit price."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    account: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFacts:
    """An invoice as the ERP has it, in our words; `changed_at` is by its clock."""

    remote_id: str
    direction: str
    kind: str
    number: str
    party_code: str
    party_name: str
    invoice_date: date
    due_date: date | None
    currency: str
    total: Decimal
    balance: Decimal
    lines: tuple[RemoteLine, ...]
    changed_at: datetime
    vouchers: tuple[str, ...] = ()
    is_voided: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What a sync changed here: names of fields, what was lost of ours, and why the rest could not be taken."""

    changed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    problem: str = ""


def why_not_taken(invoice: Invoice) -> str:
    """Say why the ERP's word on `invoice` cannot be taken now; empty when it can."""
    if not invoice.is_synced or invoice.step not in (Step.BOOKED, Step.FINAL_ERROR, Step.FINAL_INTEGRATION):
        return _("It is not booked yet: until then the ERP has nothing to say of it.")
    message = invoice.current_message
    if invoice.step != Step.FINAL_INTEGRATION or message is None:
        return ""
    may_have_arrived = message.state == MessageState.UNKNOWN and message.attempt_count
    if message.lease_until is not None or may_have_arrived:
        return _("It is on its way to the ERP: what comes of it is read when that is known.")
    return ""


@transaction.atomic
def take_remote(invoice_id: int, said: RemoteFacts, *, by: User | None = None) -> Taken:
    """Take what the ERP says of a booked invoice: one event with all that changed, before and after.

    Where nothing changed no event is written. What cannot be taken (it would be below what is paid here, say) leaves
    the invoice as it is, with the sentence in `sync_problem`. Raises Conflict for one that is not booked, or is on its
    way.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    refused = why_not_taken(invoice)
    if refused:
        raise Conflict(refused)
    before = facts(invoice)
    was_state = invoice.erp_state
    _note_balance(invoice, said)
    problem = _why_unfit(invoice, said)
    if problem:
        return _note_problem(invoice, problem, before, by=by)
    if said.is_voided:
        return _note_state(invoice, was_state, before, by=by)
    change = _Change(invoice, said)
    change.apply()
    invoice.sync_problem = ""
    if not change.kept:
        invoice.synced_at = timezone.now()
    try:
        with transaction.atomic():
            changed = _write(change, before, was_state, by=by)
    except (BadInput, IntegrityError):
        again = Invoice.objects.locked().get(pk=invoice_id)
        _note_balance(again, said)
        taken = _("The ERP calls it %(number)s, and another invoice here has that number already.")
        return _note_problem(again, taken % {"number": said.number}, facts(again), by=by)
    return Taken(changed, tuple(change.lost))


@transaction.atomic
def note_missing(invoice_id: int, *, by: User | None = None) -> Taken:
    """Note that the ERP does not have the document of an invoice any more; one event, once."""
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    was_state, before = invoice.erp_state, facts(invoice)
    invoice.erp_state, invoice.erp_balance, invoice.erp_currency = Invoice.InErp.MISSING, None, ""
    return _note_state(invoice, was_state, before, by=by)


@transaction.atomic
def note_remote_id(invoice_id: int, remote_id: str, *, by: User | None = None) -> Invoice:
    """Keep under which id the ERP has an invoice that was booked by hand there and skipped here."""
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    if invoice.remote_id or not invoice.status:
        raise Conflict(_("Its id in the ERP is known, or it is not booked yet."))
    before = facts(invoice)
    invoice.remote_id = remote_id
    record(invoice, "find_in_erp", by=by, before=before)
    return invoice


@transaction.atomic
def note_sync_problem(invoice_id: int, problem: str, *, by: User | None = None) -> Taken:
    """Keep why the ERP's word on an invoice could not be taken; the same reason is one event only."""
    invoice = take_invoice(invoice_id, by=by, right=Right.SYNC)
    return _note_problem(invoice, problem, facts(invoice), by=by)


def _note_balance(invoice: Invoice, said: RemoteFacts) -> None:
    invoice.erp_balance, invoice.erp_balance_at = said.balance, said.changed_at
    invoice.erp_currency, invoice.erp_read_at = said.currency, timezone.now()
    invoice.erp_state = Invoice.InErp.VOIDED if said.is_voided else Invoice.InErp.OPEN


def _note_state(invoice: Invoice, was: str, before: dict[str, Any], *, by: User | None) -> Taken:
    invoice.sync_problem = ""
    invoice.save(update_fields=IN_ERP)
    if invoice.erp_state == was:
        return Taken()
    action = "voided_in_erp" if invoice.erp_state == Invoice.InErp.VOIDED else "missing_in_erp"
    record(invoice, action, by=by, before=before, level=Event.Level.WARNING)
    return Taken(("erp_state",))


def _note_problem(invoice: Invoice, problem: str, before: dict[str, Any], *, by: User | None) -> Taken:
    is_new = invoice.sync_problem != problem
    invoice.sync_problem = problem
    invoice.save(update_fields=IN_ERP)
    if is_new:
        record(invoice, "not_taken", by=by, before=before, reason=problem, level=Event.Level.ERROR)
    return Taken(problem=problem)


def _why_unfit(invoice: Invoice, said: RemoteFacts) -> str:
    """Say why what the ERP has cannot stand here; empty when it can."""
    is_other = bool(invoice.final_voucher and said.vouchers) and invoice.final_voucher not in said.vouchers
    if is_other or (said.direction, said.kind) != (invoice.direction, invoice.kind):
        return _("The ERP has another document under its id: look whether the right company is connected.")
    if said.is_voided:
        return ""
    if not is_currency(said.currency) or (said.currency != invoice.currency and invoice.paid):
        return _("It is in %(theirs)s there and in %(ours)s here, where it has payments: correct one of them.") % {
            "theirs": said.currency,
            "ours": invoice.currency,
        }
    if said.total < invoice.paid:
        return _(
            "The ERP's total of %(theirs)s %(currency)s is below the %(ours)s that are paid here: "
            "correct the total there, or the payments."
        ) % {
            "theirs": shown(said.total, said.currency),
            "ours": shown(invoice.paid, invoice.currency),
            "currency": said.currency,
        }
    return ""


class _Change:
    """The difference between a locked invoice and what the ERP says, and what to do about it."""

    def __init__(self, invoice: Invoice, said: RemoteFacts) -> None:
        self.invoice = invoice
        self.said = said
        self.lines = tuple(
            RemoteLine(line.description, line.quantity, line.unit_price, line.amount, line.account, line.item)
            for line in invoice.lines.all()
        )
        self.fields: list[str] = []  # what is taken
        self.kept: list[str] = []  # what was edited here alone, and stays
        self.lost: dict[str, Any] = {}

    def apply(self) -> None:
        """Set what is taken on the row; lines are written later."""
        invoice, said = self.invoice, self.said
        ours = {
            "number": invoice.number,
            "invoice_date": invoice.invoice_date,
            "due_date": invoice.due_date,
            "counterparty_id": invoice.counterparty.code,
            "currency": invoice.currency,
            "total": invoice.total,
            "lines": self.lines,
        }
        theirs = {
            "number": said.number,
            "invoice_date": said.invoice_date,
            "due_date": said.due_date,
            "counterparty_id": said.party_code,
            "currency": said.currency,
            "total": said.total,
            "lines": said.lines,
        }
        differs = [name for name in ours if ours[name] != theirs[name]]
        if not differs:
            return
        bases = edited_here(invoice)
        for group in (*((name,) for name in HEAD), AMOUNTS):
            names = [name for name in group if name in differs]
            if not names:
                continue
            is_ours = all(name in bases and bases[name] == _as_base(name, theirs[name]) for name in names)
            if is_ours and invoice.step != Step.BOOKED:
                self.kept += names
                continue
            self.fields += names
            self.lost.update({name: _shown(ours[name]) for name in names if name in bases})
        for name in self.fields:
            if name == "counterparty_id":
                invoice.counterparty = _party(invoice, said)
            elif name != "lines":
                setattr(invoice, name, theirs[name])

    def write_lines(self) -> None:
        """Put the ERP's lines in the place of ours."""
        self.invoice.lines.all().delete()
        InvoiceLine.objects.bulk_create(
            InvoiceLine(invoice=self.invoice, position=position, **asdict(line))
            for position, line in enumerate(self.said.lines, start=1)
        )

    def evidence(self) -> dict[str, Any]:
        """Return what the event keeps beside before and after."""
        kept: dict[str, Any] = {"changed_at": self.said.changed_at}
        if self.lost:
            kept["lost"] = self.lost
        if "lines" in self.fields:
            kept.update(lines_before=_shown(self.lines), lines=_shown(self.said.lines))
        return kept


def _write(change: _Change, before: dict[str, Any], was_state: str, *, by: User | None) -> tuple[str, ...]:
    """Save what is taken with its event, and return the names of what changed."""
    invoice, changed = change.invoice, list(change.fields)
    if "lines" in changed:
        change.write_lines()
    if "total" in changed and fit_status(invoice):
        changed.append("status")
    if was_state in (Invoice.InErp.VOIDED, Invoice.InErp.MISSING):
        changed.append("erp_state")
    if {"number", "counterparty_id"} & {*changed}:
        take_number(invoice)
    invoice.save(update_fields=(*IN_ERP, "number", "counterparty", "twin"))
    if changed:
        level = Event.Level.WARNING if change.lost else Event.Level.INFO
        record(invoice, "changed_in_erp", by=by, before=before, level=level, evidence=change.evidence())
    return tuple(changed)


def fit_status(invoice: Invoice) -> bool:
    """Move the status to where a new total leaves what is paid; say whether it moved."""
    was = invoice.status
    if invoice.paid == 0 and may_move(invoice.take_back_all):
        invoice.take_back_all()
    elif invoice.paid and invoice.balance == 0 and was != Status.PAID and may_move(invoice.pay_in_full):
        invoice.pay_in_full()
    elif invoice.paid and invoice.balance and was == Status.PAID and may_move(invoice.take_back_part):
        invoice.take_back_part()
    return bool(invoice.status != was)


def edited_here(invoice: Invoice) -> dict[str, Any]:
    """Return each field that was edited here since both sides were last the same, with what it was before."""
    events = invoice.events.order_by("sequence")
    cut = invoice.events.filter(action__in=NEW_BASES).order_by("-sequence").values_list("sequence", flat=True).first()
    edits = events.filter(action="edit", sequence__gt=cut or 0)
    if invoice.synced_at is not None:
        edits = edits.filter(at__gt=invoice.synced_at)
    bases: dict[str, Any] = {}
    for event in edits:
        was: Mapping[str, Any] = {**event.before}
        if "lines_before" in event.evidence:
            was = {**was, "lines": event.evidence["lines_before"]}
        for name, value in was.items():
            if name == "counterparty_id":
                value = Counterparty.objects.values_list("code", flat=True).get(pk=value)  # noqa: PLW2901 (its words)
            bases.setdefault(name, value)
    return bases


def _as_base(name: str, theirs: Any) -> Any:
    """Return what the ERP has in the form in which the event of an edit keeps what was before."""
    if name != "lines":
        return plain(theirs)
    return [{key: str(plain(value)) for key, value in asdict(line).items() if key != "amount"} for line in theirs]


def _shown(value: Any) -> Any:
    if not isinstance(value, tuple):
        return plain(value)
    return [{name: str(plain(each)) for name, each in asdict(line).items()} for line in value]


def _party(invoice: Invoice, said: RemoteFacts) -> Counterparty:
    party, _is_new = Counterparty.objects.get_or_create(
        client_id=invoice.client_id,
        direction=invoice.direction,
        code=said.party_code,
        defaults={"name": said.party_name or said.party_code},
    )
    return party
