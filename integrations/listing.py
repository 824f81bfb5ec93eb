"""The ERP's list of all documents as a temporary table: streamed into it page by page, never held whole in our memory.

    listing ──COPY, a page at a time──► listed ──one join──► what differs, what is missing there, what is missing here

No transaction is open while the ERP is asked: the table belongs to the session and goes with it. On SQLite the rows
are inserted, and the join is written without FULL JOIN, which its older versions do not know.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from django.db import connection
from django.db.models.query import RawQuerySet

from integrations.erps.contract import Listed
from invoices.models import Invoice

TABLE: Final = "unstuck_listed"
AT_ONCE: Final = 500  # rows; the database takes them in while the next ones are written


class Listing:
    """The table while it is filled."""

    def __init__(self) -> None:
        self.count = 0
        self.is_postgresql = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
            # SQLite's key makes the join quick there; PostgreSQL hashes, and an index would only cost.
            key = "" if self.is_postgresql else " PRIMARY KEY"
            cursor.execute(
                f"CREATE TEMPORARY TABLE {TABLE} (remote_id varchar(100){key}, number varchar(40),"
                " balance numeric(15, 4), currency varchar(3))"
            )

    def add(self, page: Sequence[Listed]) -> None:
        """Add one page."""
        self.count += len(page)
        with connection.cursor() as cursor:
            if not self.is_postgresql:
                cursor.executemany(
                    f"INSERT OR REPLACE INTO {TABLE} VALUES (%s, %s, %s, %s)",  # noqa: S608 (our own name)
                    [(one.remote_id, one.number, str(one.balance), one.currency) for one in page],
                )
                return
            with cursor.copy(f"COPY {TABLE} FROM STDIN") as copy:
                for start in range(0, len(page), AT_ONCE):
                    # Without !s an amount would go through Decimal.__format__, which is slow.
                    rows = page[start : start + AT_ONCE]
                    lines = [f"{one.remote_id}\t{one.number}\t{one.balance!s}\t{one.currency}\n" for one in rows]
                    text = "".join(lines)
                    # Nothing listed has a tab or an end of line (`contract.wrong_fact`): only a backslash needs care.
                    copy.write(text.replace("\\", "\\\\") if "\\" in text else text)

    def complete(self) -> None:
        """Have the database look at the table, so that it joins it well."""
        if self.is_postgresql:
            with connection.cursor() as cursor:
                # 300 rows say as well as 30,000 that no id comes twice, and that is all that the join asks.
                cursor.execute(f"ALTER TABLE {TABLE} ALTER remote_id SET STATISTICS 1")
                cursor.execute(f"ANALYZE {TABLE} (remote_id)")


@contextmanager
def take_listing() -> Iterator[Listing]:
    """Make the table; it is gone afterwards."""
    listing = Listing()
    try:
        yield listing
    finally:
        if not connection.in_atomic_block or not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")


def not_listed(client_id: int) -> RawQuerySet[Invoice]:
    """Return a client's invoices in force whose document is not in the list; what is known to be gone is left out."""
    statement = f"""
        SELECT id, remote_id FROM invoices_invoice AS invoice
        WHERE client_id = %s AND NOT remote_id = '' AND archived_at IS NULL
            AND NOT (erp_state = 'missing' AND deleted_in_erp_at IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM {TABLE} AS listed WHERE listed.remote_id = invoice.remote_id)
        ORDER BY id
    """  # noqa: S608 (our own name)
    return Invoice.objects.raw(statement, [client_id])
