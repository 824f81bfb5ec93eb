"""Every message ends somewhere, and an invoice waits for exactly one."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from invoices.models import Attempt, IntegrationMessage
from tests.invariants.scene import OPEN, Scene

STEP_OF_KIND = {"book_preliminary": "preliminary_integration", "book_final": "final_integration"}
ABORTS = ("abort", "fail_payment", "void_payment", "payment_not_sent")  # what takes a message out of delivery


def outbox_rows_end(scene: Scene) -> Iterator[str]:
    """Every message ends confirmed, refused, aborted or on the desk; before the dust settles it may be on its way."""
    written = Counter(Attempt.objects.using(scene.database).values_list("message_id", flat=True))
    aborts = {event.evidence.get("message_id") for event in scene.events if event.action in ABORTS}
    for message in scene.messages:
        name = f"{scene.invoices[message.invoice_id]}: message {message.pk}"
        is_waiting = message.state == "sending" or message.not_before is not None
        if written[message.pk] != message.attempt_count:
            yield f"{name} counts {message.attempt_count} attempts, {written[message.pk]} are written down."
        if message.state == "confirmed" and not message.voucher:
            yield f"{name} is confirmed without a voucher."
        if message.state == "refused" and not message.reason:
            yield f"{name} is refused and does not say why."
        if message.state == "aborted" and message.pk not in aborts:
            yield f"{name} is aborted, and nobody pressed that."
        if message.state not in OPEN and message.settled_at is None:
            yield f"{name} is {message.state} and has no time at which it was settled."
        if message.state in OPEN and not is_waiting and not message.reason:
            yield f"{name} is for a person and does not say why."
        if message.state == "sending" and (message.lease_until is None or not message.attempt_count):
            yield f"{name} is on its way without a lease and an attempt."
        if scene.settled and message.state in OPEN and is_waiting:
            yield f"{name} is not settled: it is {message.state}."


def waiting_invoices_have_their_message(scene: Scene) -> Iterator[str]:
    """An invoice waits for the ERP exactly while one message of that booking is open."""
    waiting: defaultdict[int, list[IntegrationMessage]] = defaultdict(list)
    for message in scene.messages:
        if message.state in OPEN and message.kind in STEP_OF_KIND:
            waiting[message.invoice_id].append(message)
    for invoice in scene.invoices.values():
        there = waiting[invoice.pk]
        if invoice.step not in STEP_OF_KIND.values():
            if there:
                yield f"{invoice} is in {invoice.step}, and message {there[0].pk} is still open."
        elif len(there) != 1:
            yield f"{invoice} waits in {invoice.step} for {len(there)} open messages."
        elif STEP_OF_KIND[there[0].kind] != invoice.step or invoice.current_message_id != there[0].pk:
            yield f"{invoice} waits in {invoice.step} for message {there[0].pk}, which is not the one it points at."
