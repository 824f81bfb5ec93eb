"""A payment whose push needs a person is on the desk, and the ERP is asked about one that is in doubt."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse

from integrations import actions, resync
from integrations.payment_look_up import look_up_payment
from invoices import clock
from invoices.actions.receipts import fail_payment, push_waiting_payments
from invoices.errors import Conflict, NotAllowed, NotThere
from invoices.models import Evidence, IntegrationMessage, Invoice, Payment
from invoices.workflow import MessageState
from tests.api.person import ApiPerson
from tests.delivery.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def push_of(payment):
    return IntegrationMessage.objects.filter(payment=payment).latest("pk")


def give_up(payment):
    """Let delivery's own questions about it be over, as after six hours of an ERP that could not be asked."""
    IntegrationMessage.objects.filter(payment=payment).update(not_before=None, lease_until=None)


def let_it_land(payment):
    IntegrationMessage.objects.filter(payment=payment).update(doubtful_until=clock.now() - timedelta(seconds=1))


def doubt(desk, invoice, fault, amount="10.99"):
    """Record a payment whose answer is lost, and leave it to a person."""
    payment = desk.pay(invoice, amount)
    desk.erp.faults(**{fault: 1})
    desk.drain()
    assert push_of(payment).state == MessageState.UNKNOWN
    desk.erp.faults()
    give_up(payment)
    return payment


def rows_for(person):
    browser = Browser()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    groups = browser.get(reverse("admin:index")).context["desk"].groups
    return {each.group.slug: list(each.rows) for each in groups if each.rows}


# looking it up --------------------------------------------------------------------------------------------------------


def test_one_that_the_erp_has_is_confirmed(forgetful: Desk):
    desk = forgetful
    invoice = desk.book()
    payment = doubt(desk, invoice, "lose_answers")

    said = look_up_payment(payment.pk, by=desk.clerk)

    (there,) = desk.payments(invoice)
    assert said == f"The ERP has the payment, as {there['id']}."
    assert Payment.objects.get(pk=payment.pk).remote_id == there["id"]
    assert desk.actions(invoice)[-1] == "payment_pushed"
    evidence = Evidence.objects.latest("pk")
    assert (evidence.asked_by, evidence.verdict, evidence.message_id) == (desk.clerk, "found", push_of(payment).pk)
    desk.assert_holds(settled=True)


def test_one_that_the_erp_does_not_have_is_sent_again_once_it_cannot_arrive_any_more(forgetful: Desk):
    desk = forgetful
    invoice = desk.book()
    payment = doubt(desk, invoice, "drop_before_saving")

    early = look_up_payment(payment.pk, by=desk.clerk)
    state = push_of(payment).state
    let_it_land(payment)
    late = look_up_payment(payment.pk, by=desk.clerk)

    assert early == "The ERP does not have the payment yet, but it may still arrive: it is asked again by itself."
    assert state == MessageState.UNKNOWN
    assert late == "The ERP does not have the payment, and it cannot arrive any more: it is sent again."
    assert push_of(payment).state == MessageState.PENDING
    desk.drain()
    assert len(desk.payments(invoice)) == 1
    desk.assert_holds(settled=True)


def test_one_that_came_to_nothing_meanwhile_is_not_sent(forgetful: Desk):
    desk = forgetful
    invoice = desk.book()
    payment = doubt(desk, invoice, "drop_before_saving")
    fail_payment(payment.pk, by=desk.clerk, reason="R01")
    give_up(payment)
    let_it_land(payment)

    said = look_up_payment(payment.pk, by=desk.clerk)

    assert said == "The ERP does not have the payment; it came to nothing here, so it is not sent."
    assert (desk.see(invoice).status, desk.payments(invoice)) == ("open", [])
    assert "payment" not in rows_for(desk.clerk)
    desk.assert_holds(settled=True)


def test_what_the_erp_has_of_another_amount_stays_in_doubt(desk: Desk):
    invoice = desk.book()
    payment = doubt(desk, invoice, "lose_answers")
    Payment.objects.filter(pk=payment.pk).update(amount="9.99")
    Invoice.objects.filter(pk=invoice.pk).update(paid="9.99")

    said = look_up_payment(payment.pk, by=desk.clerk)

    assert said == ("The amount is 10.99 USD there and 9.99 USD here. Put it right in the ERP, then look it up again.")
    assert push_of(payment).state == MessageState.UNKNOWN


def test_an_erp_that_cannot_be_asked_changes_nothing_but_is_written_down(desk: Desk):
    payment = doubt(desk, desk.book(), "lose_answers")
    before = IntegrationMessage.objects.filter(payment=payment).values().get()
    desk.erp.faults(down=True)

    with pytest.raises(Conflict, match="could not be asked whether it has the payment"):
        look_up_payment(payment.pk, by=desk.clerk)

    assert IntegrationMessage.objects.filter(payment=payment).values().get() == before
    assert Evidence.objects.latest("pk").verdict == "could_not_ask"


def test_one_whose_outcome_is_known_is_not_asked_about(desk: Desk):
    payment = desk.pay(desk.book())
    desk.drain()

    with pytest.raises(Conflict, match="nothing to look up"):
        look_up_payment(payment.pk, by=desk.clerk)

    assert not Evidence.objects.filter(kind="push_payment").exists()


def test_who_may_not_asks_nothing(desk: Desk, auditor, stranger):
    payment = doubt(desk, desk.book(), "lose_answers")

    for person, refusal in ((auditor, NotAllowed), (stranger, NotThere)):
        with pytest.raises(refusal):
            look_up_payment(payment.pk, by=person)

    assert push_of(payment).state == MessageState.UNKNOWN
    assert not Evidence.objects.filter(kind="push_payment").exists()


