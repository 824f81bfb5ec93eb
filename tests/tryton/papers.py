"""Documents as delivery hands them to a connector; a test says only what matters to it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

from integrations.erps.contract import Document, DocumentLine, Party, Stage
from tests.tryton.server import today

NUMBERS = count(1)


def line(amount="10.99", **facts):
    """Return a line of one piece of paper."""
    usual = {"description": "Paper", "quantity": Decimal(1), "unit_price": Decimal(amount), "amount": Decimal(amount)}
    return DocumentLine(**(usual | facts))


def paper(**facts):
    """Return a payable of USD 10.99 to be booked preliminarily, with a number of its own."""
    direction = facts.get("direction", "payable")
    usual = {
        "direction": direction,
        "kind": "invoice",
        "stage": Stage.PRELIMINARY if direction == "payable" else Stage.FINAL,
        "number": f"T-{next(NUMBERS):05d}",
        "party": Party("SUP-1", "Paper & Sons") if direction == "payable" else Party("CUS-1", "Readers"),
        "invoice_date": today() - timedelta(days=1),
        "due_date": today() + timedelta(days=29),
        "currency": "USD",
        "lines": (line(),),
    }
    values = usual | facts
    values.setdefault("total", sum((one.amount for one in values["lines"]), Decimal(0)))
    return Document(**values)


def final(document, booking=None, **facts):
    """Return the final booking of a payable."""
    known = {"remote_id": booking.remote_id, "preliminary_voucher": booking.voucher} if booking else {}
    return replace(document, stage=Stage.FINAL, **known, **facts)
