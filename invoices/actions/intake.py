"""Handing invoices in, and editing them while they are ours to edit (DESIGN §4, edit rules)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from invoices.actions.numbers import take_number, taken_by_its_own, with_number
from invoices.actions.taking import take_invoice
from invoices.errors import BadInput, Conflict, Sentence
from invoices.events import facts, plain, record
from invoices.models import Client, Counterparty, HandIn, Invoice, InvoiceLine
from invoices.money import LARGEST, is_currency, rounded
from invoices.permissions import require
from invoices.roles import Right
from invoices.systems import system_name
from invoices.workflow import EDITABLE_STEPS, Direction, DocumentKind, Step

LINES_AT_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class LineGiven:
    """One line as it was handed in; `unit_price` in the invoice's currency."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    account: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceGiven:
    """An invoice as it was handed in or edited."""

    direction: str
    number: str
    party_code: str
    party_name: str
    invoice_date: date
    currency: str
    lines: tuple[LineGiven, ...]
    kind: str = DocumentKind.INVOICE
    due_date: date | None = None

    def digest(self) -> str:
        """Return a fingerprint of everything that was handed in."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=plain).encode()).hexdigest()


@transaction.atomic
def hand_in(client: Client, given: InvoiceGiven, *, by: User | None, key: str = "") -> tuple[Invoice, bool]:
    """Take an invoice in as a draft; return it, and whether it is new.

    With a `key` (the Idempotency-Key of one person) the same invoice handed in again answers the first one. Raises
    BadInput naming each field, Conflict when the key was used for something else.
    """
    require(by, Right.HAND_IN, client)
    if key and by is not None:
        earlier = _handed_in_before(client, given, by=by, key=key)
        if earlier is not None:
            return earlier, False
    check(given)
    invoice = Invoice(
        client=client, direction=given.direction, kind=given.kind, created_by=by, **_fields(client, given)
    )

    def save() -> None:
        take_number(invoice)
        invoice.save()
        if key and by is not None:
            HandIn.objects.create(user=by, key=key, digest=given.digest(), invoice=invoice)

    try:
        with_number(save)
    except (BadInput, IntegrityError) as exc:
        # Somebody was quicker; under the same key it was this very request, sent twice.
        earlier = _handed_in_before(client, given, by=by, key=key) if key and by is not None else None
        if earlier is not None:
            return earlier, False
        if isinstance(exc, BadInput):
            raise
        raise taken_by_its_own(given.number) from exc
    write_lines(invoice, given.lines)
    record(invoice, "hand_in", by=by, before={}, evidence={"lines": shown_lines(given.lines)})
    return invoice, True


@transaction.atomic
def edit_invoice(invoice_id: int, given: InvoiceGiven, *, by: User | None, reason: str = "") -> Invoice:
    """Change what was handed in; direction and kind stay. Raises Conflict once the ERP's document rules."""
    invoice = take_invoice(invoice_id, by=by, right=Right.HAND_IN)
    if invoice.step not in EDITABLE_STEPS or invoice.is_archived:
        raise Conflict(why_read_only(invoice))
    given = replace(given, direction=invoice.direction, kind=invoice.kind)
    check(given)
    before, lines_before = facts(invoice), shown_lines(lines_of(invoice))
    for name, value in _fields(invoice.client, given).items():
        setattr(invoice, name, value)
    if invoice.paid > invoice.total:
        raise BadInput({"lines": _("More than this total is paid already.")})
    take_number(invoice)
    lines_after = shown_lines(given.lines)
    if lines_before != lines_after:
        invoice.lines.all().delete()
        write_lines(invoice, given.lines)
    evidence = {} if lines_before == lines_after else {"lines_before": lines_before, "lines": lines_after}
    try:
        with transaction.atomic():
            invoice.save(update_fields=["number", "counterparty", "twin"])
            record(invoice, "edit", by=by, reason=reason, before=before, evidence=evidence)
    except IntegrityError as exc:
        raise taken_by_its_own(given.number) from exc
    return invoice


def why_read_only(invoice: Invoice) -> str:
    """Say why an invoice cannot be edited here, and where it can; empty when it can."""
    if invoice.is_archived:
        return _("It is archived: restore it first.")
    if invoice.step in EDITABLE_STEPS:
        return ""
    if invoice.step == Step.BOOKED:
        values = {"system": system_name(invoice.client_id)}
        return _("It is booked. Edit it in %(system)s; the next sync brings it back.") % values
    if invoice.step == Step.INVALIDATED:
        return _("It is invalidated: hand it in again under another number.")
    if invoice.step == Step.APPROVAL:
        return _("It is booked preliminarily and waits for approval: it can be approved or invalidated.")
    return _("It is on its way to the ERP: an Integration queue handler can abort the message, then it can be edited.")


