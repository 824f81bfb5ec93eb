"""Import by number (article 001): the ERP is asked for exactly this number, and what it has is taken in.

Every way that it can end is an `Outcome` with a sentence of its own. No row is locked while the ERP is asked.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from integrations.deletions import REACH
from integrations.erps.contract import Connector, Deletion, DocumentState, ErpError, Reason, RemoteDocument, Stage
from integrations.erps.registry import CONNECTORS
from integrations.models import Connection
from integrations.pulling import ask_payments, facts_of, fetch_pdf, take_payments
from integrations.resync import connect_shortly
from invoices import clock
from invoices.actions.importing import Choice, Imported, Outcome, Vouchers, import_document, look_for
from invoices.errors import BadInput, NotThere
from invoices.models import Client, Invoice
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import Direction

LONGEST_NUMBER: Final = 40
LONGEST_ID: Final = 100


def import_by_number(
    client_id: int, number: str, direction: str, *, by: User | None, remote_id: str = "", reason: str = ""
) -> Imported:
    """Ask the client's ERP for exactly this number and take the document in, with its payments and its PDF.

    Where the ERP has several, `remote_id` says which one. Raises BadInput for what cannot be a number, NotThere and
    NotAllowed for a person without the right; all else is told by the outcome.
    """
    client, number = _check(client_id, number, direction, by=by, remote_id=remote_id)
    found = _connected(client)
    if isinstance(found, Imported):
        return found
    try:
        with closing(connect_shortly(found)) as connector:
            document = _find(connector, client, found, number, direction, remote_id)
            Connection.objects.filter(pk=found.pk).update(last_answer_at=clock.now())
            if isinstance(document, Imported):
                return document
            return _import(connector, client, document, by=by, reason=reason)
    except ErpError as exc:
        return _not_asked(exc)


def find_missing(client_id: int, number: str, direction: str, *, by: User | None) -> Imported:
    """Say what an import of this number would end in, and write nothing: the answer to a missing invoice."""
    client, number = _check(client_id, number, direction, by=by, remote_id="")
    found = _connected(client)
    if isinstance(found, Imported):
        return found
    try:
        with closing(connect_shortly(found)) as connector:
            document = _find(connector, client, found, number, direction, "")
    except ErpError as exc:
        return _not_asked(exc)
    return document if isinstance(document, Imported) else look_for(client, facts_of(document))


@dataclass(frozen=True, slots=True)
class DeletionSearch:
    """Whether a number is among what was deleted in the ERP since then; `trouble` is why that is not known."""

    deletion: Deletion | None = None
    since: datetime | None = None
    trouble: str = ""


def find_deletion(client_id: int, number: str, *, by: User | None) -> DeletionSearch:
    """Ask the ERP whether a document of this number was deleted there, as far back as its feed is read."""
    client, number = _check(client_id, number, Direction.PAYABLE, by=by, remote_id="")
    found = _connected(client)
    if isinstance(found, Imported):
        return DeletionSearch(trouble=found.sentence)
    if not CONNECTORS[found.connector].capabilities.deletion_feed:
        system = found.get_connector_display()
        return DeletionSearch(trouble=_("%(system)s does not tell what was deleted there.") % {"system": system})
    since = clock.now() - REACH
    try:
        with closing(connect_shortly(found)) as connector:
            deletions = connector.deletions(since)
    except ErpError as exc:
        return DeletionSearch(trouble=str(exc))
    named = [one for one in deletions if one.what == "document" and one.number == number]
    return DeletionSearch(max(named, key=lambda one: one.deleted_at, default=None), since)


def _check(client_id: int, number: str, direction: str, *, by: User | None, remote_id: str) -> tuple[Client, str]:
    client = Client.objects.filter(pk=client_id).first()
    if client is None:
        raise NotThere(NOT_THERE)
    require(by, Right.SYNC, client)
    number = number.strip()
    if not 0 < len(number) <= LONGEST_NUMBER or not number.isprintable():
        raise BadInput({"number": _("Give the exact number: 1 to 40 printable characters.")})
    if direction not in Direction.values:
        raise BadInput({"direction": _("Use payable or receivable.")})
    if len(remote_id) > LONGEST_ID or not remote_id.isprintable():
        raise BadInput({"remote_id": _("Choose one of the documents that the ERP has.")})
    return client, number


def _connected(client: Client) -> Connection | Imported:
    connection = Connection.objects.filter(client=client).first()
    if connection is None:
        sentence = _("%(client)s is not connected to an ERP: connect it first.") % {"client": client}
        return Imported(Outcome.NOT_CONNECTED, sentence)
    if not connection.is_enabled:
        sentence = _("%(client)s was disconnected from its ERP: connect it again first.") % {"client": client}
        return Imported(Outcome.DISCONNECTED, sentence)
    return connection


def _find(
    connector: Connector, client: Client, connection: Connection, number: str, direction: str, remote_id: str
) -> RemoteDocument | Imported:
    """Return the one document that can be imported, or why there is none."""
    said = {"number": number, "system": connection.get_connector_display()}
    documents = connector.search(number, direction)
    if remote_id:
        documents = tuple(document for document in documents if document.remote_id == remote_id)
    in_force = [document for document in documents if document.state is DocumentState.OPEN]
    if len(in_force) > 1:
        sentence = _(
            "%(system)s has %(count)s documents of the number %(number)s: choose the one that is missing here."
        )
        choices = _choices(client, in_force)
        return Imported(Outcome.SEVERAL, sentence % {**said, "count": len(in_force)}, choices=choices)
    if not in_force and documents:
        sentence = _("%(number)s was voided in %(system)s: there is nothing to import.")
        return Imported(Outcome.VOIDED, sentence % said, _known(client, documents[0].number, direction))
    if not in_force:
        sentence = _("There is no invoice numbered %(number)s in %(system)s: the number must be exact.")
        if remote_id:
            sentence = _("The chosen document of the number %(number)s is not in %(system)s any more: search again.")
        return Imported(Outcome.NOT_FOUND, sentence % said, _known(client, number, direction))
    (document,) = in_force
    if all(voucher.stage is not Stage.FINAL for voucher in document.vouchers):
        sentence = _("%(number)s is booked only preliminarily in %(system)s: book it finally there, then import it.")
        return Imported(Outcome.NOT_BOOKED, sentence % said, _known(client, number, direction))
    return document


def _choices(client: Client, documents: Sequence[RemoteDocument]) -> tuple[Choice, ...]:
    ids = [document.remote_id for document in documents]
    here = {
        (one.remote_id, one.kind): one
        for one in Invoice.objects.filter(client=client, direction=documents[0].direction, remote_id__in=ids)
    }
    return tuple(Choice(facts_of(one), here.get((one.remote_id, one.kind))) for one in documents)


def _known(client: Client, number: str, direction: str) -> Invoice | None:
    """Return the invoice of this number here, to look at, where the ERP has none to import."""
    rows = Invoice.objects.filter(client=client, number=number, direction=direction)
    return rows.select_related("client", "counterparty").order_by("pk").first()


def _import(
    connector: Connector, client: Client, document: RemoteDocument, *, by: User | None, reason: str
) -> Imported:
    tells = document.direction == Direction.RECEIVABLE or connector.capabilities.pays_payables
    asked = ask_payments(connector, document) if tells else None
    with transaction.atomic():
        made = import_document(
            client, facts_of(document), _vouchers(document), by=by, reason=reason, has_payments=asked is not None
        )
        if made.outcome is Outcome.IMPORTED and made.invoice is not None and asked is not None:
            take_payments(made.invoice, asked, by=by)
    if made.outcome is Outcome.IMPORTED and made.invoice is not None:
        fetch_pdf(connector, made.invoice, document)
    return made


def _vouchers(document: RemoteDocument) -> Vouchers:
    by_stage = {one.stage: one for one in document.vouchers}
    preliminary, final = by_stage.get(Stage.PRELIMINARY), by_stage[Stage.FINAL]
    return Vouchers(
        preliminary_voucher=preliminary.voucher if preliminary else "",
        preliminary_posting_date=preliminary.posting_date if preliminary else None,
        final_voucher=final.voucher,
        final_posting_date=final.posting_date,
    )


def _not_asked(exc: ErpError) -> Imported:
    sentence = _("The ERP could not be asked (%(error)s). Nothing was imported; try again when it answers.")
    if any(complaint.reason is Reason.PERMISSION for complaint in exc.complaints):
        sentence = _("The ERP does not let us read it (%(error)s). Have the rights of our user there extended.")
    return Imported(Outcome.NOT_ASKED, sentence % {"error": exc})
