"""Looking a payment up in the ERP whose answer was lost: by button, and with the look-up of its invoice."""

from dataclasses import replace

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from integrations import tasks
from integrations.asking import ask_erp
from integrations.delivery import judge_look_up, keep_answer
from integrations.documents import payment_of
from invoices import clock
from invoices.actions.outbox import settle
from invoices.errors import Conflict, NotThere
from invoices.models import Evidence, IntegrationMessage, Payment
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right
from invoices.workflow import MessageKind, MessageState


def is_in_doubt(payment: Payment) -> bool:
    """Say whether the answer to its push was lost, so that only the ERP knows whether it has it."""
    return any(message.state == MessageState.UNKNOWN for message in payment.messages.all())


def look_up_payment(payment_id: int, *, by: User | None, reason: str = "") -> str:
    """Ask the ERP whether it has a payment whose answer was lost, and let delivery's rules decide by what it says.

    Found: confirmed. Not there, and it cannot arrive any more: sent again, unless it came to nothing meanwhile.
    Anything else stays in doubt. Returns what came of it, in a sentence; raises Conflict where nothing is in doubt, and
    where the ERP cannot be asked, which changes nothing.
    """
    payment = Payment.objects.select_related("invoice__client").filter(pk=payment_id).first()
    if payment is None:
        raise NotThere(NOT_THERE)
    require(by, Right.LOOK_UP, payment.invoice.client)
    message = _open_push(payment)
    if message is None:
        raise Conflict(_("What became of this payment is known: there is nothing to look up."))
    state, evidence = _ask_about(message, payment, by=by, reason=reason)
    if evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
        raise Conflict(
            _("The ERP could not be asked whether it has the payment (%(detail)s). Press again when it answers.")
            % {"detail": evidence.detail}
        )
    return _sentence(state, evidence)


def look_up_push_of(invoice_id: int, *, by: User | None, reason: str = "") -> None:
    """Ask the ERP about the payment of an invoice that is in doubt, if there is one; the right was checked before."""
    unknown = Payment.objects.filter(invoice_id=invoice_id, messages__state=MessageState.UNKNOWN)
    for payment in unknown.select_related("invoice__client"):
        message = _open_push(payment)
        if message is not None:
            _ask_about(message, payment, by=by, reason=reason)


def _open_push(payment: Payment) -> IntegrationMessage | None:
    return payment.messages.filter(state=MessageState.UNKNOWN, kind=MessageKind.PUSH_PAYMENT).first()


def _ask_about(
    message: IntegrationMessage, payment: Payment, *, by: User | None, reason: str
) -> tuple[MessageState, Evidence]:
    """Ask, keep the answer, and settle the message by it; an ERP that cannot be asked settles nothing."""
    keys = tuple(payment.messages.values_list("key", flat=True))
    result = ask_erp(payment.invoice, payment_of(payment, payment.invoice), keys)
    job = replace(result.job, message_id=message.pk, attempts_made=message.attempt_count)
    result, by_id = replace(result, job=job), by.pk if by else None
    now = clock.now()
    kind = MessageKind.PUSH_PAYMENT
    if result.error is not None:
        evidence, _found = keep_answer(payment.invoice, kind, result, message=message, by_id=by_id, now=now)
        return MessageState.UNKNOWN, evidence
    report = judge_look_up(result, now, by_id=by_id)
    (state,) = settle([replace(report, reason=reason or report.reason)])
    if state == MessageState.PENDING:
        tasks.wake(message.client_id)
    return state, Evidence.objects.filter(message=message).latest("pk")


def _sentence(state: MessageState, evidence: Evidence) -> str:
    if state == MessageState.CONFIRMED:
        return _("The ERP has the payment, as %(id)s.") % {"id": evidence.remote_id}
    if state == MessageState.PENDING:
        return _("The ERP does not have the payment, and it cannot arrive any more: it is sent again.")
    if state == MessageState.ABORTED:
        return _("The ERP does not have the payment; it came to nothing here, so it is not sent.")
    if evidence.verdict == Evidence.Verdict.FOUND:
        return _("%(difference)s Put it right in the ERP, then look it up again.") % {"difference": evidence.difference}
    return _("The ERP does not have the payment yet, but it may still arrive: it is asked again by itself.")
