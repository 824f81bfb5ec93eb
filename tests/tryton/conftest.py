"""A real Tryton for each module of tests, and a connector or a client that uses it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from integrations.erps.contract import Access
from integrations.erps.registry import connect
from integrations.tryton_server.environment import LONG_TERM
from tests.tryton.desk import TrytonDesk
from tests.tryton.server import COMPANY, TrytonServer, have_books

# What asks nothing of our own database is tried once, beside the suite's run on SQLite: it would be the same again.
ONCE = ("test_booking", "test_newest_series", "test_paying_and_reading", "test_server")


@pytest.fixture(scope="module", autouse=True)
def _only_once(request) -> None:
    if connection.vendor == "postgresql" and request.module.__name__.rpartition(".")[2] in ONCE:
        pytest.skip("This asks nothing of our own database: it ran with the suite on SQLite.")


@pytest.fixture(scope="module")
def series() -> str:
    """The series of Tryton; a module may say another."""
    return LONG_TERM


@pytest.fixture(scope="module")
def tryton_postgresql() -> str:
    """Where Tryton keeps its books: SQLite; a module may name a server of PostgreSQL."""
    return ""


@pytest.fixture(scope="module")
def tryton(tmp_path_factory, series, tryton_postgresql) -> Iterator[TrytonServer]:
    folder = tmp_path_factory.mktemp("tryton")
    database = f"unstuck_tryton_{folder.parent.name}_{folder.name}".replace("-", "_") if tryton_postgresql else "erp"
    books = have_books(folder, series=series, postgresql=tryton_postgresql, database=database)
    with TrytonServer(books) as server:
        yield server
    server.drop()


def postgresql_of_the_suite() -> str:
    """Return the server on which the suite runs itself, for Tryton's own database beside it; empty on SQLite."""
    if connection.vendor != "postgresql":
        return ""
    settings = connection.settings_dict
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    return f"postgresql://{settings['USER']}{password}@{settings['HOST']}:{settings['PORT'] or 5432}/"


@pytest.fixture
def connector(tryton):
    """Return a connector of Tryton's company, with calls of at most ten seconds."""
    access = Access(tryton.url, COMPANY, tryton.key, call_timeout=timedelta(seconds=10))
    made = connect("tryton", access, 1)
    yield made
    made.close()


@pytest.fixture
def desk(db, tryton, settings, tmp_path, acme, clerk, clerk2, handler) -> TrytonDesk:
    """Return the desk of `acme`, whose ERP is the module's Tryton."""
    settings.TRYTON_URL = tryton.url
    settings.MEDIA_ROOT = tmp_path / "media"
    return TrytonDesk.open(tryton, acme, clerk, clerk2, handler)
