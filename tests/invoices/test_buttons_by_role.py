"""Every button × every step × every person, as moves.csv says; that table is DESIGN §4, written down by hand."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from invoices.actions import flow, payments, receipts
from invoices.errors import Conflict, NotAllowed, NotThere
from invoices.models import Event
from invoices.workflow import MessageKind
from tests.api.person import ApiPerson
from tests.factories import CounterpartyFactory
from tests.invoices.pictures import RoomPicture, ask_erp, stand

PEOPLE = ("clerk", "clerk2", "handler", "manager", "auditor", "stranger", "root")
VERBS = {
    "post": (flow.post_invoice, {}),
    "abort": (flow.abort_message, {"reason": "because"}),
    "skip": (flow.skip_step, {"reason": "because", "voucher": "V-9", "posting_date": date(2026, 11, 9)}),
    "post-again": (flow.post_again, {"reason": "because"}),
    "invalidate": (flow.invalidate_invoice, {"reason": "because"}),
    "approve": (flow.approve_invoice, {}),
    "archive": (flow.archive_invoice, {"reason": "because"}),
    "restore": (flow.restore_invoice, {"reason": "because"}),
    "note-voucher": (flow.note_voucher, {"voucher": "V-9"}),
    "record-payment": (
        receipts.record_payment,
        {"reason": "because", "amount": Decimal("1.00"), "method": "check", "state": "succeeded"},
    ),
    "set-status": (payments.set_status, {"reason": "because", "status": "processing_payment"}),
}
ASKS_THE_ERP = ("post-again", "invalidate")  # their buttons belong to the room above, which asks first
REFUSALS = {"403": NotAllowed, "404": NotThere, "409": Conflict}


def moves():
    with (Path(__file__).parent / "moves.csv").open() as file:
        for row in csv.DictReader(file):
            for person in PEOPLE:
                yield pytest.param(
                    row["button"],
                    row["from"],
                    row["to"],
                    person,
                    row[person],
                    id=f"{row['button']}-{row['from']}-{person}",
                )


ALL_MOVES = list(moves())


@pytest.fixture
def cast(acme, clerk, clerk2, handler, manager, auditor, stranger, root):
    return {user.username: user for user in (clerk, clerk2, handler, manager, auditor, stranger, root)}


def stand_ready(client, button, step, cast):
    """An invoice of the clerk's, for which everything that the button needs is there."""
    receivable = {"direction": "receivable", "counterparty": CounterpartyFactory(client=client, direction="receivable")}
    values = {**receivable, **({"status": "open"} if step == "booked" else {})} if button == "record-payment" else {}
    archived = {"archived_at": timezone.now(), "archived_reason": "done"} if button == "restore" else {}
    invoice = stand(client, step, created_by=cast["clerk"], **archived, **values)
    if button in ASKS_THE_ERP:
        for kind in (MessageKind.BOOK_PRELIMINARY, MessageKind.BOOK_FINAL):
            ask_erp(invoice, kind)
    return invoice


def test_the_table_has_every_button_step_and_person():
    assert len(ALL_MOVES) == 11 * 8 * 7
    assert len({move.id for move in ALL_MOVES}) == len(ALL_MOVES)


@pytest.mark.parametrize(("button", "step", "target", "person", "answer"), ALL_MOVES)
def test_verb(acme, cast, button, step, target, person, answer):
    invoice = stand_ready(acme, button, step, cast)
    verb, values = VERBS[button]
    before = RoomPicture()

    if answer != "ok":
        with pytest.raises(REFUSALS[answer]) as refusal:
            verb(invoice.pk, by=cast[person], **values)
        assert len(str(refusal.value)) > 20
        assert before.is_unchanged()
        return
    verb(invoice.pk, by=cast[person], **values)

    invoice.refresh_from_db()
    assert invoice.step == target
    assert invoice.is_archived == (button == "archive")
    line = Event.objects.get()
    assert (line.action, line.actor, line.reason) == (
        button.replace("-", "_"),
        cast[person],
        values.get("reason", ""),
    )


@pytest.mark.parametrize(
    ("button", "step", "target", "person", "answer"),
    [move for move in ALL_MOVES if move.values[0] not in ASKS_THE_ERP],
)
def test_api(acme, cast, settings, button, step, target, person, answer):
    settings.ROOT_URLCONF = "tests.api.urls"
    settings.WHITENOISE_AUTOREFRESH = True
    invoice = stand_ready(acme, button, step, cast)
    values = {name: str(value) for name, value in VERBS[button][1].items()}
    before = RoomPicture()

    said = ApiPerson(cast[person]).post(f"invoices/{invoice.pk}/{button}/", values)

    if answer == "ok":
        assert (said.status_code, said.json()["id"], said.json()["step"]) == (200, invoice.pk, target)
        assert Event.objects.count() == 1
    else:
        assert (said.status_code, list(said.json())) == (int(answer), ["detail"])
        assert before.is_unchanged()


@pytest.mark.parametrize("person", ["clerk", "manager", "auditor"])
def test_a_person_without_the_right_is_told_who_has_it(acme, cast, person):
    invoice = stand(acme, "preliminary_error")

    with pytest.raises(NotAllowed) as refusal:
        flow.skip_step(invoice.pk, by=cast[person], reason="because", voucher="V")

    assert str(refusal.value) == "Only Integration queue handler of Acme may do this. Ask Handler Example."


def test_a_stranger_learns_nothing(acme, globex, cast):
    invoice = stand(acme, "draft")

    said = []
    for number in (invoice.pk, invoice.pk + 1000):
        with pytest.raises(NotThere) as refusal:
            flow.post_invoice(number, by=cast["stranger"])
        said.append(str(refusal.value))

    assert said[0] == said[1]
