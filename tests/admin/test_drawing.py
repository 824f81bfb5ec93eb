"""The drawings say what the machines do."""

import pytest

from invoices.admin.words import STATUS_TONES, STEP_TONES
from invoices.drawing import LYING, STANDING, draw, machines_of
from invoices.models import Invoice
from invoices.workflow import Direction, Status, Step

NOT_DRAWN = {
    (Status.NONE, Status.OK_TO_PAY),  # before the machine begins
    (Status.NONE, Status.OPEN),
}
OF_PAYABLES = {(Step.BOOKED, Step.FINAL_ERROR)}  # it goes with `fail_validation`, which a receivable has not


def moves(field, direction):
    """Return all moves of a machine that an invoice of this direction can make between states of its own."""
    invoice = Invoice(direction=direction)
    machine = machines_of(direction)[0 if field == "step" else 1]
    found = set()
    left_out = NOT_DRAWN if direction == Direction.PAYABLE else NOT_DRAWN | OF_PAYABLES
    for move in Invoice._meta.get_field(field).get_all_transitions(Invoice):
        target = move.target
        if hasattr(target, "func"):
            target = target.func(invoice)
        if all(condition(invoice) for condition in move.conditions):
            found.add((move.source, target))
    return {(a, b) for a, b in found if a in machine.places and b in machine.places and a != b} - left_out


@pytest.mark.parametrize("direction", Direction.values)
@pytest.mark.parametrize("field", ["step", "status"])
def test_every_move_is_drawn_and_nothing_else(field, direction):
    machine = machines_of(direction)[0 if field == "step" else 1]

    drawn = [(arrow.source, arrow.target) for arrow in machine.arrows]

    assert len(drawn) == len(set(drawn))
    assert set(drawn) == moves(field, direction)


@pytest.mark.parametrize("frame", [LYING, STANDING])
@pytest.mark.parametrize("direction", Direction.values)
def test_one_state_is_marked_and_no_boxes_overlap(direction, frame):
    steps, _status = machines_of(direction)

    drawing = draw(steps, Step.BOOKED, frame, STEP_TONES)

    assert [box.lines[0][0] for box in drawing.boxes if box.is_now] == ["Booked"]
    corners = {(box.x, box.y) for box in drawing.boxes}
    assert len(corners) == len(drawing.boxes)


def test_standing_drawings_fit_a_phone():
    for direction in Direction.values:
        for machine, tones in zip(machines_of(direction), (STEP_TONES, STATUS_TONES), strict=True):
            assert draw(machine, "", STANDING, tones).width <= 340
