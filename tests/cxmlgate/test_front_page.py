"""Refused messages of known senders are told on the front page until somebody has one replayed."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from cxmlgate.actions.replaying import replay_message
from cxmlgate.models import GateMessage
from invoices.models import Invoice
from tests.cxmlgate.conftest import NOT_FOUND, PERMANENT, book, send
from tests.cxmlgate.messages import credential, message, notice

TITLE = "Refused messages of the ERP"


@pytest.fixture
def look(settings):
    def page(person):
        browser = Browser()
        browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return browser.get(reverse("admin:index")).text

    return page


def test_a_refused_message_of_a_known_sender_is_told_until_it_was_replayed(invoice, gate, look, handler, clerk):
    assert send(message(notice(number="INV-0042"))).verdict == NOT_FOUND
    before = look(handler)
    book(gate.client, "INV-0042")

    replay_message(GateMessage.objects.get().pk, by=handler, reason="It is here now.")

    assert TITLE in before
    assert TITLE not in look(handler)
    assert Invoice.objects.get(number="INV-0042").status == "paid"


def test_strangers_and_test_messages_are_not_told(invoice, look, handler, stranger):
    assert send(message(sender=credential(secret="wrong secret"))).verdict == PERMANENT

    assert TITLE not in look(handler)

    send(message(notice(number="INV-0042")))

    assert TITLE in look(handler)
    assert TITLE not in look(stranger)
