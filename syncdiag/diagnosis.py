"""Why is it stuck? A function over evidence: it reads, returns findings, and changes nothing (DESIGN §8)."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from integrations.models import Connection
from integrations.policy import BreakerState
from invoices.actions.flow import offered_booking
from invoices.models import Attempt, IntegrationMessage, Invoice
from invoices.money import shown
from invoices.preflight import preflight
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageState, PaymentState, Status, Step
from syncdiag.balances import why_balances_differ
from syncdiag.classifying import explain_complaint
from syncdiag.findings import Finding, Proof, Said, moment_text
from syncdiag.syncing import why_no_pdf, why_not_synced


def diagnose(invoice: Invoice) -> list[Finding]:
    """Return what stands in the way of an invoice, what to do first coming first.

    Where nothing is wrong the only finding says what was checked.
    """
    findings = [*_why_stuck(invoice), *why_not_synced(invoice), *why_balances_differ(invoice), *why_no_pdf(invoice)]
    if any(finding.id == "paid-although-failed" for finding in findings):  # says the same of the same payment
        findings = [finding for finding in findings if finding.id != "failed-payment-pushed"]
    return findings or [
        Finding(
            "nothing-wrong",
            _("Nothing wrong was found."),
            (
                Proof(_("step"), invoice.get_step_display()),
                Proof(_("checked"), _("the step, the message to the ERP, the connection, and what may be posted")),
            ),
            _("Nothing needs to be done."),
        )
    ]


def _why_stuck(invoice: Invoice) -> Iterator[Finding]:
    if invoice.step in INTEGRATION_STEPS:
        yield from _why_waiting(invoice)
    elif invoice.step in ERROR_STEPS:
        yield from _why_failed(invoice)
    elif invoice.step == Step.DRAFT:
        for problem in preflight(invoice):
            yield Finding(
                f"preflight-{problem.field}",
                problem.sentence,
                (Proof(_("field"), _field_text(problem.field)),),
                _("Edit the invoice, then post it."),
            )
    elif invoice.step == Step.APPROVAL:
        yield Finding(
            "waits-for-approval",
            _("It waits for a person to approve it."),
            (Proof(_("handed in by"), str(invoice.created_by or "–")), *_since(invoice)),
            _("Somebody of the finance staff other than the one who handed it in approves it."),
            "approve",
        )
    if invoice.step == Step.BOOKED:
        yield from _why_paid_although_failed(invoice)
        yield from _why_not_pushed(invoice)
    if invoice.step == Step.BOOKED and invoice.status == Status.DENIED:
        yield Finding(
            "denied",
            _("The ERP denied it after booking."),
            _last_event(invoice, "status_denied"),
            _("Ask the ERP's people why; a corrected invoice is handed in under a new number."),
        )


def _why_waiting(invoice: Invoice) -> Iterator[Finding]:
    message = invoice.current_message
    connection = Connection.objects.filter(client_id=invoice.client_id).first()
    if connection is None or not connection.is_enabled:
        yield Finding(
            "not-connected",
            _("The client is not connected to an ERP."),
            (Proof(_("client"), str(invoice.client)),),
            _("An Integration manager connects it; then the invoice goes out by itself."),
        )
    elif connection.needs_credentials:
        yield Finding(
            "credentials",
            _("The ERP refused our credentials."),
            (Proof(_("the ERP said"), connection.last_error),),
            _("An Integration manager enters new ones on the connection; then the invoice goes out by itself."),
        )
    elif connection.breaker_state != BreakerState.CLOSED:
        yield Finding(
            "erp-down",
            _("The ERP cannot be reached, so the queue is paused."),
            (
                Proof(_("failures in a row"), str(connection.breaker_failures)),
                Proof(_("the ERP said"), connection.last_error or "–"),
                Proof(_("paused until"), moment_text(connection.breaker_until)),
            ),
            _("Nothing needs to be done: it goes out by itself. A queue handler may abort the message instead."),
        )
    if message is None:
        return
    proofs = (
        Proof(_("message"), message.get_state_display()),
        Proof(_("attempts"), str(message.attempt_count)),
        Proof(_("what was said"), message.reason or "–"),
        Proof(_("next try"), moment_text(message.not_before)),
        *_since(invoice),
    )
    if message.state == MessageState.UNKNOWN:
        what = _("The answer of the ERP was lost, so nobody knows yet whether it booked the invoice.")
        if message.is_for_a_person:
            yield Finding(
                "unknown-for-a-person",
                what,
                proofs,
                _("Look it up in the ERP, then abort, and skip or post again."),
                "look-up",
            )
        else:
            yield Finding(
                "unknown", what, proofs, _("The ERP is asked by itself; it is never simply sent again."), "look-up"
            )
    elif message.state == MessageState.PENDING and message.attempt_count:
        yield Finding(
            "not-sent",
            _("It could not be sent yet."),
            proofs,
            _("It is tried again by itself at the time shown."),
            "re-sync",
        )
    elif message.state == MessageState.PENDING:
        yield Finding(
            "in-queue", _("It waits in the queue."), proofs, _("It goes out by itself within a minute."), "re-sync"
        )


def _why_failed(invoice: Invoice) -> Iterator[Finding]:
    offered = offered_booking(invoice)
    if offered is not None:
        yield Finding(
            "erp-has-it",
            _("The ERP has it, under voucher %(voucher)s.") % {"voucher": offered.voucher},
            (Proof(_("voucher"), offered.voucher), Proof(_("posting date"), str(offered.posting_date or "–"))),
            _("Skip the integration step with this voucher."),
            "skip",
        )
    if invoice.status == Status.FAILED_ERP_VALIDATION:
        yield Finding(
            "failed-validation",
            _("The ERP's validation failed after booking, so the invoice came back for correction."),
            _last_event(invoice, "status_failed_erp_validation"),
            _("Correct it, then skip the step with its voucher or post it again."),
        )
    message = invoice.current_message
    if message is None:
        return
    if message.state == MessageState.ABORTED:
        yield Finding(
            "aborted",
            _("A person aborted the message."),
            (Proof(_("why"), message.reason), Proof(_("when"), moment_text(message.settled_at))),
            _("Look it up in the ERP: if it is there, skip the step; if not, post it again."),
            "look-up",
        )
    if message.state == MessageState.REFUSED:
        yield from _why_refused(invoice, message, _("Correct what the ERP names, then post it again."), "post-again")


def _why_refused(invoice: Invoice, message: IntegrationMessage, next_step: Said, button: str) -> Iterator[Finding]:
    """Explain each complaint of a refusal; `next_step` and `button` are for words that the catalogue does not know."""
    system = _system_of(invoice)
    attempt = Attempt.objects.filter(message=message).last()
    for complaint in message.complaints:
        known = explain_complaint(system, complaint)
        evidence = (
            Proof(_("the ERP said"), f"{complaint.get('message', '')} {complaint.get('detail', '')}".strip()),
            Proof(_("code"), complaint.get("code") or "–"),
            Proof(_("trace id"), attempt.trace_id if attempt and attempt.trace_id else "–"),
        )
        if known is None:
            yield Finding(
                "refused",
                _("The ERP refused it, with words that are not in the catalogue yet."),
                evidence,
                next_step,
                button,
            )
        else:
            named = button if message.payment_id else known.entry.button
            yield Finding(known.entry.id, known.entry.title, evidence, " ".join(known.steps), named)


def _why_paid_although_failed(invoice: Invoice) -> Iterator[Finding]:
    for payment in invoice.payments.failed_after_push():
        amount = f"{shown(payment.amount, payment.currency)} {payment.currency}"
        yield Finding(
            "paid-although-failed",
            _("A payment of %(amount)s came to nothing after it was pushed, so the invoice still counts it as paid.")
            % {"amount": amount},
            (
                Proof(_("payment"), f"{payment.get_method_display()} {payment.reference}".strip()),
                Proof(_("state"), payment.get_state_display()),
                Proof(_("why"), payment.failure_reason or "–"),
                Proof(_("id in the ERP"), payment.remote_id),
                Proof(_("pushed"), moment_text(payment.pushed_at)),
            ),
            _(
                "No accounting system can be told that a payment failed: delete it there, then press Re-sync. "
                "Balance and status follow."
            ),
            "re-sync",
        )


def _why_not_pushed(invoice: Invoice) -> Iterator[Finding]:
    for payment in invoice.payments.unpushed():
        message = payment.messages.first()
        amount = f"{shown(payment.amount, payment.currency)} {payment.currency}"
        if message is not None and message.state == MessageState.REFUSED:
            next_step = _("Correct what the ERP names, then press Re-sync: the payment is pushed again.")
            yield from _why_refused(invoice, message, next_step, "re-sync")
        elif message is not None and message.is_open:
            yield Finding(
                "payment-on-its-way",
                _("A payment of %(amount)s is not in the ERP yet.") % {"amount": amount},
                (
                    Proof(_("message"), message.get_state_display()),
                    Proof(_("what was said"), message.reason or "–"),
                    Proof(_("next try"), moment_text(message.not_before)),
                ),
                _("The ERP is asked by itself; it is never simply sent again.")
                if message.state == MessageState.UNKNOWN
                else _("It goes out by itself as soon as the ERP can be reached."),
                "re-sync",
            )
        elif not payment.is_applied and payment.state == PaymentState.AUTHORIZED:
            yield Finding(
                "payment-authorized",
                _("An authorized payment of %(amount)s is not pushed before it succeeded.") % {"amount": amount},
                (Proof(_("method"), payment.get_method_display()),),
                _("Wait until it succeeded. For ACH, Submit authorized ACH payments changes this for the client."),
            )


def _field_text(field: str) -> str:
    """Return what a person calls a field: `lines[0].unit_price` is the unit price of line 1."""
    place, dot, name = field.partition("].")
    index = place.removeprefix("lines[")
    if dot and index.isdigit():
        return _("%(name)s of line %(number)s") % {"name": name.replace("_", " "), "number": int(index) + 1}
    return field.replace("_", " ").replace(".", " ")


def _system_of(invoice: Invoice) -> str:
    connection = Connection.objects.filter(client_id=invoice.client_id).first()
    return connection.connector if connection else ""


def _since(invoice: Invoice) -> tuple[Proof, ...]:
    return (Proof(_("in this step since"), moment_text(invoice.step_since)),)


def _last_event(invoice: Invoice, action: str) -> tuple[Proof, ...]:
    event = invoice.events.filter(action=action).first()
    if event is None:
        return ()
    return (
        Proof(_("when"), moment_text(event.at)),
        Proof(_("who"), str(event.evidence.get("source") or event.actor_name)),
        Proof(_("why"), event.reason or "–"),
    )
