"""From where a message comes, and that nobody outside learns that it may not come from there."""

import re
import sys
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
import time_machine
from axes.helpers import get_client_ip_address
from django.test import RequestFactory

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage, GateSettings
from cxmlgate.sources import household, read_source
from tests.cxmlgate.conftest import OK, PERMANENT, everything, send, statements_of
from tests.cxmlgate.messages import IDENTITY, PATH, credential, message
from tests.cxmlgate.test_sender import REASON

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
PROXY = "10.0.0.1"
GARBAGE = (
    ",",
    "203.0.113.9,",
    "unknown",
    "203.0.113.9 198.51.100.7",
    "203.0.113.09",
    "203.0.113.256",
    "٢٠٣.0.113.9",
    "203.0.113.9/24",
    "203.0.113.9:x",
    "[203.0.113.9",
    "2001:db8::9%" + "x" * 5000,
    "1" * 100_000,
    "\x00",
    "'; DROP TABLE invoices --",
)
STATEMENT = re.compile(r'(\w+)(?:.*?(?:FROM|INTO|UPDATE) "?(\w+))?', re.DOTALL)
STAFF_REASON = "Identity and shared secret are right, but the source is in none of the allowed networks."


def source(peer=PROXY, forwarded=None):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    found = read_source(RequestFactory().post("/", REMOTE_ADDR=peer, **headers))
    return None if found is None else str(found)


def allow(*networks):
    GateSettings.objects.update(allowed_networks="\n".join(networks))


