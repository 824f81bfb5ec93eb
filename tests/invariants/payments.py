"""One payment in the ERP for each payment here, its line in the log, and balances that add up."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from invoices.models import Payment
from tests.invariants.scene import OPEN, Scene

LIVE = ("authorized", "succeeded")


def payments_have_their_line(scene: Scene) -> Iterator[str]:
    """A payment that a status update brought stands in the log exactly once."""
    lines: Counter[tuple[int, str, str]] = Counter()
    for event in scene.events:
        if event.invoice_id is not None and event.action == "status_paid":
            lines[event.invoice_id, event.evidence["source"], event.evidence["reference"]] += 1
    rows = Payment.objects.using(scene.database).values_list("invoice_id", "source", "reference")
    sources = {(invoice, source) for invoice, source, _reference in lines}
    payments = Counter(row for row in rows if row[:2] in sources)
    for key in lines.keys() | payments.keys():
        if lines[key] != payments[key]:
            invoice, source, reference = key
            yield (
                f"{scene.invoices[invoice]}: {source} told of payment {reference!r} in {lines[key]} lines of the log, "
                f"and {payments[key]} payments are there."
            )


def erp_has_one_payment_a_payment(scene: Scene) -> Iterator[str]:
    """At most one payment in the ERP under all keys of a payment here; one that was pushed is there with its amount."""
    owner = {message.key: message.payment_id for message in scene.messages if message.payment_id}
    ours = set(scene.company_of.values())
    there = [one for one in scene.audit.get("payments", ()) if one["company"] in ours]
    rows = {row.pk: row for row in Payment.objects.using(scene.database)}
    for pk, count in Counter(owner[one["key"]] for one in there if one["key"] in owner).items():
        if count > 1:
            yield f"{scene.invoices[rows[pk].invoice_id]}: the ERP has {count} payments for payment {pk}."
    for one in there:
        if one["key"] and one["key"] not in owner:
            yield f"The ERP has payment {one['id']} under the key {one['key']}, which no message has."
    worth = {(one["company"], one["id"]): (Decimal(one["amount"]), one["currency"]) for one in there}
    deleted = {write["path"].rstrip("/").rpartition("/")[2] for write in scene.audit["writes"] if _unpays(write)}
    for row in rows.values():
        invoice = scene.invoices[row.invoice_id]
        where = scene.company_of.get(invoice.client_id, ""), row.remote_id
        is_there = row.pushed_at is not None and row.gone_at is None and row.remote_id not in deleted
        if is_there and worth.get(where) != (row.amount, row.currency):
            yield f"{invoice}: payment {row.pk} was pushed, and the ERP does not have it so."


def _unpays(write: Mapping[str, Any]) -> bool:
    return write["effect"] == "deleted" and "/payments/" in write["path"]


def payments_are_pushed_or_say_why(scene: Scene) -> Iterator[str]:
    """A payment that was recorded here and counts is in the ERP, on its way, refused, or waits for its invoice."""
    told = {message.payment_id for message in scene.messages if message.payment_id}
    queues = {message.invoice_id for message in scene.messages if message.payment_id and message.state in OPEN}
    for row in Payment.objects.using(scene.database).filter(is_recorded_here=True, is_applied=True):
        invoice = scene.invoices[row.invoice_id]
        waits = not invoice.remote_id or row.invoice_id in queues
        if row.pushed_at is None and row.pk not in told and not waits:
            yield f"{invoice}: payment {row.pk} counts, and nothing tells the ERP of it."


def balances_add_up(scene: Scene) -> Iterator[str]:
    """Paid is the sum of the payments that count, and the status says the same."""
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    for payment in Payment.objects.using(scene.database):
        if payment.is_applied:
            sums[payment.invoice_id] += payment.amount
            open_push = payment.messages.using(scene.database).filter(state__in=OPEN).exists()
            if payment.state not in LIVE and payment.pushed_at is None and not open_push:
                yield f"{scene.invoices[payment.invoice_id]}: a {payment.state} payment counts that the ERP never had."
        if payment.currency != scene.invoices[payment.invoice_id].currency:
            yield f"{scene.invoices[payment.invoice_id]}: a payment is in {payment.currency}."
    for invoice in scene.invoices.values():
        if invoice.paid != sums[invoice.pk]:
            yield f"{invoice}: {invoice.paid:f} is paid, the payments make {sums[invoice.pk]:f}."
        fits = {
            "paid": invoice.paid == invoice.total,
            "partially_paid": 0 < invoice.paid < invoice.total,
            "open": invoice.paid == 0,
            "ok_to_pay": invoice.paid == 0,
        }
        if not fits.get(invoice.status, True):
            yield f"{invoice} is {invoice.status} with {invoice.paid:f} of {invoice.total:f} paid."


def who_needs_a_person_is_on_the_desk(scene: Scene) -> Iterator[str]:
    """An invoice of which a payment goes on by itself no more says since when; the others do not."""
    latest = {message.payment_id: message for message in scene.messages if message.payment_id}
    stopped = set()
    for row in Payment.objects.using(scene.database):
        message = latest.get(row.pk)
        if row.pushed_at is not None:
            stopped |= {row.invoice_id} if row.state not in LIVE and row.gone_at is None else set()
        elif message is not None and message.state in OPEN:
            stopped |= {row.invoice_id} if message.state != "sending" and message.not_before is None else set()
        elif message is not None and message.state == "refused" and row.state in LIVE and row.is_applied:
            stopped.add(row.invoice_id)
    for invoice in scene.invoices.values():
        if invoice.pk in stopped and invoice.payment_stuck_since is None:
            yield f"{invoice}: a payment needs a person, and the desk does not say so."
        if scene.settled and invoice.pk not in stopped and invoice.payment_stuck_since is not None:
            yield f"{invoice}: the desk says that a payment needs a person, and none does."
