"""The verbs behind the buttons that ask the ERP before they act."""

from dataclasses import replace
from datetime import date
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from integrations import tasks
from integrations.asking import ask_erp, ask_what_became_of
from integrations.delivery import keep_answer
from integrations.documents import document_of
from integrations.erps.contract import ErpError
from integrations.lanes import Result
from integrations.models import Connection
from integrations.payment_look_up import look_up_push_of
from integrations.policy import Found
from integrations.reporting import report_look_up
from invoices import clock
from invoices.actions import flow, guided
from invoices.actions.outbox import settle
from invoices.actions.taking import require_reason
from invoices.errors import Conflict, NotThere
from invoices.models import Evidence, IntegrationMessage, Invoice
from invoices.permissions import require
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, MessageKind, MessageState, Step, booking_kind, may_move

log = structlog.get_logger(__name__)
ASKABLE: Final = frozenset(Step) - {Step.DRAFT, Step.INVALIDATED}


def look_up(invoice_id: int, *, by: User | None, reason: str = "") -> Evidence:
    """Ask the ERP whether it has the booking that the invoice's step is about, and keep the answer as evidence.

    Where the outcome of the invoice's message is unknown, the answer decides it as delivery's own question would. Of a
    booked invoice the ERP is also asked about a payment that is in doubt.
    Raises Conflict for a step that has no booking, and for a client without a connection.
    """
    invoice = _see(invoice_id, by=by, right=Right.LOOK_UP)
    kind = booking_kind(invoice.step)
    result, gone = _ask_with_document(invoice, kind)
    now = clock.now()
    message = invoice.current_message
    by_id = by.pk if by else None
    evidence, found = keep_answer(invoice, kind, result, message=message, by_id=by_id, now=now, gone=gone)
    if message is not None and message.state == MessageState.UNKNOWN and found is not Found.COULD_NOT_ASK:
        _decide_unknown(message, evidence, result, found, reason)
    if invoice.step == Step.BOOKED:
        look_up_push_of(invoice.pk, by=by, reason=reason)
    return evidence


def _decide_unknown(message: IntegrationMessage, evidence: Evidence, result: Result, found: Found, reason: str) -> None:
    job = replace(result.job, message_id=message.pk, attempts_made=message.attempt_count)
    ours = result.bookings[0] if found is Found.OURS else None
    report = report_look_up(job, message, found, ours, clock.now(), jitter=0.5)
    settle([replace(report, reason=reason or evidence.difference or message.reason)])
    if report.state == MessageState.PENDING:
        tasks.wake(message.client_id)


def ask(invoice: Invoice, kind: MessageKind) -> Result:
    """Ask the ERP for every booking of one kind of an invoice; an error is part of the result."""
    keys = tuple(invoice.messages.filter(kind=kind).values_list("key", flat=True))
    return ask_erp(invoice, document_of(invoice, kind), keys)


def _ask_with_document(invoice: Invoice, kind: MessageKind) -> tuple[Result, str]:
    """Ask for the booking, and where an error step finds none, what became of the document that the invoice names."""
    result = ask(invoice, kind)
    if result.error is not None or result.bookings or not invoice.remote_id or invoice.step not in ERROR_STEPS:
        return result, ""
    try:
        return result, ask_what_became_of(invoice)
    except ErpError as exc:
        return replace(result, error=exc), ""


def post_again(invoice_id: int, *, by: User | None, reason: str) -> Invoice:
    """Ask the ERP, and send the invoice once more if it does not have it.

    Raises Conflict when it has it (offering the voucher) or cannot be asked.
    """
    invoice = _see(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    require_reason(reason)
    if may_move(invoice.post_again):
        look_up_as(invoice, by=by)
    return flow.post_again(invoice_id, by=by, reason=reason)


def invalidate(invoice_id: int, *, by: User | None, reason: str) -> Invoice:
    """Ask the ERP about what was sent before, and take the invoice out of the flow. Raises Conflict if it has it."""
    invoice = _see(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    require_reason(reason)
    if invoice.step in (*ERROR_STEPS, Step.APPROVAL):
        look_up_as(invoice, by=by)
    return flow.invalidate_invoice(invoice_id, by=by, reason=reason)


def posted_in_erp(
    invoice_id: int, *, by: User, reason: str, voucher: str = "", posting_date: date | None = None, seen: str = ""
) -> Invoice:
    """Go on as posted, over evidence that is asked for now if there is none of the last ten minutes."""
    _ask_if_old(invoice_id, by=by)
    return guided.go_on_as_posted(
        invoice_id, by=by, reason=reason, voucher=voucher, posting_date=posting_date, seen=seen
    )


def not_posted_in_erp(invoice_id: int, *, by: User, reason: str, seen: str = "") -> Invoice:
    """Go on as not posted, over evidence that is asked for now if there is none of the last ten minutes."""
    _ask_if_old(invoice_id, by=by)
    return guided.go_on_as_not_posted(invoice_id, by=by, reason=reason, seen=seen)


def is_guided(invoice: Invoice) -> bool:
    """Say whether the two guided ways begin at the invoice's step."""
    return invoice.step in (*INTEGRATION_STEPS, *ERROR_STEPS) and not invoice.is_archived


def _ask_if_old(invoice_id: int, *, by: User) -> None:
    invoice = _see(invoice_id, by=by, right=Right.HANDLE_QUEUE)
    if is_guided(invoice) and guided.latest_evidence(invoice, booking_kind(invoice.step)) is None:
        look_up_as(invoice, by=by)


def look_up_overdue(*, at_most: int = 100) -> int:
    """Ask the ERP about invoices that have just crossed their client's patience and were not asked about since.

    Returns how many were asked about; the longest waiting first, at most `at_most` in one go.
    """
    now = clock.now()
    asked = Evidence.objects.filter(invoice=OuterRef("pk"), asked_at__gte=OuterRef("step_since"))
    overdue = Invoice.objects.overdue(now).filter(~Exists(asked), client__connection__is_enabled=True)
    able = Connection.objects.able(now).values("client_id")
    ids = overdue.filter(client_id__in=able).order_by("step_since", "pk").values_list("pk", flat=True)[:at_most]
    for pk in list(ids):
        try:
            look_up(pk, by=None)
        except Conflict:
            log.info("moved before it was asked about", invoice_id=pk)
    return len(ids)


def look_up_as(invoice: Invoice, *, by: User | None) -> Evidence:
    """Ask on behalf of a button whose right was checked already."""
    kind = booking_kind(invoice.step)
    result, gone = _ask_with_document(invoice, kind)
    by_id = by.pk if by else None
    evidence, _found = keep_answer(invoice, kind, result, message=None, by_id=by_id, now=clock.now(), gone=gone)
    return evidence


def _see(invoice_id: int, *, by: User | None, right: Right) -> Invoice:
    """Return an invoice to ask the ERP about: no row is locked while a call is out."""
    invoice = Invoice.objects.select_related("client", "counterparty", "current_message").filter(pk=invoice_id).first()
    if invoice is None:
        raise NotThere(_("There is no such invoice."))
    require(by, right, invoice.client)
    if right is Right.LOOK_UP and invoice.step not in ASKABLE:
        raise Conflict(_("Nothing of this invoice was ever sent, so there is nothing to look up in the ERP."))
    return invoice
