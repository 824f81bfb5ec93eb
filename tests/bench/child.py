"""The process of one figure on one database: migrates, runs, prints."""

import argparse
import importlib
import sys

import django
from django.core.management import call_command
from django.db import connection


def main() -> int:
    """Run one figure; 1 when one of its rows is void."""
    parser = argparse.ArgumentParser()
    parser.add_argument("figure")
    parser.add_argument("database")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    if options.database == "postgresql":
        give_defaults()
    figure = importlib.import_module(f"tests.bench.{options.figure}")
    is_void = False
    for row in figure.main(options.database, 3 if options.quick else 7):
        print(row.as_json(), flush=True)
        is_void = is_void or row.void
    return int(is_void)


def give_defaults() -> None:
    """Let statements that write a million rows name only the columns that matter: all others are empty, no, or 0."""
    empty = {"character varying": "''", "text": "''", "boolean": "false", "integer": "0", "smallint": "0"}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'"
        )
        for table, column, kind in cursor.fetchall():
            if kind in empty:
                cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET DEFAULT {empty[kind]}')


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.exit(main())
