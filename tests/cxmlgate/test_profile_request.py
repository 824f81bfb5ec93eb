"""A ProfileRequest is the standard's ping: answered to whom we know, and nothing is touched."""

import pytest
from lxml import etree

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from tests.cxmlgate.conftest import OK, PERMANENT, everything, send
from tests.cxmlgate.messages import IDENTITY, credential, message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
PING = "<ProfileRequest/>"


@pytest.mark.parametrize("mode", [None, "production", "test"])
def test_it_is_answered_and_changes_nothing(invoice, gate, mode):
    before = everything()

    reply = send(message(PING, mode=mode))

    assert (reply.verdict, reply.reason) == (OK, "The gate is open.")
    profile = etree.fromstring(reply.body).find("Response/ProfileResponse")
    assert profile.get("effectiveDate") == gate.changed_at.isoformat(timespec="seconds")
    assert everything() == before
    kept = GateMessage.objects.get()
    assert (kept.code, kept.types, kept.invoice, kept.is_test) == (200, "ProfileRequest", None, mode == "test")


def test_every_ping_is_answered_in_full_and_counted_on_one_row(gate):
    replies = [send(message(PING)) for _ in range(3)]

    assert [(reply.verdict, b"<ProfileResponse" in reply.body) for reply in replies] == [(OK, True)] * 3
    assert GateMessage.objects.get().repeats == 2


def test_wrong_secret_learns_nothing(gate):
    reply = send(message(PING, sender=credential(secret="hocuspocus")))

    assert reply.verdict == PERMANENT
    assert b"Profile" not in reply.body


def test_disabled_gate_answers_nobody(gate):
    configure_gate(gate.client, by=None, enabled=False, identity=IDENTITY)

    reply = send(message(PING))

    assert reply.verdict == PERMANENT
    assert b"Profile" not in reply.body


@pytest.mark.parametrize("beside", ["<ProfileRequest/><ProfileRequest/>", "<ProfileRequest/><OrderRequest/>"])
def test_beside_another_request_it_is_refused(gate, beside):
    assert send(message(beside)).verdict == PERMANENT
