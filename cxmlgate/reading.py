"""All that one message needs of the database, in one statement (PostgreSQL).

What it brings is no secret yet: the caller knows the sender only afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import OperationalError, connection

from cxmlgate import verdicts
from cxmlgate.models import GateMessage, GateSettings
from invoices.bulk import column_names, make_row
from invoices.events import COLUMNS
from invoices.models import Client, Invoice
from invoices.prepared import run_prepared


@dataclass(frozen=True, slots=True)
class Found:
    """What is there: the client of the slug and its gate; whether the message was taken before; invoices by number.

    The invoices stay values until they are asked for: what is refused, or was taken before, does without them.
    """

    client_id: int | None = None
    gate: GateSettings | None = None
    is_taken: bool = False
    rows: tuple[Sequence[Any], ...] = ()

    def invoices(self) -> tuple[Invoice, ...]:
        """Return the invoices of those numbers, with what the log's pen needs of them."""
        return tuple(make_row(Invoice, row, COLUMNS) for row in self.rows)


def find(slug: str, digest: str, numbers: Sequence[str]) -> Found:
    """Return what there is for a message of that digest about invoices of at most two numbers, as of one moment.

    No statement before it asks whether the connection still works: this one is asked again on a new one.
    """
    one, other = (*numbers, None, None)[:2]
    values = [digest, verdicts.OK.code, one, other, slug]
    try:
        rows = run_prepared(_statement(), values).rows
    except OperationalError:
        if connection.in_atomic_block:
            raise
        connection.close()
        rows = run_prepared(_statement(), values).rows
    if not rows:
        return Found()
    is_taken, client_id, *first = rows[0]
    gates = len(GateSettings._meta.concrete_fields)
    invoices = [row[2 + gates :] for row in rows]  # of each the id is the first, null where there is none
    return Found(
        client_id=client_id,
        gate=make_row(GateSettings, first[:gates]) if first[0] is not None else None,
        is_taken=is_taken,
        rows=tuple(invoice for invoice in invoices if invoice[0] is not None),
    )


@lru_cache(maxsize=1)
def _statement() -> str:
    quote = connection.ops.quote_name
    client, gate, message, invoice = (
        quote(model._meta.db_table) for model in (Client, GateSettings, GateMessage, Invoice)
    )
    of_gate = column_names(GateSettings, GateSettings._meta.db_table)
    of_invoice = column_names(Invoice, Invoice._meta.db_table, COLUMNS)
    return (
        f"SELECT EXISTS (SELECT 1 FROM {message} WHERE digest = %s AND code = %s),"  # noqa: S608
        f" {client}.id, {of_gate}, {of_invoice}"
        f" FROM {client}"
        f" LEFT JOIN {gate} ON {gate}.client_id = {client}.id"
        f" LEFT JOIN {invoice} ON {invoice}.client_id = {client}.id AND {invoice}.number IN (%s, %s)"
        f" WHERE {client}.slug = %s"
    )
