"""One question to the ERP, for somebody who waits: what it has under some keys, or of a number."""

import time
from datetime import timedelta

from django.utils.translation import gettext as _

from integrations.erps.contract import Document, DocumentState, ErpError, Reason, RemotePayment
from integrations.erps.registry import connect
from integrations.lanes import Job, Result, look
from integrations.models import Connection
from invoices import clock
from invoices.errors import Conflict
from invoices.models import Invoice


def ask_erp(invoice: Invoice, document: Document | RemotePayment, keys: tuple[str, ...]) -> Result:
    """Ask the ERP of the invoice's client for every booking of a document or payment; an error is part of the result.

    Raises Conflict for a client without a connection. Nothing is locked while the call is out.
    """
    connection = _connection_of(invoice)
    job = Job(0, 0, 0, 0, document, "", keys, creates_party=False, start_by=0.0, claimed_at=clock.now())
    connector = connect(connection.connector, connection.access(), 1)
    started = time.monotonic()
    try:
        bookings = look(connector, job)
    except ErpError as exc:
        return Result(job, error=exc, took=timedelta(seconds=time.monotonic() - started))
    finally:
        connector.close()
    return Result(job, bookings, took=timedelta(seconds=time.monotonic() - started))


def ask_what_became_of(invoice: Invoice) -> str:
    """Say that the document which an invoice names was voided or deleted in the ERP; empty while it is in force.

    Raises ErpError where it cannot be asked, and Conflict for a client without a connection.
    """
    connection = _connection_of(invoice)
    connector = connect(connection.connector, connection.access(), 1)
    try:
        document = connector.read(invoice.remote_id)
    except ErpError as exc:
        if any(complaint.reason is Reason.NOT_FOUND for complaint in exc.complaints):
            return _("Its document %(id)s was deleted in the ERP.") % {"id": invoice.remote_id}
        raise
    finally:
        connector.close()
    is_voided = document.state is DocumentState.VOIDED
    return _("Its document %(id)s was voided in the ERP.") % {"id": invoice.remote_id} if is_voided else ""


def _connection_of(invoice: Invoice) -> Connection:
    connection = Connection.objects.select_related("client").filter(client_id=invoice.client_id).first()
    if connection is None or not connection.is_enabled:
        raise Conflict(_("%(client)s is not connected to an ERP: connect it first.") % {"client": invoice.client})
    return connection
