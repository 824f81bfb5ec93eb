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
from invoices.bulk import column_names, make_row, numbered, prepared_cursor
from invoices.models import Client, Invoice


@dataclass(frozen=True, slots=True)
class Found:
    """What is there: the client by its slug and its gate; whether the message was taken before; invoices by number."""

    client: Client | None = None
    gate: GateSettings | None = None
    is_taken: bool = False
    invoices: tuple[Invoice, ...] = ()


def find(slug: str, digest: str, numbers: Sequence[str]) -> Found:
    """Return what there is for a message of that digest about invoices of those numbers, as of one moment.

    No statement before it asks whether the connection still works: this one is asked again on a new one.
    """
    values = [digest, verdicts.OK.code, list(numbers), slug]
    try:
        rows = _run(values)
    except OperationalError:
        if connection.in_atomic_block:
            raise
        connection.close()
        rows = _run(values)
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    if not rows:
        return Found()
    clients, gates = len(Client._meta.concrete_fields), len(GateSettings._meta.concrete_fields)
    is_taken, *first = rows[0]
    gate = first[clients : clients + gates]
    invoices = [row[1 + clients + gates :] for row in rows]
    return Found(
        client=make_row(Client, first[:clients]),
        gate=make_row(GateSettings, gate) if gate[0] is not None else None,
        is_taken=is_taken,
        invoices=tuple(make_row(Invoice, invoice) for invoice in invoices if invoice[0] is not None),
    )


def _run(values: Sequence[Any]) -> list[Any]:
    with prepared_cursor() as cursor:
        cursor.execute(numbered(_statement()), values)
        return list(cursor.fetchall())


@lru_cache(maxsize=1)
def _statement() -> str:
    quote = connection.ops.quote_name
    client, gate, message, invoice = (
        quote(model._meta.db_table) for model in (Client, GateSettings, GateMessage, Invoice)
    )
    columns = ", ".join(column_names(model, model._meta.db_table) for model in (Client, GateSettings, Invoice))
    return (
        f"SELECT EXISTS (SELECT 1 FROM {message} WHERE digest = %s AND code = %s), {columns}"  # noqa: S608
        f" FROM {client}"
        f" LEFT JOIN {gate} ON {gate}.client_id = {client}.id"
        f" LEFT JOIN {invoice} ON {invoice}.client_id = {client}.id AND {invoice}.number = ANY(%s)"
        f" WHERE {client}.slug = %s"
        f" ORDER BY {invoice}.id"
    )