def check(given: InvoiceGiven) -> None:
    """Raise BadInput with a sentence for each field that cannot be used."""
    wrong: dict[str, Sentence] = {}
    if given.direction not in Direction.values:
        wrong["direction"] = _("Use payable or receivable.")
    if given.kind not in DocumentKind.values:
        wrong["kind"] = _("Use invoice or credit_memo.")
    for name, value, length in (
        ("number", given.number, 40),
        ("counterparty.code", given.party_code, 40),
        ("counterparty.name", given.party_name, 200),
    ):
        if name == "counterparty.name" and not value:
            continue  # the code alone names a counterparty that is known
        if not value or value != value.strip() or len(value) > length or not value.isprintable():
            wrong[name] = _("Give 1 to %(length)s printable characters, with no blank at the ends.") % {
                "length": length
            }
    if not is_currency(given.currency):
        wrong["currency"] = _("Use an ISO 4217 code in capitals, such as USD.")
    if given.due_date and given.due_date < given.invoice_date:
        wrong["due_date"] = _("The due date lies before the invoice date.")
    if len(given.lines) > LINES_AT_MOST:
        wrong["lines"] = _("An invoice has at most 1000 lines.")
    wrong.update(_wrong_lines(given.lines))
    if not wrong:
        wrong.update(_too_large_lines(given))
    if not wrong and abs(_total(given)) > LARGEST:
        wrong["lines"] = _("The total is larger than this system can hold.")
    if not wrong and _total(given) < 0:
        wrong["lines"] = _("The total is below zero: hand it in as a credit_memo with positive amounts.")
    if wrong:
        raise BadInput(wrong)


def _wrong_lines(lines: Sequence[LineGiven]) -> dict[str, Sentence]:
    wrong: dict[str, Sentence] = {}
    for index, line in enumerate(lines):
        text = line.description.replace("\n", "").replace("\t", "").replace("\r", "")
        if not text.strip() or len(line.description) > 500 or not text.isprintable():
            wrong[f"lines[{index}].description"] = _("Give 1 to 500 printable characters.")
        for name, value in (("quantity", line.quantity), ("unit_price", line.unit_price)):
            if not value.is_finite() or abs(value) > LARGEST or value != round(value, 4):
                wrong[f"lines[{index}].{name}"] = _("Give a number with at most four decimal places.")
        for name, text, length in (("account", line.account, 40), ("item", line.item, 60)):
            if len(text) > length or (text and not text.isprintable()):
                wrong[f"lines[{index}].{name}"] = _("Give at most %(length)s printable characters.") % {
                    "length": length
                }
    return wrong


def _too_large_lines(given: InvoiceGiven) -> dict[str, Sentence]:
    return {
        f"lines[{index}]": _("The amount of this line is larger than this system can hold.")
        for index, line in enumerate(given.lines)
        if abs(_amount(line, given.currency)) > LARGEST
    }


def lines_of(invoice: Invoice) -> tuple[LineGiven, ...]:
    """Return an invoice's lines as they were handed in."""
    return tuple(
        LineGiven(line.description, line.quantity, line.unit_price, line.account, line.item)
        for line in invoice.lines.all()
    )


def shown_lines(lines: Sequence[LineGiven]) -> list[dict[str, str]]:
    """Return lines as the event log has them."""
    return [{name: str(plain(value)) for name, value in asdict(line).items()} for line in lines]


def write_lines(invoice: Invoice, lines: Sequence[LineGiven]) -> None:
    """Write the lines of an invoice that has none."""
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=position,
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=_amount(line, invoice.currency),
            account=line.account,
            item=line.item,
        )
        for position, line in enumerate(lines, start=1)
    )


def _amount(line: LineGiven, currency: str) -> Decimal:
    return rounded(line.quantity * line.unit_price, currency)


def _total(given: InvoiceGiven) -> Decimal:
    return sum((_amount(line, given.currency) for line in given.lines), Decimal(0))


def _fields(client: Client, given: InvoiceGiven) -> dict[str, object]:
    party, _is_new = Counterparty.objects.get_or_create(
        client=client,
        direction=given.direction,
        code=given.party_code,
        defaults={"name": given.party_name or given.party_code},
    )
    return {
        "counterparty": party,
        "number": given.number,
        "invoice_date": given.invoice_date,
        "due_date": given.due_date,
        "currency": given.currency,
        "total": _total(given),
    }


def _handed_in_before(client: Client, given: InvoiceGiven, *, by: User, key: str) -> Invoice | None:
    earlier = HandIn.objects.select_related("invoice").filter(user=by, key=key).first()
    if earlier is None:
        return None
    if earlier.digest != given.digest() or earlier.invoice.client_id != client.pk:
        raise Conflict(_("This Idempotency-Key was used for another invoice: use a new key for a new invoice."))
    return earlier.invoice
