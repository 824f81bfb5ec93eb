"""A refused message, judged again by a queue handler once its cause is mended."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection, connections

from cxmlgate.actions import configure_gate, prune_messages, replay_message, why_not_replay
from cxmlgate.models import GateMessage, Replay
from invoices.errors import Conflict, NotAllowed, NotThere, Refusal
from invoices.events import broken_line
from invoices.models import Event, Invoice, Payment
from invoices.workflow import Status, Step
from tests.cxmlgate.conftest import ALREADY, NOT_FOUND, OK, WRONG_STATUS, book, everything, send, status_of
from tests.cxmlgate.messages import IDENTITY, SECRET, credential, message, money, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]


def refused(body, **said):
    """Send what the gate does not take, and return what it kept of it."""
    assert send(body, **said).code != 200
    return GateMessage.objects.refused().latest("pk")


@pytest.fixture
def kept(gate, handler):
    """A message about an invoice that came before the invoice did; the invoice is here now."""
    row = refused(message(partial=money("4.00"), comments="<Comments>First half</Comments>"))
    book(gate.client)
    return row


def everything_kept():
    return everything(), list(GateMessage.objects.order_by("pk").values()), Replay.objects.count()


def test_it_acts_as_if_it_came_now_and_the_log_names_the_person(kept, handler):
    replay = replay_message(kept.pk, by=handler, reason=" The invoice came late ")

    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.paid) == (Status.PARTIALLY_PAID, Decimal("4.00"))
    event = invoice.events.get()
    assert (event.action, event.actor, event.reason) == ("status_paid", handler, "First half")
    assert event.evidence == {
        "source": IDENTITY,
        "reference": "p-1",
        "amount": "4.0000",
        "currency": "USD",
        "replayed_message": kept.pk,
    }
    assert broken_line(invoice.events.order_by("sequence"), invoice) is None
    line = Event.objects.get(action="replay_message")
    assert (line.actor, line.reason) == (handler, "The invoice came late")
    assert line.before == {"message": kept.pk, "verdict": "403 Invoice Not Found"}
    assert line.after == {"message": replay.accepted_id, "verdict": "200 OK"}


def test_refused_message_keeps_its_verdict_beside_the_new_one(kept, handler):
    before = GateMessage.objects.filter(pk=kept.pk).values().get()

    replay = replay_message(kept.pk, by=handler)

    assert GateMessage.objects.filter(pk=kept.pk).values().get() == before
    accepted = replay.accepted
    assert (accepted.code, accepted.text, accepted.digest) == (200, "OK", kept.digest)
    assert (accepted.raw, accepted.sender, accepted.payload_id) == (kept.raw, IDENTITY, "p-1")
    assert accepted.invoice == Invoice.objects.get()


def test_same_message_from_the_erp_afterwards_was_already_received(kept, handler):
    replay_message(kept.pk, by=handler)

    reply = send(message(partial=money("4.00"), comments="<Comments>First half</Comments>"))

    assert reply.verdict == ALREADY
    assert Payment.objects.count() == 1


def test_second_replay_changes_nothing(kept, handler):
    replay_message(kept.pk, by=handler)
    before = everything_kept()

    with pytest.raises(Conflict, match="accepted since"):
        replay_message(kept.pk, by=handler)

    assert everything_kept() == before


def test_message_that_the_erp_sent_again_cannot_be_replayed(kept, handler):
    send(message(partial=money("4.00"), comments="<Comments>First half</Comments>"))

    with pytest.raises(Conflict, match="accepted since"):
        replay_message(kept.pk, by=handler)

    assert Payment.objects.count() == 1


def test_what_is_refused_again_changes_nothing_and_says_why(gate, handler):
    row = refused(message())
    before = everything_kept()

    with pytest.raises(Conflict) as again:
        replay_message(row.pk, by=handler)

    assert str(again.value) == (
        "It is refused again, and nothing was changed: 403 Invoice Not Found. "
        "There is no invoice INV-0001 here: check the number and the address."
    )
    assert everything_kept() == before


def test_of_several_updates_none_counts_where_one_is_refused_again(gate, handler):
    row = refused(message(notice(number="INV-0001"), notice(number="INV-0002")))
    book(gate.client)
    before = everything_kept()

    with pytest.raises(Conflict, match="INV-0002"):
        replay_message(row.pk, by=handler)

    assert everything_kept() == before


def test_status_that_did_not_allow_it_allows_it_now(gate, handler):
    invoice = book(gate.client, step=Step.FINAL_INTEGRATION, status=Status.NONE)
    row = refused(message("", type_="rejected"))
    assert (row.code, row.text) == WRONG_STATUS
    Invoice.objects.filter(pk=invoice.pk).update(step=Step.BOOKED, status=Status.OK_TO_PAY)

    replay_message(row.pk, by=handler)

    assert status_of(invoice) == Status.DENIED


def test_invoice_that_is_there_already_gets_a_verdict_and_no_event(gate, handler):
    row = refused(message())
    invoice = book(gate.client, status=Status.PAID)

    replay = replay_message(row.pk, by=handler)

    assert (replay.accepted.code, replay.accepted.text) == ALREADY
    assert not invoice.events.exists()


def test_present_settings_decide(gate, handler):
    invoice = book(gate.client)
    row = refused(message(type_="canceled"))
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, on_canceled="deny")

    replay_message(row.pk, by=handler)

    assert status_of(invoice) == Status.DENIED


@pytest.mark.parametrize("encoding", ["utf-16", "ISO-8859-1"])
def test_bytes_are_read_in_their_own_encoding(gate, handler, encoding):
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'
    text = message(declaration=declaration, number="Bürö-1").decode()
    row = refused(text.encode(encoding))
    invoice = book(gate.client, number="Bürö-1")

    replay_message(row.pk, by=handler)

    assert status_of(invoice) == Status.PAID


def _close(gate):
    configure_gate(gate.client, by=None, enabled=False, identity=IDENTITY)


def _rename(gate):
    configure_gate(gate.client, by=None, enabled=True, identity="jack")


def _drop_bytes(gate):
    GateMessage.objects.update(raw=b"", raw_note="Not kept.")


def _tamper(gate):
    row = GateMessage.objects.get()
    GateMessage.objects.update(raw=bytes(row.raw).replace(b"4.00", b"9.00"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_close, "The gate of Acme is closed: an Integration manager opens it."),
        (_rename, f"{IDENTITY} is no longer the Senders Identity of Acme: ask the present sender to send it."),
        (_drop_bytes, "Its bytes are not kept: ask the sender to send it again."),
        (
            _tamper,
            "Its sender was not known by its secret, or not all of it is kept: ask the sender to send it again.",
        ),
    ],
)
def test_what_can_no_longer_be_judged_is_refused_with_a_sentence(kept, gate, handler, change, sentence):
    change(gate)
    before = everything_kept()

    assert why_not_replay(GateMessage.objects.get(pk=kept.pk), handler) == sentence
    with pytest.raises(Conflict) as refusal:
        replay_message(kept.pk, by=handler)

    assert str(refusal.value) == sentence
    assert everything_kept() == before


@pytest.mark.parametrize(
    "body",
    [
        message(sender=credential(secret="wrong secret")),
        message(sender=credential(identity=f"?{IDENTITY}")),
        message(sender=credential(secret=None)),
        message()[:-5],
        message().replace(b"ERP", b"E" * 300_000),
        message(sender=credential(identity="x") + credential(secret="paid"), number="INV-2", type_="paid"),
    ],
)
def test_message_of_an_unknown_sender_is_never_replayed(invoice, handler, body):
    row = refused(body) if b"INV-2" not in body else refused(body.replace(b"INV-2", b"INV-paid"))
    before = everything_kept()

    assert why_not_replay(row, handler)
    with pytest.raises(Conflict):
        replay_message(row.pk, by=handler)

    assert everything_kept() == before


def test_accepted_message_is_not_replayed(invoice, handler):
    send(message())
    row = GateMessage.objects.get()

    with pytest.raises(Conflict, match="It was accepted"):
        replay_message(row.pk, by=handler)


@pytest.mark.parametrize("who", ["clerk", "manager", "auditor"])
def test_others_may_not_and_read_who_may(kept, handler, who, request):
    person = request.getfixturevalue(who)
    before = everything_kept()

    with pytest.raises(NotAllowed, match="Handler Example"):
        replay_message(kept.pk, by=person)

    assert "Handler Example" in why_not_replay(kept, person)
    assert everything_kept() == before


def test_stranger_learns_nothing(kept, stranger):
    with pytest.raises(NotThere) as there:
        replay_message(kept.pk, by=stranger)
    with pytest.raises(NotThere) as not_there:
        replay_message(0, by=stranger)

    assert str(there.value) == str(not_there.value)


def test_message_that_names_no_client_is_nobodys(gate, root):
    row = refused(message(), path="/nobody/cxmlgate/abc/status_update_request")

    with pytest.raises(NotThere):
        replay_message(row.pk, by=root)
    assert why_not_replay(row, root).startswith("Its address names no client")


def test_keeping_of_both_ends(kept, handler):
    replay_message(kept.pk, by=handler)
    GateMessage.objects.update(received_at="2000-01-01T00:00:00Z", last_seen_at="2000-01-01T00:00:00Z")

    assert prune_messages() == 2
    assert not Replay.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_replays_at_the_same_instant_and_the_erp_one_acts(gate, handler):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: there is no race to lose")
    body = message(partial=money("4.00"))
    assert send(body).verdict == NOT_FOUND
    book(gate.client)
    row = GateMessage.objects.get()
    barrier = Barrier(8)

    def one(number):
        barrier.wait(timeout=20)
        try:
            if number % 2:
                return send(body).text
            replay_message(row.pk, by=handler)
        except Refusal:
            return "refused"
        else:
            return "replayed"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(one, range(8)))

    assert told.count("replayed") + told.count(OK[1]) == 1
    assert Payment.objects.count() == 1
    assert Event.objects.filter(action="status_paid").count() == 1
    assert GateMessage.objects.accepted().count() == 1
    assert Replay.objects.count() == told.count("replayed")
    assert SECRET.encode() not in bytes(GateMessage.objects.accepted().get().raw)
