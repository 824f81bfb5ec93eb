"""The desk: what is stuck for a person over all their clients, oldest first, in groups. It reads and changes nothing.

Without a group chosen it shows the first rows of each group (`syncdiag.stuck` says which there are, and that an invoice
stands in one only, the most telling first); with one, its rows by pages of 50, continued by the key of the last row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from django.contrib.auth.models import User
from django.db.models import Count, Min, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from integrations.bulk import INVOICES_AT_MOST
from integrations.models import Connection
from integrations.policy import BreakerState
from invoices import clock
from invoices.models import Client, Invoice
from invoices.roles import Right
from syncdiag.desk_chart import AGES, Chart, draw_chart
from syncdiag.desk_rows import Reader, Row, make_rows
from syncdiag.models import Issue, IssueHit
from syncdiag.stuck import GROUPS, Group, Stuck, find_stuck

COUNT_TO: Final = 99
AGES_OF: Final = 20_000  # the age chart looks at the oldest ones, no further
FIRST_ROWS: Final = 5
PAGE: Final = 50
ISSUES_AT_MOST: Final = 40  # in the menu
MINE: Final = ("handed-in", "queue")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
RELATED: Final = ("client", "counterparty", "current_message")


@dataclass(frozen=True, slots=True)
class Filters:
    """What was chosen in the address; what makes no sense there chooses nothing."""

    client: int | None = None
    system: str = ""
    reason: str = ""  # a group
    said: str = ""  # an ongoing issue's key
    mine: str = ""  # handed-in: by me; queue: where I may handle it
    after: tuple[datetime, int] | None = None

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> Self:
        """Read them from an address."""
        client = query.get("client", "")
        reason, mine = query.get("reason", ""), query.get("mine", "")
        return cls(
            client=int(client) if client.isascii() and client.isdigit() and len(client) < 19 else None,
            system=query.get("system", ""),
            reason=reason if reason in {group.slug for group in GROUPS} else "",
            said=query.get("said", ""),
            mine=mine if mine in MINE else "",
            after=_read_key(query.get("after", "")),
        )

    def as_pairs(self) -> list[tuple[str, str]]:
        """Return the chosen ones as they stand in an address, without the place in the list."""
        values = {"client": self.client or "", "system": self.system, "reason": self.reason}
        values |= {"said": self.said, "mine": self.mine}
        return [(name, str(value)) for name, value in values.items() if value]

    def address(self, **changed: Any) -> str:
        """Return the address of the desk with some of them changed, from its beginning."""
        query = QueryDict(mutable=True)
        query.update(dict(replace(self, **changed).as_pairs()))
        return f"?{query.urlencode()}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a menu."""

    label: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """One filter; `chosen` is the label of what is chosen, empty for all."""

    title: str
    choices: tuple[Choice, ...]

    @property
    def chosen(self) -> str:
        """The label of what is chosen; empty for all."""
        return next((choice.label for choice in self.choices[1:] if choice.is_chosen), "")


@dataclass(frozen=True, slots=True)
class Counted:
    """A group with its count, at most one more than COUNT_TO, and the rows that are shown."""

    group: Group
    count: int
    url: str
    rows: tuple[Row, ...] = ()

    @property
    def count_text(self) -> str:
        """The count as it is shown."""
        return f"{COUNT_TO}+" if self.count > COUNT_TO else str(self.count)

    @property
    def has_more(self) -> bool:
        """Whether there are more than the rows that are shown."""
        return self.count > len(self.rows)


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the page shows."""

    groups: tuple[Counted, ...]
    chosen: Counted | None  # the group whose list it is
    filters: Filters
    menus: tuple[Menu, ...]
    chart: Chart
    total_text: str
    oldest: datetime | None
    onward: str  # where the list goes on; empty at its end
    everything: str  # the same filters without a group
    may_handle: bool

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter other than the group is on."""
        return bool(replace(self.filters, reason="").as_pairs())


