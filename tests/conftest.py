"""The fixed cast: two clients, and one person a role."""

import math
import os

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

from invoices.roles import Role
from syncdiag import known
from tests.factories import ClientFactory, RoleGrantFactory, UserFactory
from tests.processes import end_sessions, sessions

DATABASE_FIXTURES = {"db", "transactional_db"}
# The API's answers to what the verbs are asked beside it: the same wherever our rows lie.
SAME_ON_ANY_DATABASE = ("tests/invoices/test_buttons_by_role.py::test_api[",)
# What takes long and says the same on each database: once, on that of real use.
ON_POSTGRESQL_ALONE = (
    "tests/browser/",
    "tests/bulk/test_killed_half_way",
    "tests/config/test_supervisor",
    "tests/invoices/test_buttons_by_role.py::test_verb[",
    "tests/tryton/test_desk",
    "tests/tryton/test_faults",
)
# Begun first, the longest of all before the others, so that none of them keeps one worker busy alone at the end.
LONGEST = (
    "tests/tryton/test_newest_series",
    "tests/tryton/",
    "tests/delivery/test_killed_worker",
    "tests/config/test_supervisor",
    "tests/config/test_demo",
    "tests/e2e/",
    "tests/bulk/test_killed_half_way",
    "tests/pulling/test_killed",
    "tests/browser/",
    "tests/simulation/",
    "tests/stateful/",
    "tests/invoices/test_buttons_by_role",
    "tests/cxmlgate/test_hostile_limits",
)
MADE_BY_MIGRATING = {"django_content_type", "auth_permission"}
APPEND_ONLY = {"invoices_event"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Put the longest files first, and leave out what the suite's other run has done, or will do."""
    items.sort(key=_place)
    config.hook.pytest_deselected(items=[item for item in items if not _runs_here(item)])
    items[:] = [item for item in items if _runs_here(item)]


def _place(item):
    return next((place for place, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))


def _runs_here(item):
    if os.environ.get("POSTGRESQL_FOLLOWS"):
        return not (item.nodeid.startswith(ON_POSTGRESQL_ALONE) and _asks_the_database(item))
    return not os.environ.get("RAN_ON_SQLITE") or _asks_the_database(item)


def _asks_the_database(item):
    """Say whether another database may say something else.

    pytest-django lets a test without these fixtures reach none; what processes a few such tests start have their own.
    """
    is_marked = item.get_closest_marker("django_db") is not None
    asks = is_marked or not DATABASE_FIXTURES.isdisjoint(item.fixturenames)
    return asks and not item.nodeid.startswith(SAME_ON_ANY_DATABASE)


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly():
    """Empty only the tables that hold rows after a test with transactions of its own.

    Django's way truncates all of them and makes its content types anew: up to seconds a test on PostgreSQL.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: _empty_tables())
        yield


def _empty_tables():
    names = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    tables = {name: connection.ops.quote_name(name) for name in names - MADE_BY_MIGRATING}
    looks = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {table})" for name, table in tables.items()]
    with transaction.atomic(), connection.cursor() as cursor:
        is_postgresql = connection.vendor == "postgresql"
        if is_postgresql:  # wait for whoever is still writing, as TRUNCATE does
            cursor.execute(f"LOCK TABLE {', '.join(tables.values())}")
        cursor.execute(" UNION ALL ".join(looks))
        full = {name for (name,) in cursor.fetchall()}
        for name in sorted(full, key=lambda name: name not in APPEND_ONLY):
            cursor.execute(f"{'TRUNCATE' if is_postgresql and name in APPEND_ONLY else 'DELETE FROM'} {tables[name]}")


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
