"""The process of one figure on one database: migrates, runs, prints."""

import argparse
import importlib
import sys

import django
from django.core.management import call_command


def main() -> int:
    """Run one figure; 1 when one of its rows is void."""
    parser = argparse.ArgumentParser()
    parser.add_argument("figure")
    parser.add_argument("database")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    figure = importlib.import_module(f"tests.bench.{options.figure}")
    is_void = False
    for row in figure.main(options.database, 3 if options.quick else 7):
        print(row.as_json(), flush=True)
        is_void = is_void or row.void
    return int(is_void)


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.exit(main())
