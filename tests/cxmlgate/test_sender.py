"""Who may speak, and that nobody learns why not."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices.workflow import Status
from tests.cxmlgate.conftest import OK, PERMANENT, everything, send, status_of
from tests.cxmlgate.messages import IDENTITY, PATH, SECRET, credential, message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
REASON = "The sender is not known here: check the address, the identity and the shared secret."


@pytest.mark.parametrize(
    "sender",
    [
        credential(secret="abracadabrA"),
        credential(secret="abracadabr"),
        credential(secret="abracadabraa"),
        credential(secret=""),
        credential(secret=None),
        credential(identity="jack"),
        credential(identity="Jill@buyerorg.com"),
        credential(identity=""),
        credential(identity=SECRET, secret=IDENTITY),
        credential(secret="äbrücädäbrä"),
        credential(secret="abra<b/>cadabra"),
        credential(identity="<IdReference/>"),
        credential(secret=None) + credential(identity="jack"),  # never the identity of one and the secret of another
        credential(secret="wrong") + credential(identity="jack"),
        '<Credential domain="D"><Identity>jill@buyerorg.com</Identity><CredentialMac>x</CredentialMac></Credential>',
        "",
    ],
)
def test_wrong_credentials_are_refused_alike(invoice, sender):
    before = everything()

    reply = send(message(sender=sender or " "))

    assert (reply.verdict, reply.reason) == (PERMANENT, REASON)
    assert everything() == before


def test_unknown_client_and_disabled_gate_look_like_a_wrong_secret(invoice, gate, globex):
    configure_gate(gate.client, by=None, enabled=False, identity=IDENTITY)

    replies = [
        send(message(), PATH.replace("acme", slug)) for slug in ("acme", "globex", "nobody", "%00", "a b", "%2e")
    ]

    assert {(reply.verdict, reply.reason) for reply in replies} == {(PERMANENT, REASON)}


@pytest.mark.parametrize(
    "sender",
    [
        credential(secret=None) + credential(),
        credential(identity="other", secret="something") + credential(),
        credential(identity=f"\n  {IDENTITY}\n"),
        credential(secret=f"<![CDATA[{SECRET}]]>"),
        credential(secret="&#97;bracadabra"),
        credential(secret="abra<!-- x -->cadabra"),
        credential().replace('domain="D"', 'domain="NetworkId" type="marketplace"'),
    ],
)
def test_any_credential_that_matches_is_enough(invoice, sender):
    assert send(message(sender=sender)).verdict == OK


def test_secret_in_from_does_not_count(invoice):
    body = message(sender=credential(secret="wrong")).replace(
        credential(secret=None).encode(), credential().encode(), 1
    )

    assert send(body).verdict == PERMANENT


def test_earlier_secret_is_valid_until_its_end(invoice, gate):
    until = timezone.now() + timedelta(days=1)
    configure_gate(
        gate.client, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus", earlier_secret_until=until
    )
    old, new = credential(), credential(secret="hocuspocus")

    assert send(message(sender=old, type_="processing", payload_id="1")).verdict == OK
    assert send(message(sender=new, type_="processing", payload_id="2")).verdict == OK
    with time_machine.travel(until + timedelta(seconds=1)):
        assert send(message(sender=old, type_="processing", payload_id="3")).verdict == PERMANENT
        assert send(message(sender=new, type_="processing", payload_id="4")).verdict == OK


def test_earlier_secret_ends_at_once_without_a_time(invoice, gate):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")

    assert send(message()).verdict == PERMANENT
    assert status_of(invoice) == Status.OK_TO_PAY


def test_secret_outlives_a_change_of_the_secret_key_by_its_fallback(invoice, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 60, [settings.SECRET_KEY]

    assert send(message()).verdict == OK


def test_secret_of_one_client_does_not_open_another(invoice, globex):
    configure_gate(globex, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")

    assert send(message(), PATH.replace("acme", "globex")).verdict == PERMANENT
    assert GateMessage.objects.get().client == globex
