"""Where is my missing invoice? (article 001) It walks the article's list, and asks the ERP whether it has the number.

What a person may not see does not exist for them: invoices of their other clients are found, of nobody else's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from integrations.importing import LONGEST_NUMBER, find_deletion, find_missing
from integrations.models import name_of_system
from invoices import clock
from invoices.actions.importing import Imported, Outcome
from invoices.actions.numbers import why_no_duplicate
from invoices.errors import BadInput, NotThere
from invoices.models import Client, Invoice
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import Direction
from syncdiag.answers.shared import amount_text
from syncdiag.findings import Finding, Proof, Turn, in_order, when
from syncdiag.near import near_misses
from syncdiag.questions import MISSING
from syncdiag.standing import Standing

SHOWN_AT_MOST: Final = 5
NOT_ASKED: Final = (Outcome.NOT_ASKED, Outcome.NOT_CONNECTED, Outcome.DISCONNECTED)
THERE: Final = {
    Outcome.SEVERAL: "several-in-erp",
    Outcome.VOIDED: "voided-in-erp",
    Outcome.NOT_BOOKED: "not-booked-there",
    Outcome.UNFIT: "unfit-there",
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, by whom, and when."""

    client: Client
    number: str
    directions: tuple[str, ...]
    by: User | None
    standing: Standing
    system: str
    now: datetime

    @property
    def values(self) -> dict[str, str]:
        """The words that its sentences need."""
        return {"number": self.number, "client": str(self.client), "system": self.system or _("the ERP")}


def find_missing_invoice(client_id: int, number: str, *, by: User | None, direction: str = "") -> list[Finding]:
    """Say where an invoice is that a person misses, what to do first coming first; asks the ERP, and writes nothing.

    Without a direction it is looked for in both. Raises BadInput for what cannot be a number or direction, NotThere for
    a client that is not theirs.
    """
    client = Client.objects.filter(pk=client_id).first()
    if client is None:
        raise NotThere(NOT_THERE)
    require(by, Right.VIEW, client)
    number = number.strip()
    if not 0 < len(number) <= LONGEST_NUMBER or not number.isprintable():
        raise BadInput({"number": _("Give the exact number: 1 to 40 printable characters.")})
    if direction and direction not in Direction.values:
        raise BadInput({"direction": _("Use payable or receivable, or leave it out to have both looked for.")})
    directions = (direction,) if direction else tuple(Direction.values)
    standing = Standing.read(by, client)
    search = Search(client, number, directions, by, standing, name_of_system(client.pk), clock.now())
    here = _here(search)
    findings = [_known(search, invoice) for invoice in here]
    findings += [_elsewhere(search, invoice) for invoice in _elsewhere_rows(search)]
    findings += _there(search, here)
    if not here:
        findings += [_near(search, invoice) for invoice in near_misses(client, number)]
    return in_order(findings)


def _here(search: Search) -> list[Invoice]:
    rows = Invoice.objects.filter(client=search.client, number=search.number, direction__in=search.directions)
    return list(rows.select_related("client", "counterparty").order_by("pk")[:SHOWN_AT_MOST])


def _elsewhere_rows(search: Search) -> Sequence[Invoice]:
    rows = Invoice.objects.all() if search.by is None else Invoice.objects.visible_to(search.by)
    rows = rows.filter(number=search.number).exclude(client=search.client)
    return list(rows.select_related("client", "counterparty").order_by("pk")[:SHOWN_AT_MOST])


def _known(search: Search, invoice: Invoice) -> Finding:
    """Return what to do about an invoice of the number that is here."""
    values = {**search.values, "party": str(invoice.counterparty), "step": invoice.get_step_display()}
    if not invoice.is_archived:
        what = _("%(number)s of %(party)s is here, in the step %(step)s.") % values
        step = _("Look at it. If you miss another one of the same number, import that by its number.")
        return _finding("here", what, _facts(invoice), step, "open", about=invoice)
    archived = (
        when(_("archived"), invoice.archived_at),
        Proof(_("why archived"), invoice.archived_reason or "–", invoice.archived_at),
    )
    if invoice.deleted_in_erp_at is not None:
        return _finding(
            "deleted-in-erp",
            _("%(number)s of %(party)s was deleted in %(system)s, so it was archived here.") % values,
            (when(_("deleted there"), invoice.deleted_in_erp_at), *archived, *_facts(invoice)),
            _("If that was a mistake, enter it there again; restore it here to have it on the list."),
            "restore",
            turn=Turn.FIRST,
            about=invoice,
        )
    return _finding(
        "archived-here",
        _("%(number)s of %(party)s is here, but archived.") % values,
        (*archived, *_facts(invoice)),
        _("Restore it, and it is on the list again. The list shows it under Archived: Yes."),
        "restore",
        turn=Turn.FIRST,
        about=invoice,
    )


def _elsewhere(search: Search, invoice: Invoice) -> Finding:
    values = {**search.values, "other": str(invoice.client)}
    return _finding(
        "other-client",
        _("%(number)s is an invoice of %(other)s.") % values,
        (Proof(_("client"), str(invoice.client), invoice.created_at), *_facts(invoice)),
        _("Look at it there; it may have been handed in for the wrong client."),
        "open",
        about=invoice,
    )


def _facts(invoice: Invoice) -> tuple[Proof, ...]:
    return (
        Proof(_("counterparty"), str(invoice.counterparty), invoice.created_at),
        Proof(_("step"), invoice.get_step_display(), invoice.step_since),
        Proof(_("total"), amount_text(invoice.total, invoice.currency), invoice.created_at),
        when(_("handed in"), invoice.created_at),
    )


# the ERP --------------------------------------------------------------------------------------------------------------


