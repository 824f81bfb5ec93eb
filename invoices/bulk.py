"""Fetching and saving many rows at once, in one statement or one round trip.

Django's `bulk_update` builds a CASE for every field and row, which costs about ten times the CPU; and on PostgreSQL
every single value of a statement is quoted in Python. There the rows travel as one JSON text instead.
Composing a SELECT costs Django more than running it; the few that delivery makes for each group are composed once.
"""

import json
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, JSONField, Model

Row = TypeVar("Row", bound=Model)


def select_rows(model: type[Row], column: str, values: Collection[int], *, lock: bool = False) -> list[Row]:
    """Return the rows whose `column` is one of `values`, by primary key; `lock` them until the transaction ends."""
    if not values:
        return []
    statement, names, converters = _select(model, column, lock=lock)
    placeholders = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(statement % placeholders, list(values))
        found = [list(row) for row in cursor.fetchall()]
    for index, (convert, expression) in converters:
        for row in found:
            row[index] = convert(row[index], expression, connection)
    return [model.from_db(connection.alias, names, row) for row in found]


@lru_cache(maxsize=50)
def _select(model: type[Model], column: str, *, lock: bool) -> tuple[str, list[str], list[tuple[int, tuple[Any, Any]]]]:
    quote = connection.ops.quote_name
    columns = _columns(model)
    names = ", ".join(quote(str(each.column)) for each in columns)
    ending = " FOR UPDATE" if lock and connection.features.has_select_for_update else ""
    statement = f"SELECT {names} FROM {quote(model._meta.db_table)} WHERE {quote(column)} IN (%s)"  # noqa: S608
    expressions = [each.get_col(model._meta.db_table) for each in columns]
    converters = [
        (index, (convert, expression))
        for index, expression in enumerate(expressions)
        for convert in (*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection))
    ]
    order = f" ORDER BY {quote(str(_pk(model).column))}"
    return statement + order + ending, [each.attname for each in columns], converters


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
    columns = [column for column in _columns(model) if column is not _pk(model)]
    for row, (pk,) in zip(rows, _run_with_json(_insert_from_json(model), rows, columns), strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = connection.alias


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
    columns = tuple(column for column in _columns(model) if column is not _pk(model))
    names = ", ".join(quote(str(column.column)) for column in columns)
    table, pk = quote(model._meta.db_table), quote(str(_pk(model).column))
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {_recordset(columns)} RETURNING {pk}"  # noqa: S608


def _recordset(columns: Sequence[Field[Any, Any]]) -> str:
    quote = connection.ops.quote_name
    types = ", ".join(f"{quote(str(column.column))} {_type_of(column)}" for column in columns)
    return f"json_to_recordset(%s) AS given ({types})"


def _type_of(column: Field[Any, Any]) -> str:
    return "jsonb" if isinstance(column, JSONField) else str(column.rel_db_type(connection))
