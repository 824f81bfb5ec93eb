"""What a pull learns of the ERP's own rules, and what the preflight of an invoice does with it.

Nothing here asks the ERP while somebody waits: items, parties, closed periods and the company's preferences are read
with every pull, its documents as they change. All of it counts for a day: an older word keeps nobody from posting.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.erps.contract import (
    Capabilities,
    Connector,
    Deletion,
    DocumentState,
    ListsParties,
    RemoteDocument,
    RemoteItem,
)
from integrations.erps.registry import CONNECTORS
from integrations.models import Connection, KnownClosedPeriod, KnownDocument, KnownInactiveItem, KnownParty
from invoices import clock
from invoices.models import Invoice
from invoices.preflight import Problem
from invoices.workflow import FINAL_STEPS, Direction, Step

LASTS: Final = timedelta(days=1)
OVERLAP: Final = timedelta(days=1)  # items are asked for by our clock, which is not the ERP's
BATCH: Final = 500
LONGEST_CODE: Final = 40  # of a counterparty or a number here: no longer one can be ours
MOST_OF_ONE_NUMBER: Final = 20
DIRECTIONS: Final = {"customer": Direction.RECEIVABLE, "supplier": Direction.PAYABLE}
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def learn(connection: Connection, connector: Connector) -> None:
    """Read the ERP's items, closed periods and preferences; raises ErpError, and then nothing is forgotten."""
    began = clock.now()
    capabilities = connector.company_capabilities()
    periods = connector.periods()
    since = connection.learned_at - OVERLAP if connection.learned_at else BEGINNING
    items = connector.items(since)
    while batch := list(islice(items, BATCH)):
        _keep_items(connection, batch)
    parties_learned_at = began if _learn_parties(connection, connector, capabilities) else None
    with transaction.atomic():
        connection.closed_periods.all().delete()
        KnownClosedPeriod.objects.bulk_create(
            KnownClosedPeriod(
                connection=connection, name=period.name[:60], first_day=period.first_day, last_day=period.last_day
            )
            for period in periods
        )
        connection.learned_at = began
        connection.parties_learned_at = parties_learned_at
        connection.needs_location = capabilities.needs_location_on_zero_lines
        connection.save(update_fields=["learned_at", "parties_learned_at", "needs_location"])


def _keep_items(connection: Connection, items: Sequence[RemoteItem]) -> None:
    """Keep the inactive ones, and forget those that may be used again; the last word on a code counts."""
    last = {item.code[:60]: item for item in items}
    inactive = [code for code, item in last.items() if not item.is_active]
    with transaction.atomic():
        connection.inactive_items.filter(code__in=list(last)).delete()
        KnownInactiveItem.objects.bulk_create(
            KnownInactiveItem(connection=connection, code=code, name=last[code].name[:200]) for code in inactive
        )


def _learn_parties(connection: Connection, connector: Connector, capabilities: Capabilities) -> bool:
    """Keep which customers and suppliers there are, and forget what was deleted; say if that tells who is missing."""
    since = connection.parties_learned_at - OVERLAP if connection.parties_learned_at else BEGINNING
    there: set[tuple[str, str]] = set()
    if isinstance(connector, ListsParties):
        if since == BEGINNING:
            connection.known_parties.all().delete()
        parties = connector.parties(since)
        while batch := list(islice(parties, BATCH)):
            kept = {(party.direction, party.code): party for party in batch if len(party.code) <= LONGEST_CODE}
            there.update(kept)
            KnownParty.objects.bulk_create(
                [
                    KnownParty(connection=connection, direction=direction, code=code, is_active=party.is_active)
                    for (direction, code), party in kept.items()
                ],
                update_conflicts=True,
                unique_fields=["connection", "direction", "code"],
                update_fields=["is_active"],
            )
    if capabilities.deletion_feed and connection.learned_at is not None:
        _forget_deleted(connection, connector.deletions(connection.learned_at - OVERLAP), there)
    return isinstance(connector, ListsParties) and capabilities.deletion_feed and not capabilities.takes_unknown_parties


def _forget_deleted(connection: Connection, deletions: Sequence[Deletion], there: Collection[tuple[str, str]]) -> None:
    """Forget the parties and documents that were deleted, unless a party is `there` again."""
    documents = [one.remote_id for one in deletions if one.what == "document"]
    for start in range(0, len(documents), BATCH):
        connection.known_documents.filter(remote_id__in=documents[start : start + BATCH]).delete()
    for what, direction in DIRECTIONS.items():
        codes = [one.remote_id for one in deletions if one.what == what and (direction, one.remote_id) not in there]
        for start in range(0, len(codes), BATCH):
            connection.known_parties.filter(direction=direction, code__in=codes[start : start + BATCH]).delete()


