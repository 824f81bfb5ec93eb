"""What the last pull learned is looked at before an invoice is sent: the field to mend is named, nothing goes out."""

from datetime import timedelta
from decimal import Decimal

import pytest

from integrations.learning import LASTS
from integrations.linking import connect
from integrations.pulling import pull
from invoices.actions.flow import post_invoice
from invoices.actions.intake import LineGiven
from invoices.errors import BadInput
from invoices.models import Counterparty, IntegrationMessage, Invoice
from invoices.preflight import preflight

pytestmark = pytest.mark.django_db(transaction=True)


def line(price="10.99", item=""):
    return LineGiven("Paper", Decimal(1), Decimal(price), item=item)


def refused(desk, invoice):
    """Post, and return the sentences by their fields; nothing is sent."""
    with pytest.raises(BadInput) as refusal:
        post_invoice(invoice.pk, by=desk.clerk)
    assert not IntegrationMessage.objects.exists()
    assert desk.see(invoice).step == "draft"
    return {name: str(sentence) for name, sentence in refusal.value.fields.items()}


@pytest.fixture
def draft(desk):
    return lambda **facts: desk.hand_in(direction="receivable", **facts)


def test_an_item_that_is_inactive_until_it_is_used_again(desk, draft):
    desk.ask("PUT", "items/LAMP/", {"name": "Lamp", "active": False})
    desk.ask("PUT", "items/GONE/", {"name": "Gone"})
    desk.ask("DELETE", "items/GONE/")
    invoice = draft(lines=(line(), line(item="LAMP"), line(item="GONE")))
    pull(desk.connection.pk)

    assert refused(desk, invoice) == {
        "lines[1].item": "The item LAMP is inactive in the accounting system: activate it there, or take it off.",
        "lines[2].item": "The item GONE is inactive in the accounting system: activate it there, or take it off.",
    }
    for code in ("LAMP", "GONE"):
        desk.ask("PUT", f"items/{code}/", {"name": code, "active": True})
    pull(desk.connection.pk)
    assert preflight(invoice) == []


def test_a_closed_period_until_it_is_opened(desk, draft):
    invoice = draft()
    desk.erp.close_period("2026-11", desk.connection.company)
    pull(desk.connection.pk)

    assert refused(desk, invoice) == {
        "invoice_date": "The period 2026-11 is closed in the accounting system: choose another date, or open it there."
    }
    desk.erp.ask("POST", "/periods/2026-11/open/", {"company": desk.connection.company})
    pull(desk.connection.pk)
    assert post_invoice(invoice.pk, by=desk.clerk).step == "final_integration"


def test_a_line_without_a_price_where_the_system_wants_a_location(desk, draft):
    invoice = draft(lines=(line(), line("0")))
    pull(desk.connection.pk)
    assert preflight(invoice) == []
    desk.prefer(needs_location=True)
    pull(desk.connection.pk)

    assert refused(desk, invoice) == {
        "lines[1].unit_price": "The accounting system wants a location for a line without a price: "
        "give it one, or take it off."
    }


def test_what_was_learned_more_than_a_day_ago_keeps_nobody_from_posting(desk, draft):
    invoice = draft()
    desk.erp.close_period("2026-11", desk.connection.company)
    pull(desk.connection.pk)
    desk.connection.refresh_from_db()

    desk.tune(learned_at=desk.connection.learned_at - LASTS - timedelta(seconds=1))

    assert preflight(invoice) == []


def test_another_companys_books_are_forgotten_with_the_link(desk, draft, manager):
    desk.ask("PUT", "items/LAMP/", {"name": "Lamp", "active": False})
    pull(desk.connection.pk)

    connect(desk.client, by=manager, connector="sandbox", company="another", secret="s" * 12)

    desk.connection.refresh_from_db()
    assert (desk.connection.changes_until, desk.connection.learned_at) == (None, None)
    assert not desk.connection.inactive_items.exists()


def test_a_number_of_ours_that_another_customer_has(desk, draft):
    draft(number="R-1")
    invoice = draft(number="R-1", party_code="CUS-2")

    assert refused(desk, invoice) == {"number": "Another customer's invoice has this number: choose a different one."}
    Invoice.objects.exclude(pk=invoice.pk).update(step="invalidated")
    assert preflight(invoice) == []


def test_suppliers_may_use_the_same_number(desk):
    desk.hand_in("S-1")

    assert preflight(desk.hand_in("S-1", party_code="SUP-2")) == []


def test_a_customer_without_a_code(desk, draft):
    invoice = draft()
    Counterparty.objects.filter(pk=invoice.counterparty_id).update(code=" ")

    assert list(refused(desk, invoice)) == ["counterparty.code"]


def test_a_number_that_is_too_long_for_the_system(desk, draft, monkeypatch):
    from dataclasses import replace

    from integrations.erps.registry import CONNECTORS

    kind = CONNECTORS["sandbox"]
    monkeypatch.setitem(CONNECTORS, "sandbox", replace(kind, capabilities=replace(kind.capabilities, number_length=21)))
    invoice = draft(number="N" * 22)

    assert refused(desk, invoice) == {
        "number": "The number is too long for the accounting system: use at most 21 characters."
    }


def test_nobody_asks_the_erp_while_a_person_waits(desk, draft):
    invoice = draft()
    pull(desk.connection.pk)
    desk.erp.faults(down=True)

    assert preflight(invoice) == []
