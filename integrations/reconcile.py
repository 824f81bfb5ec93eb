"""Reconcile a whole connection: every booked invoice against the ERP's list, in set operations (DESIGN §10).

    press ──► waits for a worker ──► listing streamed into a table ──► one join ──► differences, counted; balances set
                       ▲                        │
                       └─── a worker that died: its lease runs out, and the run begins anew ───┘

Nothing is archived and no invoice moves: what is missing there or here is shown, each with the step that mends it.
"""

from datetime import timedelta
from typing import Any, Final

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from integrations.erps.contract import ErpError
from integrations.erps.registry import connect
from integrations.leases import RowLease
from integrations.listing import TABLE, Listing, take_listing
from integrations.models import Connection, Difference, Reconciliation
from integrations.runs import LostRun, hold_run
from invoices import clock
from invoices.errors import Conflict, NotThere
from invoices.faults import fault
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right

log = structlog.get_logger(__name__)
PATIENCE: Final = timedelta(minutes=10)  # for one page, or the join; a run that hangs loses its lease then
LONGEST_TASK: Final = 3600  # seconds

# What was booked or read after the run began is newer than the list, and is left out.
OURS: Final = """
    SELECT id, number, remote_id, total - paid AS balance, currency,
        archived_at IS NULL AND status <> '' AND step_since < %(began)s
            AND (erp_read_at IS NULL OR erp_read_at < %(began)s) AS counts
    FROM invoices_invoice WHERE client_id = %(client)s AND NOT remote_id = ''
"""
IS_OTHER: Final = "(ours.balance <> listed.balance OR ours.currency <> listed.currency)"
COLUMNS: Final = """
    %(run)s, CASE WHEN ours.id IS NULL THEN 'missing_here' WHEN listed.remote_id IS NULL THEN 'missing_there'
        ELSE 'differs' END,
    ours.id, coalesce(ours.remote_id, listed.remote_id), coalesce(ours.number, listed.number),
    ours.balance, coalesce(ours.currency, ''), listed.balance, coalesce(listed.currency, '')
"""
INTO: Final = """
    INSERT INTO integrations_difference (reconciliation_id, kind, invoice_id, remote_id, number, here, currency_here,
        there, currency_there)
"""
# One hash join from both sides. IS DISTINCT FROM is not needed: where both sides are there, neither amount is null.
COMPARE_POSTGRESQL: Final = f"""
    WITH ours AS ({OURS}) {INTO}
    SELECT {COLUMNS} FROM ours FULL JOIN {TABLE} AS listed ON listed.remote_id = ours.remote_id
    WHERE ours.id IS NULL OR (ours.counts AND (listed.remote_id IS NULL OR {IS_OTHER}))
"""  # noqa: S608 (our own names)
COMPARE_ELSEWHERE: Final = (
    f"""
    WITH ours AS ({OURS}) {INTO}
    SELECT {COLUMNS} FROM ours LEFT JOIN {TABLE} AS listed ON listed.remote_id = ours.remote_id
    WHERE ours.counts AND (listed.remote_id IS NULL
        OR round(ours.balance - listed.balance, 4) <> 0 OR ours.currency <> listed.currency)
    """,  # noqa: S608 (our own names)
    f"""
    WITH ours AS ({OURS}) {INTO}
    SELECT {COLUMNS} FROM {TABLE} AS listed LEFT JOIN ours ON ours.remote_id = listed.remote_id
    WHERE ours.id IS NULL
    """,  # noqa: S608 (our own names)
)
SET_BALANCES: Final = """
    UPDATE invoices_invoice SET erp_balance = found.there, erp_currency = found.currency_there, erp_read_at = %(now)s
    FROM integrations_difference AS found
    WHERE found.reconciliation_id = %(run)s AND found.kind = 'differs' AND invoices_invoice.id = found.invoice_id
"""
# What differed and is the same now; the partial index `invoice_balance_differs` holds all that differed.
SET_MENDED: Final = f"""
    UPDATE invoices_invoice SET erp_balance = listed.balance, erp_currency = listed.currency, erp_read_at = %(now)s
    FROM {TABLE} AS listed
    WHERE client_id = %(client)s AND invoices_invoice.remote_id = listed.remote_id
        AND NOT invoices_invoice.remote_id = ''
        AND differs_in_erp
        AND archived_at IS NULL AND status <> '' AND (erp_read_at IS NULL OR erp_read_at < %(began)s)
"""  # noqa: S608 (our own names)
COUNT: Final = f"WITH ours AS ({OURS}) SELECT count(*) FROM ours WHERE counts"  # noqa: S608 (our own names)


