"""Databases on a PostgreSQL server; runs with Tryton's own Python, which has psycopg.

python postgresql.py URI exists NAME | create NAME [TEMPLATE] | rename OLD NEW | drop NAME
"""

import sys

import psycopg
from psycopg import sql


def main() -> int:
    """Do one thing; the exit status of `exists` is its answer."""
    uri, what, *names = sys.argv[1:]
    with psycopg.connect(uri, dbname="postgres", autocommit=True) as connection:
        if what == "exists":
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", names).fetchone()
            return 0 if found else 3
        statement = {
            ("create", 1): "CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0",
            ("create", 2): "CREATE DATABASE {} TEMPLATE {}",
            ("rename", 2): "ALTER DATABASE {} RENAME TO {}",
            ("drop", 1): "DROP DATABASE IF EXISTS {} WITH (FORCE)",
        }[what, len(names)]
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
