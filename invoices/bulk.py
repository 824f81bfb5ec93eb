"""Fetching and saving many rows at once, in one statement or one round trip.

Django's `bulk_update` builds a CASE for every field and row, which costs about ten times the CPU; and on PostgreSQL
every single value of a statement is quoted in Python. There the rows travel as one JSON text instead.
Composing a SELECT costs Django more than running it; the few that delivery makes for each group are composed once.
What the gate reads and writes for a message is a statement each, which PostgreSQL plans once a connection.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, JSONField, Model
from psycopg.types.json import Jsonb

Row = TypeVar("Row", bound=Model)
Converters = list[tuple[int, tuple[Any, Any]]]
Names = frozenset[str] | None


def select_rows(model: type[Row], column: str, values: Collection[int], *, lock: bool = False) -> list[Row]:
    """Return the rows whose `column` is one of `values`, by primary key; `lock` them until the transaction ends."""
    if not values:
        return []
    placeholders = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(_select(model, column, lock=lock) % placeholders, list(values))
        return [make_row(model, row) for row in cursor.fetchall()]


@lru_cache(maxsize=50)
def _select(model: type[Model], column: str, *, lock: bool) -> str:
    quote = connection.ops.quote_name
    table = model._meta.db_table
    ending = " FOR UPDATE" if lock and connection.features.has_select_for_update else ""
    statement = f"SELECT {column_names(model, table)} FROM {quote(table)} WHERE {quote(column)} IN (%s)"  # noqa: S608
    return f"{statement} ORDER BY {quote(str(_pk(model).column))}{ending}"


def column_names(model: type[Model], table: str, only: Names = None) -> str:
    """Return the columns of a model, all or those of the fields named, for a SELECT in which its table is `table`."""
    quote = connection.ops.quote_name
    return ", ".join(f"{quote(table)}.{quote(str(column.column))}" for column in _chosen(model, only))


def make_row(model: type[Row], values: Sequence[Any], only: Names = None) -> Row:
    """Return the row of a model whose columns were read, in the order of `column_names`."""
    names, converters = _reading(model, only)
    read = list(values)
    for index, (convert, expression) in converters:
        read[index] = convert(read[index], expression, connection)
    return model.from_db(DEFAULT_DB_ALIAS, names, read)


@lru_cache(maxsize=50)
def _reading(model: type[Model], only: Names) -> tuple[list[str], Converters]:
    columns = _chosen(model, only)
    expressions = [each.get_col(model._meta.db_table) for each in columns]
    converters = [
        (index, (convert, expression))
        for index, expression in enumerate(expressions)
        for convert in (*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection))
    ]
    return [each.attname for each in columns], converters


def update_rows(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """Save the named `fields` of `rows`, which are all of one model and in the database already."""
    if not rows or not fields:
        return
    model = type(rows[0])
    columns = [column for column in _columns(model) if column.name in fields]
    if connection.vendor == "postgresql":
        _run_with_json(_update_from_json(model, tuple(columns)), rows, [_pk(model), *columns])
        return
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(str(column.column))} = %s" for column in columns)
    table, pk = quote(model._meta.db_table), quote(str(_pk(model).column))
    values = [
        [*(column.get_db_prep_save(getattr(row, column.attname), connection) for column in columns), row.pk]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {assignments} WHERE {pk} = %s", values)  # noqa: S608


def insert_rows(rows: Sequence[Model]) -> None:
    """Write new rows, all of one model, and give them their primary keys. Inside a transaction."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows)
        return
    columns = _without_pk(model)
    for row, (pk,) in zip(rows, _run_with_json(_insert_from_json(model), rows, columns), strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = connection.alias


def move_row(row: Model, fields: Sequence[str], *, as_read: Mapping[str, Any], new: Sequence[Model]) -> bool:
    """Save the named `fields` of a row and the `new` rows with it, or nothing; say whether. On PostgreSQL.

    It is one statement, which needs neither a lock nor a transaction: the row is written only where its columns still
    are as they were read, and the new rows only with it. They get no primary keys.
    """
    models = tuple(type(each) for each in new)
    values = [getattr(row, name) for name in _attributes(type(row), tuple(fields))]
    values += [row.pk, *as_read.values()]
    for each, model in zip(new, models, strict=True):
        values += [_as_parameter(getattr(each, name)) for name in _attributes_without_pk(model)]
    with prepared_cursor() as cursor:
        cursor.execute(numbered(_move_and_insert(type(row), tuple(fields), tuple(as_read), models)), values)
        return bool(cursor.rowcount)


@lru_cache(maxsize=50)
def _attributes(model: type[Model], fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(column.attname for column in _named(model, fields))


@lru_cache(maxsize=50)
def _attributes_without_pk(model: type[Model]) -> tuple[str, ...]:
    return tuple(column.attname for column in _without_pk(model))


@lru_cache(maxsize=50)
def _move_and_insert(
    model: type[Model], fields: tuple[str, ...], as_read: tuple[str, ...], new: tuple[type[Model], ...]
) -> str:
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(str(column.column))} = %s" for column in _named(model, fields))
    conditions = " AND ".join(f"{quote(str(column.column))} = %s" for column in (_pk(model), *_named(model, as_read)))
    table = quote(model._meta.db_table)
    first = f"WITH moved AS (UPDATE {table} SET {assignments} WHERE {conditions} RETURNING 1)"  # noqa: S608
    inserts = [_insert_from_moved(each) for each in new]
    others = "".join(f", new_{index} AS ({insert})" for index, insert in enumerate(inserts[:-1]))
    return f"{first}{others} {inserts[-1]}"


def _insert_from_moved(model: type[Model]) -> str:
    columns = _without_pk(model)
    names = ", ".join(connection.ops.quote_name(str(column.column)) for column in columns)
    # Without the length: a cast to varchar(40) would cut what does not fit, where the column itself refuses it.
    casts = ", ".join("%s::" + re.sub(r"\(.*\)", "", _type_of(column)) for column in columns)
    return f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({names}) SELECT {casts} FROM moved"  # noqa: S608


def prepared_cursor() -> CursorWrapper:
    """Return a cursor for `numbered` statements, which PostgreSQL plans once a connection; Django's own does not.

    It does not ask first whether the connection still works: who uses it first in a request must be ready to ask again.
    """
    here = connections[DEFAULT_DB_ALIAS]  # not `connection`, which looks for it anew at every word
    if here.vendor != "postgresql":
        return here.cursor()
    here.ensure_connection()
    cursor: Any = psycopg.RawCursor(here.connection)
    return here.make_debug_cursor(cursor) if here.queries_logged else here.make_cursor(cursor)


@lru_cache(maxsize=50)
def numbered(statement: str) -> str:
    """Return a statement with the places of its values as `prepared_cursor` takes them.

    psycopg would look for `%s` each time in a statement as long as ours.
    """
    if connection.vendor != "postgresql":
        return statement
    first, *others = statement.split("%s")
    return first + "".join(f"${place}{part}" for place, part in enumerate(others, start=1))


def _as_parameter(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value


def _named(model: type[Model], names: Sequence[str]) -> list[Field[Any, Any]]:
    return [column for name in names for column in _columns(model) if name in (column.name, column.attname)]


def _chosen(model: type[Model], only: Names) -> list[Field[Any, Any]]:
    return [each for each in _columns(model) if only is None or each.attname in only]


def _without_pk(model: type[Model]) -> list[Field[Any, Any]]:
    """Return the columns that a new row brings; a generated one the database makes."""
    return [column for column in _columns(model) if column is not _pk(model) and not column.generated]


def _columns(model: type[Model]) -> list[Field[Any, Any]]:
    return list(model._meta.concrete_fields)


def _pk(model: type[Model]) -> Field[Any, Any]:
    return model._meta.pk


def _run_with_json(statement: str, rows: Sequence[Model], columns: Sequence[Field[Any, Any]]) -> list[Any]:
    names = [(str(column.column), column.attname) for column in columns]
    values = [{column: getattr(row, name) for column, name in names} for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(values, default=_as_json)])
        return cursor.fetchall() if cursor.description else []


def _as_json(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else value.isoformat()


@lru_cache(maxsize=50)
def _update_from_json(model: type[Model], columns: tuple[Field[Any, Any], ...]) -> str:
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(str(column.column))} = given.{quote(str(column.column))}" for column in columns)
    table, pk = quote(model._meta.db_table), quote(str(_pk(model).column))
    source = _recordset((_pk(model), *columns))
    return f"UPDATE {table} SET {assignments} FROM {source} WHERE {table}.{pk} = given.{pk}"  # noqa: S608


@lru_cache(maxsize=50)
def _insert_from_json(model: type[Model]) -> str:
    quote = connection.ops.quote_name
    columns = _without_pk(model)
    names = ", ".join(quote(str(column.column)) for column in columns)
    table, pk = quote(model._meta.db_table), quote(str(_pk(model).column))
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {_recordset(columns)} RETURNING {pk}"  # noqa: S608


def _recordset(columns: Sequence[Field[Any, Any]]) -> str:
    quote = connection.ops.quote_name
    types = ", ".join(f"{quote(str(column.column))} {_type_of(column)}" for column in columns)
    return f"json_to_recordset(%s) AS given ({types})"


def _type_of(column: Field[Any, Any]) -> str:
    return "jsonb" if isinstance(column, JSONField) else str(column.rel_db_type(connection))
