"""Journey: an authorized ACH payment is pushed, the invoice is Paid, then the payment fails (article 001)."""

import pytest

from invoices.actions.preferences import change_preferences
from invoices.actions.receipts import fail_payment
from invoices.models import Payment

pytestmark = pytest.mark.django_db(transaction=True)
FLAG = "Failed payment in the ERP"
WHY = "R01 insufficient funds"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(autouse=True)
def _submits_authorized_ach(acme, manager):
    change_preferences(acme.pk, by=manager, submits_authorized_ach=True)


def re_sync(person, invoice):
    person.open_invoice(invoice)
    person.click("Re-sync")
    person.confirm("Re-sync")


def pills(person):
    return person.page.locator(".head-pills .pill").all_inner_texts()


def delete_there(desk, invoice):
    (payment,) = desk.payments(invoice)
    desk.ask("DELETE", f"payments/{payment['id']}/")


def test_it_is_deleted_there_and_the_next_sync_opens_the_invoice_again(desk, sit_down, clerk):
    invoice = desk.book("ACH-1")
    person = sit_down(clerk)
    re_sync(person, invoice)

    person.click("Record a payment")
    assert person.page.get_by_label("Amount").input_value() == "10.99"
    person.page.get_by_label("Method").select_option("ach")
    person.page.get_by_label("State").select_option("authorized")
    person.page.get_by_label("Paid on").fill("2026-11-20")
    person.shoot("ach-1-record")
    person.confirm("Record a payment", reference="Trace 4711")
    assert person.reads("The payment is recorded.")
    person.shoot("ach-2-recorded")
    desk.drain()
    person.open_invoice(invoice)
    assert pills(person)[:2] == ["Booked", "Paid"]
    assert person.reads("A payment was pushed after the balance in the ERP was last read.")
    person.shoot("ach-3-pushed")
    assert [each["amount"] for each in desk.payments(invoice)] == ["10.99"]

    person.click("Failed")
    person.shoot("ach-4-fail")
    person.confirm("Failed", reason=WHY)
    assert pills(person)[:3] == ["Booked", "Paid", FLAG]
    assert person.reads("A payment came to nothing, but still counts, because the ERP has it.")
    assert person.page.locator(".panel > .findings > .finding").count() == 1
    assert person.reads("delete it there, then press Re-sync. Balance and status follow.")
    person.shoot("ach-5-failed")
    re_sync(person, invoice)
    assert pills(person)[:3] == ["Booked", "Paid", FLAG]  # it is still there

    delete_there(desk, invoice)
    re_sync(person, invoice)
    assert person.reads("Re-synced: balance 10.99 USD, 0 payments")
    assert person.reads("the payments changed.")
    assert pills(person)[:2] == ["Booked", "Open"]
    assert not person.reads(FLAG)
    assert person.reads("deleted in the ERP, seen on")
    person.shoot("ach-6-open-again")
    after = desk.see(invoice)
    assert (after.status, after.balance, after.erp_balance) == ("open", after.total, after.total)
    assert not Payment.objects.get().is_applied
    assert person.errors == []


def test_the_list_flags_it_and_the_event_log_has_it_under_the_invoices_number(desk, sit_down, clerk):
    invoice, other = desk.book("ACH-1"), desk.book()
    payment = desk.pay(invoice)
    desk.drain()
    fail_payment(payment.pk, by=clerk, reason=WHY)
    person = sit_down(clerk)

    person.open("/admin/invoices/invoice/")
    assert person.page.get_by_text(FLAG).count() == 1
    person.shoot("ach-7-list")
    delete_there(desk, invoice)
    re_sync(person, invoice)
    person.open("/admin/invoices/event/")
    person.page.get_by_role("searchbox").fill("ach-1")
    person.page.get_by_role("searchbox").press("Enter")
    person.page.wait_for_url("**q=ach-1**")

    said = person.page.locator("#result_list tbody .field-what_cell").all_inner_texts()
    assert [what for what in said if "ayment" in what] == [
        "Payments brought here from the ERP",
        "Payment failed",
        "Payment pushed to the ERP",
        "Payment recorded",
    ]
    assert person.reads(WHY)
    assert not person.reads(other.number)
    person.shoot("ach-8-event-log")
    assert person.errors == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_is_cut_off(desk, sit_down, clerk, width, scheme):
    invoice = desk.book("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0")
    payment = desk.pay(invoice, reference="A-REFERENCE-THAT-GOES-ON-AND-ON-WITHOUT-A-SPACE-IN-IT-0001")
    waiting = desk.book()
    desk.pay(waiting, "4.00", method="card")
    desk.drain()
    fail_payment(payment.pk, by=clerk, reason=WHY)
    person = sit_down(clerk, width=width, scheme=scheme)

    for name, path in {
        "failed": f"/admin/invoices/invoice/{invoice.pk}/change/",
        "authorized": f"/admin/invoices/invoice/{waiting.pk}/change/",
        "record": f"/admin/invoices/invoice/{waiting.pk}/press/record-payment/",
        "fail": f"/admin/invoices/invoice/{waiting.pk}/payments/{waiting.payments.get().pk}/fail/",
        "list": "/admin/invoices/invoice/",
        "log": f"/admin/invoices/event/?q={invoice.number}",
    }.items():
        person.open(path)
        person.shoot(f"ach-{name}-{scheme}-{width}")
        assert person.cut_off() == [], name

    assert person.errors == []
