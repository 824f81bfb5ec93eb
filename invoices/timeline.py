"""What happened to an invoice, in one list: events, attempts, look-ups, and what rooms above add (gate messages)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices.models import Attempt, Counterparty, Event, Evidence, Invoice, Payment
from invoices.money import shown

PARTY: Final = "counterparty_id"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline; `tone` is info, good, warning or error."""

    at: datetime
    source: str  # event | attempt | look-up | gate
    title: str | Promise
    who: str = ""
    text: str = ""
    tone: str = "info"
    details: tuple[tuple[str, str], ...] = ()
    url: str = ""


Source = Callable[[Invoice], Iterable[Entry]]
_sources: Final[list[Source]] = []


def add_source(source: Source) -> None:
    """Have `source(invoice)` give entries as well; called when the process starts."""
    _sources.append(source)


def timeline(invoice: Invoice) -> list[Entry]:
    """Return everything that happened to `invoice`, latest first."""
    entries = [*_events(invoice), *_attempts(invoice), *_look_ups(invoice)]
    for source in _sources:
        entries.extend(source(invoice))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


ACTIONS: Final[dict[str, str | Promise]] = {
    "hand_in": gettext_lazy("Handed in"),
    "import": gettext_lazy("Imported from the ERP by its number"),
    "edit": gettext_lazy("Edited"),
    "post": gettext_lazy("Posted: handed to the ERP"),
    "approve": gettext_lazy("Approved"),
    "abort": gettext_lazy("Integration message aborted"),
    "skip": gettext_lazy("Integration step skipped; no message was sent"),
    "post_again": gettext_lazy("Posted again"),
    "invalidate": gettext_lazy("Invalidated"),
    "note_voucher": gettext_lazy("Voucher noted"),
    "archive": gettext_lazy("Archived"),
    "restore": gettext_lazy("Restored"),
    "confirm": gettext_lazy("Booked in the ERP"),
    "refuse": gettext_lazy("Refused by the ERP"),
    "lose_answer": gettext_lazy("Outcome unknown: the ERP is being asked"),
    "need_person": gettext_lazy("Still unknown: a person must look"),
    "book_after_abort": gettext_lazy("The ERP booked it after all"),
    "find_second_booking": gettext_lazy("The ERP has a second booking"),
    "status_paid": gettext_lazy("Payment told by the ERP"),
    "status_processing_payment": gettext_lazy("The ERP is paying it"),
    "status_denied": gettext_lazy("Denied by the ERP"),
    "status_failed_erp_validation": gettext_lazy("Failed ERP validation; back for correction"),
    "status_noted": gettext_lazy("Noted from the ERP"),
    "set_status": gettext_lazy("Status set by hand"),
    "record_payment": gettext_lazy("Payment recorded"),
    "settle_payment": gettext_lazy("Payment succeeded"),
    "fail_payment": gettext_lazy("Payment failed"),
    "void_payment": gettext_lazy("Payment voided"),
    "apply_payments": gettext_lazy("Authorized ACH payment counts by the client's preference"),
    "take_remote_payments": gettext_lazy("Payments brought here from the ERP"),
    "take_made_payments": gettext_lazy("Payments of the ERP brought here"),
    "payment_pushed": gettext_lazy("Payment pushed to the ERP"),
    "payment_push_refused": gettext_lazy("Payment refused by the ERP"),
    "payment_not_sent": gettext_lazy("Payment not sent: it had come to nothing"),
    "changed_in_erp": gettext_lazy("Changed in the ERP"),
    "voided_in_erp": gettext_lazy("Voided in the ERP"),
    "missing_in_erp": gettext_lazy("Not in the ERP any more"),
    "deleted_in_erp": gettext_lazy("Deleted in the ERP while it was not done here"),
    "find_in_erp": gettext_lazy("Found in the ERP"),
    "not_taken": gettext_lazy("Changes in the ERP could not be taken"),
    "take_pdf": gettext_lazy("PDF fetched"),
    "archive_party": gettext_lazy("Counterparty archived"),
    "archive_all_the_same": gettext_lazy("Many deletions at once confirmed"),
    "restore_party": gettext_lazy("Counterparty restored"),
    "ask_handler": gettext_lazy("A queue handler was asked for help"),
    "grant_role": gettext_lazy("Role granted"),
    "revoke_role": gettext_lazy("Role revoked"),
    "connect": gettext_lazy("Connection to the ERP changed"),
    "sync_now": gettext_lazy("Sync now pressed"),
    "set_webhook": gettext_lazy("Webhook changed"),
    "assign_issue": gettext_lazy("Issue assigned"),
    "mute_issue": gettext_lazy("Issue muted"),
    "unmute_issue": gettext_lazy("Issue no longer muted"),
    "configure_gate": gettext_lazy("cXML gate changed"),
    "replay_message": gettext_lazy("cXML message replayed"),
}


