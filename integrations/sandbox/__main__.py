"""`python -m integrations.sandbox --port 8001 --database var/erp.sqlite3`."""

import argparse

from integrations.sandbox.server import add_options, run


def main() -> None:
    """Read the options and run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m integrations.sandbox", description="The sandbox ERP.")
    add_options(parser)
    options = parser.parse_args()
    run(host=options.host, port=options.port, database=options.database)


if __name__ == "__main__":
    main()
