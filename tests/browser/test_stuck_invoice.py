"""A stuck invoice, put right in the browser: each way, and each refusal (article 000)."""

from contextlib import closing

import pytest
from django.core import mail

from integrations.actions import look_up
from integrations.bulk import work_on
from integrations.models import BulkRun
from invoices.actions.flow import abort_message
from invoices.models import Evidence

pytestmark = pytest.mark.django_db(transaction=True)
POSTED, NOT_POSTED = "It is posted in the ERP", "It is not posted in the ERP"


def test_the_erp_has_it_and_the_handler_is_done_in_a_minute(desk, sit_down, handler):
    invoice = desk.post()
    voucher = desk.book_by_hand(invoice)["booking"]["voucher"]
    person = sit_down(handler)

    person.open("/admin/")
    person.open_invoice(invoice)
    person.click("Look it up in the ERP")
    assert person.reads(voucher)
    person.shoot("posted-1-found")
    person.click(POSTED)
    filled = person.page.locator("[name=voucher]").input_value()
    person.shoot("posted-2-confirm")
    person.confirm(POSTED, reason="The ERP has it")

    assert filled == voucher
    assert person.reads("no message was sent to the ERP")
    person.shoot("posted-3-done")
    assert (desk.see(invoice).step, desk.see(invoice).preliminary_voucher) == ("approval", voucher)
    assert person.errors == []


def test_the_erp_does_not_have_it_and_it_is_posted_again(desk, sit_down, handler):
    invoice = desk.post()
    person = sit_down(handler)

    person.open_invoice(invoice)
    person.click(NOT_POSTED)
    person.confirm(NOT_POSTED, reason="It is not there")
    person.shoot("not-posted-done")
    desk.drain()

    assert person.reads("Handed to the ERP again")
    assert desk.see(invoice).step == "approval"
    assert len(desk.documents(invoice)) == 1
    assert person.errors == []


def test_a_difference_closes_the_quick_way_and_says_why(desk, sit_down, handler):
    invoice = desk.post()
    desk.book_by_hand(invoice, total="11.00")
    person = sit_down(handler)

    person.open(f"/admin/invoices/invoice/{invoice.pk}/press/posted-in-erp/")
    person.confirm(POSTED, reason="It is there")

    assert person.reads("The amount is 11.00")
    person.shoot("difference")
    assert desk.see(invoice).step == "preliminary_integration"


def test_where_the_erp_cannot_be_asked_the_handler_says_what_they_saw(desk, sit_down, handler):
    invoice = desk.post()
    desk.erp.faults(down=True)
    person = sit_down(handler)

    person.open_invoice(invoice)
    person.click("Look it up in the ERP")
    person.click(POSTED)
    person.shoot("word-1-form")
    person.confirm(POSTED, voucher="P-4711", seen="In the list of today, third row", reason="The ERP is slow")

    word = Evidence.objects.get(is_word=True)
    assert (word.asked_by, word.detail) == (handler, "In the list of today, third row")
    assert (desk.see(invoice).step, desk.see(invoice).preliminary_voucher) == ("approval", "P-4711")
    person.shoot("word-2-done")


def test_a_clerk_sees_who_may_and_asks_them(desk, sit_down, clerk, handler):
    invoice = desk.post()
    person = sit_down(clerk)

    person.open_invoice(invoice)
    person.shoot("clerk")
    assert person.reads("Handler Example")
    person.click("Ask a queue handler")
    person.confirm("Ask a queue handler", reason="The supplier is calling")

    assert person.reads("The queue handlers got your mail.")
    assert mail.outbox[0].to == ["handler@example.com"]
    assert desk.see(invoice).step == "preliminary_integration"


def test_of_two_handlers_one_wins_and_the_other_reads_what_happened(desk, sit_down, handler, root):
    invoice = desk.post()
    first, second = sit_down(handler), sit_down(root)
    for person in (first, second):
        person.open(f"/admin/invoices/invoice/{invoice.pk}/press/abort/")

    first.confirm("Abort integration message", reason="I was quicker")
    second.confirm("Abort integration message", reason="Me too")

    assert first.reads("Aborted: the invoice is in the error step.")
    assert second.reads("from which this is not possible")
    second.shoot("second-handler")
    assert desk.actions(invoice).count("abort") == 1


def test_a_late_answer_is_on_the_desk_with_the_voucher_to_skip_with(desk, sit_down, handler):
    invoice = desk.post()
    (job,) = desk.claim()
    abort_message(invoice.pk, by=handler, reason="Too slow")
    with closing(desk.connector()) as connector:
        voucher = connector.create(job.document, job.key).voucher
    look_up(invoice.pk, by=handler)
    person = sit_down(handler)

    person.open("/admin/")
    assert person.reads(invoice.number)
    assert person.reads(voucher)
    person.shoot("late-answer-desk")
    person.open_invoice(invoice)
    person.click("Skip integration step")
    person.confirm("Skip integration step", reason="It booked it after all")

    assert desk.see(invoice).step == "approval"
    assert desk.see(invoice).preliminary_voucher == voucher


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off(desk, sit_down, handler, width, scheme):
    stuck = desk.post("A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0")
    desk.book_by_hand(stuck, total="11.00")
    person = sit_down(handler, width=width, scheme=scheme)

    for name, path in {
        "desk": "/admin/",
        "list": "/admin/invoices/invoice/",
        "invoice": f"/admin/invoices/invoice/{stuck.pk}/change/",
        "way": f"/admin/invoices/invoice/{stuck.pk}/press/posted-in-erp/",
    }.items():
        person.open(path)
        person.shoot(f"{name}-{scheme}-{width}")
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width, name

    assert person.errors == []


def test_many_are_ticked_on_the_desk_and_pressed_at_once(desk, sit_down, handler):
    invoices = [desk.post() for _number in range(3)]
    for invoice in invoices:
        abort_message(invoice.pk, by=handler, reason="The ERP is slow")
    person = sit_down(handler)

    person.open("/admin/")
    for box in person.page.locator("input[name=invoice]").all():
        box.check()
    person.shoot("bulk-1-desk")
    person.page.get_by_role("button", name="Post again").click()
    person.shoot("bulk-2-confirm")
    person.page.locator("[name=reason]").fill("It is back")
    person.page.locator("main form, #content form").get_by_role("button", name="Post again").click()
    run = BulkRun.objects.get()
    work_on(run.pk)
    person.open(f"/admin/integrations/bulkrun/{run.pk}/change/")
    person.shoot("bulk-3-done")

    run.refresh_from_db()
    assert (run.total, run.done, run.refused) == (3, 3, 0)
    assert {desk.see(invoice).step for invoice in invoices} == {"preliminary_integration"}
    assert all(person.reads(invoice.number) for invoice in invoices)
    assert person.errors == []