def _events(invoice: Invoice) -> Iterable[Entry]:
    tones = {Event.Level.INFO: "info", Event.Level.WARNING: "warning", Event.Level.ERROR: "error"}
    events = list(invoice.events.select_related("actor"))
    parties = _party_codes(events)
    for event in events:
        yield Entry(
            at=event.at,
            source="event",
            title=ACTIONS.get(event.action, event.action),
            who=event.actor_name,
            text=event.reason,
            tone="good" if event.action == "confirm" else tones[Event.Level(event.level)],
            details=tuple(_changes(event, parties)),
        )


def _changes(event: Event, parties: Mapping[int, str]) -> Iterable[tuple[str, str]]:
    """Yield what an event changed, each with before and after; `parties` are codes by id."""
    for name, value in event.after.items() if event.before else ():
        sides = (event.before.get(name), value)
        if name == PARTY:
            sides = (parties.get(sides[0], ""), parties.get(sides[1], ""))
        yield name, " → ".join(str(side or "–") for side in sides)
    if "payment_id" in event.evidence:
        said = event.evidence
        method = Payment.Method(said["method"]).label
        yield "payment", f"{method} {shown(Decimal(said['amount']), said['currency'])} {said['currency']}"
    if "lines_before" in event.evidence:
        yield "lines", f"{_lines(event.evidence['lines_before'])} → {_lines(event.evidence['lines'])}"


def _lines(lines: Sequence[Mapping[str, str]]) -> str:
    """Return lines as one reads them: 2 × Paper (PAPER) at 5.50."""
    said = []
    for line in lines:
        quantity, price = (f"{Decimal(line[name]).normalize():f}" for name in ("quantity", "unit_price"))
        item = f" ({line['item']})" if line.get("item") else ""
        said.append(
            _("%(quantity)s × %(what)s at %(price)s")
            % {"quantity": quantity, "what": line["description"] + item, "price": price}
        )
    return ", ".join(said) or "–"


def _party_codes(events: Iterable[Event]) -> dict[int, str]:
    """Return the codes of the counterparties that events name, by their ids."""
    ids = {side.get(PARTY) for event in events if event.before for side in (event.before, event.after)} - {None}
    return dict(Counterparty.objects.filter(pk__in=ids).values_list("pk", "code")) if ids else {}


def _attempts(invoice: Invoice) -> Iterable[Entry]:
    tones = {Attempt.Outcome.CONFIRMED: "good", Attempt.Outcome.REFUSED: "error", Attempt.Outcome.UNCERTAIN: "warning"}
    for attempt in Attempt.objects.filter(message__invoice=invoice).select_related("message"):
        yield Entry(
            at=attempt.started_at,
            source="attempt",
            title=_("%(kind)s, attempt %(number)s: %(outcome)s")
            % {
                "kind": attempt.message.get_kind_display(),
                "number": attempt.number,
                "outcome": attempt.get_outcome_display(),
            },
            text=" · ".join(complaint.get("message", "") for complaint in attempt.complaints),
            tone=tones.get(Attempt.Outcome(attempt.outcome), "info"),
            details=(
                (_("duration"), f"{attempt.duration_ms} ms" if attempt.duration_ms is not None else "–"),
                (_("trace id"), attempt.trace_id or "–"),
            ),
        )


def _look_ups(invoice: Invoice) -> Iterable[Entry]:
    for evidence in invoice.evidence.select_related("asked_by"):
        found = evidence.verdict == Evidence.Verdict.FOUND
        yield Entry(
            at=evidence.asked_at,
            source="look-up",
            title=_("Looked up in the ERP: %(verdict)s") % {"verdict": evidence.get_verdict_display()},
            who=str(evidence.asked_by or ""),
            text=evidence.difference or evidence.detail,
            tone="good" if found and not evidence.difference else "warning",
            details=((_("voucher"), evidence.voucher),) if evidence.voucher else (),
            url=evidence.url,
        )
