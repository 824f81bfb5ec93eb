"""A client whose ERP has invoices that nobody handed in here."""

import pytest

from integrations.importing import import_by_number
from tests.delivery.conftest import desk, erp, erp_process

__all__ = ["desk", "erp", "erp_process"]


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def there(desk):
    """`there("R-1")` is the id of a receivable of USD 10.99 that somebody typed into the ERP."""

    def book(number, **facts):
        code = facts.pop("party", "CUS-1")
        total = facts.get("total", "10.99")
        usual = {
            "stage": "final",
            "direction": "receivable",
            "kind": "invoice",
            "number": number,
            "party": {"code": code, "name": "Readers"},
            "invoice_date": "2026-11-02",
            "due_date": "2026-12-02",
            "currency": "USD",
            "total": total,
            "lines": [{"description": "Paper", "quantity": "1", "unit_price": total, "amount": total}],
        }
        return desk.ask("POST", "documents/", usual | facts)["id"]

    return book


@pytest.fixture
def pay_there(desk):
    def pay(document_id, amount):
        body = {"document_id": document_id, "amount": amount, "currency": "USD", "paid_on": "2026-11-20"}
        return desk.ask("POST", "payments/", body)

    return pay


@pytest.fixture
def bring(acme, clerk):
    """`bring("R-1")` imports that receivable, by clerk."""

    def bring(number, direction="receivable", *, by=clerk, **more):
        return import_by_number(acme.pk, number, direction, by=by, **more)

    return bring
