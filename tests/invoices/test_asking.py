"""Asking a queue handler: everybody who may act gets one mail with a link, at most once an hour."""

from datetime import timedelta

import pytest
from django.core import mail

from invoices import clock
from invoices.actions.asking import ask_handler
from invoices.errors import Conflict, NotThere
from invoices.models import Event, Invoice
from invoices.roles import Role
from invoices.workflow import Step
from tests.factories import ClientFactory, InvoiceFactory, RoleGrantFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice(acme):
    return InvoiceFactory(client=acme, number="INV-7", step=Step.PRELIMINARY_ERROR)


def test_the_handlers_of_the_client_and_its_parents_get_one_mail(acme, clerk, handler, invoice):
    holding = ClientFactory(slug="holding")
    acme.parent = holding
    acme.save()
    above = UserFactory(username="above")
    RoleGrantFactory(user=above, client=holding, role=Role.QUEUE_HANDLER)

    ask_handler(invoice.pk, by=clerk, reason="The supplier is calling")

    (sent,) = mail.outbox
    assert sorted(sent.to) == ["above@example.com", "handler@example.com"]
    assert sent.reply_to == ["clerk@example.com"]
    assert "INV-7" in sent.subject
    assert "The supplier is calling" in sent.body
    assert f"/admin/invoices/invoice/{invoice.pk}/change/" in sent.body
    event = Event.objects.get(action="ask_handler")
    assert (event.actor, event.reason) == (clerk, "The supplier is calling")


def test_the_same_person_asks_once_an_hour(clerk, clerk2, handler, invoice):
    ask_handler(invoice.pk, by=clerk)

    with pytest.raises(Conflict, match="within the last hour"):
        ask_handler(invoice.pk, by=clerk)
    ask_handler(invoice.pk, by=clerk2)

    assert len(mail.outbox) == 2


def test_after_the_hour_one_may_ask_again(clerk, handler, invoice, monkeypatch):
    ask_handler(invoice.pk, by=clerk)
    later = clock.now() + timedelta(minutes=61)
    monkeypatch.setattr(clock, "now", lambda: later)

    ask_handler(invoice.pk, by=clerk)

    assert len(mail.outbox) == 2


def test_without_a_handler_nobody_is_asked_and_nothing_is_written(clerk, invoice):
    with pytest.raises(Conflict, match="grant the role first"):
        ask_handler(invoice.pk, by=clerk)

    assert mail.outbox == []
    assert not Event.objects.exists()


def test_a_stranger_cannot_ask(stranger, handler, invoice):
    with pytest.raises(NotThere):
        ask_handler(invoice.pk, by=stranger)

    assert mail.outbox == []
    assert Invoice.objects.get(pk=invoice.pk).event_count == 0