def keep_foreign(
    connection: Connection, foreign: Iterable[RemoteDocument], ours: Collection[str], *, has_feed: bool
) -> None:
    """Keep the documents of one batch that are no invoice here, and forget those that are `ours`, or were voided.

    Of an ERP that does not tell what was deleted nothing is kept: it could never be forgotten.
    """
    kept = [one for one in foreign if has_feed and not one.trouble and one.state is not DocumentState.VOIDED]
    gone = {*ours, *(one.remote_id for one in foreign)} - {one.remote_id for one in kept}
    if gone:
        connection.known_documents.filter(remote_id__in=gone).delete()
    KnownDocument.objects.bulk_create(
        [
            KnownDocument(
                connection=connection,
                remote_id=one.remote_id,
                direction=one.direction,
                kind=one.kind,
                number=one.number,
                party_code=one.party.code,
            )
            for one in {one.remote_id: one for one in kept}.values()
            if len(one.number) <= LONGEST_CODE and len(one.party.code) <= LONGEST_CODE
        ],
        update_conflicts=True,
        unique_fields=["connection", "remote_id"],
        update_fields=["direction", "kind", "number", "party_code"],
    )


def forget_books(connection: Connection) -> dict[str, object]:
    """Forget what was learned of another company's books, and return the cursors to save with the new link."""
    connection.inactive_items.all().delete()
    connection.closed_periods.all().delete()
    connection.known_parties.all().delete()
    connection.known_documents.all().delete()
    names = (
        "changes_until", "deletions_until", "deletions_read_at", "pulled_at", "learned_at", "parties_learned_at"
    )  # fmt: skip
    return {**dict.fromkeys(names), "needs_location": False, "pull_token": "", "pull_until": None, "deletions_held": 0}


def check_against_books(invoice: Invoice) -> Iterator[Problem]:
    """Give what the ERP would refuse, as far as it is known here; registered with the preflight."""
    connection = Connection.objects.filter(client_id=invoice.client_id).first()
    if connection is None:
        return
    longest = CONNECTORS[connection.connector].capabilities.number_length
    if len(invoice.number) > longest:
        sentence = _("The number is too long for the ERP: use at most %(longest)s characters.")
        yield Problem("number", sentence % {"longest": longest})
    if connection.learned_at is None or connection.learned_at < clock.now() - LASTS:
        return
    yield from _check_party(invoice, connection)
    yield from _check_number(invoice, connection)
    yield from _check_lines(invoice, connection)
    yield from _check_period(invoice, connection)


def _check_party(invoice: Invoice, connection: Connection) -> Iterator[Problem]:
    party = invoice.counterparty
    known = connection.known_parties.filter(direction=invoice.direction, code=party.code).first()
    said = {"party": str(party), "when": _asked(connection)}
    if known is not None and not known.is_active:
        sentence = _("%(party)s is inactive in the ERP (asked %(when)s): activate it there, or choose another one.")
        yield Problem("counterparty.code", sentence % said)
    is_known = connection.parties_learned_at is not None and bool(party.code.strip())
    if known is None and is_known and not invoice.client.creates_counterparties:
        sentence = _("%(party)s is not in the ERP (asked %(when)s): create it there and sync, or choose another one.")
        yield Problem("counterparty.code", sentence % said)


def _check_number(invoice: Invoice, connection: Connection) -> Iterator[Problem]:
    """Give what stands in the ERP under the number of a draft. Whoever posts again has just had the ERP asked."""
    if invoice.step != Step.DRAFT:
        return
    same = connection.known_documents.filter(direction=invoice.direction, kind=invoice.kind, number=invoice.number)
    if invoice.direction == Direction.PAYABLE or invoice.client.allows_duplicate_numbers:
        same = same.filter(party_code=invoice.counterparty.code)
    for known in same[:MOST_OF_ONE_NUMBER]:
        if Invoice.objects.filter(client_id=invoice.client_id, remote_id=known.remote_id).exists():
            continue  # it came to be ours after it was read
        sentence = _(
            "The ERP has %(number)s already, for %(party)s (its id there is %(id)s, asked %(when)s). If that is this "
            "invoice, do not post it: invalidate it here and import that one. Else choose another number."
        )
        said = {"number": known.number, "party": known.party_code, "id": known.remote_id}
        yield Problem("number", sentence % {**said, "when": _asked(connection)})
        return


def _asked(connection: Connection) -> str:
    return f"{timezone.localtime(connection.learned_at):%Y-%m-%d %H:%M %Z}"


def _check_lines(invoice: Invoice, connection: Connection) -> Iterator[Problem]:
    lines = list(invoice.lines.all())
    codes = {line.item for line in lines if line.item}
    inactive = set(connection.inactive_items.filter(code__in=codes).values_list("code", flat=True)) if codes else set()
    for index, line in enumerate(lines):
        if line.item in inactive:
            sentence = _("The item %(item)s is inactive in the ERP: activate it there, or take it off.")
            yield Problem(f"lines[{index}].item", sentence % {"item": line.item})
        if connection.needs_location and not line.unit_price:
            sentence = _("The ERP wants a location for a line without a price: give it one, or take it off.")
            yield Problem(f"lines[{index}].unit_price", sentence)


def _check_period(invoice: Invoice, connection: Connection) -> Iterator[Problem]:
    is_final = invoice.step in FINAL_STEPS or invoice.direction == Direction.RECEIVABLE
    typed = invoice.final_posting_date if is_final else invoice.preliminary_posting_date
    day = typed or invoice.invoice_date
    closed = connection.closed_periods.filter(first_day__lte=day, last_day__gte=day).first()
    if closed is not None:
        sentence = _("The period %(period)s is closed in the ERP: choose another date, or open it there.")
        yield Problem("posting_date" if typed else "invoice_date", sentence % {"period": closed.name})
