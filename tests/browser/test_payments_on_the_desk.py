"""Journey: payments that need a person stand on the desk, and the one in doubt is looked up from there."""

import pytest

from invoices.actions.receipts import fail_payment
from invoices.models import IntegrationMessage

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "R01 insufficient funds, said in so many words that the desk has to shorten what the bank wrote about it"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def in_doubt(desk):
    """Have one payment in doubt, one refused, and one that failed after its push; return the invoice of the first."""
    desk.prefer(ignore_keys=True)
    failed = desk.pay(desk.book("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0"))
    desk.drain()
    fail_payment(failed.pk, by=desk.clerk, reason=WHY)
    invoice, refused = desk.book("DOUBT-1"), desk.book("REFUSED-1")
    payment = desk.pay(invoice, "4.00")
    desk.erp.faults(lose_answers=1)
    desk.drain()
    desk.erp.faults()
    IntegrationMessage.objects.filter(payment=payment).update(not_before=None, reason="The answer was lost.")
    desk.erp.close_period("2026-11", desk.connection.company)
    desk.pay(refused)
    desk.drain()
    desk.erp.ask("POST", "/periods/2026-11/open/", {"company": desk.connection.company})
    # As the sixth hour of an ERP that could not be asked leaves it.
    invoice.payment_stuck_since = desk.see(refused).payment_stuck_since
    invoice.save(update_fields=["payment_stuck_since"])
    return invoice


def test_one_in_doubt_is_looked_up_and_gone_from_the_desk(desk, in_doubt, sit_down, clerk):
    person = sit_down(clerk)
    person.open("/admin/?reason=payment")
    row = person.page.get_by_role("row").filter(has_text="DOUBT-1")
    assert "Whether the ERP has the 4.00 USD is unknown." in row.inner_text()
    person.shoot("payments-1-desk")

    row.get_by_role("link", name="Look it up in the ERP").click()
    person.page.locator(".press button[type=submit]").first.click()

    assert person.reads("The ERP was asked")
    assert person.reads("in the ERP as")
    person.shoot("payments-2-looked-up")
    person.open("/admin/?reason=payment")
    assert not person.reads("DOUBT-1")
    assert person.reads("REFUSED-1")
    assert person.errors == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_is_cut_off(desk, in_doubt, sit_down, clerk, width, scheme):
    person = sit_down(clerk, width=width, scheme=scheme)
    payment = in_doubt.payments.get()

    for name, path in {
        "front": "/admin/",
        "group": "/admin/?reason=payment",
        "invoice": f"/admin/invoices/invoice/{in_doubt.pk}/change/",
        "look-up": f"/admin/invoices/invoice/{in_doubt.pk}/payments/{payment.pk}/look-up/",
    }.items():
        person.open(path)
        person.shoot(f"payments-{name}-{scheme}-{width}")
        assert person.cut_off() == [], name

    assert person.errors == []
