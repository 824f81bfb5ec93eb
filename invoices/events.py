"""The event log's pen: every change of an invoice is saved together with its line.

Lines are chained: each hash covers the line and the hash before it, so that a line that was changed, added or taken
away shows (`broken_line`). Replaying `before` and `after` gives the row's state.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import structlog
from django.contrib.auth.models import User
from django.utils import timezone

from invoices.bulk import new_row
from invoices.models import Client, Event, Invoice
from invoices.permissions import person_name
from invoices.workflow import Status

TRACKED: Final = (
    "direction",
    "kind",
    "number",
    "counterparty_id",
    "invoice_date",
    "due_date",
    "currency",
    "total",
    "paid",
    "step",
    "status",
    "preliminary_voucher",
    "preliminary_posting_date",
    "final_voucher",
    "final_posting_date",
    "remote_id",
    "current_message_id",
    "archived_at",
    "archived_reason",
)
# All that `compose` reads of an invoice, for those who read no more of it than they need.
COLUMNS: Final = frozenset({"id", "client_id", "news_at", "event_count", "event_head", *TRACKED})
log = structlog.get_logger(__name__)
_tracked: Final = attrgetter(*TRACKED)
NEWS: Final = frozenset({"status_noted"})  # news of a payment even where the status stays as it is
SYSTEM: Final = "Unstuck"
Facts = dict[str, Any]


def plain(value: Any) -> Any:
    """Return a value as JSON has it: amounts with four digits, dates and times in ISO 8601."""
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(value)


def facts(invoice: Invoice) -> Facts:
    """Return everything about an invoice that the log follows, as it stands in the row."""
    return dict(zip(TRACKED, _tracked(invoice), strict=True))


def line_hash(event: Event) -> str:
    """Return the hash of a line: SHA-256 over the hash before it and all that it says."""
    said = [
        event.previous_hash,
        event.invoice_id,
        event.sequence,
        event.at.isoformat(),
        event.actor_id,
        event.actor_name,
        event.action,
        event.level,
        event.reason,
        event.before,
        event.after,
        event.evidence,
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _first_code(evidence: Mapping[str, Any]) -> str:
    complaints = evidence.get("complaints") or ()
    return next((str(each["code"])[:60] for each in complaints if each.get("code")), "")


def compose(
    invoice: Invoice,
    action: str,
    *,
    by: User | None,
    before: Facts,
    reason: str = "",
    level: Event.Level = Event.Level.INFO,
    evidence: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> tuple[Event, list[str]]:
    """Return the next line of an invoice's log, not saved, and the names of the invoice's fields to save with it.

    The invoice must be locked: the line's number and the chain are taken from the row.
    """
    now = facts(invoice)
    changed = [name for name in TRACKED if before.get(name) != now[name]]
    moment = at or timezone.now()
    touched = ["event_count", "event_head"]
    if "step" in changed:
        invoice.step_since = moment
        touched.append("step_since")
    if "status" in changed or action in NEWS:
        news_at = moment if invoice.status == Status.PROCESSING_PAYMENT else None
        if news_at != invoice.news_at:
            invoice.news_at = news_at
            touched.append("news_at")
    invoice.event_count += 1
    event = new_row(
        Event,
        client_id=invoice.client_id,
        invoice_id=invoice.pk,
        sequence=invoice.event_count,
        at=moment,
        actor_id=by.pk if by else None,
        actor_name=person_name(by) if by else SYSTEM,
        action=action,
        level=level,
        reason=reason,
        before={name: plain(before[name]) for name in changed if name in before},
        after={name: plain(now[name]) for name in changed},
        evidence={
            name: plain(value) if not isinstance(value, list | dict) else value
            for name, value in (evidence or {}).items()
        },
        code=_first_code(evidence or {}),
        previous_hash=invoice.event_head,
    )
    event.hash = invoice.event_head = line_hash(event)
    log.info(
        action, invoice=invoice.number, message_id=invoice.current_message_id, by=event.actor_name, changed=changed
    )
    return event, [*changed, *touched]


def record(
    invoice: Invoice,
    action: str,
    *,
    by: User | None,
    before: Facts,
    reason: str = "",
    level: Event.Level = Event.Level.INFO,
    evidence: Mapping[str, Any] | None = None,
) -> Event:
    """Save what changed since `before` and write its line. The invoice must be locked."""
    event, fields = compose(invoice, action, by=by, before=before, reason=reason, level=level, evidence=evidence)
    invoice.save(update_fields=fields)
    event.save()
    return event


def record_for_client(
    client: Client,
    action: str,
    *,
    by: User | None,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    level: Event.Level = Event.Level.INFO,
) -> Event:
    """Write a line about a client: a role, a connection, a setting."""
    event = Event(
        client=client,
        at=timezone.now(),
        actor=by,
        actor_name=person_name(by) if by else SYSTEM,
        action=action,
        level=level,
        reason=reason,
        before={name: plain(value) for name, value in (before or {}).items()},
        after={name: plain(value) for name, value in (after or {}).items()},
    )
    event.hash = line_hash(event)
    event.save()
    return event


def broken_line(events: Iterable[Event], invoice: Invoice | None = None) -> int | None:
    """Return the number of the first line of an invoice's log that was tampered with, or None.

    `events` are all lines of one invoice, oldest first. With the `invoice`, last lines that were taken away and a chain
    that was written anew show as well, since the row knows its last line.
    """
    head, expected = "", 0
    for expected, event in enumerate(events, start=1):
        if event.sequence != expected or event.previous_hash != head or event.hash != line_hash(event):
            return expected
        head = event.hash
    if invoice is not None and (invoice.event_count, invoice.event_head) != (expected, head):
        return expected + 1
    return None
