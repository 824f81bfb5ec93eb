"""A statement that goes straight through libpq: the values, errors and transactions are those of Django's cursors."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from invoices.models import Client
from invoices.prepared import run_prepared

VALUES = {
    "text": "Ä 'quoted' \\ %s €",
    "integer": 2_147_483_647,
    "bigint": -9_000_000_000,
    "boolean": True,
    "numeric(15,4)": Decimal("10.9900"),
    "timestamptz": datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=UTC),
    "bytea": bytes(range(256)),
    "inet": "2001:db8::1",
}


@pytest.fixture
def postgresql(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such way")


def insert(slug, name="Acme"):
    """Write a client with the statement under test."""
    columns = [column for column in Client._meta.concrete_fields if column.attname not in ("id", "slug", "name")]
    client = Client()
    names = ", ".join(column.column for column in columns)
    places = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO invoices_client (slug, name, {names}) VALUES (%s, %s, {places})"
    values = [column.get_db_prep_save(column.pre_save(client, add=True), connection) for column in columns]
    return run_prepared(statement, [slug, name, *values])


def slugs():
    return list(Client.objects.order_by("slug").values_list("slug", flat=True))


@pytest.mark.parametrize("kind", VALUES)
def test_value_comes_back_as_from_a_cursor(postgresql, kind):
    statement = f"SELECT %s::{kind}, NULL::{kind}"
    with connection.cursor() as cursor:
        cursor.execute(statement, [VALUES[kind]])
        (expected,) = cursor.fetchall()

    outcome = run_prepared(statement, [VALUES[kind]])

    assert (list(outcome.rows), outcome.count) == ([expected], 1)
    assert [type(value) for value in outcome.rows[0]] == [type(value) for value in expected]


def test_count_is_that_of_the_rows_written(transactional_db):
    insert("acme")

    outcome = run_prepared("UPDATE invoices_client SET name = %s WHERE slug = %s", ["Acme 2", "acme"])
    nothing = run_prepared("UPDATE invoices_client SET name = %s WHERE slug = %s", ["Acme 3", "other"])

    assert (outcome.count, nothing.count, Client.objects.get().name) == (1, 0, "Acme 2")


def test_error_is_djangos_and_leaves_the_connection_usable(transactional_db):
    insert("acme")

    with pytest.raises(IntegrityError):
        insert("acme")

    insert("bolt")
    assert slugs() == ["acme", "bolt"]


def test_text_is_never_cut_at_a_nul(postgresql):
    with pytest.raises(DataError):
        insert("acme", "Acme\0 and more")

    assert slugs() == []


def test_statement_belongs_to_the_transaction_it_stands_in(transactional_db):
    with transaction.atomic():
        insert("acme")
        transaction.set_rollback(True)
    with transaction.atomic():
        insert("bolt")
        with pytest.raises(IntegrityError), transaction.atomic():
            insert("bolt")
        insert("coil")

    assert slugs() == ["bolt", "coil"]


def test_statement_alone_is_durable_at_once(postgresql):
    insert("acme")

    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT slug FROM invoices_client")
        assert cursor.fetchall() == [("acme",)]
    other.close()
