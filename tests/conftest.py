"""The fixed cast: two clients, and one person a role."""

import math
import os

import pytest
from django.db import connection

from invoices.roles import Role
from syncdiag import known
from tests.factories import ClientFactory, RoleGrantFactory, UserFactory
from tests.processes import end_sessions, sessions

DATABASE_FIXTURES = {"db", "transactional_db"}


def pytest_collection_modifyitems(config, items):
    """Leave out what asks nothing of the database, where all ran on SQLite just before: it would be the same again.

    pytest-django lets no such test reach the database, but the processes that `config` starts may: those run on both.
    """
    if not os.environ.get("RAN_ON_SQLITE"):
        return
    config.hook.pytest_deselected(items=[item for item in items if not _asks_the_database(item)])
    items[:] = [item for item in items if _asks_the_database(item)]


def _asks_the_database(item):
    has_processes = item.path.parent.name == "config"
    is_marked = item.get_closest_marker("django_db") is not None
    return has_processes or is_marked or not DATABASE_FIXTURES.isdisjoint(item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def _no_session_is_left(django_db_setup, django_db_blocker):
    """End what threads of the live server still hold open: PostgreSQL drops no database under a session.

    No test stops the server itself, so commits need not wait for its disk.
    """
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                name = connection.ops.quote_name(connection.settings_dict["NAME"])
                cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
            connection.close()
    yield
    with django_db_blocker.unblock():
        end_sessions(sessions())


@pytest.fixture(autouse=True)
def _no_stored_entries(monkeypatch):
    """Let each test begin without stored entries of the catalogue, and read them when they are changed alone.

    A look at them every few seconds would be a query that some test counts, and none without a database may make one.
    """
    monkeypatch.setattr(known, "FRESH_FOR", math.inf)
    monkeypatch.setattr(known, "_kept", [known.Kept("0-0", 0.0, {})])


@pytest.fixture
def acme(db):
    return ClientFactory(slug="acme", name="Acme", creates_counterparties=True)


@pytest.fixture
def globex(db):
    return ClientFactory(slug="globex", name="Globex")


def _person(client, username, role):
    user = UserFactory(username=username)
    RoleGrantFactory(user=user, client=client, role=role)
    return user


@pytest.fixture
def clerk(acme):
    return _person(acme, "clerk", Role.FINANCE_STAFF)


@pytest.fixture
def clerk2(acme):
    return _person(acme, "clerk2", Role.FINANCE_STAFF)


@pytest.fixture
def handler(acme):
    return _person(acme, "handler", Role.QUEUE_HANDLER)


@pytest.fixture
def manager(acme):
    return _person(acme, "manager", Role.INTEGRATION_MANAGER)


@pytest.fixture
def auditor(acme):
    return _person(acme, "auditor", Role.AUDITOR)


@pytest.fixture
def stranger(globex):
    return _person(globex, "stranger", Role.FINANCE_STAFF)


@pytest.fixture
def root(db):
    return UserFactory(username="root", is_superuser=True)