class TestAddress:
    @pytest.mark.parametrize(
        ("peer", "expected"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("2001:DB8:0::9", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("::ffff:cb00:7109", "203.0.113.9"),
            ("fe80::1%eth0", "fe80::1"),
            ("", None),  # a Unix socket
            ("somewhere", None),
        ],
    )
    def test_without_a_proxy_it_is_the_peers_whatever_the_header_says(self, peer, expected):
        assert source(peer) == expected
        assert source(peer, "198.51.100.7") == expected

    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            (None, PROXY),
            ("", PROXY),
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
            ("198.51.100.7,203.0.113.9", "203.0.113.9"),
            ("a, b, c,\t203.0.113.9 ", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("203.0.113.9:51234", "203.0.113.9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:51234", "2001:db8::9"),
            *((garbage, PROXY) for garbage in GARBAGE),
        ],
    )
    def test_behind_a_proxy_it_is_what_the_proxy_wrote(self, settings, forwarded, expected):
        settings.NUM_PROXIES = 1

        assert source(PROXY, forwarded) == expected

    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ("203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("203.0.113.9", "203.0.113.9"),  # it came past the outer proxy
            ("garbage, 10.0.0.2", PROXY),
        ],
    )
    def test_behind_two_proxies_it_is_what_the_outer_one_wrote(self, settings, forwarded, expected):
        settings.NUM_PROXIES = 2

        assert source(PROXY, forwarded) == expected

    def test_the_lock_out_of_people_counts_by_the_same_address(self, settings):
        settings.NUM_PROXIES = 1
        request = RequestFactory().post("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.9")

        assert get_client_ip_address(request) == "203.0.113.9"

    def test_a_source_counts_by_its_first_64_bits_where_it_is_an_ipv6_one(self):
        assert household(IPv4Address("203.0.113.9")) == "203.0.113.9"
        assert household(IPv6Address("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64"
        assert household(IPv6Address("2001:db8:1:2::")) == "2001:db8:1:2::/64"
        assert household(None) == ""


class TestAllowedNetworks:
    @pytest.mark.parametrize(
        ("networks", "peer"),
        [
            ((), "203.0.113.9"),
            ((), ""),
            (("203.0.113.0/24",), "203.0.113.9"),
            (("203.0.113.0/24",), "::ffff:203.0.113.9"),
            (("198.51.100.0/24", "203.0.113.9"), "203.0.113.9"),
            (("203.0.113.0/24", "2001:db8::/32"), "2001:db8::9"),
        ],
    )
    def test_messages_from_within_are_taken(self, invoice, networks, peer):
        allow(*networks)

        assert send(message(), REMOTE_ADDR=peer).verdict == OK
        assert GateMessage.objects.get().source == (peer.removeprefix("::ffff:") or None)

    @pytest.mark.parametrize("peer", ["203.0.114.9", "::ffff:203.0.114.9", "2001:db8::9", "::203.0.113.9", ""])
    def test_messages_from_elsewhere_look_like_an_unknown_senders(self, invoice, peer):
        allow("203.0.113.0/24")
        before = everything()

        reply = send(message(), REMOTE_ADDR=peer)

        assert (reply.verdict, reply.reason) == (PERMANENT, REASON)
        assert everything() == before
        assert send(message(), REMOTE_ADDR="203.0.113.9").verdict == OK

    def test_staff_read_why_and_from_where(self, invoice):
        allow("203.0.113.0/24")

        send(message(), REMOTE_ADDR="198.51.100.7")
        send(message(), REMOTE_ADDR="198.51.100.8")

        kept = GateMessage.objects.get()
        assert (kept.reason, kept.source, kept.repeats, kept.sender) == (STAFF_REASON, "198.51.100.8", 1, IDENTITY)
        assert REASON in kept.answer
        assert STAFF_REASON not in kept.answer
        assert b"abracadabra" not in bytes(kept.raw)

    def test_a_wrong_secret_from_elsewhere_is_not_called_right(self, invoice):
        allow("203.0.113.0/24")

        send(message(sender=credential(secret="wrong secret")), REMOTE_ADDR="198.51.100.7")

        assert GateMessage.objects.get().reason == REASON

    @pytest.mark.parametrize("proxies", [0, 1])
    def test_a_hand_made_header_does_not_choose_the_address(self, invoice, settings, proxies):
        settings.NUM_PROXIES = proxies
        allow("203.0.113.0/24")
        forged = "203.0.113.9" if not proxies else "203.0.113.9, 198.51.100.7"

        assert send(message(), REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=forged).verdict == PERMANENT

    @pytest.mark.parametrize("garbage", GARBAGE)
    def test_a_message_with_garbage_in_the_header_is_taken_as_the_proxys(self, invoice, settings, garbage):
        settings.NUM_PROXIES = 1
        allow(f"{PROXY}/32")

        assert send(message(), REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=garbage).verdict == OK
        assert GateMessage.objects.get().source == PROXY

    @pytest.mark.urls("tests.cxmlgate.urls")
    def test_the_source_shows_on_the_messages_page(self, invoice, root, client):
        send(message(), REMOTE_ADDR="203.0.113.9")
        client.force_login(root)

        page = client.get(f"/admin/cxmlgate/gatemessage/{GateMessage.objects.get().pk}/change/")

        assert ">203.0.113.9<" in page.content.decode()


class TestAllUnknownSendersAreTreatedAlike:
    """The same answer after the same work: the same statements, hashes and comparisons."""

    @pytest.fixture
    def unknown(self, invoice, gate, globex):
        configure_gate(globex, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")
        configure_gate(globex, by=None, enabled=False, identity=IDENTITY)
        allow("203.0.113.0/24")
        near = {"REMOTE_ADDR": "203.0.113.9"}
        wrong = credential(secret="abracadabrA")
        other = message(payload_id="p-3").replace(IDENTITY.encode(), b"Jill@buyerorg.com")
        return {
            "client": lambda: send(message(payload_id="p-1"), PATH.replace("acme", "nobody"), **near),
            "gate": lambda: send(message(payload_id="p-2"), PATH.replace("acme", "globex"), **near),
            "identity": lambda: send(other, **near),
            "secret": lambda: send(message(payload_id="p-4", sender=wrong), **near),
            "network": lambda: send(message(payload_id="p-5"), REMOTE_ADDR="203.0.114.9"),
            "network and secret": lambda: send(message(payload_id="p-6", sender=wrong), REMOTE_ADDR="203.0.114.10"),
        }

    @pytest.mark.parametrize("times_before", [0, 1, 25])
    @time_machine.travel(datetime(2026, 11, 2, 12, 0, 5, tzinfo=UTC), tick=False)  # else a minute may end in between
    def test_the_statements_are_the_same(self, unknown, times_before):
        statements = {}
        for name, send_one in unknown.items():
            for _time in range(times_before):
                send_one()
            statements[name] = [STATEMENT.search(sql).group(1, 2) for sql in statements_of(send_one)]
        first, *others = statements.values()
        assert others == [first] * 5
        assert len(first) == {0: 6, 1: 3, 25: 1}[times_before]

    def test_the_answers_are_the_same_but_for_their_names_and_times(self, unknown):
        replies = [send_one() for send_one in unknown.values()]

        assert {(reply.verdict, reply.reason, len(reply.body)) for reply in replies} == {(PERMANENT, REASON, 393)}

    def test_the_hashes_and_comparisons_are_the_same(self, unknown):
        counted = {name: work_of(send_one) for name, send_one in unknown.items()}

        first, *others = counted.values()
        assert others == [first] * 5
        assert first["compare_digest"] == first["constant_time_compare"] > 1


def work_of(act):
    """Return how often the functions that take part in knowing a sender are called."""
    counts = dict.fromkeys(("compare_digest", "salted_hmac", "constant_time_compare", "find_sender", "is_over"), 0)

    def notice(frame, event, argument):
        name = frame.f_code.co_name if event == "call" else argument.__name__ if event == "c_call" else ""
        if name in counts:
            counts[name] += 1

    sys.setprofile(notice)
    try:
        act()
    finally:
        sys.setprofile(None)
    return counts
