"""A flood of wrong secrets, or of what cannot be read, costs no disk, is answered as ever, and stops nobody else."""

import logging
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest
import time_machine
from django.db import connection

from cxmlgate.actions import configure_gate, prune_messages, refuse_unread
from cxmlgate.errors import Transient
from cxmlgate.models import GateMessage, GateSettings, WrongSecrets
from cxmlgate.parsing import MAX_BYTES
from cxmlgate.throttle import LIMIT, Throttle
from invoices.workflow import Status
from tests.cxmlgate.conftest import MALFORMED, OK, PERMANENT, TRANSIENT, everything, send, statements_of, status_of
from tests.cxmlgate.messages import IDENTITY, PATH, credential, message
from tests.cxmlgate.test_sender import REASON
from tests.delivery.desk import Beside

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
NOON = datetime(2026, 11, 2, 12, 0, 5, tzinfo=UTC)
HERE = IPv4Address("203.0.113.9")


@pytest.fixture(autouse=True)
def at_noon():
    """Keep the minute from ending in the middle of a test."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def send_wrong(number=0, *, peer="203.0.113.9", path=PATH):
    return send(message(payload_id=f"wrong-{number}", sender=credential(secret="wrong secret")), path, REMOTE_ADDR=peer)


def flood(times=LIMIT + 1, **said):
    return [send_wrong(number, **said) for number in range(times)]


def kept():
    """What the messages of unknown senders left behind."""
    rows = GateMessage.objects.filter(payload_id__startswith="wrong-")
    return sorted(rows.values_list("payload_id", "repeats")), list(
        WrongSecrets.objects.values_list("number", flat=True)
    )


def test_twenty_in_a_minute_are_kept_and_no_more(invoice):
    replies = flood(40)

    assert {(reply.verdict, reply.reason, len(reply.body)) for reply in replies} == {(PERMANENT, REASON, 393)}
    assert kept() == (sorted((f"wrong-{number}", 0) for number in range(20)), [21])


def test_the_same_wrong_message_is_counted_on_its_row_twenty_times(invoice):
    for _time in range(40):
        send_wrong()

    assert kept() == ([("wrong-0", 19)], [21])


def test_in_a_flood_a_wrong_secret_costs_one_statement_and_changes_nothing(invoice):
    flood()
    before = everything(), kept()

    asked = statements_of(lambda: send_wrong(99))

    assert [sql.split()[0] for sql in asked] == ["SELECT"]  # the client's gate
    assert send_wrong(99).verdict == PERMANENT
    assert (everything(), kept()) == before


def test_the_right_secret_is_served_at_once_in_the_middle_of_a_flood(invoice):
    flood(30)

    assert send(message(), REMOTE_ADDR="203.0.113.9").verdict == OK
    assert status_of(invoice) == Status.PAID
    assert send_wrong(99).verdict == PERMANENT


def test_another_source_and_another_client_are_counted_apart(invoice, globex):
    configure_gate(globex, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")
    flood()

    send_wrong(50, peer="203.0.113.10")
    send_wrong(51, path=PATH.replace("acme", "globex"))

    assert {"wrong-50", "wrong-51"} <= {payload_id for payload_id, _repeats in kept()[0]}
    assert sorted(kept()[1]) == [1, 1, 21]


@pytest.mark.parametrize(("other", "counted"), [("2001:db8::2", [21]), ("2001:db8:0:1::2", [1, 21])])
def test_an_ipv6_source_counts_by_its_first_64_bits(invoice, other, counted):
    flood(peer="2001:db8::1")

    send_wrong(50, peer=other)

    assert sorted(kept()[1]) == counted


def test_the_next_minute_begins_anew(invoice, at_noon):
    flood(25)

    at_noon.shift(timedelta(minutes=1))
    send_wrong(50)

    assert "wrong-50" in dict(kept()[0])
    assert sorted(kept()[1]) == [1, 21]


def test_a_flood_is_logged_once_a_minute_with_how_many_came(invoice, at_noon, caplog):
    caplog.set_level(logging.WARNING)

    for _minute in range(3):
        flood(50)
        flood(30, peer="203.0.113.10")
        at_noon.shift(timedelta(minutes=1))
    flood(20)

    said = [record.msg for record in caplog.records if record.msg["event"] == "gate_strangers"]
    assert [(line["client"], line["source"], line["so_far"], line["level"]) for line in said] == [
        ("acme", "203.0.113.9", 21, "warning"),
        ("acme", "203.0.113.10", 21, "warning"),
        ("acme", "203.0.113.9", 71, "warning"),
        ("acme", "203.0.113.10", 51, "warning"),
        ("acme", "203.0.113.9", 121, "warning"),
        ("acme", "203.0.113.10", 81, "warning"),
    ]


def test_messages_of_the_right_sender_are_not_counted(invoice):
    for number in range(30):
        assert send(message(payload_id=str(number), type_="hmm"), REMOTE_ADDR="203.0.113.9").verdict == PERMANENT

    assert WrongSecrets.objects.count() == 0
    assert GateMessage.objects.count() == 30


UNREADABLE = {
    "malformed": lambda number: b"<a" + b" " * number,
    "too large": lambda number: b"%d" % number + b"x" * MAX_BYTES,
    "not cXML": lambda number: b"<a%d/>" % number,
    "two senders": lambda number: message(payload_id=f"p-{number}", sender=f"{credential()}</Sender><Sender>"),
    "too many secrets": lambda number: message(payload_id=f"p-{number}", sender=credential(secret="no") * 51),
}


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_answered_as_ever_and_kept_twenty_times(invoice, make):
    replies = [send(make(1), REMOTE_ADDR="203.0.113.9") for _time in range(2)]
    replies += [send(make(number), REMOTE_ADDR="203.0.113.9") for number in range(2, 40)]

    assert len({(reply.verdict, reply.reason) for reply in replies}) == 1
    assert replies[0].verdict in (MALFORMED, PERMANENT)
    assert GateMessage.objects.count() == 19  # one of them came twice
    assert list(WrongSecrets.objects.values_list("number", flat=True)) == [21]


def test_what_is_compressed_is_kept_twenty_times(invoice):
    for number in range(30):
        body = message(payload_id=str(number))
        assert send(body, REMOTE_ADDR="203.0.113.9", HTTP_CONTENT_ENCODING="gzip").verdict == PERMANENT

    assert GateMessage.objects.count() == 20


def test_what_broke_off_is_kept_twenty_times(invoice):
    for number in range(30):
        refusal = Transient("It broke off.")
        answer = refuse_unread("acme", b"<a%d" % number, refusal, source=HERE, started=0)
        assert answer.verdict == refusal.verdict

    assert GateMessage.objects.count() == 20


def test_what_failed_by_our_fault_is_kept_however_often(invoice):
    GateSettings.objects.update(allowed_networks="no network")  # as no form would let it through

    for number in range(30):
        assert send(message(payload_id=str(number)), REMOTE_ADDR="203.0.113.9").verdict == TRANSIENT

    assert (GateMessage.objects.count(), WrongSecrets.objects.count()) == (30, 0)


def test_the_right_secret_is_served_in_a_flood_of_what_cannot_be_read(invoice):
    for number in range(30):
        send(b"<a" + b" " * number, REMOTE_ADDR="203.0.113.9")

    assert send(message(), REMOTE_ADDR="203.0.113.9").verdict == OK
    assert status_of(invoice) == Status.PAID
    assert send(message(payload_id="p-2", type_="hmm"), REMOTE_ADDR="203.0.113.9").verdict == PERMANENT
    assert GateMessage.objects.filter(is_known=True).count() == 2


def test_in_a_flood_of_what_cannot_be_read_one_more_costs_one_statement(invoice):
    for number in range(LIMIT + 1):
        send(b"<a" + b" " * number, REMOTE_ADDR="203.0.113.9")

    asked = statements_of(lambda: send(b"<b", REMOTE_ADDR="203.0.113.9"))

    assert [sql.split()[0] for sql in asked] == ["SELECT"]  # the client's gate


def test_processes_count_together_and_one_of_them_logs(db, caplog):
    first, second = Throttle(), Throttle()

    said = [process.is_over("acme", HERE, NOON) for _time in range(15) for process in (first, second)]

    assert said == [False] * 20 + [True] * 10
    assert WrongSecrets.objects.get().number == 22  # each went over once, and asks no more
    assert [record.msg["so_far"] for record in caplog.records] == [21]


def test_a_process_remembers_who_is_over_until_the_minute_ends(db, django_assert_num_queries):
    process = Throttle()
    for _time in range(LIMIT + 1):
        process.is_over("acme", HERE, NOON)

    with django_assert_num_queries(0):
        assert process.is_over("acme", HERE, NOON + timedelta(seconds=54))
    with django_assert_num_queries(1):
        assert not process.is_over("acme", HERE, NOON + timedelta(seconds=55))


@pytest.mark.django_db(transaction=True)
def test_at_the_same_instant_twenty_are_kept_and_no_more(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    processes = [Throttle() for _number in range(8)]

    beside = [
        Beside(lambda process=process: [process.is_over("acme", HERE, NOON) for _time in range(10)])
        for process in processes
    ]
    said = [one for thread in beside for one in thread.join()]

    assert said.count(False) == 20


def test_many_sources_leave_few_rows_and_little_memory(db):
    process = Throttle()

    for number in range(300):
        process.is_over("acme", IPv4Address(number), NOON)
        process.is_over("acme", IPv6Address(number << 64), NOON)

    counts = dict(WrongSecrets.objects.values_list("source", "number"))
    assert len(counts) == 101
    assert counts[""] == LIMIT + 1
    assert len(process._slugs) == 100


def test_many_addresses_from_one_source_leave_few_rows_and_spare_other_sources(db):
    process = Throttle()

    said = [process.is_over(f"nobody{number}", HERE, NOON) for number in range(60)]
    said += [process.is_over(slug, HERE, NOON) for slug in ("x" * 5000, "%00", "\x00", "a b", "äcme")]

    assert said == [False] * 25 + [True] * 40
    assert WrongSecrets.objects.count() == 6
    assert process.is_over("acme", IPv4Address("203.0.113.10"), NOON) is False
    assert WrongSecrets.objects.filter(client_slug="acme", source="203.0.113.10").exists()


@pytest.mark.parametrize("slug", ["x" * 51, "\x00", "a b", "äcme", "acme/", ""])
def test_what_can_be_no_clients_address_counts_together(db, slug):
    Throttle().is_over(slug, HERE, NOON)

    assert WrongSecrets.objects.get().client_slug == ""


def test_minutes_leave_nothing_in_memory(db):
    process = Throttle()

    for minute in range(5):
        for number in range(LIMIT + 5):
            process.is_over("acme", HERE, NOON + timedelta(minutes=minute))
            process.is_over("acme", IPv4Address(minute * 1000 + number), NOON + timedelta(minutes=minute))

    assert (len(process._slugs), len(process._over), len(process._over_before)) == (LIMIT + 6, 1, 1)


def test_a_full_count_does_not_tell_a_client_from_none(invoice):
    flood(40, path=PATH.replace("acme", "nobody"))

    statements = []
    for slug in ("acme", "nobody2"):
        path = PATH.replace("acme", slug)
        statements.append([sql.split()[0] for sql in statements_of(lambda path=path: send_wrong(50, path=path))])

    assert statements[0] == statements[1]
    assert len(statements[0]) == 6


def test_counts_are_forgotten_with_the_old_messages(invoice, at_noon):
    send_wrong()
    at_noon.shift(timedelta(minutes=4))
    send_wrong()

    at_noon.shift(timedelta(minutes=2))
    prune_messages()

    assert WrongSecrets.objects.get().minute == datetime(2026, 11, 2, 12, 4, tzinfo=UTC)
