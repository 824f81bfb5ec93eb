"""Archiving what was deleted in the ERP: with reason and date, never removed, and nothing twice."""

from datetime import datetime
from enum import Enum, auto

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices.actions.flow import restore_invoice
from invoices.actions.taking import require_reason
from invoices.errors import Conflict, NotThere
from invoices.events import facts, record, record_for_client
from invoices.models import Counterparty, Event, Invoice
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS


class Archived(Enum):
    """What became of an invoice that was deleted in the ERP."""

    ARCHIVED = auto()
    HELD = auto()  # it is on its way or in error: a person decides, and the diagnosis says so
    KNOWN = auto()  # this deletion was taken before


def is_deletion_known(row: Invoice | Counterparty, deleted_at: datetime | None) -> bool:
    """Say whether a deletion was taken before; one of which no time is known, when the row says it is gone."""
    if row.deleted_in_erp_at is None:
        return False
    if deleted_at is None:
        return not isinstance(row, Invoice) or row.erp_state == Invoice.InErp.MISSING
    return deleted_at <= row.deleted_in_erp_at


@transaction.atomic
def archive_deleted(
    invoice_id: int, remote_id: str, *, system: str, deleted_at: datetime | None, by: User | None = None
) -> Archived:
    """Archive an invoice whose document `remote_id` was deleted in the ERP; one event.

    `deleted_at` is by its clock, None where it does not say when. In an integration or error step the invoice stays,
    and the event is a warning: somebody may have deleted the document there so that it can be posted again.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_id)
    require(by, Right.SYNC, invoice.client)
    if invoice.remote_id != remote_id or is_deletion_known(invoice, deleted_at):
        return Archived.KNOWN
    before, now = facts(invoice), timezone.now()
    reason = deleted_sentence(system, deleted_at or now)
    is_held = invoice.step in (*INTEGRATION_STEPS, *ERROR_STEPS)
    archives = not is_held and not invoice.is_archived
    invoice.deleted_in_erp_at = deleted_at or now
    invoice.erp_state, invoice.erp_balance, invoice.erp_currency = Invoice.InErp.MISSING, None, ""
    invoice.sync_problem = ""
    invoice.save(update_fields=["deleted_in_erp_at", "erp_state", "erp_balance", "erp_currency", "sync_problem"])
    if archives:
        invoice.archived_at, invoice.archived_reason = now, reason[:500]
        record(invoice, "archive", by=by, before=before, reason=reason)
        return Archived.ARCHIVED
    if is_held:
        record(invoice, "deleted_in_erp", by=by, before=before, reason=reason, level=Event.Level.WARNING)
        return Archived.HELD
    return Archived.KNOWN


@transaction.atomic
def archive_deleted_party(
    party_id: int, *, system: str, deleted_at: datetime | None, by: User | None = None
) -> Archived:
    """Archive a counterparty that was deleted in the ERP; its invoices stay as they are."""
    party = Counterparty.objects.select_for_update(of=("self",)).select_related("client").get(pk=party_id)
    require(by, Right.SYNC, party.client)
    if is_deletion_known(party, deleted_at):
        return Archived.KNOWN
    now = timezone.now()
    party.deleted_in_erp_at = deleted_at or now
    if party.archived_at is None:
        party.archived_at, party.archived_reason = now, deleted_sentence(system, deleted_at or now)[:500]
    party.save(update_fields=["deleted_in_erp_at", "archived_at", "archived_reason"])
    record_for_client(
        party.client, "archive_party", by=by, reason=party.archived_reason, after={"counterparty": str(party)}
    )
    return Archived.ARCHIVED


def restore(invoice_id: int, *, by: User | None, reason: str) -> str:
    """Take an invoice out of the archive, and say so; also that the ERP does not have it any more."""
    invoice = restore_invoice(invoice_id, by=by, reason=reason)
    if invoice.erp_state == Invoice.InErp.MISSING:
        return _("Restored. The ERP does not have it any more: it lives on here alone.")
    return _("Restored.")


@transaction.atomic
def restore_party(party_id: int, *, by: User | None, reason: str) -> Counterparty:
    """Take a counterparty out of the archive; the same deletion does not put it back."""
    party = Counterparty.objects.select_for_update(of=("self",)).select_related("client").filter(pk=party_id).first()
    if party is None:
        raise NotThere(NOT_THERE)
    require(by, Right.ARCHIVE, party.client)
    reason = require_reason(reason)
    if party.archived_at is None:
        raise Conflict(_("It is not archived."))
    party.archived_at, party.archived_reason = None, ""
    party.save(update_fields=["archived_at", "archived_reason"])
    record_for_client(party.client, "restore_party", by=by, reason=reason, after={"counterparty": str(party)})
    return party


def deleted_sentence(system: str, deleted_at: datetime) -> str:
    """Return the reason for the archive."""
    return _("Deleted in %(system)s on %(date)s") % {"system": system, "date": f"{deleted_at:%Y-%m-%d}"}
