"""`python -m integrations.tryton_server`: install, prepare and serve, until a signal comes."""

import argparse
import os
import sys
from pathlib import Path

from integrations.tryton_server.books import CannotPrepareError, drop_books, open_books, prepare_template
from integrations.tryton_server.environment import FILES, LONG_TERM, CannotInstallError, install, plain_environment


def main() -> None:
    """Become the server: it keeps this process's id, and goes with whoever holds it on a leash."""
    parser = argparse.ArgumentParser(prog="python -m integrations.tryton_server", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var/tryton"), help="the folder for all that it writes")
    parser.add_argument("--port", type=int, default=8001, help="of loopback")
    parser.add_argument("--series", choices=tuple(FILES), default=LONG_TERM)
    parser.add_argument("--postgresql", default="", help="a server's URI ending in a slash; without it SQLite is used")
    parser.add_argument("--reset", action="store_true", help="begin with a new copy of the template")
    options = parser.parse_args()
    try:
        install(options.series)
        template = prepare_template(options.data / "templates", series=options.series, postgresql=options.postgresql)
        books = open_books(template, options.data)
        if options.reset:
            drop_books(books)
            books = open_books(template, options.data)
    except (CannotInstallError, CannotPrepareError) as exc:
        sys.exit(str(exc))
    books.configure(options.port)
    sys.stdout.write(f"Tryton begins to listen on http://127.0.0.1:{options.port}/{books.database}/, ")
    sys.stdout.write(f"the application keys of its companies are in {options.data / books.database}.json\n")
    sys.stdout.flush()
    command = books.command()
    os.execve(command[0], command, plain_environment())  # noqa: S606 (our own)


if __name__ == "__main__":
    main()
