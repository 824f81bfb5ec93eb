"""The networks from which a client's messages may come: what can be typed, and what is kept of it."""

from ipaddress import ip_network

import pytest

from cxmlgate.actions import configure_gate
from invoices.errors import BadInput
from invoices.models import Event
from tests.cxmlgate.messages import IDENTITY

pytestmark = pytest.mark.django_db


def allow(gate, text):
    return configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, allowed_networks=text)


def test_none_are_none(gate):
    assert gate.networks == ()


def test_each_is_kept_once_in_its_shortest_form(gate):
    typed = " 203.0.113.7 \r\n\r\n10.0.0.0/255.0.0.0\n2001:0DB8:0:0::/32\n10.0.0.0/8\n::1\n"

    gate = allow(gate, typed)

    assert gate.allowed_networks == "203.0.113.7/32\n10.0.0.0/8\n2001:db8::/32\n::1/128"
    assert gate.networks == tuple(map(ip_network, ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32", "::1/128"]))


def test_what_is_not_said_stays(gate):
    allow(gate, "10.0.0.0/8")

    gate = configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY)

    assert gate.allowed_networks == "10.0.0.0/8"


def test_other_spelling_of_the_same_is_no_change(gate):
    allow(gate, "10.0.0.0/8\n::1")
    events = Event.objects.count()

    allow(gate, "10.0.0.0/8\r\n0::1/128")

    assert Event.objects.count() == events


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("erp.example.com", "Line 1, erp.example.com, is no network: write it like 203.0.113.0/24 or 2001:db8::/32."),
        ("::1\n\n10.0.0.0/33", "Line 3, 10.0.0.0/33, is no network: write it like 203.0.113.0/24 or 2001:db8::/32."),
        ("10.0.0.0, ::1", "Line 1, 10.0.0.0, ::1, is no network: write it like 203.0.113.0/24 or 2001:db8::/32."),
        ("010.0.0.1", "Line 1, 010.0.0.1, is no network: write it like 203.0.113.0/24 or 2001:db8::/32."),
        ("167772160", "Line 1, 167772160, is no network: write it like 203.0.113.0/24 or 2001:db8::/32."),
        ("fe80::1%eth0", "Line 1, fe80::1%eth0, names a network card: leave out what stands after %."),
        (
            "10.0.0.7/24",
            "Line 1, 10.0.0.7/24, is an address within a network: write 10.0.0.0/24 for all of it, "
            "or 10.0.0.7/32 for this one.",
        ),
        ("\n".join(f"10.0.{n}.0/24" for n in range(51)), "There are more than 50 networks: name fewer, larger ones."),
    ],
)
def test_line_that_is_none_is_named(gate, text, sentence):
    with pytest.raises(BadInput) as refused:
        allow(gate, text)

    assert {name: str(said) for name, said in refused.value.fields.items()} == {"allowed_networks": sentence}
    gate.refresh_from_db()
    assert gate.allowed_networks == ""


def test_fifty_are_taken(gate):
    assert len(allow(gate, "\n".join(f"10.0.{n}.0/24" for n in range(50))).networks) == 50
