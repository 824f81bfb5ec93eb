"""Pulling: what changed in the ERP comes to the invoices here.

A pull reads the feed of changes, oldest first, from ten minutes before where the last one ended: what another
transaction of the ERP saved late, with an earlier time, is seen as well. Each document is applied in a transaction of
its own; one that fails is marked and does not stop the rest. The cursor moves after what lies before it was applied, so
that a pull may be killed anywhere: the next one reads a little twice, and taking the same facts again changes nothing.
One pull a connection at a time, by a lease. No transaction is open while the ERP is asked.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min

from integrations.erps.contract import (
    Connector,
    DocumentLine,
    DocumentState,
    ErpError,
    ErrorKind,
    Reason,
    RemoteDocument,
    RemotePayment,
)
from integrations.erps.registry import connect
from integrations.learning import keep_foreign, learn
from integrations.leases import RowLease
from integrations.models import Connection
from invoices import clock
from invoices.actions.payouts import take_made_payments
from invoices.actions.pdfs import keep_pdf, note_pdf_trouble
from invoices.actions.receipts import RemotePaymentFacts, take_remote_payments
from invoices.actions.remote import RemoteFacts, RemoteLine, Taken, note_sync_problem, take_remote, why_not_taken
from invoices.errors import Conflict
from invoices.faults import fault
from invoices.models import Invoice, InvoicePdf
from invoices.workflow import Direction

log = structlog.get_logger(__name__)
OVERLAP: Final = timedelta(minutes=10)
PULL_AT_MOST: Final = timedelta(seconds=45)  # below the queue's time limit for a task
PATIENCE: Final = timedelta(minutes=5)  # one batch may take so long; a pull that hangs loses its lease then
FURTHEST_AHEAD: Final = timedelta(hours=1)  # the ERP's clock may be as wrong as this
BATCH: Final = 100
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
FOUR_DIGITS: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class AskedPayments:
    """All payments that the ERP has for one document, and when it was asked (by the database's clock).

    Those of a payable count only where the ERP has no gate to tell of them (`tells_payables`).
    """

    payments: tuple[RemotePayment, ...]
    asked_at: datetime
    tells_payables: bool = False
    is_being_paid: bool = False


def ask_payments(connector: Connector, document: RemoteDocument) -> AskedPayments:
    """Ask the ERP for all payments of a document; raises ErpError."""
    asked_at = clock.now()
    payments = connector.payments(BEGINNING, document.remote_id)
    return AskedPayments(payments, asked_at, connector.capabilities.pays_payables, document.is_being_paid)


@dataclass(slots=True)
class Pulled:
    """What a pull did, in numbers of documents."""

    read: int = 0
    changed: int = 0
    same: int = 0
    not_here: int = 0  # documents that no invoice here belongs to
    waiting: int = 0  # not booked here, or on its way: read again when that is over
    problems: int = 0
    is_whole: bool = False  # everything up to now was read
    error: str = ""  # why the ERP could not be read further


def pull(connection_id: int, *, at_most: timedelta = PULL_AT_MOST) -> Pulled:
    """Read what changed on a connection since the last pull, and apply it, until all is read or the time is up.

    Does nothing while another pull of the connection runs, and on one that must not exchange anything.
    """
    this = Connection.objects.filter(pk=connection_id)
    lease = RowLease(this, "pull_token", "pull_until", patience=PATIENCE)
    if not lease.take(Connection.objects.able(clock.now()).filter(pk=connection_id)):
        return Pulled()
    with lease.beating():
        return _Pull(connection_id, lease, at_most).run()


class _Pull:
    """One run over one connection."""

    def __init__(self, connection_id: int, lease: RowLease, at_most: timedelta) -> None:
        self.connection = Connection.objects.select_related("client").get(pk=connection_id)
        self.lease = lease
        self.seconds = at_most.total_seconds()
        self.began_after = self.connection.changes_until
        self.pulled = Pulled()

    def run(self) -> Pulled:
        """Learn the ERP's rules, then apply its changes."""
        connector = connect(self.connection.connector, self.connection.access(), 1)
        try:
            if connector.capabilities.leaves_drafts:
                connector.tidy()
            learn(self.connection, connector)
            self._apply_changes(connector)
        except ErpError as exc:
            self._note_error(exc)
        finally:
            connector.close()
        return self.pulled

    def _apply_changes(self, connector: Connector) -> None:
        end = time.monotonic() + self.seconds
        documents = connector.changes(self._since())
        while batch := list(islice(documents, BATCH)):
            invoices = invoices_of(self.connection.client_id, batch)
            foreign = [document for document in batch if document.remote_id not in invoices]
            has_feed = connector.capabilities.deletion_feed
            keep_foreign(self.connection, foreign, invoices.keys(), has_feed=has_feed)
            for document in batch:
                self._apply_one(connector, document, invoices.get(document.remote_id, ()))
            fault("before_cursor")
            if not self._move_cursor(batch[-1].changed_at):
                return
            # What was read before does not count: or else ten full minutes would keep every pull from getting on.
            is_further = self.began_after is None or batch[-1].changed_at > self.began_after
            if is_further and time.monotonic() >= end:
                return
        self.pulled.is_whole = True
        self.lease.mine().update(pulled_at=clock.now(), last_answer_at=clock.now(), last_error="")

    def _since(self) -> datetime:
        """Return from when on changes are read; the first pull begins a day before the oldest invoice of the client."""
        if self.began_after is not None:
            return self.began_after - OVERLAP
        oldest = Invoice.objects.filter(client_id=self.connection.client_id).aggregate(Min("created_at"))
        return (oldest["created_at__min"] or clock.now()) - timedelta(days=1)

    def _move_cursor(self, changed_at: datetime) -> bool:
        """Move the cursor, never back, and keep the lease; False when the connection or the pull is ours no more.

        A time far in the future is a mistake of the ERP's, and must not hide all that comes after it.
        """
        now = clock.now()
        until = max(filter(None, (self.connection.changes_until, min(changed_at, now + FURTHEST_AHEAD))))
        self.connection.changes_until = until
        return self.lease.keep(Connection.objects.able(now).filter(pk=self.connection.pk), changes_until=until)

    def _apply_one(self, connector: Connector, document: RemoteDocument, invoices: Iterable[Invoice]) -> None:
        """Apply one document to the invoices of its id; whatever goes wrong is kept there."""
        self.pulled.read += 1
        if not invoices:
            self.pulled.not_here += 1
        for invoice in invoices:
            if why_not_taken(invoice):
                self.pulled.waiting += 1
                continue
            if document.trouble:
                self._note_problem(invoice, document.trouble)
                continue
            if is_known(invoice, document, wants_pdf=connector.capabilities.pdf):
                self.pulled.same += 1
                continue
            try:
                taken = self._take(connector, invoice, document)
            except Conflict:
                self.pulled.waiting += 1  # it moved meanwhile
            except ErpError as exc:
                if exc.kind is not ErrorKind.REJECTED:
                    connector.check()  # if it answers to that, only this document cannot be read
                self._note_problem(invoice, str(exc))
            except Exception as exc:
                log.exception("a document could not be applied", invoice_id=invoice.pk, remote_id=document.remote_id)
                self._note_problem(invoice, f"{type(exc).__name__}: {exc}")
            else:
                self.pulled.problems += bool(taken.problem)
                self.pulled.changed += bool(taken.changed)
                self.pulled.same += not (taken.problem or taken.changed)

    def _take(self, connector: Connector, invoice: Invoice, document: RemoteDocument) -> Taken:
        asked = ask_payments(connector, document)
        taken = apply_document(invoice, document, asked)
        fetch_pdf(connector, invoice, document)
        return taken

    def _note_problem(self, invoice: Invoice, problem: str) -> None:
        self.pulled.problems += 1
        note_sync_problem(invoice.pk, problem)

    def _note_error(self, exc: ErpError) -> None:
        self.pulled.error = str(exc)
        told: dict[str, object] = {"last_error": str(exc)}
        if exc.kind is ErrorKind.CREDENTIALS:
            told["needs_credentials"] = True
        self.lease.mine().update(**told)


def invoices_of(client_id: int, documents: Sequence[RemoteDocument]) -> dict[str, list[Invoice]]:
    """Return a client's invoices by their ids in the ERP, of these documents."""
    ids = {document.remote_id for document in documents if document.remote_id}
    rows = Invoice.objects.filter(client_id=client_id, remote_id__in=ids)
    found: defaultdict[str, list[Invoice]] = defaultdict(list)
    for invoice in rows.select_related("counterparty", "current_message", "pdf").order_by("pk"):
        found[invoice.remote_id].append(invoice)
    return found


def is_known(invoice: Invoice, document: RemoteDocument, *, wants_pdf: bool) -> bool:
    """Say whether the document is what was taken last: it is read again only because of the overlap.

    The PDF is fetched after the rest, so that a pull which died in between has not taken all of it.
    """
    pdf = getattr(invoice, "pdf", None)
    if wants_pdf and (pdf is None or pdf.shows_change != document.changed_at or pdf.trouble == pdf.Trouble.FAILED):
        return False
    return (
        not invoice.sync_problem
        and invoice.erp_balance_at == document.changed_at
        and invoice.erp_balance == document.balance
        and invoice.total == document.total
    )


def apply_document(
    invoice: Invoice, document: RemoteDocument, asked: AskedPayments, *, by: User | None = None
) -> Taken:
    """Take a document and all its payments, in one transaction.

    Never is more paid here than the total: one that rises is taken before the payments, one that falls after them.
    """
    facts = facts_of(document)
    with transaction.atomic():
        falls = document.total < invoice.total
        has_new = falls and take_payments(invoice, asked, by=by)
        taken = take_remote(invoice.pk, facts, by=by)
        if not falls and not taken.problem:
            has_new = take_payments(invoice, asked, by=by)
        return replace(taken, changed=(*taken.changed, "payments")) if has_new else taken


def take_payments(invoice: Invoice, asked: AskedPayments, *, by: User | None) -> bool:
    """Take the payments of a document; those of a payable only where no gate tells of them."""
    there = [
        RemotePaymentFacts(payment.remote_id, payment.amount, payment.currency, payment.paid_on, payment.key)
        for payment in asked.payments
    ]
    if invoice.direction != Direction.RECEIVABLE:
        return asked.tells_payables and take_made_payments(invoice.pk, there, is_being_paid=asked.is_being_paid, by=by)
    return take_remote_payments(invoice.pk, there, by=by, asked_at=asked.asked_at)


def fetch_pdf(connector: Connector, invoice: Invoice, document: RemoteDocument) -> InvoicePdf | None:
    """Fetch the PDF of a document where it is not here or shows an older state; return what is kept, or None.

    A PDF that cannot be had is noted with the reason; it never keeps a pull from going on.
    """
    if not connector.capabilities.pdf:
        return None
    known = InvoicePdf.objects.filter(invoice_id=invoice.pk).first()
    if not document.has_pdf:
        return note_pdf_trouble(invoice.pk, InvoicePdf.Trouble.NONE, shows_change=document.changed_at)
    if known is not None and not known.trouble and known.shows_change == document.changed_at:
        return known
    try:
        content = connector.pdf(document.remote_id)
    except ErpError as exc:
        reasons = {complaint.reason for complaint in exc.complaints}
        trouble = next((told for reason, told in PDF_TROUBLES.items() if reason in reasons), InvoicePdf.Trouble.FAILED)
        return note_pdf_trouble(invoice.pk, trouble, detail=str(exc), shows_change=document.changed_at)
    return keep_pdf(invoice.pk, content, shows_change=document.changed_at)


PDF_TROUBLES: Final = {
    Reason.NOT_FOUND: InvoicePdf.Trouble.NONE,
    Reason.TOO_LARGE: InvoicePdf.Trouble.TOO_LARGE,
    Reason.NOT_THE_FILE: InvoicePdf.Trouble.NOT_PDF,
}


def facts_of(document: RemoteDocument) -> RemoteFacts:
    """Return a document in the words of the invoices: amounts with four digits, texts as our columns hold them."""
    return RemoteFacts(
        remote_id=document.remote_id,
        direction=document.direction,
        kind=document.kind,
        number=document.number,
        party_code=document.party.code,
        party_name=_printable(document.party.name, 200),
        invoice_date=document.invoice_date,
        due_date=document.due_date,
        currency=document.currency,
        total=document.total.quantize(FOUR_DIGITS),
        balance=document.balance.quantize(FOUR_DIGITS),
        lines=tuple(_line(line) for line in document.lines),
        changed_at=document.changed_at,
        vouchers=tuple(one.voucher for one in document.vouchers if one.voucher),
        is_voided=document.state is not DocumentState.OPEN,
    )


def _line(line: DocumentLine) -> RemoteLine:
    return RemoteLine(
        description=_printable(line.description, 500, but="\n\t\r"),
        quantity=line.quantity.quantize(FOUR_DIGITS),
        unit_price=line.unit_price.quantize(FOUR_DIGITS),
        amount=line.amount.quantize(FOUR_DIGITS),
        account=line.account,
        item=line.item,
    )


def _printable(text: str, length: int, but: str = "") -> str:
    return "".join(sign for sign in text if sign.isprintable() or sign in but)[:length]
