"""Reading what the sandbox ERP shows: documents, its list of them, items and closed months.

Whatever has another form raises one of `UNREADABLE`.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.erps.contract import (
    ClosedPeriod,
    DocumentLine,
    DocumentState,
    Listed,
    Party,
    RemoteDocument,
    RemoteItem,
    RemoteParty,
    RemoteVoucher,
    Stage,
)

# What reading JSON of another form can end in; InvalidOperation is what Decimal says to a text that is no number.
UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, InvalidOperation)


def read_document(shown: Mapping[str, Any], server: str) -> RemoteDocument:
    """Return a document as the sandbox shows it."""
    vouchers = [
        RemoteVoucher(Stage(one["stage"]), text(one, "voucher"), day(one["posting_date"]))
        for one in objects(shown, "bookings")
    ]
    last = next((one for one in vouchers if one.stage is Stage.FINAL), vouchers[0])
    return RemoteDocument(
        remote_id=text(shown, "id"),
        direction=text(shown, "direction"),
        kind=text(shown, "kind"),
        number=text(shown, "number"),
        party=Party(text(shown["party"], "code"), text(shown["party"], "name")),
        invoice_date=date.fromisoformat(shown["invoice_date"]),
        due_date=day(shown["due_date"]),
        posting_date=last.posting_date,
        currency=text(shown, "currency"),
        total=Decimal(shown["total"]),
        balance=Decimal(shown["balance"]),
        lines=tuple(
            DocumentLine(
                description=text(line, "description"),
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["unit_price"]),
                amount=Decimal(line["amount"]),
                account=text(line, "account"),
                item=text(line, "item"),
            )
            for line in objects(shown, "lines")
        ),
        state=DocumentState.VOIDED if shown["state"] == "voided" else DocumentState.OPEN,
        stage=last.stage,
        vouchers=tuple(vouchers),
        has_pdf=shown["has_pdf"] is True,
        changed_at=datetime.fromisoformat(shown["changed_at"]),
        url=server + text(shown, "url"),
    )


def read_listed(shown: Mapping[str, Any]) -> Listed:
    """Return one line of the list of all documents."""
    return Listed(
        remote_id=text(shown, "id"),
        number=text(shown, "number"),
        total=Decimal(shown["total"]),
        balance=Decimal(shown["balance"]),
        currency=text(shown, "currency"),
    )


def read_item(shown: Mapping[str, Any]) -> RemoteItem:
    """Return an item as the sandbox shows it."""
    return RemoteItem(text(shown, "code"), text(shown, "name"), shown["active"] is True)


def read_party(shown: Mapping[str, Any], direction: str) -> RemoteParty:
    """Return a customer or supplier as the sandbox shows it."""
    return RemoteParty(direction, text(shown, "code"), shown["active"] is True)


def month(name: object) -> ClosedPeriod:
    """Return a closed month, named as the sandbox does: 2026-11."""
    first = date.fromisoformat(f"{name}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return ClosedPeriod(str(name), first, following - timedelta(days=1))


def day(written: str | None) -> date | None:
    """Return a day of an answer, where there is one."""
    return date.fromisoformat(written) if written else None


def instant(moment: datetime) -> str:
    """Return a moment as the sandbox takes it."""
    return moment.astimezone(UTC).isoformat()


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a text of an answer."""
    value = body[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    return value


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of an answer."""
    value = body[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value
