"""What a pull learns of the ERP's own rules, and what the preflight of an invoice does with it.

Nothing here asks the ERP while somebody waits: items, closed periods and the company's preferences are read with every
pull, and count for a day. An older word must not keep anybody from posting.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from integrations.erps.contract import Connector, RemoteItem
from integrations.erps.registry import CONNECTORS
from integrations.models import Connection, KnownClosedPeriod, KnownInactiveItem
from invoices import clock
from invoices.models import Invoice
from invoices.preflight import Problem
from invoices.workflow import FINAL_STEPS, Direction

LASTS: Final = timedelta(days=1)
OVERLAP: Final = timedelta(days=1)  # items are asked for by our clock, which is not the ERP's
BATCH: Final = 500
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
    with transaction.atomic():
        connection.closed_periods.all().delete()
        KnownClosedPeriod.objects.bulk_create(
            KnownClosedPeriod(
                connection=connection, name=period.name[:60], first_day=period.first_day, last_day=period.last_day
            )
            for period in periods
        )
        connection.learned_at = began
        connection.needs_location = capabilities.needs_location_on_zero_lines
        connection.save(update_fields=["learned_at", "needs_location"])


def _keep_items(connection: Connection, items: Sequence[RemoteItem]) -> None:
    """Keep the inactive ones, and forget those that may be used again; the last word on a code counts."""
    last = {item.code[:60]: item for item in items}
    inactive = [code for code, item in last.items() if not item.is_active]
    with transaction.atomic():
        connection.inactive_items.filter(code__in=list(last)).delete()
        KnownInactiveItem.objects.bulk_create(
            KnownInactiveItem(connection=connection, code=code, name=last[code].name[:200]) for code in inactive
        )


def forget_books(connection: Connection) -> dict[str, object]:
    """Forget what was learned of another company's books, and return the cursors to save with the new link."""
    connection.inactive_items.all().delete()
    connection.closed_periods.all().delete()
    names = ("changes_until", "deletions_until", "deletions_read_at", "pulled_at", "learned_at")
    return {**dict.fromkeys(names), "needs_location": False, "pull_token": "", "pull_until": None, "deletions_held": 0}


def check_against_books(invoice: Invoice) -> Iterator[Problem]:
    """Give what the ERP would refuse, as far as it is known here; registered with the preflight."""
    connection = Connection.objects.filter(client_id=invoice.client_id).first()
    if connection is None:
        return
    longest = CONNECTORS[connection.connector].capabilities.number_length
    if len(invoice.number) > longest:
        sentence = _("The number is too long for the accounting system: use at most %(longest)s characters.")
        yield Problem("number", sentence % {"longest": longest})
    if connection.learned_at is None or connection.learned_at < clock.now() - LASTS:
        return
    yield from _check_lines(invoice, connection)
    yield from _check_period(invoice, connection)


def _check_lines(invoice: Invoice, connection: Connection) -> Iterator[Problem]:
    lines = list(invoice.lines.all())
    codes = {line.item for line in lines if line.item}
    inactive = set(connection.inactive_items.filter(code__in=codes).values_list("code", flat=True)) if codes else set()
    for index, line in enumerate(lines):
        if line.item in inactive:
            sentence = _("The item %(item)s is inactive in the accounting system: activate it there, or take it off.")
            yield Problem(f"lines[{index}].item", sentence % {"item": line.item})
        if connection.needs_location and not line.unit_price:
            sentence = _(
                "The accounting system wants a location for a line without a price: give it one, or take it off."
            )
            yield Problem(f"lines[{index}].unit_price", sentence)


def _check_period(invoice: Invoice, connection: Connection) -> Iterator[Problem]:
    is_final = invoice.step in FINAL_STEPS or invoice.direction == Direction.RECEIVABLE
    typed = invoice.final_posting_date if is_final else invoice.preliminary_posting_date
    day = typed or invoice.invoice_date
    closed = connection.closed_periods.filter(first_day__lte=day, last_day__gte=day).first()
    if closed is not None:
        sentence = _("The period %(period)s is closed in the accounting system: choose another date, or open it there.")
        yield Problem("posting_date" if typed else "invoice_date", sentence % {"period": closed.name})
