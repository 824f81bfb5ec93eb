"""What several answers show: amounts, the last look-up, the last event of a kind, and what is not known."""

from decimal import Decimal

from django.utils.translation import gettext as _

from invoices.models import Evidence, Payment
from invoices.money import shown
from invoices.permissions import person_name
from syncdiag.case import Case
from syncdiag.findings import Proof, when


def amount_of(payment: Payment) -> str:
    """Return a payment's amount with its currency."""
    return amount_text(payment.amount, payment.currency)


def amount_text(amount: Decimal | None, currency: str) -> str:
    """Return an amount with its currency; a dash where there is none."""
    return "–" if amount is None else f"{shown(amount, currency)} {currency}".rstrip()


def since(case: Case) -> Proof:
    """Show since when the invoice has been in its step."""
    return when(_("in this step since"), case.invoice.step_since)


def look_up_proofs(case: Case) -> tuple[Proof, ...]:
    """Show what came of it when the ERP was asked last; nothing where it was not since the step began."""
    found = case.look_up
    if found is None or found.asked_at < case.invoice.step_since:
        return ()
    label = _("asked whether the ERP has it")
    if found.is_word:
        label = _("a person looked in the ERP")
        said = f"{person_name(found.asked_by)}: {found.detail}" if found.asked_by else found.detail
        return (Proof(label, said, found.asked_at),)
    if found.verdict == Evidence.Verdict.COULD_NOT_ASK:
        return (Proof(label, _("it could not be asked: %(detail)s") % {"detail": found.detail}, found.asked_at),)
    if found.verdict == Evidence.Verdict.NOT_FOUND:
        return (Proof(label, _("it does not have it"), found.asked_at),)
    said = _("it has it, under voucher %(voucher)s") % {"voucher": found.voucher}
    return (Proof(label, f"{said}. {found.difference}" if found.difference else said, found.asked_at),)


def event_proofs(case: Case, action: str) -> tuple[Proof, ...]:
    """Show when the last event of a kind was, who did it, and why; nothing where there is none."""
    event = case.events.get(action)
    if event is None:
        return ()
    return (
        when(_("when"), event.at),
        Proof(_("who"), str(event.evidence.get("source") or event.actor_name), event.at),
        Proof(_("why"), event.reason or "–", event.at),
    )


def noted(case: Case, *actions: str) -> tuple[Proof, ...]:
    """Show when the first of these that the event log has was noted."""
    event = next((case.events[action] for action in actions if action in case.events), None)
    return (when(_("noted"), event.at),) if event else ()
