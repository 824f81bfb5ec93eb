"""Running the few statements that the gate needs for each message: PostgreSQL plans them once a connection.

There they go straight through libpq in one call that waits for the outcome. A cursor of psycopg talks to the server in
small steps, after each of which another thread may take over, and with Django's cursor around it a statement costs
more than twice the CPU. What turns values into text and back is still psycopg's own, and so are the errors.

Elsewhere, and wherever somebody watches the statements, Django's cursor runs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

WENT_WELL: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows that a statement returned, and how many its last part wrote or returned."""

    rows: Sequence[Sequence[Any]]
    count: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement that one connection knows by a name; without a name it is planned each time."""

    name: bytes
    command: bytes
    transformer: abc.Transformer


_plans: Final[WeakKeyDictionary[psycopg.Connection[Any], dict[str, _Plan]]] = WeakKeyDictionary()


def run_prepared(statement: str, values: Sequence[Any]) -> Outcome:
    """Run a statement with %s for its values, one of a few texts that stay the same, and return what came of it.

    Raises Django's database errors. It does not ask first whether the connection still works: who uses it first in a
    request must be ready to ask again.
    """
    here = connections[DEFAULT_DB_ALIAS]  # not `connection`, which looks for it anew at every word
    if here.vendor != "postgresql" or here.execute_wrappers or here.queries_logged:
        with here.cursor() as cursor:
            cursor.execute(statement, values)
            return Outcome(cursor.fetchall() if cursor.description else (), cursor.rowcount)
    here.ensure_connection()
    with here.wrap_database_errors:
        outcome = _run(here.connection, statement, values)
    here.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    return outcome


def _run(link: psycopg.Connection[Any], statement: str, values: Sequence[Any]) -> Outcome:
    if not link.autocommit and link.pgconn.transaction_status == TransactionStatus.IDLE:
        link.execute("SELECT 1")  # psycopg begins the transaction with its first statement
    plans = _plans.get(link)
    if plans is None:
        plans = _plans[link] = {}
    plan = plans.get(statement)
    if plan is None:
        plan = plans[statement] = _prepare(link, statement, f"unstuck_{len(plans)}")
    formats = [PyFormat.BINARY if isinstance(value, bytes) else PyFormat.TEXT for value in values]
    texts: Any = plan.transformer.dump_sequence(values, formats)
    codes = plan.transformer.formats
    if plan.name:
        result = _ask(link, link.pgconn.exec_prepared(plan.name, texts, codes))
    else:
        result = _ask(link, link.pgconn.exec_params(plan.command, texts, None, codes))
    if not result.nfields:
        return Outcome((), result.command_tuples or 0)
    plan.transformer.set_pgresult(result)
    return Outcome(plan.transformer.load_rows(0, result.ntuples, tuple), result.ntuples)


def _prepare(link: psycopg.Connection[Any], statement: str, name: str) -> _Plan:
    command = _numbered(statement).encode()
    if link.prepare_threshold is None:  # settings.DATABASES: a pooler between would lose the plan
        return _Plan(b"", command, Transformer(link))
    _ask(link, link.pgconn.prepare(name.encode(), command))
    return _Plan(name.encode(), command, Transformer(link))


def _ask(link: psycopg.Connection[Any], result: Any) -> Any:
    if result.status in WENT_WELL:
        return result
    if link.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(link.pgconn.get_error_message())
    raise error_from_result(result, encoding=link.info.encoding)


@lru_cache(maxsize=50)
def _numbered(statement: str) -> str:
    """Return a statement with its values' places as PostgreSQL counts them."""
    first, *others = statement.split("%s")
    return first + "".join(f"${place}{part}" for place, part in enumerate(others, start=1))
