"""The two guided ways out of a stuck step, against a real ERP."""

from datetime import timedelta

import pytest

from integrations import actions
from invoices import clock
from invoices.errors import BadInput, Conflict
from invoices.models import Event, Evidence, IntegrationMessage, Invoice
from invoices.workflow import MessageState

pytestmark = pytest.mark.django_db(transaction=True)


def again(invoice):
    return Invoice.objects.get(pk=invoice.pk)


def test_posted_aborts_and_skips_with_the_voucher_that_was_found(desk):
    invoice = desk.post()
    booked = desk.book_by_hand(invoice)
    voucher = booked["booking"]["voucher"]

    actions.posted_in_erp(invoice.pk, by=desk.handler, reason="It is there")

    now = again(invoice)
    assert (now.step, now.preliminary_voucher) == ("approval", voucher)
    assert IntegrationMessage.objects.get(invoice=invoice).state == MessageState.ABORTED
    assert list(now.events.order_by("sequence").values_list("action", flat=True))[-2:] == ["abort", "skip"]
    assert len(desk.documents(invoice)) == 1


def test_posted_is_refused_when_the_erp_does_not_have_it(desk):
    invoice = desk.post()

    with pytest.raises(Conflict, match="does not have it"):
        actions.posted_in_erp(invoice.pk, by=desk.handler, reason="I think so")

    assert again(invoice).step == "preliminary_integration"
    assert IntegrationMessage.objects.get(invoice=invoice).state == MessageState.PENDING


@pytest.mark.parametrize("odd", ["amount", "twice"])
def test_posted_is_refused_when_the_erp_has_something_else(desk, odd):
    invoice = desk.post()
    desk.book_by_hand(invoice, **({"total": "11.00"} if odd == "amount" else {}))
    if odd == "twice":
        desk.book_by_hand(invoice)

    with pytest.raises(Conflict, match="is not this invoice as it stands here"):
        actions.posted_in_erp(invoice.pk, by=desk.handler, reason="It is there")

    assert again(invoice).step == "preliminary_integration"


def test_where_the_erp_cannot_be_asked_the_persons_word_is_kept(desk):
    invoice = desk.post()
    desk.erp.faults(down=True)

    with pytest.raises(BadInput) as refusal:
        actions.posted_in_erp(invoice.pk, by=desk.handler, reason="It is there", voucher="P-77")
    actions.posted_in_erp(invoice.pk, by=desk.handler, reason="It is there", voucher="P-77", seen="In the list, row 3")

    word = Evidence.objects.get(invoice=invoice, is_word=True)
    assert list(refusal.value.fields) == ["seen"]
    assert (word.verdict, word.voucher, word.detail) == ("found", "P-77", "In the list, row 3")
    assert word.asked_by == desk.handler
    assert (again(invoice).step, again(invoice).preliminary_voucher) == ("approval", "P-77")


def test_not_posted_aborts_and_posts_again_and_is_booked_once(desk):
    invoice = desk.post()

    actions.not_posted_in_erp(invoice.pk, by=desk.handler, reason="It is not there")
    desk.drain()

    assert again(invoice).step == "approval"
    assert len(desk.documents(invoice)) == 1
    states = IntegrationMessage.objects.filter(invoice=invoice).order_by("pk").values_list("state", flat=True)
    assert list(states) == [MessageState.ABORTED, MessageState.CONFIRMED]


def test_not_posted_is_refused_when_the_erp_has_it_and_nothing_was_aborted(desk):
    invoice = desk.post()
    desk.book_by_hand(invoice)
    events = Event.objects.count()

    with pytest.raises(Conflict, match="The ERP has this invoice already"):
        actions.not_posted_in_erp(invoice.pk, by=desk.handler, reason="I think not")

    assert again(invoice).step == "preliminary_integration"
    assert IntegrationMessage.objects.get(invoice=invoice).state == MessageState.PENDING
    assert Event.objects.count() == events


def test_evidence_older_than_ten_minutes_is_asked_for_again(desk):
    invoice = desk.post()
    actions.look_up(invoice.pk, by=desk.handler)
    Evidence.objects.update(asked_at=clock.now() - timedelta(minutes=11))
    desk.book_by_hand(invoice)

    actions.posted_in_erp(invoice.pk, by=desk.handler, reason="It is there")

    assert again(invoice).step == "approval"
    assert Evidence.objects.filter(invoice=invoice).count() == 2
