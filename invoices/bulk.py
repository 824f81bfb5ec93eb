"""Fetching and saving many rows at once, in one statement or one round trip.

Django's `bulk_update` builds a CASE for every field and row, which costs about ten times the CPU; and on PostgreSQL
every single value of a statement is quoted in Python. There the rows travel as one JSON text instead.
Composing a SELECT costs Django more than running it; the few that delivery makes for each group are composed once.
Django's own way to fill a row costs ten times as much as putting the values there: it looks at each field anew.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, JSONField, Model
from django.db.models.base import ModelState

from invoices.prepared import run_prepared

Row = TypeVar("Row", bound=Model)
Converters = list[tuple[str, Any, Any]]
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
    """Return the row of a model whose columns were read, in the order of `column_names`.

    Columns that were not read are fetched when they are asked for, as Django does it.
    """
    names, converters = _reading(model, only)
    row = _empty(model)
    row.__dict__.update(zip(names, values, strict=True))
    for name, convert, expression in converters:
        row.__dict__[name] = convert(row.__dict__[name], expression, connection)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return row


def new_row(model: type[Row], **values: Any) -> Row:
    """Return a new row of a model, not saved, of values by the names of its columns (`invoice_id`, not `invoice`).

    What is not given has the field's default. Raises TypeError for a name that is none.
    """
    constants, callables = _defaults(model)
    if not values.keys() <= constants.keys() | callables.keys():
        raise TypeError(f"{model.__name__} has no {', '.join(values.keys() - constants.keys() - callables.keys())}")
    row = _empty(model)
    row.__dict__.update(constants, **values)
    row.__dict__.update((name, make()) for name, make in callables.items() if name not in values)
    return row


def _empty(model: type[Row]) -> Row:
    """Return what Django's `__init__` begins with. It sends two signals besides, for which nothing of ours waits."""
    row = model.__new__(model)
    row._state = ModelState()
    return row


@lru_cache(maxsize=50)
def _defaults(model: type[Model]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """Return the defaults of a model's columns: those that are always the same, and what makes the others."""
    columns = [column for column in _columns(model) if not column.generated]
    given = [column for column in columns if column.has_default()]
    callables = {column.attname: column.default for column in given if callable(column.default)}
    constants = {column.attname: column.get_default() for column in columns if column.attname not in callables}
    return constants, callables


@lru_cache(maxsize=50)
def _reading(model: type[Model], only: Names) -> tuple[tuple[str, ...], Converters]:
    columns = _chosen(model, only)
    expressions = {each.attname: each.get_col(model._meta.db_table) for each in columns}
    converters = [
        (name, convert, expression)
        for name, expression in expressions.items()
        for convert in (*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection))
    ]
    return tuple(expressions), converters


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
    values = [*_moved(type(row), tuple(fields))(row), *as_read.values()]
    for each in new:
        values += _brought(type(each))(each)
    places = [place for place, value in enumerate(values) if isinstance(value, dict)]
    for place in places:
        values[place] = json.dumps(values[place])
    return bool(run_prepared(_move_and_insert(type(row), tuple(fields), tuple(as_read), models), values).count)


@lru_cache(maxsize=50)
def _moved(model: type[Model], fields: tuple[str, ...]) -> Callable[[Model], tuple[Any, ...]]:
    """Return what reads the values of the named fields from a row, and its primary key."""
    return attrgetter(*(column.attname for column in (*_named(model, fields), _pk(model))))


@lru_cache(maxsize=50)
def _brought(model: type[Model]) -> Callable[[Model], tuple[Any, ...]]:
    """Return what reads all that a new row brings."""
    return attrgetter(*(column.attname for column in _without_pk(model)))


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