@pytest.mark.parametrize("who", ["clerk", "handler"])
def test_the_look_up_of_its_invoice_asks_about_it_as_well(forgetful: Desk, who):
    desk = forgetful
    invoice = desk.book()
    payment = doubt(desk, invoice, "lose_answers")

    actions.look_up(invoice.pk, by=getattr(desk, who))

    assert push_of(payment).state == MessageState.CONFIRMED
    assert {one.kind for one in invoice.evidence.all()} == {"book_final", "push_payment"}
    desk.assert_holds(settled=True)


def test_by_the_api_and_by_the_page(forgetful: Desk):
    desk = forgetful
    invoice = desk.book()
    first, second = doubt(desk, invoice, "lose_answers", "5.00"), None

    answer = ApiPerson(desk.handler).post(f"invoices/{invoice.pk}/payments/{first.pk}/look-up/", {})
    second = doubt(desk, invoice, "lose_answers", "5.99")
    browser = Browser()
    browser.force_login(desk.clerk, backend="django.contrib.auth.backends.ModelBackend")
    there = reverse("admin:invoices_invoice_payment", args=[invoice.pk, second.pk, "look-up"])
    page = browser.get(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
    shown = browser.post(there, {"reason": ""}, follow=True)

    assert (answer.status_code, answer.json()["remote_id"]) == (200, desk.payments(invoice)[0]["id"])
    assert there in page.text
    assert f"The ERP has the payment, as {desk.payments(invoice)[1]['id']}." in shown.text
    assert there not in shown.text


# on the desk ----------------------------------------------------------------------------------------------------------


def test_one_in_doubt_stands_on_the_desk_until_it_is_known(forgetful: Desk):
    desk = forgetful
    invoice = desk.book()
    payment = desk.pay(invoice)
    desk.erp.faults(lose_answers=1)
    desk.drain()
    assert rows_for(desk.handler) == {}  # it goes on by itself
    for _look in range(40):
        if push_of(payment).is_for_a_person:
            break
        desk.end_pause()
        desk.erp.faults(down=True)
        desk.let_pass("not_before", "lease_until")
        desk.drain()
    desk.erp.faults()

    (row,) = rows_for(desk.handler)["payment"]

    assert (row.invoice.number, row.next.slug) == (invoice.number, "look-up")
    assert row.next.sentence == "Whether the ERP has the 10.99 USD is unknown."
    assert row.found.words.startswith("Could not ask: ")
    actions.look_up(invoice.pk, by=desk.handler)
    assert rows_for(desk.handler) == {}
    desk.assert_holds(settled=True)


def test_a_refused_one_stands_there_until_it_is_pushed(desk: Desk):
    invoice = desk.book()
    desk.erp.close_period("2026-11", desk.connection.company)
    desk.pay(invoice)
    desk.drain()

    (row,) = rows_for(desk.clerk)["payment"]

    assert row.said.startswith("The accounting period 2026-11 is closed")
    assert row.next.slug == "re-sync"
    assert row.next.sentence == "Correct what the ERP names; then the payment of 10.99 USD is pushed again."
    assert rows_for(desk.handler)["payment"][0].next.sentence == "Only finance staff may: Re-sync."
    desk.erp.ask("POST", "/periods/2026-11/open/", {"company": desk.connection.company})
    push_waiting_payments(invoice.pk, by=desk.clerk)
    assert rows_for(desk.clerk)["payment"]  # until it is heard what became of it
    desk.drain()
    assert rows_for(desk.clerk) == {}
    desk.assert_holds(settled=True)


def test_a_refused_one_keeps_its_place_when_it_is_refused_again(desk: Desk):
    invoice = desk.book()
    desk.erp.close_period("2026-11", desk.connection.company)
    desk.pay(invoice)
    desk.drain()
    since = desk.see(invoice).payment_stuck_since

    push_waiting_payments(invoice.pk, by=desk.clerk)
    desk.drain()

    assert desk.see(invoice).payment_stuck_since == since
    assert IntegrationMessage.objects.filter(kind="push_payment", state="refused").count() == 2


def test_a_refused_one_that_is_voided_is_off_the_desk(desk: Desk):
    invoice = desk.book()
    desk.erp.close_period("2026-11", desk.connection.company)
    payment = desk.pay(invoice)
    desk.drain()

    fail_payment(payment.pk, by=desk.clerk, reason="R01")

    assert rows_for(desk.clerk) == {}


def test_one_that_failed_after_its_push_stands_there_until_it_is_deleted_in_the_erp(desk: Desk):
    invoice = desk.book()
    payment = desk.pay(invoice)
    desk.drain()
    fail_payment(payment.pk, by=desk.clerk, reason="R01 insufficient funds")

    (row,) = rows_for(desk.clerk)["payment"]

    assert row.said == "It came to nothing after it was pushed: R01 insufficient funds"
    assert row.next.slug == "re-sync"
    assert row.next.sentence == "Delete the payment of 10.99 USD in the ERP first."
    desk.ask("DELETE", f"payments/{desk.payments(invoice)[0]['id']}/")
    resync.re_sync(invoice.pk, by=desk.clerk)
    assert rows_for(desk.clerk) == {}


def test_one_that_was_given_up_goes_out_when_a_person_re_syncs(desk: Desk):
    invoice = desk.book()
    payment = desk.pay(invoice)
    give_up(payment)

    resync.re_sync(invoice.pk, by=None)
    assert desk.drain() == 0
    resync.re_sync(invoice.pk, by=desk.clerk)
    desk.drain()

    assert push_of(payment).state == MessageState.CONFIRMED
    desk.assert_holds(settled=True)
