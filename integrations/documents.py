"""An invoice as connectors take it, what an ERP's booking differs in, and what an attempt keeps of both."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from django.utils.translation import gettext as _

from integrations.erps.contract import Booking, Complaint, Document, DocumentLine, Party, RemotePayment, Stage
from integrations.policy import Found
from invoices.events import plain
from invoices.models import Invoice, InvoiceLine, Payment
from invoices.money import ZERO, rounded, shown
from invoices.workflow import MessageKind

LINE_FIELDS = tuple(field.name for field in fields(DocumentLine))
PLAIN_FIELDS = tuple(field.name for field in fields(Document) if field.name not in ("party", "lines"))
STAGES = {MessageKind.BOOK_PRELIMINARY: Stage.PRELIMINARY, MessageKind.BOOK_FINAL: Stage.FINAL}


def document_of(invoice: Invoice, kind: MessageKind, lines: Iterable[InvoiceLine] | None = None) -> Document:
    """Return the invoice, with its counterparty and lines (fetched unless given), as the document for one booking."""
    stage = STAGES[kind]
    return Document(
        direction=invoice.direction,
        kind=invoice.kind,
        stage=stage,
        number=invoice.number,
        party=Party(invoice.counterparty.code, invoice.counterparty.name),
        invoice_date=invoice.invoice_date,
        due_date=invoice.due_date,
        currency=invoice.currency,
        total=invoice.total,
        lines=tuple(
            DocumentLine(line.description, line.quantity, line.unit_price, line.amount, line.account, line.item)
            for line in (invoice.lines.all() if lines is None else lines)
        ),
        posting_date=(invoice.preliminary_posting_date if stage is Stage.PRELIMINARY else invoice.final_posting_date),
        remote_id=invoice.remote_id,
        preliminary_voucher=invoice.preliminary_voucher,
    )


def payment_of(payment: Payment, invoice: Invoice) -> RemotePayment:
    """Return a payment as connectors take it."""
    paid_on = payment.paid_on or payment.created_at.date()
    amount = rounded(payment.amount, payment.currency)
    return RemotePayment("", invoice.remote_id, amount, payment.currency, paid_on)


def booked_as(payment: RemotePayment) -> Booking:
    """Return a payment in the ERP as a booking, so that delivery treats both alike: its id stands for the voucher."""
    return Booking(
        remote_id=payment.remote_id,
        voucher=payment.remote_id,
        posting_date=payment.paid_on,
        stage=Stage.FINAL,
        number="",
        party_code="",
        currency=payment.currency,
        total=payment.amount,
        balance=ZERO,
        key=payment.key,
    )


def as_kept(document: Document | RemotePayment, key: str) -> dict[str, Any]:
    """Return what was sent, as an attempt keeps it."""
    if isinstance(document, RemotePayment):
        return {name: plain(value) for name, value in asdict(replace(document, key=key)).items()}
    kept = {name: plain(getattr(document, name)) for name in PLAIN_FIELDS}
    lines = [{name: plain(getattr(line, name)) for name in LINE_FIELDS} for line in document.lines]
    return {"key": key, **kept, "party": {"code": document.party.code, "name": document.party.name}, "lines": lines}


def complaints_as_kept(complaints: Iterable[Complaint]) -> tuple[dict[str, str], ...]:
    """Return everything that the ERP complained of, as messages and attempts keep it."""
    return tuple({name: str(value) for name, value in asdict(complaint).items()} for complaint in complaints)


def differences(document: Document | RemotePayment, booking: Booking) -> str:
    """Say in what the ERP's booking differs from the invoice or the payment; empty when it is the same."""
    said: list[str] = []
    total = document.amount if isinstance(document, RemotePayment) else document.total
    if booking.currency != document.currency or booking.total != total:
        said.append(
            _("The amount is %(theirs)s there and %(ours)s here.")
            % {
                "theirs": f"{booking.total:f} {booking.currency}",
                "ours": f"{shown(total, document.currency)} {document.currency}",
            }
        )
    if isinstance(document, Document) and booking.party_code != document.party.code:
        said.append(
            _("The counterparty is %(theirs)s there and %(ours)s here.")
            % {"theirs": booking.party_code, "ours": document.party.code}
        )
    return " ".join(said)


def judge(document: Document | RemotePayment, bookings: Sequence[Booking]) -> tuple[Found, str]:
    """Say what a look-up found, and in a sentence what is odd about it."""
    if not bookings:
        return Found.NOTHING, ""
    if len(bookings) > 1:
        vouchers = ", ".join(booking.voucher for booking in bookings)
        return Found.OTHERWISE, _("The ERP has %(count)s bookings of it: %(vouchers)s.") % {
            "count": len(bookings),
            "vouchers": vouchers,
        }
    odd = differences(document, bookings[0])
    return (Found.OTHERWISE if odd else Found.OURS), odd
