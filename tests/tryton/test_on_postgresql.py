"""Tryton with its books on PostgreSQL, where the suite itself has a server."""

import pytest

from tests.tryton.cases import EverySeriesAndDatabase
from tests.tryton.conftest import postgresql_of_the_suite


@pytest.fixture(scope="module")
def tryton_postgresql() -> str:
    server = postgresql_of_the_suite()
    if not server:
        pytest.skip("Tryton is tried on PostgreSQL when the suite itself runs there.")
    return server


class TestOnPostgresql(EverySeriesAndDatabase):
    pass
