"""What the last pull learned is looked at before an invoice is sent: the field to mend is named, nothing goes out."""

from datetime import timedelta
from decimal import Decimal

import pytest

from integrations.learning import LASTS
from integrations.linking import connect
from integrations.pulling import pull
from invoices.actions.flow import archive_invoice, post_invoice
from invoices.actions.intake import LineGiven
from invoices.errors import BadInput
from invoices.models import Counterparty, IntegrationMessage, Invoice
from invoices.preflight import preflight
from tests.factories import CounterpartyFactory

pytestmark = pytest.mark.django_db


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
        "lines[1].item": "The item LAMP is inactive in the ERP: activate it there, or take it off.",
        "lines[2].item": "The item GONE is inactive in the ERP: activate it there, or take it off.",
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
        "invoice_date": "The period 2026-11 is closed in the ERP: choose another date, or open it there."
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
        "lines[1].unit_price": "The ERP wants a location for a line without a price: give it one, or take it off."
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

    assert refused(desk, invoice) == {"number": "The number is too long for the ERP: use at most 21 characters."}


# counterparties -------------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(desk):
    """Return the desk of a client that creates no counterparties in the ERP."""
    desk.client.creates_counterparties = False
    desk.client.save()
    return desk


def asked(desk):
    desk.connection.refresh_from_db()
    return f"asked {desk.connection.learned_at:%Y-%m-%d %H:%M} UTC"


def test_a_customer_that_is_not_there_until_it_is(strict, draft):
    invoice = draft(party_code="CUS-9", party_name="Nobody")
    assert preflight(invoice) == []  # nothing is known before the first pull
    pull(strict.connection.pk)

    assert refused(strict, invoice) == {
        "counterparty.code": f"Nobody (CUS-9) is not in the ERP ({asked(strict)}): "
        "create it there and sync, or choose another one."
    }
    strict.ask("PUT", "customers/CUS-9/", {"name": "Somebody"})
    pull(strict.connection.pk)
    assert post_invoice(invoice.pk, by=strict.clerk).step == "final_integration"


def test_one_that_is_inactive_or_was_deleted_since(strict, draft):
    invoice = draft()
    pull(strict.connection.pk)
    assert preflight(invoice) == []
    strict.ask("PATCH", "customers/CUS-1/", {"active": False})
    pull(strict.connection.pk)

    assert refused(strict, invoice) == {
        "counterparty.code": f"Paper & Sons (CUS-1) is inactive in the ERP ({asked(strict)}): "
        "activate it there, or choose another one."
    }
    strict.ask("DELETE", "customers/CUS-1/")
    pull(strict.connection.pk)
    assert "is not in the ERP" in refused(strict, invoice)["counterparty.code"]
    strict.ask("PUT", "customers/CUS-1/", {"name": "Readers", "active": True})
    pull(strict.connection.pk)
    assert preflight(invoice) == []


def test_a_supplier_of_the_code_is_no_customer(strict, draft):
    invoice = draft(party_code="SUP-1")
    pull(strict.connection.pk)

    assert list(refused(strict, invoice)) == ["counterparty.code"]


def test_who_creates_them_misses_none_but_activates_none_either(desk, draft):
    missing, inactive = draft(party_code="CUS-9"), draft()
    desk.ask("PATCH", "customers/CUS-1/", {"active": False})
    pull(desk.connection.pk)

    assert preflight(missing) == []
    assert [problem.field for problem in preflight(inactive)] == ["counterparty.code"]


def test_an_erp_that_takes_anybody_misses_none(strict, draft):
    strict.prefer(allow_unknown_parties=True)
    invoice = draft(party_code="CUS-9")

    pull(strict.connection.pk)
    assert preflight(invoice) == []

    strict.prefer(allow_unknown_parties=False)
    pull(strict.connection.pk)
    assert [problem.field for problem in preflight(invoice)] == ["counterparty.code"]


# numbers --------------------------------------------------------------------------------------------------------------


def test_a_number_that_another_invoice_has_here(desk, draft):
    desk.client.allows_duplicate_numbers = True
    desk.client.save()
    first, second = draft(number="R-1"), draft(number="R-1", party_code="CUS-2")
    assert preflight(second) == []
    type(desk.client).objects.update(allows_duplicate_numbers=False)

    sentences = refused(desk, second)

    assert sentences == {
        "number": "R-1 is also the number of an invoice for Paper & Sons (CUS-1) over 10.99 USD, which is in the step "
        "Draft: look at that one first, then choose another number, or archive the one that is too many."
    }
    archive_invoice(first.pk, by=desk.clerk, reason="entered twice")
    assert preflight(desk.see(second)) == []


def test_a_number_that_the_erp_has_until_it_is_deleted_there(desk, draft):
    invoice = draft(number="R-1")
    typed = desk.book_by_hand(invoice, stage="final")["id"]
    pull(desk.connection.pk)

    assert refused(desk, invoice) == {
        "number": f"The ERP has R-1 already, for CUS-1 (its id there is {typed}, {asked(desk)}). If that is this "
        "invoice, do not post it: invalidate it here and import that one. Else choose another number."
    }
    desk.ask("DELETE", f"documents/{typed}/")
    pull(desk.connection.pk)
    assert post_invoice(invoice.pk, by=desk.clerk).step == "final_integration"


def test_a_voided_one_has_no_number(desk, draft):
    invoice = draft(number="R-1")
    typed = desk.book_by_hand(invoice, stage="final")["id"]
    pull(desk.connection.pk)

    desk.ask("POST", f"documents/{typed}/void/", {})
    pull(desk.connection.pk)

    assert preflight(invoice) == []


@pytest.mark.parametrize(("direction", "allowed", "is_free"), [
    ("receivable", False, False),
    ("receivable", True, True),
    ("payable", False, True),
])  # fmt: skip
def test_the_number_of_somebody_else_in_the_erp(desk, direction, allowed, is_free):
    desk.client.allows_duplicate_numbers = allowed
    desk.client.save()
    invoice = desk.hand_in("R-1", direction=direction)
    desk.ask("PUT", "customers/OTHER/", {"name": "Other"})
    desk.ask("PUT", "suppliers/OTHER/", {"name": "Other"})
    desk.book_by_hand(invoice, party={"code": "OTHER"}, stage="final" if direction == "receivable" else "preliminary")

    pull(desk.connection.pk)

    assert (preflight(invoice) == []) is is_free


def test_what_came_to_be_ours_after_it_was_read_stands_in_nobodys_way(desk, draft):
    invoice = draft(number="R-1")
    desk.client.allows_duplicate_numbers = True
    desk.client.save()
    typed = desk.book_by_hand(invoice, stage="final")["id"]
    pull(desk.connection.pk)
    Invoice.objects.create(
        client=desk.client, counterparty=CounterpartyFactory(client=desk.client, direction="receivable", code="C-X"),
        direction="receivable", number="R-2", invoice_date="2026-11-02", currency="USD", step="booked", remote_id=typed,
    )  # fmt: skip

    assert preflight(invoice) == []


def test_nobody_asks_the_erp_while_a_person_waits(desk, draft):
    invoice = draft()
    pull(desk.connection.pk)
    desk.erp.faults(down=True)

    assert preflight(invoice) == []