def _there(search: Search, here: Sequence[Invoice]) -> Iterator[Finding]:
    """Ask the ERP in each direction; nothing more is asked once it could not be."""
    if not search.standing.may(Right.SYNC):
        yield _finding(
            "erp-not-asked",
            _("The ERP was not asked: you have no right to sync."),
            (Proof(_("the right"), str(Right.SYNC.label), search.now),),
            search.standing.who_may(Right.SYNC),
        )
        return
    asked: list[Imported] = []
    for direction in search.directions:
        end = find_missing(search.client.pk, search.number, direction, by=search.by)
        asked.append(end)
        if end.outcome in NOT_ASKED:
            yield _not_asked(search, end)
            return
        yield from _of_outcome(search, end, direction, here)
    if not here and all(end.outcome is Outcome.NOT_FOUND for end in asked):
        yield _gone_or_never(search)


def _not_asked(search: Search, end: Imported) -> Finding:
    return _finding(
        "erp-not-asked",
        _("Whether the ERP has it is not known: it could not be asked."),
        (Proof(_("asked the ERP"), end.sentence, search.now),),
        _("Look at the connection, and ask again when it works."),
        "connection",
    )


def _of_outcome(search: Search, end: Imported, direction: str, here: Sequence[Invoice]) -> Iterator[Finding]:
    asked = Proof(_("asked the ERP"), end.sentence, search.now)
    values = {"client": str(search.client.pk), "direction": direction, "number": search.number}
    if end.outcome is Outcome.IMPORTABLE:
        yield _finding(
            "in-erp-not-here",
            _("%(number)s is in %(system)s and not here.") % search.values,
            (asked,),
            _("Import it: it comes with its lines, payments and PDF, and nothing is sent."),
            "import",
            turn=Turn.FIRST,
            values=values,
        )
    elif end.outcome is Outcome.NUMBER_TAKEN and end.invoice is not None:
        yield _number_taken(search, end, asked)
    elif end.outcome in THERE:
        choices = tuple(
            Proof(
                _("there"),
                f"{one.said.party_name} ({one.said.party_code}), "
                f"{amount_text(one.said.total, one.said.currency)}, {one.said.invoice_date}, id {one.said.remote_id}",
                search.now,
            )
            for one in end.choices
        )
        may_choose = end.outcome is Outcome.SEVERAL
        yield _finding(
            THERE[end.outcome],
            end.sentence,
            (asked, *choices),
            _("Choose the one that is missing, and import it.")
            if may_choose
            else _("Put that right there, then look for it again."),
            "import" if may_choose else "",
            turn=Turn.FIRST,
            values=values if may_choose else {},
        )
    elif end.invoice is not None and end.invoice.pk not in {invoice.pk for invoice in here}:
        yield _known(search, end.invoice)  # the same document, under another number here


def _number_taken(search: Search, end: Imported, asked: Proof) -> Finding:
    """Return who has the number: it is kept out by the client's setting, or by its own counterparty's other one."""
    holder = end.invoice
    assert holder is not None  # noqa: S101 (the caller has looked)
    has = Proof(
        _("has the number"), f"{holder.number} · {holder.counterparty} · {holder.get_step_display()}", search.now
    )
    if end.sentence != why_no_duplicate(holder):
        step = _("Look at the one that is here, and give one of them another number there.")
        return _finding("number-used", end.sentence, (asked, has), step, "open", turn=Turn.FIRST, about=holder)
    setting = Proof(_("Allow duplicate invoice numbers"), _("off"), search.now)
    return _finding(
        "duplicates-not-allowed",
        _("%(number)s is in %(system)s, and kept out here: its number is in use, and duplicates are not allowed.")
        % search.values,
        (setting, has, asked),
        _("Have Allow duplicate invoice numbers switched on for %(client)s, then look for it again.") % search.values,
        "preferences",
        turn=Turn.FIRST,
        about=holder,
    )


def _gone_or_never(search: Search) -> Finding:
    """Return when it was deleted there, or that nobody knows the number."""
    asked = Proof(_("asked the ERP"), _("It has no invoice of this number."), search.now)
    gone = find_deletion(search.client.pk, search.number, by=search.by)
    if gone.deletion is not None:
        return _finding(
            "deleted-in-erp",
            _("%(number)s was deleted in %(system)s.") % search.values,
            (
                when(_("deleted there"), gone.deletion.deleted_at),
                Proof(_("id there"), gone.deletion.remote_id, gone.deletion.deleted_at),
                asked,
            ),
            _("If that was a mistake, enter it there again, then import it by its number."),
            turn=Turn.FIRST,
        )
    deletions = gone.trouble or _("not among those of the last 30 days")
    return _finding(
        "never-existed",
        _("No invoice numbered %(number)s is here or in %(system)s.") % search.values,
        (
            Proof(_("looked for here"), _("No invoice of %(client)s has this number.") % search.values, search.now),
            asked,
            Proof(_("deletions there"), deletions, search.now),
        ),
        _("Check the number: it must be exact, capitals and dashes too."),
    )


def _near(search: Search, invoice: Invoice) -> Finding:
    return _finding(
        "near-miss",
        _("Did you mean %(near)s?") % {"near": invoice.number},
        (
            Proof(_("you looked for"), search.number, search.now),
            Proof(_("nearly the same here"), invoice.number, invoice.created_at),
            *_facts(invoice),
        ),
        _("Look at it."),
        "open",
        about=invoice,
    )


def _finding(
    name: str, what: str, evidence: tuple[Proof, ...], next_step: str, button: str = "", **more: object
) -> Finding:
    return Finding(name, what, evidence, next_step, button, question=MISSING, **more)  # type: ignore[arg-type]
