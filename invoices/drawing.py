"""The two machines of an invoice, drawn: boxes and arrows with their places, for the template that makes SVG of them.

    step (payable)       draft ─► preliminary ─► approval ─► final ─► booked     errors beside, invalidated beside them
    status (payable)     ok to pay ─► processing ─► partially paid ─► paid       denied and failed validation beside

Places are counted along the main line and beside it, so that the same machine is drawn lying (wide screens) or
standing (phones). A test holds every arrow against the moves of `invoices.workflow`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.workflow import Direction, Status, Step

Place = tuple[int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Arrow:
    """One move that is drawn: straight (`shift` sets two apart), `over` the main line, or `around` below everything."""

    source: str
    target: str
    label: str | Promise = ""
    shift: float = 0.0
    over: float = 0.0
    around: float = 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: where its states stand, and its arrows."""

    title: str | Promise
    states: type[TextChoices]
    places: Mapping[str, Place]  # along the main line, beside it
    arrows: tuple[Arrow, ...]


STEPS_PAYABLE: Final = Machine(
    _("Step"),
    Step,
    {
        Step.DRAFT: (0, 0),
        Step.PRELIMINARY_INTEGRATION: (1, 0),
        Step.APPROVAL: (2, 0),
        Step.FINAL_INTEGRATION: (3, 0),
        Step.BOOKED: (4, 0),
        Step.PRELIMINARY_ERROR: (1, 1),
        Step.INVALIDATED: (2, 1),
        Step.FINAL_ERROR: (3, 1),
    },
    (
        Arrow(Step.DRAFT, Step.PRELIMINARY_INTEGRATION, _("post")),
        Arrow(Step.PRELIMINARY_INTEGRATION, Step.APPROVAL, _("confirmed")),
        Arrow(Step.APPROVAL, Step.FINAL_INTEGRATION, _("approve")),
        Arrow(Step.FINAL_INTEGRATION, Step.BOOKED, _("confirmed")),
        Arrow(Step.PRELIMINARY_INTEGRATION, Step.PRELIMINARY_ERROR, _("stopped"), shift=-7),
        Arrow(Step.PRELIMINARY_ERROR, Step.PRELIMINARY_INTEGRATION, _("post again"), shift=-7),
        Arrow(Step.PRELIMINARY_ERROR, Step.APPROVAL, _("skip")),
        Arrow(Step.FINAL_INTEGRATION, Step.FINAL_ERROR, _("stopped"), shift=-7),
        Arrow(Step.FINAL_ERROR, Step.FINAL_INTEGRATION, _("post again"), shift=-7),
        Arrow(Step.FINAL_ERROR, Step.BOOKED, _("skip"), shift=-7),
        Arrow(Step.BOOKED, Step.FINAL_ERROR, _("validation failed"), shift=-7),
        Arrow(Step.DRAFT, Step.INVALIDATED, _("invalidate"), around=22),
        Arrow(Step.APPROVAL, Step.INVALIDATED),
        Arrow(Step.PRELIMINARY_ERROR, Step.INVALIDATED),
        Arrow(Step.FINAL_ERROR, Step.INVALIDATED),
    ),
)
STEPS_RECEIVABLE: Final = Machine(
    _("Step"),
    Step,
    {
        Step.DRAFT: (0, 0),
        Step.FINAL_INTEGRATION: (1, 0),
        Step.BOOKED: (2, 0),
        Step.FINAL_ERROR: (1, 1),
        Step.INVALIDATED: (0, 1),
    },
    (
        Arrow(Step.DRAFT, Step.FINAL_INTEGRATION, _("post")),
        Arrow(Step.FINAL_INTEGRATION, Step.BOOKED, _("confirmed")),
        Arrow(Step.FINAL_INTEGRATION, Step.FINAL_ERROR, _("stopped"), shift=-7),
        Arrow(Step.FINAL_ERROR, Step.FINAL_INTEGRATION, _("post again"), shift=-7),
        Arrow(Step.FINAL_ERROR, Step.BOOKED, _("skip")),
        Arrow(Step.DRAFT, Step.INVALIDATED),
        Arrow(Step.FINAL_ERROR, Step.INVALIDATED),
    ),
)
STATUS_PAYABLE: Final = Machine(
    _("Status after booking"),
    Status,
    {
        Status.OK_TO_PAY: (0, 0),
        Status.PROCESSING_PAYMENT: (1, 0),
        Status.PARTIALLY_PAID: (2, 0),
        Status.PAID: (3, 0),
        Status.FAILED_ERP_VALIDATION: (0, 1),
        Status.DENIED: (1, 1),
    },
    (
        Arrow(Status.OK_TO_PAY, Status.PROCESSING_PAYMENT),
        Arrow(Status.PROCESSING_PAYMENT, Status.PARTIALLY_PAID),
        Arrow(Status.PARTIALLY_PAID, Status.PAID),
        Arrow(Status.OK_TO_PAY, Status.PARTIALLY_PAID, over=22),
        Arrow(Status.OK_TO_PAY, Status.PAID, over=40),
        Arrow(Status.PROCESSING_PAYMENT, Status.PAID, over=22),
        Arrow(Status.OK_TO_PAY, Status.FAILED_ERP_VALIDATION, shift=-7),
        Arrow(Status.FAILED_ERP_VALIDATION, Status.OK_TO_PAY, shift=-7),
        Arrow(Status.PROCESSING_PAYMENT, Status.FAILED_ERP_VALIDATION),
        Arrow(Status.OK_TO_PAY, Status.DENIED),
        Arrow(Status.PROCESSING_PAYMENT, Status.DENIED),
    ),
)
STATUS_RECEIVABLE: Final = Machine(
    _("Status after booking"),
    Status,
    {Status.OPEN: (0, 0), Status.PARTIALLY_PAID: (1, 0), Status.PAID: (2, 0)},
    (
        Arrow(Status.OPEN, Status.PARTIALLY_PAID, shift=-7),
        Arrow(Status.PARTIALLY_PAID, Status.OPEN, shift=-7),
        Arrow(Status.PARTIALLY_PAID, Status.PAID, shift=-7),
        Arrow(Status.PAID, Status.PARTIALLY_PAID, shift=-7),
        Arrow(Status.OPEN, Status.PAID, over=22),
        Arrow(Status.PAID, Status.OPEN, around=22),
    ),
)