def read_desk(reader: Reader, filters: Filters) -> Desk:
    """Return the desk of a person as filtered."""
    now = clock.now()
    connections = _connections_of(reader)
    stuck = matching(reader, filters, connections, now)
    chosen = filters.reason
    keys = {group.slug: _keys(stuck.of[group.slug], group.since, at_most=COUNT_TO + 1) for group in GROUPS}
    shown = {slug: found[:FIRST_ROWS] for slug, found in keys.items() if not chosen}
    onward = ""
    if chosen:
        page = _keys(stuck.of[chosen], _since(chosen), filters.after, at_most=PAGE + 1)
        shown = {chosen: page[:PAGE]}
        onward = f"{filters.address()}&after={_key_text(page[PAGE - 1])}" if len(page) > PAGE else ""
    wanted = [pk for found in shown.values() for _moment, pk in found]
    invoices = Invoice.objects.select_related(*RELATED).in_bulk(wanted) if wanted else {}
    placed = [(group, invoices[pk]) for group in GROUPS for _moment, pk in shown.get(group.slug, ()) if pk in invoices]
    rows = make_rows(placed, reader=reader, connections=connections)
    counted = tuple(
        Counted(
            group,
            len(keys[group.slug]),
            filters.address(reason=group.slug),
            tuple(row for row in rows if row.group is group),
        )
        for group in GROUPS
    )
    ages = _ages(stuck.of[chosen] if chosen else stuck.all, _since(chosen), now)
    total = sum(ages[0])
    return Desk(
        groups=counted,
        chosen=next((each for each in counted if each.group.slug == chosen), None),
        filters=filters,
        menus=_menus(reader, filters, connections),
        chart=draw_chart(ages[0]),
        total_text=f"{AGES_OF:,}+" if total > AGES_OF else f"{total:,}",
        oldest=ages[1],
        onward=onward,
        everything=filters.address(reason=""),
        may_handle=bool(reader.handles),
    )


def reader_of(user: User) -> Reader:
    """Return a person with the rights that the desk asks for."""
    held = Client.objects.by_right(user)
    return Reader(user.pk, held[Right.VIEW], frozenset(held[Right.HANDLE_QUEUE]), frozenset(held[Right.LOOK_UP]))


def select_matching(user: User, query: QueryDict) -> list[int]:
    """Return what "all that match" means for a run over many: ids, longest stuck first, one more than a run takes."""
    reader, filters = reader_of(user), Filters.read(query)
    connections = _connections_of(reader)
    stuck = matching(reader, filters, connections, clock.now())
    rows = stuck.of[filters.reason] if filters.reason else stuck.all
    return [pk for _moment, pk in _keys(rows, _since(filters.reason), at_most=INVOICES_AT_MOST + 1)]


def _connections_of(reader: Reader) -> dict[int, Connection]:
    return {each.client_id: each for each in Connection.objects.filter(client_id__in=list(reader.sees))}


def matching(reader: Reader, filters: Filters, connections: Mapping[int, Connection], at: datetime) -> Stuck:
    """Return what is stuck for a person as filtered; the group and the place in the list are left to the caller."""
    clients = set(reader.sees)
    if filters.client is not None:
        clients &= {filters.client}
    if filters.system:
        clients &= {pk for pk, link in connections.items() if link.connector == filters.system}
    if filters.mine == "queue":
        clients &= set(reader.handles)
    invoices = Invoice.objects.filter(client_id__in=clients)
    if filters.mine == "handed-in":
        invoices = invoices.filter(created_by_id=reader.user_id)
    if filters.said and filters.said in _ongoing_issues(reader):
        hits = IssueHit.objects.filter(is_open=True, issue__client_id__in=clients, issue__key=filters.said)
        invoices = invoices.filter(pk__in=hits.order_by().values("invoice_id"))
    paused = [pk for pk, link in connections.items() if pk in clients and _is_paused(link)]
    return find_stuck(invoices, clients=clients, paused=paused, at=at)


