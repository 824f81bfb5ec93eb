"""Deletions: what was deleted in the ERP is archived here (article 001), daily at 01:00 UTC or by button.

The feed is read from a day before where the last run ended, so that nothing is missed and nothing is archived twice.
The cursor moves only when all was applied. After a gap that is longer than the feed's reach, or where a system has no
such feed, its whole list is compared by id, and each that is missing is asked for by itself before it is archived; a
list that broke off archives nothing. What would archive too much at once waits for a manager.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db.models import Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_q.tasks import async_task

from integrations.erps.contract import Connector, Deletion, ErpError, ErrorKind, Reason
from integrations.erps.registry import CONNECTORS, connect
from integrations.leases import RowLease
from integrations.listing import not_listed, take_listing
from integrations.models import Connection
from invoices import clock
from invoices.actions.archiving import Archived, archive_deleted, archive_deleted_party, is_deletion_known
from invoices.errors import Conflict, NotThere
from invoices.events import record_for_client
from invoices.faults import fault
from invoices.models import Counterparty, Invoice
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import Direction

log = structlog.get_logger(__name__)
DUE_AT: Final = time(1)  # UTC
OVERLAP: Final = timedelta(days=1)
REACH: Final = timedelta(days=30)  # a feed is not asked for what is older
AGAIN_AFTER: Final = timedelta(minutes=15)  # when a run failed
PATIENCE: Final = timedelta(minutes=10)  # a run that hangs loses its lease then
SHARE_AT_MOST: Final = 5  # a fifth of a connection's invoices
ALWAYS_ALLOWED: Final = 100
GROUP: Final = 500
LONGEST_TASK: Final = 3600  # seconds
PARTIES: Final = {"customer": Direction.RECEIVABLE, "supplier": Direction.PAYABLE}


@dataclass(slots=True)
class Deleted:
    """What a run over the deletions did, in numbers."""

    invoices: int = 0  # archived
    held: int = 0  # in an integration or error step: a person decides
    parties: int = 0
    stopped: int = 0  # so many at once that a person must confirm
    is_whole: bool = False  # the cursor has moved
    error: str = ""

    def sentence(self) -> str:
        """Say what came of it."""
        if self.error:
            return _(
                "The deletions could not be read (%(error)s). Nothing is lost: the next run begins where this one did."
            ) % {"error": self.error}
        if self.stopped:
            return _(
                "%(count)s invoices are gone in the ERP at once: nothing was archived until a person confirms it."
            ) % {"count": f"{self.stopped:,}"}
        if not self.is_whole:
            return _("The deletions are being read already, or the connection is paused: look again in a moment.")
        said = [
            ngettext("%(count)s invoice archived", "%(count)s invoices archived", self.invoices)
            % {"count": f"{self.invoices:,}"},
            ngettext("%(count)s counterparty archived", "%(count)s counterparties archived", self.parties)
            % {"count": f"{self.parties:,}"},
        ]
        if self.held:
            said.append(_("%(count)s left for a person to decide") % {"count": f"{self.held:,}"})
        return _("Deletions in the ERP: %(said)s.") % {"said": ", ".join(said)}


def last_due(now: datetime) -> datetime:
    """Return when the deletions were due last at `now`, which is in UTC: at 01:00, whatever clock the server shows."""
    due = now.replace(hour=DUE_AT.hour, minute=0, second=0, microsecond=0)
    return due if due <= now else due - timedelta(days=1)


def claim_due() -> list[int]:
    """Return the connections whose deletions are due now, each to one caller only; one that failed, a while later.

    What was missed because nothing ran at 01:00 is due at the next call, once.
    """
    now = clock.now()
    due = Q(deletions_read_at__isnull=True) | Q(deletions_read_at__lt=last_due(now))
    free = Q(deletions_not_before__isnull=True) | Q(deletions_not_before__lte=now)
    rows = Connection.objects.able(now).filter(due, free).order_by("pk")
    return [
        pk
        for pk in rows.values_list("pk", flat=True)
        if Connection.objects.filter(due, free, pk=pk).update(deletions_not_before=now + AGAIN_AFTER)
    ]


def press_sync_deletions(connection_id: int, *, by: User | None, all_the_same: bool = False) -> str:
    """Take the deletions of a connection now; return what came of it, or that a worker does it, in a sentence.

    `all_the_same` archives what was held back because it was so much; that is for who manages the connection.
    """
    connection = Connection.objects.select_related("client").filter(pk=connection_id).first()
    if connection is None:
        raise NotThere(NOT_THERE)
    require(by, Right.MANAGE_CONNECTION if all_the_same else Right.SYNC, connection.client)
    if not connection.is_enabled:
        raise Conflict(_("The connection is switched off: connect it again first."))
    if all_the_same:
        if not connection.deletions_held:
            raise Conflict(_("Nothing is held back on this connection any more."))
        told = _("%(count)s invoices that are gone in the ERP are archived all the same") % {
            "count": connection.deletions_held
        }
        record_for_client(connection.client, "archive_all_the_same", by=by, reason=told)
    if all_the_same or needs_comparison(connection, clock.now()):
        enqueue(connection_id, all_the_same=all_the_same)
        return _("A worker archives them now: look at the connection again in a moment.")
    return sync_deletions(connection_id).sentence()


def enqueue(connection_id: int, *, all_the_same: bool = False) -> None:
    """Have the queue take the deletions of a connection; comparing a whole list may take a while."""
    async_task("integrations.tasks.sync_deletions", connection_id, all_the_same=all_the_same, timeout=LONGEST_TASK)


def sync_deletions(connection_id: int, *, all_the_same: bool = False) -> Deleted:
    """Archive what was deleted on a connection since the last run. Does nothing while another run works."""
    this = Connection.objects.filter(pk=connection_id)
    lease = RowLease(this, "deletions_token", "deletions_lease", patience=PATIENCE)
    if not lease.take(Connection.objects.able(clock.now()).filter(pk=connection_id)):
        return Deleted()
    with lease.beating():
        return _Run(connection_id, lease, all_the_same=all_the_same).run()


def read_since(connection: Connection, now: datetime) -> datetime:
    """Return from when on the feed is read: a day before where the last run began, or before the first invoice.

    The day also bears an ERP whose clock differs from ours by less than that.
    """
    if connection.deletions_until is not None:
        return connection.deletions_until - OVERLAP
    oldest = Invoice.objects.filter(client_id=connection.client_id).aggregate(Min("created_at"))
    return (oldest["created_at__min"] or now) - OVERLAP


def needs_comparison(connection: Connection, now: datetime) -> bool:
    """Say whether the feed does not reach back to where the last run ended, or there is none."""
    has_feed = CONNECTORS[connection.connector].capabilities.deletion_feed
    return not has_feed or read_since(connection, now) <= now - REACH


class _LostRun(Exception):  # noqa: N818 (nothing went wrong)
    """The connection was switched off, or another run works on it."""


@dataclass(frozen=True, slots=True)
class _Gone:
    """An invoice whose document is not in the ERP any more; `at` is None where nobody says since when."""

    invoice_id: int
    remote_id: str
    at: datetime | None
    is_archived: bool = False


class _Run:
    """One run over one connection."""

    def __init__(self, connection_id: int, lease: RowLease, *, all_the_same: bool) -> None:
        self.connection = Connection.objects.select_related("client").get(pk=connection_id)
        self.system = self.connection.get_connector_display()
        self.lease = lease
        self.all_the_same = all_the_same
        self.done = Deleted()

    def run(self) -> Deleted:
        """Read, look whether it is too much, archive, and move the cursor."""
        connector = connect(self.connection.connector, self.connection.access(), 1)
        began = clock.now()
        try:
            if needs_comparison(self.connection, began):
                self._compare(connector, began)
            else:
                self._take_feed(connector.deletions(read_since(self.connection, began)), began)
        except ErpError as exc:
            self.done.error = str(exc)
            told: dict[str, object] = {"last_error": str(exc)}
            if exc.kind is ErrorKind.CREDENTIALS:
                told["needs_credentials"] = True
            self.lease.mine().update(**told)
        except _LostRun:
            log.info("the deletions were taken from this run", connection=self.connection.pk)
        finally:
            connector.close()
        return self.done

    def _take_feed(self, deletions: tuple[Deletion, ...], began: datetime) -> None:
        gone: list[_Gone] = []
        documents = [one for one in deletions if one.what == "document" and one.remote_id]
        for start in range(0, len(documents), GROUP):
            gone += self._known_here(documents[start : start + GROUP])
        parties = [(PARTIES[one.what], one) for one in deletions if one.what in PARTIES]
        if self._is_too_much(gone):
            return
        self._archive(gone)
        for direction, deletion in parties:
            self._archive_party(direction, deletion)
        self._finish(began)

    def _known_here(self, documents: Iterable[Deletion]) -> list[_Gone]:
        deleted: defaultdict[str, list[Deletion]] = defaultdict(list)
        for one in documents:
            deleted[one.remote_id].append(one)
        rows = Invoice.objects.filter(client_id=self.connection.client_id, remote_id__in=list(deleted)).order_by("pk")
        return [
            _Gone(invoice.pk, invoice.remote_id, at, invoice.is_archived)
            for invoice in rows
            if not is_deletion_known(invoice, at := max(one.deleted_at for one in deleted[invoice.remote_id]))
        ]

    def _compare(self, connector: Connector, began: datetime) -> None:
        """Compare by id with the whole list; each that is not in it is asked for by itself."""
        with take_listing() as listing:
            for page in connector.listing():
                listing.add(page)
                self._keep()
            listing.complete()
            missing = [_Gone(invoice.pk, invoice.remote_id, None) for invoice in not_listed(self.connection.client_id)]
        if self._is_too_much(missing):
            return
        gone = []
        for one in missing:
            self._keep()
            if _is_gone(connector, one.remote_id):
                gone.append(one)
        self._archive(gone)
        self._finish(began)

    def _is_too_much(self, gone: list[_Gone]) -> bool:
        """Hold everything back when it looks like an accident there, until a person says that it is none."""
        count = sum(not one.is_archived for one in gone)
        if self.all_the_same or count <= ALWAYS_ALLOWED:
            return False
        known = Invoice.objects.filter(client_id=self.connection.client_id, archived_at__isnull=True)
        if count * SHARE_AT_MOST <= known.exclude(remote_id="").count():
            return False
        self.done.stopped = count
        now = clock.now()
        self.lease.mine().update(
            deletions_held=count, deletions_not_before=last_due(now) + timedelta(days=1), last_answer_at=now
        )
        return True

    def _archive(self, gone: list[_Gone]) -> None:
        for nth, one in enumerate(gone):
            if nth % GROUP == 0:
                self._keep()
            became = archive_deleted(one.invoice_id, one.remote_id, system=self.system, deleted_at=one.at)
            self.done.invoices += became is Archived.ARCHIVED
            self.done.held += became is Archived.HELD

    def _archive_party(self, direction: str, deletion: Deletion) -> None:
        rows = Counterparty.objects.filter(
            client_id=self.connection.client_id, direction=direction, code=deletion.remote_id
        )
        for pk in rows.values_list("pk", flat=True):
            became = archive_deleted_party(pk, system=self.system, deleted_at=deletion.deleted_at)
            self.done.parties += became is Archived.ARCHIVED

    def _keep(self) -> None:
        """Renew the lease; raises _LostRun when the connection or the run is ours no more."""
        if not self.lease.keep(Connection.objects.able(clock.now()).filter(pk=self.connection.pk)):
            raise _LostRun

    def _finish(self, until: datetime) -> None:
        """Move the cursor, never back: all up to there was applied."""
        fault("before_cursor")
        self._keep()
        now = clock.now()
        until = max(filter(None, (self.connection.deletions_until, until)))
        self.lease.mine().update(
            deletions_until=until, deletions_read_at=now, deletions_held=0, last_answer_at=now, last_error=""
        )
        self.done.is_whole = True


def _is_gone(connector: Connector, remote_id: str) -> bool:
    """Ask for one document; only the ERP's own "not found" says that it is gone."""
    try:
        connector.read(remote_id)
    except ErpError as exc:
        if any(complaint.reason is Reason.NOT_FOUND for complaint in exc.complaints):
            return True
        raise
    return False
