"""How long messages are kept, and where they show in an invoice's timeline."""

import time
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from cxmlgate.actions import configure_gate, prune_messages, receive_message
from cxmlgate.models import GateMessage
from invoices.timeline import timeline
from tests.cxmlgate.conftest import book, send
from tests.cxmlgate.messages import IDENTITY, PATH, message, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.cxmlgate.urls")]


def test_old_messages_are_deleted_after_the_clients_days(invoice, gate, globex):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, keep_days=30)
    for number in range(5):
        send(message(payload_id=str(number), type_="processing"))
    send(message(), PATH.replace("acme", "globex"))
    send(message(), PATH.replace("acme", "nobody"))

    with time_machine.travel(timezone.now() + timedelta(days=31)):
        send(message(payload_id="new", type_="processing"))
        assert prune_messages(batch=2) == 5

    assert set(GateMessage.objects.values_list("payload_id", flat=True)) == {"new", "p-1"}


def test_messages_of_no_client_are_deleted_after_a_year(invoice):
    send(message(), PATH.replace("acme", "nobody"))

    with time_machine.travel(timezone.now() + timedelta(days=366)):
        out = StringIO()
        call_command("prune_gate_messages", stdout=out)

    assert out.getvalue() == "1 messages deleted.\n"


def test_refused_message_that_still_comes_is_kept(gate):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, keep_days=30)
    send(message())

    with time_machine.travel(timezone.now() + timedelta(days=31)):
        send(message())
        assert prune_messages() == 0


def test_message_of_several_invoices_is_deleted_whole(invoice, gate):
    second = book(gate.client, "INV-0002")
    send(message(notice(), notice(number="INV-0002")))
    assert [entry.source for entry in timeline(second)].count("gate") == 1

    with time_machine.travel(timezone.now() + timedelta(days=366)):
        assert prune_messages() == 1


def test_timeline_of_the_invoice_shows_each_message(invoice):
    send(message(type_="rejected", comments="<Comments>No</Comments>"))
    send(message(payload_id="p-2"))
    send(message(payload_id="p-2"))
    send(message(payload_id="p-3", number="other"))

    entries = [entry for entry in timeline(invoice) if entry.source == "gate"]

    assert [(entry.title, entry.tone, entry.who) for entry in entries] == [
        ("cXML message paid: Invoice In Wrong Status", "error", IDENTITY),
        ("cXML message rejected: OK", "good", IDENTITY),
    ]
    assert ("repeats", "1") in entries[0].details
    assert entries[0].url.startswith("/admin/cxmlgate/gatemessage/")


def test_time_taken_is_kept_from_the_first_byte_on(invoice):
    receive_message("acme", message(), address=str, started=time.monotonic() - 3)

    assert 3000 <= GateMessage.objects.get().duration_ms < 60_000
