"""Re-sync: one invoice, while the person waits (article 001). What waits is sent, and what the ERP has is taken."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import tasks
from integrations.erps.contract import Connector, ErpError, Reason, RemoteDocument, RemotePayment
from integrations.erps.registry import connect
from integrations.models import Connection
from integrations.pulling import apply_document, ask_payments, fetch_pdf
from invoices import clock
from invoices.actions import receipts
from invoices.actions.remote import Taken, note_missing, note_remote_id, why_not_taken
from invoices.errors import Conflict, NotThere
from invoices.models import IntegrationMessage, Invoice, InvoicePdf
from invoices.money import shown
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import INTEGRATION_STEPS, MessageKind, MessageState, Step

CALLS: Final = 4  # search, read, payments, PDF: together they end within the time of one call
SHORTEST_CALL: Final = timedelta(seconds=2)
FIELDS: Final[dict[str, str | Promise]] = {
    "number": gettext_lazy("the number"),
    "invoice_date": gettext_lazy("the invoice date"),
    "due_date": gettext_lazy("the due date"),
    "counterparty_id": gettext_lazy("the counterparty"),
    "currency": gettext_lazy("the currency"),
    "total": gettext_lazy("the total"),
    "lines": gettext_lazy("the lines"),
    "status": gettext_lazy("the status"),
    "payments": gettext_lazy("the payments"),
    "erp_state": gettext_lazy("its state there"),
}


def is_re_syncable(invoice: Invoice) -> bool:
    """Say whether Re-sync does something from where the invoice is: it is on its way, or it was booked."""
    if invoice.step == Step.FINAL_ERROR:
        return invoice.is_synced
    return invoice.step in (*INTEGRATION_STEPS, Step.BOOKED)


def re_sync(invoice_id: int, *, by: User | None, reason: str = "") -> str:  # noqa: ARG001 (every button has one)
    """Send what is unsynced of an invoice, and take what the ERP has of it now; return what came, in a sentence.

    Raises Conflict where it is not booked or the ERP cannot be asked, and where the ERP does not have it any more:
    that is kept, so that the diagnosis offers to archive it.
    """
    invoice = Invoice.objects.select_related("client", "counterparty", "current_message").filter(pk=invoice_id).first()
    if invoice is None:
        raise NotThere(NOT_THERE)
    require(by, Right.SYNC, invoice.client)
    if not is_re_syncable(invoice):
        raise Conflict(
            _("%(number)s is not booked, so there is nothing to sync: post it first.") % {"number": invoice.number}
        )
    connection = _connection_of(invoice)
    receipts.push_waiting_payments(invoice_id, by=by)
    is_sent = _send_what_waits(invoice, by=by)
    if invoice.step in INTEGRATION_STEPS and (is_sent or why_not_taken(invoice)):
        return _("What waits is sent now, or the ERP is asked about it; the page shows what comes of it.")
    return pull_invoice(invoice, connection, by=by)


def pull_invoice(invoice: Invoice, connection: Connection, *, by: User | None) -> str:
    """Take document, payments and PDF of one booked invoice from the ERP; return what came, in a sentence."""
    connector = connect_shortly(connection)
    try:
        document = _find(connector, invoice, by=by)
        asked = ask_payments(connector, document)
        taken = apply_document(invoice, document, asked, by=by)
        pdf = fetch_pdf(connector, invoice, document)
    except ErpError as exc:
        raise Conflict(
            _("The ERP could not be asked (%(error)s). Nothing was changed here; press Re-sync again when it answers.")
            % {"error": exc}
        ) from exc
    finally:
        connector.close()
    Connection.objects.filter(pk=connection.pk).update(last_answer_at=clock.now())
    return _sentence(document, asked.payments, taken, pdf)


def connect_shortly(connection: Connection) -> Connector:
    """Return a connector for somebody who waits: a few calls together end within the time of one."""
    access = connection.access()
    short = max(access.call_timeout / CALLS, min(SHORTEST_CALL, access.call_timeout))
    return connect(connection.connector, replace(access, call_timeout=short), 1)


def _connection_of(invoice: Invoice) -> Connection:
    connection = Connection.objects.select_related("client").filter(client_id=invoice.client_id).first()
    if connection is None:
        raise Conflict(_("%(client)s is not connected to an ERP: connect it first.") % {"client": invoice.client})
    if not connection.is_enabled:
        raise Conflict(
            _("The connection of %(client)s to its ERP is switched off: connect it again first.")
            % {"client": invoice.client}
        )
    return connection


def _send_what_waits(invoice: Invoice, *, by: User | None) -> bool:
    """Let all open messages of an invoice go out now, without waiting for their next try; say whether there are any.

    A payment that was given up is certainly not in the ERP: it goes out again where a person asks for it.
    """
    messages = IntegrationMessage.objects.filter(invoice=invoice).open()
    if not messages.exists():
        return False
    again = Q(not_before__isnull=False)
    if by is not None:
        again |= Q(state=MessageState.PENDING, kind=MessageKind.PUSH_PAYMENT)
    waiting = messages.filter(again, state__in=(MessageState.PENDING, MessageState.UNKNOWN))
    waiting.update(not_before=clock.now())
    tasks.wake(invoice.client_id)
    return True


def _find(connector: Connector, invoice: Invoice, *, by: User | None) -> RemoteDocument:
    """Return the invoice's document: by its id, or, where it was skipped with a voucher, by number and voucher."""
    try:
        if invoice.remote_id:
            return connector.read(invoice.remote_id)
    except ErpError as exc:
        if all(complaint.reason is not Reason.NOT_FOUND for complaint in exc.complaints):
            raise
        found = []
    else:
        found = [
            document
            for document in connector.search(invoice.number, invoice.direction)
            if document.party.code == invoice.counterparty.code
            and invoice.final_voucher in {one.voucher for one in document.vouchers}
        ]
    if len(found) != 1:
        note_missing(invoice.pk, by=by)
        raise Conflict(
            _("The ERP does not have %(number)s any more. If it was deleted there on purpose, archive it here.")
            % {"number": invoice.number}
        )
    note_remote_id(invoice.pk, found[0].remote_id, by=by)
    return found[0]


def _sentence(
    document: RemoteDocument, payments: tuple[RemotePayment, ...], taken: Taken, pdf: InvoicePdf | None
) -> str:
    said = {
        "balance": shown(document.balance, document.currency),
        "currency": document.currency,
        "payments": ngettext("%(count)s payment", "%(count)s payments", len(payments)) % {"count": len(payments)},
        "pdf": _pdf_in_words(pdf),
    }
    if taken.problem:
        said["news"] = taken.problem
    elif taken.changed:
        names = get_text_list([str(FIELDS.get(name, name)) for name in taken.changed], _("and"))
        said["news"] = _("%(names)s changed.") % {"names": names}
        if taken.lost:
            lost = get_text_list([str(FIELDS.get(name, name)) for name in taken.lost], _("and"))
            said["news"] += " " + _("What was typed here was lost: %(names)s; the event log has it.") % {"names": lost}
    else:
        said["news"] = _("nothing changed.")
    return _("Re-synced: balance %(balance)s %(currency)s, %(payments)s, %(pdf)s; %(news)s") % said


def _pdf_in_words(pdf: InvoicePdf | None) -> str:
    if pdf is None:
        return _("no PDF")
    if pdf.trouble:
        return _("no new PDF (%(trouble)s)") % {"trouble": pdf.get_trouble_display()}
    return _("PDF %(size)s") % {"size": filesizeformat(pdf.size).replace("\N{NO-BREAK SPACE}", " ")}