def machines_of(direction: str) -> tuple[Machine, Machine]:
    """Return the step and the status machine of an invoice of this direction."""
    if direction == Direction.PAYABLE:
        return STEPS_PAYABLE, STATUS_PAYABLE
    return STEPS_RECEIVABLE, STATUS_RECEIVABLE


@dataclass(frozen=True, slots=True)
class Frame:
    """The sizes of a drawing in its own units; standing drawings are narrow enough for a phone."""

    width: float
    height: float
    gap_x: float
    gap_y: float
    is_standing: bool

    def centre(self, place: Place) -> Point:
        """Return the middle of the box at `place`."""
        across, down = place[::-1] if self.is_standing else place
        return (across + 0.5) * self.width + across * self.gap_x, (down + 0.5) * self.height + down * self.gap_y

    def turn(self, along: float, beside: float) -> Point:
        """Return an offset along and beside the main line as x and y."""
        return (beside, along) if self.is_standing else (along, beside)


LYING: Final = Frame(width=138, height=46, gap_x=74, gap_y=52, is_standing=False)
STANDING: Final = Frame(width=122, height=46, gap_x=34, gap_y=34, is_standing=True)


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn state: its corner and size, the lines of its label, whether it is the present one."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[tuple[str, float, float], ...]  # text, x and y of its middle
    is_now: bool
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn move: its path, and its label with its place."""

    path: str
    label: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A machine as it is drawn, with the sentence that says the same in words."""

    name: str
    said: str
    view_box: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(machine: Machine, now: str, frame: Frame, tones: Mapping[str, str]) -> Drawing:
    """Return the places of everything in the drawing of `machine` with the state `now` marked.

    `tones` gives the colour name of the present state.
    """
    boxes = tuple(
        _box(frame, machine.places[state], str(machine.states(state).label), is_now=state == now, tone=tones[state])
        for state in machine.places
    )
    lines = tuple(_line(frame, machine, arrow) for arrow in machine.arrows)
    before = max((arrow.over for arrow in machine.arrows), default=0.0) + 8
    after = max((arrow.around for arrow in machine.arrows), default=0.0) + 10
    along, beside = frame.turn(4, before)
    along_after, beside_after = frame.turn(4, after)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    width, height = right + along + along_after, bottom + beside + beside_after
    said = machine.states(now).label if now in machine.places else _("not begun")
    return Drawing(
        name=str(machine.title),
        said=str(said),
        view_box=f"{-along:g} {-beside:g} {width:g} {height:g}",
        width=round(width),
        height=round(height),
        boxes=boxes,
        lines=lines,
    )