def press_reconcile(connection_id: int, *, by: User) -> Reconciliation:
    """Have a worker compare a connection with the ERP's list; a second press joins the run that is not over."""
    link = Connection.objects.select_related("client").filter(pk=connection_id).first()
    if link is None:
        raise NotThere(NOT_THERE)
    require(by, Right.SYNC, link.client)
    if not link.is_enabled:
        raise Conflict(_("The connection is switched off: connect it again first."))
    now = clock.now()
    try:
        with transaction.atomic():
            run = Reconciliation.objects.create(connection=link, by=by, created_at=now, queued_at=now)
            transaction.on_commit(lambda: enqueue(run.pk), robust=True)
    except IntegrityError:
        return Reconciliation.objects.get(connection=link, finished_at__isnull=True)
    return run


def enqueue(run_id: int) -> None:
    """Have the queue work on a run; a long list takes longer than other tasks."""
    async_task("integrations.tasks.reconcile", run_id, timeout=LONGEST_TASK)


def work_on(run_id: int) -> bool:
    """Compare from the beginning; say whether the run is over. Does nothing while another worker holds it."""
    which = Reconciliation.objects.filter(pk=run_id)
    lease = hold_run(which, PATIENCE)
    if lease is None:
        return False
    with lease.beating():
        which.update(started_at=clock.now())
        run = Reconciliation.objects.select_related("connection__client").get(pk=run_id)
        try:
            _Work(run, lease).run()
        except LostRun:
            log.info("another worker holds the reconciliation", run=run_id)
            return False
    return True


class _Work:
    """One worker's turn."""

    def __init__(self, run: Reconciliation, lease: RowLease) -> None:
        self.reconciliation = run
        self.link = run.connection
        self.lease = lease

    def run(self) -> None:
        """Stream the list, compare, and write what was found; an ERP that does not answer ends the run."""
        able = Connection.objects.able(clock.now()).filter(pk=self.link.pk)
        if not able.exists():
            self._finish(error=_("The connection is paused or switched off: press Reconcile again when it runs."))
            return
        connector = connect(self.link.connector, self.link.access(), 1)
        try:
            with take_listing() as listing:
                for page in connector.listing():
                    listing.add(page)
                    self._keep(listed=listing.count)
                listing.complete()
                self._compare(listing)
        except ErpError as exc:
            self._finish(error=str(exc))
        finally:
            connector.close()

    def _compare(self, listing: Listing) -> None:
        with transaction.atomic():
            self._keep()
            fault("before_reconciled")
            counts = compare(self.reconciliation, listing)
            self._finish(listed=listing.count, **counts)
            fault("after_reconciled")

    def _keep(self, **values: Any) -> None:
        if not self.lease.keep(self._unfinished(), **values):
            raise LostRun

    def _finish(self, **values: object) -> None:
        if not self.lease.mine(self._unfinished()).update(finished_at=clock.now(), **values):
            raise LostRun

    def _unfinished(self) -> QuerySet[Reconciliation]:
        return Reconciliation.objects.filter(pk=self.reconciliation.pk, finished_at__isnull=True)


def compare(run: Reconciliation, listing: Listing) -> dict[str, int]:
    """Write what differs between a client's booked invoices and the list, set their balances, and return the counts.

    Inside a transaction, with the list complete.
    """
    moment = connection.ops.adapt_datetimefield_value
    names = {
        "run": run.pk,
        "client": run.connection.client_id,
        "began": moment(run.started_at),
        "now": moment(clock.now()),
    }
    run.differences.all().delete()
    with connection.cursor() as cursor:
        if listing.is_postgresql:
            cursor.execute("SET LOCAL work_mem = '128MB'")  # so that the join needs no files; until the commit
        for statement in (COMPARE_POSTGRESQL,) if listing.is_postgresql else COMPARE_ELSEWHERE:
            cursor.execute(statement, names)
        cursor.execute(COUNT, names)
        (compared,) = cursor.fetchone()
        cursor.execute(SET_MENDED, names)
        cursor.execute(SET_BALANCES, names)
    rows = run.differences.values("kind").order_by().annotate(count=Count("pk"))
    found = {row["kind"]: row["count"] for row in rows}
    differ, missing_there = found.get(Difference.Kind.DIFFERS, 0), found.get(Difference.Kind.MISSING_THERE, 0)
    return {
        "same": compared - differ - missing_there,
        "differ": differ,
        "missing_there": missing_there,
        "missing_here": found.get(Difference.Kind.MISSING_HERE, 0),
    }
