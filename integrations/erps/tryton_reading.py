"""Reading what Tryton shows over REST: its typed JSON, invoices, payments, months, and what its errors mean.

Tryton's invoices are of type "in" (payable) or "out" (receivable); a credit memo is one with a negative total. It gives
them numbers of its own, which are our vouchers. Our number is its `reference`, and our key stands in its `description`
behind a mark. Whatever has another form raises one of `UNREADABLE`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from integrations.erps.contract import (
    ClosedPeriod,
    Complaint,
    DocumentLine,
    DocumentState,
    Listed,
    Party,
    Reason,
    RemoteDocument,
    RemoteItem,
    RemotePayment,
    RemoteVoucher,
    Stage,
)

UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, InvalidOperation)
MARK: Final = "unstuck:"  # before our key
TYPES: Final = {"payable": "in", "receivable": "out"}
DIRECTIONS: Final = {"in": "payable", "out": "receivable"}
POSTED: Final = ("posted", "paid")
BOOKED: Final = {Stage.PRELIMINARY: ("validated", *POSTED), Stage.FINAL: POSTED}
PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
PAYMENT_UNDER_WAY: Final = ("submitted", "approved", "processing", "succeeded")

HEAD: Final = (
    "type",
    "state",
    "number",
    "reference",
    "description",
    "party.code",
    "party.name",
    "currency.code",
    "invoice_date",
    "accounting_date",
    "payment_term",
    "payment_term_date",
    "total_amount",
    "amount_to_pay",
    "move.date",
    "create_date",
    "write_date",
)
LINES: Final = (
    "lines.type",
    "lines.description",
    "lines.quantity",
    "lines.unit_price",
    "lines.amount",
    "lines.account.code",
    "lines.product.code",
)
TO_PAY: Final = ("lines_to_pay.maturity_date", "lines_to_pay.reconciliation")
PAYMENTS: Final = tuple(f"lines_to_pay.payments.{name}" for name in ("state", "create_date", "write_date"))
PAID_BY: Final = tuple(
    f"{lines}.{name}"
    for lines in ("payment_lines", "reconciliation_lines")
    for name in ("debit", "credit", "amount_second_currency", "second_currency.code", "date", "move.description")
)

# Tryton has no codes: these are its own English templates. What none of them matches is left without a reason.
REASONS: Final = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"you must (?:reopen|create) (?:the|a) period", Reason.PERIOD_CLOSED),
        (r"is similar to invoice", Reason.DUPLICATE_NUMBER),
        (r"You are not allowed to access", Reason.PERMISSION),
        (r"does(?: not|n't) exist|does not belong", Reason.REFERENCE_MISSING),
        (r"No rate found|you must define a sequence", Reason.REFERENCE_MISSING),
        (r"You can not call|because it is posted, paid or cancelled", Reason.STALE_VERSION),
        (r"not valid according to its domain|value is required|must set an invoice date after", Reason.VALIDATION),
        (r"invoice date in the future|payment date .* in the past|default taxes|exceeds the limit", Reason.VALIDATION),
    )
)


def read_complaints(body: Any) -> list[Complaint]:
    """Return the error of an answer: Tryton says one at a time, and warnings look the same."""
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return []
    message = body["message"]
    reason = next((reason for pattern, reason in REASONS if pattern.search(message)), Reason.OTHER)
    field = re.search(r'field "([^"]*)"', message)
    return [
        Complaint(
            message=message[:2000],
            detail=str(body.get("description") or "")[:2000],
            field=field[1] if field else "",
            reason=reason,
        )
    ]


# Typed values --------------------------------------------------------------------------------------------------------


def unpacked(value: Any) -> Any:
    """Return JSON of Tryton's with its decimals, days and moments (UTC) as such."""
    if isinstance(value, list):
        return [unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "Decimal":
        return Decimal(value["decimal"])
    if kind == "date":
        return date(value["year"], value["month"], value["day"])
    if kind == "datetime":
        year, month, day, *clock = (int(value[name]) for name in PARTS)
        return datetime(year, month, day, clock[0], clock[1], clock[2], clock[3], tzinfo=UTC)
    return {name: unpacked(each) for name, each in value.items()}


def packed(value: Any) -> Any:
    """Return a value, with all that is in it, as Tryton's JSON has it."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": format(value, "f")}
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return {"__class__": "datetime", **{name: getattr(moment, name) for name in PARTS}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Mapping):
        return {name: packed(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [packed(each) for each in value]
    return value


# Invoices ------------------------------------------------------------------------------------------------------------


def marked(key: str) -> str:
    """Return a key as it stands in a description."""
    return f"{MARK}{key}"


def key_of(description: str | None) -> str:
    """Return our key from a description; empty where another hand wrote it."""
    return (description or "").removeprefix(MARK) if (description or "").startswith(MARK) else ""


def number_of(shown: Mapping[str, Any]) -> str:
    """Return an invoice's number as we mean it.

    On a payable it is the supplier's. On a receivable it is the one that we gave it, or Tryton's own where it was typed
    there: then its reference is the customer's.
    """
    own = shown["type"] == "in" or key_of(shown["description"])
    return str((shown["reference"] if own else "") or shown["number"] or shown["reference"] or "")


def is_credit(shown: Mapping[str, Any]) -> bool:
    """Say whether it is a credit memo."""
    return bool(shown["total_amount"] < 0)


def balance_of(shown: Mapping[str, Any]) -> Decimal:
    """Return what is open by the ledger; a payment that is only under way has paid nothing yet."""
    if shown["state"] in ("draft", "validated"):
        return abs(Decimal(shown["total_amount"]))
    if shown["state"] != "posted":
        return Decimal(0)
    left = Decimal(shown["amount_to_pay"] or 0)
    return -left if is_credit(shown) else left


def posting_date_of(shown: Mapping[str, Any]) -> date | None:
    """Return the day on which it stands in the ledger."""
    move = shown["move"]
    day: date | None = (move["date"] if move else None) or shown["accounting_date"] or shown["invoice_date"]
    return day


def changed_at(shown: Mapping[str, Any]) -> datetime:
    """Return when it, or a payment of it, was last written."""
    payments = [payment for line in shown["lines_to_pay"] or () for payment in line.get("payments") or ()]
    return max(map(moment_of, (shown, *payments)))


def moment_of(shown: Mapping[str, Any]) -> datetime:
    """Return when a record was last written; one that never was has only a time of its making."""
    moment: datetime = shown.get("write_date") or shown["create_date"]
    return moment


def read_document(shown: Mapping[str, Any], *, url: str, default_account: str, has_pdf: bool) -> RemoteDocument:
    """Return an invoice as Tryton shows it.

    An account that is the company's default is left out: a line that named none comes back as it was sent.
    """
    sign = -1 if is_credit(shown) else 1
    direction = DIRECTIONS[shown["type"]]
    posted_on = posting_date_of(shown)
    voucher = shown["number"] or ""
    stages = [Stage.PRELIMINARY] if direction == "payable" else []
    is_posted = shown["state"] in POSTED or (shown["state"] == "cancelled" and shown["move"] is not None)
    stages += [Stage.FINAL] if is_posted or not stages else []
    lines_to_pay = shown["lines_to_pay"] or ()
    matures = [line["maturity_date"] for line in lines_to_pay if line["maturity_date"]] if shown["payment_term"] else []
    return RemoteDocument(
        remote_id=str(shown["id"]),
        direction=direction,
        kind="credit_memo" if sign < 0 else "invoice",
        number=number_of(shown),
        party=Party(shown["party"]["code"] or "", shown["party"]["name"] or ""),
        invoice_date=shown["invoice_date"],
        due_date=shown["payment_term_date"] or max(matures, default=None),
        posting_date=posted_on,
        currency=shown["currency"]["code"],
        total=abs(Decimal(shown["total_amount"])),
        balance=balance_of(shown),
        lines=tuple(
            DocumentLine(
                description=line["description"] or "",
                quantity=sign * Decimal(line["quantity"] or 0),
                unit_price=Decimal(line["unit_price"] or 0),
                amount=sign * Decimal(line["amount"] or 0),
                account=_unless(default_account, line["account"]["code"] if line["account"] else ""),
                item=(line["product"]["code"] if line["product"] else "") or "",
            )
            for line in shown["lines"]
            if line["type"] == "line"
        ),
        state=DocumentState.VOIDED if shown["state"] == "cancelled" else DocumentState.OPEN,
        stage=stages[-1],
        vouchers=tuple(RemoteVoucher(stage, voucher, posted_on) for stage in stages if voucher),
        has_pdf=has_pdf and shown["state"] in POSTED,
        changed_at=changed_at(shown),
        url=url,
        is_being_paid=any(
            payment["state"] in PAYMENT_UNDER_WAY
            for line in lines_to_pay
            if not line["reconciliation"]
            for payment in line.get("payments") or ()
        ),
    )


def _unless(default: str, code: str | None) -> str:
    return "" if not code or code == default else code


def read_payments(shown: Mapping[str, Any], own_currency: str) -> tuple[RemotePayment, ...]:
    """Return what paid an invoice: the lines of the ledger on its account that are linked to it or reconciled with it.

    A line may have paid several invoices: no more is taken of it than is paid of this one.
    """
    if shown["state"] not in POSTED:
        return ()
    currency = shown["currency"]["code"]
    sign = (1 if shown["type"] == "in" else -1) * (-1 if is_credit(shown) else 1)
    left = abs(Decimal(shown["total_amount"])) - balance_of(shown)
    found = {line["id"]: line for line in (*shown["payment_lines"], *shown["reconciliation_lines"])}
    payments = []
    for number, line in sorted(found.items()):
        second = line["second_currency"]["code"] if line["second_currency"] else ""
        if second == currency:
            amount = sign * Decimal(line["amount_second_currency"] or 0)
        else:
            amount = sign * (line["debit"] - line["credit"]) if currency == own_currency else Decimal(0)
        amount = min(amount, left)
        if amount > 0:
            left -= amount
            key = key_of(line["move"]["description"])
            payments.append(RemotePayment(str(number), str(shown["id"]), amount, currency, line["date"], key))
    return tuple(payments)


# The rest ------------------------------------------------------------------------------------------------------------


def read_listed(shown: Mapping[str, Any]) -> Listed:
    """Return one line of the list of all documents."""
    return Listed(
        remote_id=str(shown["id"]),
        number=number_of(shown),
        total=abs(Decimal(shown["total_amount"])),
        balance=balance_of(shown),
        currency=shown["currency"]["code"],
    )


def read_item(shown: Mapping[str, Any]) -> RemoteItem:
    """Return a product; one whose template is inactive cannot be used either."""
    return RemoteItem(shown["code"], shown["name"] or "", bool(shown["active"] and shown["template"]["active"]))


def read_period(shown: Mapping[str, Any]) -> ClosedPeriod:
    """Return a period that is closed."""
    return ClosedPeriod(shown["name"], shown["start_date"], shown["end_date"])


def refusals(complaints: Iterable[Complaint]) -> set[Reason]:
    """Return the reasons of an error."""
    return {complaint.reason for complaint in complaints}
