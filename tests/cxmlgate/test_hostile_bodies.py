"""Bodies that somebody made to hurt: each has its one answer, and what is refused changes nothing."""

import encodings.aliases

import pytest

from cxmlgate.actions import configure_gate
from cxmlgate.errors import GateRefusal, Malformed
from cxmlgate.models import GateMessage
from cxmlgate.parsing import MAX_BYTES, Document, parse
from invoices.models import Event, Invoice
from tests.cxmlgate.conftest import OK, PERMANENT, book, everything, send
from tests.cxmlgate.hostile import LARGEST, REFUSED, TAKEN
from tests.cxmlgate.hostile.making import GOOD, declared
from tests.cxmlgate.messages import IDENTITY, SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
SPELLINGS = [SECRET.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]


@pytest.fixture
def neighbours(gate, globex):
    """What a body may reach by mistake: a second invoice, and one of a client with the same sender."""
    configure_gate(globex, by=None, enabled=True, identity=IDENTITY, secret="hocuspocus")
    book(gate.client, "INV-0002")
    book(globex, "G-1")


def all_kept():
    """Every value of what a message leaves behind, as bytes."""
    rows = [*GateMessage.objects.values(), *Event.objects.values()]
    values = [value for row in rows for value in row.values()]
    return [bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in values]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_body_has_its_answer_and_changes_nothing(invoice, neighbours, name):
    body, verdict = REFUSED[name]
    before = everything()

    reply = send(body)

    assert reply.verdict == verdict
    assert everything() == before
    assert not [value for value in all_kept() for spelling in SPELLINGS if spelling in value]
    assert b"root:" not in reply.body


@pytest.mark.parametrize("name", TAKEN)
def test_odd_but_right_body_is_taken(invoice, neighbours, name):
    body, (status, paid) = TAKEN[name]
    others = list(Invoice.objects.exclude(pk=invoice.pk).values())

    reply = send(body)

    assert reply.verdict == OK
    now = Invoice.objects.get(pk=invoice.pk)
    assert (now.status, f"{now.paid.normalize():f}") == (status, paid)
    assert list(Invoice.objects.exclude(pk=invoice.pk).values()) == others
    assert not [value for value in all_kept() for spelling in SPELLINGS if spelling in value]


@pytest.mark.parametrize("body", [GOOD.replace(b"ERP", b"E" * MAX_BYTES), b"<a>" * 500_000, b"\0" * (MAX_BYTES + 1)])
def test_body_above_the_limit_is_not_read(invoice, body):
    before = everything()

    assert send(body).verdict == PERMANENT
    assert everything() == before
    assert not GateMessage.objects.exclude(raw=b"").exists()


def test_no_body_stands_in_the_catalogue_twice():
    bodies = [body for body, _ in REFUSED.values()] + [body for body, _ in TAKEN.values()] + list(LARGEST.values())

    assert len(bodies) >= 150
    assert len(set(bodies)) == len(bodies)
    assert max(map(len, bodies)) <= MAX_BYTES


@pytest.mark.parametrize("encoding", sorted(set(encodings.aliases.aliases.values())))
def test_every_encoding_that_python_knows_is_read_or_malformed(encoding):
    raw = declared(encoding).encode()

    try:
        outcome = parse(raw)
    except GateRefusal as refusal:
        outcome = refusal

    assert isinstance(outcome, Document | Malformed)
