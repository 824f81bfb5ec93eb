"""Opening the gate: who may, what is refused, and what stands in the log."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateSettings
from invoices.errors import BadInput, NotAllowed, NotThere
from invoices.models import Event
from tests.cxmlgate.messages import IDENTITY, SECRET

pytestmark = pytest.mark.django_db


def test_manager_opens_it_and_the_log_says_so_without_the_secret(acme, manager):
    gate = configure_gate(acme, by=manager, enabled=True, identity=f" {IDENTITY} ", secret=SECRET, reason="Go live")

    assert (gate.is_enabled, gate.sender_identity) == (True, IDENTITY)
    assert len(gate.secret_hash) == 64
    event = Event.objects.get(action="configure_gate")
    assert (event.actor, event.reason, event.after["shared_secret"]) == (manager, "Go live", "changed")
    assert SECRET not in str(event.after)
    assert gate.secret_hash not in str(event.after)


def test_same_again_writes_no_line(gate):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, secret=SECRET)

    assert Event.objects.filter(action="configure_gate").count() == 1


def test_without_a_secret_the_present_one_stays(gate):
    before = gate.secret_hash

    gate = configure_gate(gate.client, by=None, enabled=False, identity="other")

    assert gate.secret_hash == before
    assert Event.objects.filter(action="configure_gate").latest("pk").after == {
        "is_enabled": False,
        "sender_identity": "other",
    }


@pytest.mark.parametrize("who", ["clerk", "handler", "auditor"])
def test_others_may_not(acme, who, request):
    with pytest.raises(NotAllowed):
        configure_gate(acme, by=request.getfixturevalue(who), enabled=False, identity="")

    assert not GateSettings.objects.exists()


def test_stranger_learns_nothing(acme, stranger):
    with pytest.raises(NotThere):
        configure_gate(acme, by=stranger, enabled=False, identity="")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("sender_identity", {"identity": " "}),
        ("sender_identity", {"identity": "x" * 101}),
        ("secret", {"secret": None}),
        ("secret", {"secret": "  "}),
        ("secret", {"secret": "short"}),
        ("secret", {"secret": "buyerorg.com"}),
        ("keep_days", {"keep_days": 0}),
        ("keep_days", {"keep_days": 99_999}),
        ("on_canceled", {"on_canceled": "explode"}),
        ("earlier_secret_until", {"earlier_secret_until": timezone.now() - timedelta(days=1)}),
    ],
)
def test_words_that_cannot_be_used_are_refused(acme, field, words):
    with pytest.raises(BadInput) as refused:
        configure_gate(acme, **{"by": None, "enabled": True, "identity": IDENTITY, "secret": SECRET} | words)

    assert set(refused.value.fields) == {field}
    assert not GateSettings.objects.exists()


def test_database_refuses_an_open_gate_without_a_secret(acme):
    with pytest.raises(IntegrityError), transaction.atomic():
        GateSettings.objects.create(client=acme, is_enabled=True, sender_identity=IDENTITY)
