"""Keeping what the ERP said when it was asked whether it has an invoice."""

from datetime import datetime
from typing import Any

from invoices.models import Evidence, IntegrationMessage, Invoice
from invoices.workflow import MessageKind


def keep_evidence(
    invoice: Invoice,
    kind: MessageKind,
    verdict: Evidence.Verdict,
    *,
    asked_at: datetime,
    asked_by_id: int | None = None,
    message: IntegrationMessage | None = None,
    **said: Any,
) -> Evidence:
    """Write one answer down; `said` are the other fields of `Evidence`. Evidence is never changed afterwards."""
    return Evidence.objects.create(
        invoice=invoice,
        kind=kind,
        verdict=verdict,
        asked_at=asked_at,
        asked_by_id=asked_by_id,
        message=message,
        **said,
    )
