"""A client with booked invoices, and somebody who works in its ERP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.conftest import desk, erp, erp_process

__all__ = ["desk", "erp", "erp_process"]


@pytest.fixture(autouse=True)
def media(settings, tmp_path: Path) -> Iterator[Path]:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def book(desk):
    """Return what hands an invoice in, posts it and has it booked: a receivable of USD 10.99."""

    def make(number="", **facts):
        invoice = desk.post(number, **{"direction": "receivable", **facts})
        desk.drain()
        return desk.see(invoice)

    return make


@pytest.fixture
def booked(book):
    return book()


@pytest.fixture
def edit_there(desk):
    """Return what a person does who corrects an invoice in the ERP."""

    def edit(invoice, **changes):
        if "total" in changes:
            line = {"description": "Paper", "quantity": "1", "unit_price": changes["total"]}
            changes.setdefault("lines", [{**line, "amount": changes["total"]}])
        return desk.ask("POST", f"documents/{invoice.remote_id}/edit/", changes)

    return edit


@pytest.fixture
def pay_there(desk):
    def pay(invoice, amount):
        body = {"document_id": invoice.remote_id, "amount": amount, "currency": "USD", "paid_on": "2026-11-20"}
        return desk.ask("POST", "payments/", body)

    return pay