def _is_paused(connection: Connection) -> bool:
    is_open = connection.breaker_state != BreakerState.CLOSED
    return is_open or connection.needs_credentials or not connection.is_enabled


def _since(slug: str) -> str:
    """Return what the rows of a group are ordered by; without a group, of all."""
    return next((group.since for group in GROUPS if group.slug == slug), "step_since")


def _ages(rows: QuerySet[Invoice], name: str, now: datetime) -> tuple[list[int], datetime | None]:
    """Return how many have stood there how long, youngest first, and since when the oldest has; one query."""
    conditions = {}
    since: datetime | None = None
    for number, (_label, limit) in enumerate(AGES):
        younger = Q(**{f"{name}__gt": now - limit}) if limit else Q()
        older = Q(**{f"{name}__lte": since}) if since else Q()
        conditions[f"age_{number}"] = Count("pk", filter=younger & older)
        since = now - limit if limit else None
    counted = rows.order_by(name).only("pk", name)[: AGES_OF + 1]
    found = counted.aggregate(oldest=Min(name), **conditions)
    return [found[f"age_{number}"] for number in range(len(AGES))], found["oldest"]


# the place in the list ------------------------------------------------------------------------------------------------


def _keys(
    rows: QuerySet[Invoice], name: str, after: tuple[datetime, int] | None = None, *, at_most: int
) -> list[tuple[datetime, int]]:
    """Return the keys of the oldest rows behind a place, as far as they are counted or shown."""
    rows = rows.order_by(name, "pk")
    if after is not None:
        moment, pk = after
        rows = rows.filter(Q(**{f"{name}__gt": moment}) | Q(pk__gt=pk), **{f"{name}__gte": moment})
    return list(rows.values_list(name, "pk")[:at_most])


def _key_text(key: tuple[datetime, int]) -> str:
    return f"{(key[0] - EPOCH) // timedelta(microseconds=1)}-{key[1]}"


def _read_key(text: str) -> tuple[datetime, int] | None:
    moment, _dash, pk = text.partition("-")
    if not (text.isascii() and moment.isdigit() and pk.isdigit() and len(moment) < 17 and len(pk) < 19):
        return None
    return EPOCH + timedelta(microseconds=int(moment)), int(pk)


# menus ----------------------------------------------------------------------------------------------------------------


def _ongoing_issues(reader: Reader) -> dict[str, str]:
    """Return what fails at the clients that the person sees now, key → title, by title."""
    found = Issue.objects.ongoing().filter(client_id__in=list(reader.sees)).order_by("title", "pk")
    return dict(found.values_list("key", "title")[:ISSUES_AT_MOST])


def _menus(reader: Reader, filters: Filters, connections: Mapping[int, Connection]) -> tuple[Menu, ...]:
    """Return the filters; one choice alone is none."""
    systems = {link.connector: str(link.get_connector_display()) for link in connections.values()}
    issues = list(_ongoing_issues(reader).items())
    mine = [
        ("handed-in", _("handed in by me")),
        *([("queue", _("where I handle the queue"))] if reader.handles else []),
    ]
    offered: list[tuple[str, str, list[tuple[Any, str]], bool]] = [
        (_("Client"), "client", list(reader.sees.items()), len(reader.sees) > 1),
        (_("Connection"), "system", sorted(systems.items()), len(systems) > 1),
        (_("The ERP complained"), "said", issues, bool(issues)),
        (_("Mine"), "mine", list(mine), True),
    ]
    return tuple(
        Menu(
            title,
            (
                Choice(
                    _("All"), filters.address(**{name: None if name == "client" else ""}), not getattr(filters, name)
                ),
                *(
                    Choice(label, filters.address(**{name: value}), getattr(filters, name) == value)
                    for value, label in choices
                ),
            ),
        )
        for title, name, choices, is_offered in offered
        if is_offered or getattr(filters, name)
    )
