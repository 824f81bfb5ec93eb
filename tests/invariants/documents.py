"""One document in the ERP for each invoice, under our keys alone, and its voucher here."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from invoices.models import Attempt, Invoice
from tests.invariants.scene import Scene

STAGE_OF_KIND = {"book_preliminary": "preliminary", "book_final": "final"}
PAST = {  # the bookings that an invoice in a step has behind it
    "payable": {
        "approval": ("preliminary",),
        "final_integration": ("preliminary",),
        "final_error": ("preliminary",),
        "booked": ("preliminary", "final"),
    },
    "receivable": {"booked": ("final",)},
}


def erp_has_one_document_an_invoice(scene: Scene) -> Iterator[str]:
    """At most one document an invoice, and one booking a stage."""
    same = Counter(
        (one["company"], one["direction"], one["kind"], one["party"]["code"], one["number"]) for one in scene.documents
    )
    for (company, direction, kind, party, number), count in same.items():
        if count > 1:
            yield f"The ERP has {count} documents of the {direction} {kind} {number} of {party} ({company})."
    for document in scene.documents:
        for stage, count in Counter(booking["stage"] for booking in document["bookings"]).items():
            if count > 1:
                yield f"The ERP has {count} {stage} bookings on document {document['number']}."


def erp_has_one_booking_for_our_keys(scene: Scene) -> Iterator[str]:
    """At most one booking under all keys of an invoice's booking, and none under a key that no message has."""
    owner = {message.key: (message.invoice_id, message.kind) for message in scene.messages if not message.payment_id}
    booked: Counter[tuple[int, str]] = Counter()
    for document in scene.documents:
        for booking in document["bookings"]:
            whose = owner.get(booking["key"])
            if whose is not None:
                booked[whose] += 1
                if STAGE_OF_KIND.get(whose[1]) != booking["stage"]:
                    yield f"The ERP has {document['number']} booked {booking['stage']} under the key of a {whose[1]}."
            elif booking["key"]:
                yield f"The ERP has {document['number']} booked under the key {booking['key']}, which no message has."
    for (invoice, kind), count in booked.items():
        if count > 1:
            yield f"{scene.invoices[invoice]}: the ERP has {count} bookings under the keys of its {kind}."


def every_call_has_its_attempt(scene: Scene) -> Iterator[str]:
    """What the ERP saw was written down here before: no more calls than attempts (a refused one may be repeated)."""
    seen: Counter[str] = Counter()
    for write in scene.audit["writes"]:
        told = write["path"].endswith(("/documents/", "/payments/"))
        if write["method"] == "POST" and told and write["effect"] != "refused":
            seen[write["key"]] += 1
    attempts = Counter(Attempt.objects.using(scene.database).values_list("message_id", flat=True))
    for message in scene.messages:
        if seen[message.key] > attempts[message.pk]:
            yield (
                f"{scene.invoices[message.invoice_id]}: the ERP saw message {message.pk} {seen[message.key]} times, "
                f"{attempts[message.pk]} attempts are written down."
            )


def invoices_carry_the_erps_voucher(scene: Scene) -> Iterator[str]:
    """An invoice past a step carries the ERP's voucher of that booking, or one with which a person skipped it."""
    keys: defaultdict[int, set[str]] = defaultdict(set)
    for message in scene.messages:
        keys[message.invoice_id].add(message.key)
    books: defaultdict[tuple[str, str, str], list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    for document in scene.audit["documents"]:
        for booking in document["bookings"]:
            books[document["company"], booking["stage"], booking["voucher"]].append((document, booking))
    deleted = {write["path"].rstrip("/").rpartition("/")[2] for write in scene.audit["writes"] if _deletes(write)}
    for invoice in scene.invoices.values():
        for stage in PAST[invoice.direction].get(invoice.step, ()):
            voucher = getattr(invoice, f"{stage}_voucher")
            if not voucher and stage == "preliminary" and _was_booked_at_once(scene, invoice):
                continue
            if not voucher:
                yield f"{invoice} is in {invoice.step} without a {stage} voucher."
                continue
            if invoice.remote_id in deleted or _was_skipped(scene, invoice, voucher):
                continue
            found = [
                document
                for document, booking in books[scene.company_of.get(invoice.client_id, ""), stage, voucher]
                if booking["key"] in keys[invoice.pk] or document["number"] == invoice.number
            ]
            if not found:
                yield f"{invoice} carries the {stage} voucher {voucher}, which the ERP does not have for it."
            elif invoice.step == "booked" and not any(_is_worth(document, invoice) for document in found):
                yield (
                    f"{invoice} is booked over {invoice.total:f} {invoice.currency}, "
                    f"in the ERP over {found[0]['total']} {found[0]['currency']}."
                )


def _was_booked_at_once(scene: Scene, invoice: Invoice) -> bool:
    """It was imported as booked finally, or posted again as a new document because the one before was gone."""
    return any(
        event.action == "import" or (event.action == "post_again" and "gone" in event.evidence)
        for event in scene.events_of[invoice.pk]
    )


def _deletes(write: Mapping[str, Any]) -> bool:
    return write["effect"] == "deleted" and "/documents/" in write["path"]


def _is_worth(document: Mapping[str, Any], invoice: Invoice) -> bool:
    return Decimal(document["total"]) == invoice.total and document["currency"] == invoice.currency


def _was_skipped(scene: Scene, invoice: Invoice, voucher: str) -> bool:
    return any(
        event.action == "skip" and event.actor_id is not None and event.evidence.get("voucher") == voucher
        for event in scene.events_of[invoice.pk]
    )