def _box(frame: Frame, place: Place, label: str, *, is_now: bool, tone: str) -> Box:
    x, y = frame.centre(place)
    lines = _broken(label)
    tops = [y + (index - (len(lines) - 1) / 2) * 14 for index in range(len(lines))]
    texts = tuple((text, x, top) for text, top in zip(lines, tops, strict=True))
    return Box(x - frame.width / 2, y - frame.height / 2, frame.width, frame.height, texts, is_now, tone)


def _broken(label: str, longest: int = 17) -> list[str]:
    """Return a label as one line or two, broken where the halves are most alike."""
    words = label.replace(" - ", " – ").split()
    if len(label) <= longest or len(words) == 1:
        return [" ".join(words)]
    breaks = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return list(min(breaks, key=lambda halves: max(map(len, halves))))


def _line(frame: Frame, machine: Machine, arrow: Arrow) -> Line:
    source, target = frame.centre(machine.places[arrow.source]), frame.centre(machine.places[arrow.target])
    if arrow.over or arrow.around:
        return _bow(frame, machine, arrow, source, target)
    long_x, long_y = target[0] - source[0], target[1] - source[1]
    length = (long_x**2 + long_y**2) ** 0.5
    off = (-long_y / length * arrow.shift, long_x / length * arrow.shift)
    source, target = (source[0] + off[0], source[1] + off[1]), (target[0] + off[0], target[1] + off[1])
    begin = _leave(frame, machine.places[arrow.source], source, target, 2)
    end = _leave(frame, machine.places[arrow.target], target, source, 5)
    share = 0.5 if abs(long_x) < 1 or abs(long_y) < 1 else 0.62  # slanting ones: away from their neighbours' labels
    x, y = begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share
    path = f"M{begin[0]:.1f} {begin[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"
    if abs(long_y) < 1:
        return Line(path, str(arrow.label), x, y - 7, "middle")
    return Line(path, str(arrow.label), x + (6 if off[0] >= 0 else -6), y + 4, "start" if off[0] >= 0 else "end")


def _bow(frame: Frame, machine: Machine, arrow: Arrow, source: Point, target: Point) -> Line:
    """Return an arrow that leaves the row: over the main line, or around below the last row."""
    size = frame.width if frame.is_standing else frame.height
    if arrow.over:
        level = -arrow.over
        edges = (0.0, -4.0)
    else:
        rows = max(beside for _along, beside in machine.places.values())
        gap = frame.gap_x if frame.is_standing else frame.gap_y
        level = (rows + 1) * size + rows * gap + arrow.around
        below = {state: (beside + 1) * size + beside * gap for state, (_along, beside) in machine.places.items()}
        edges = (below[arrow.source], below[arrow.target] + 4)
    a, b = (source[1], target[1]) if frame.is_standing else (source[0], target[0])
    nudge = 10 if b > a else -10
    a, b = a + nudge, b - nudge
    turns = [frame.turn(a, edges[0]), frame.turn(a, level), frame.turn(b, level), frame.turn(b, edges[1])]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in turns)
    x, y = frame.turn((a + b) / 2, level)
    return Line(path, "" if frame.is_standing else str(arrow.label), x, y - 6, "middle")


def _leave(frame: Frame, place: Place, inside: Point, outside: Point, margin: float) -> Point:
    """Return where the line from `inside` to `outside` leaves the box at `place`, `margin` further on."""
    x, y = frame.centre(place)
    dx, dy = outside[0] - inside[0], outside[1] - inside[1]
    times = []
    if dx:
        times.append((x + (frame.width / 2 + margin) * (1 if dx > 0 else -1) - inside[0]) / dx)
    if dy:
        times.append((y + (frame.height / 2 + margin) * (1 if dy > 0 else -1) - inside[1]) / dy)
    share = min(times)
    return inside[0] + dx * share, inside[1] + dy * share
