"""What must hold whatever crashed (DESIGN §11): one checker over the ERP's audit list, the answers and the database.

    assert_holds(read_audit(erp.url), answers=log, secrets=[SECRET], settled=True)

It calls nothing that delivers, moves or decides: rows are read as they stand, the rights of each action are written
down here a second time, and the ERP speaks for itself. Each check is one function that yields sentences.
"""

import base64
import json
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import User
from django.db import connections

from integrations.models import Connection
from invoices.events import broken_line, facts
from invoices.models import Attempt, Client, Event, IntegrationMessage, Invoice, Payment, RoleGrant

FINANCE, HANDLER, MANAGER = "finance_staff", "queue_handler", "integration_manager"
ROLE_OF_ACTION = {
    "hand_in": FINANCE,
    "import": FINANCE,
    "edit": FINANCE,
    "post": FINANCE,
    "approve": FINANCE,
    "archive": FINANCE,
    "restore": FINANCE,
    "abort": HANDLER,
    "skip": HANDLER,
    "post_again": HANDLER,
    "invalidate": HANDLER,
    "note_voucher": HANDLER,
    "record_payment": FINANCE,
    "settle_payment": FINANCE,
    "fail_payment": FINANCE,
    "void_payment": FINANCE,
    "apply_payments": FINANCE,
    "take_remote_payments": FINANCE,
    "set_status": MANAGER,
    "status_paid": MANAGER,
    "status_processing_payment": MANAGER,
    "status_denied": MANAGER,
    "status_failed_erp_validation": MANAGER,
    "status_noted": MANAGER,
    "grant_role": MANAGER,
    "revoke_role": MANAGER,
    "connect": MANAGER,
    "configure_gate": MANAGER,
    "replay_message": HANDLER,
    "add_client": MANAGER,
    "edit_client": MANAGER,
    "change_preferences": MANAGER,
    "disconnect": MANAGER,
    "sync_now": FINANCE,
}
BUTTONS = {"post", "approve", "abort", "skip", "post_again", "invalidate", "archive", "restore", "set_status"}
OPEN = ("pending", "sending", "unknown")
STEP_OF_KIND = {"book_preliminary": "preliminary_integration", "book_final": "final_integration"}
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
LIVE = ("authorized", "succeeded")
ABORTS = ("abort", "fail_payment", "void_payment", "payment_not_sent")  # what takes a message out of delivery
SLACK = timedelta(seconds=5)  # a right may end between the look at it and the end of the transaction


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told: `is_yes` None means that no answer came."""

    verb: str  # hand_in, gate, or a button's name
    client: str  # its slug
    number: str
    is_yes: bool | None
    text: str = ""  # the gate's words
    key: str = ""  # the payloadID


@dataclass(frozen=True)
class Scene:
    """Everything that the checks look at."""

    audit: Mapping[str, Any]
    database: str
    answers: Sequence[Answer]
    settled: bool
    secrets: Collection[str]
    texts: Mapping[str, str]
    ignored_numbers: Collection[str] = field(default=())

    @cached_property
    def invoices(self) -> dict[int, Invoice]:
        return {row.pk: row for row in Invoice.objects.using(self.database).select_related("client")}

    @cached_property
    def messages(self) -> list[IntegrationMessage]:
        return list(IntegrationMessage.objects.using(self.database).order_by("pk"))

    @cached_property
    def events(self) -> list[Event]:
        return list(Event.objects.using(self.database).order_by("pk"))

    @cached_property
    def events_of(self) -> dict[int, list[Event]]:
        found: defaultdict[int, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.invoice_id is not None:
                found[event.invoice_id].append(event)
        return found

    @cached_property
    def company_of(self) -> dict[int, str]:
        """The company in the ERP of each client."""
        return dict(Connection.objects.using(self.database).values_list("client_id", "company"))

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """The documents of our companies that are not voided."""
        ours = set(self.company_of.values())
        return [
            document
            for document in self.audit["documents"]
            if document["company"] in ours
            and document["state"] != "voided"
            and document["number"] not in self.ignored_numbers
        ]

    def named(self, client: str, number: str) -> list[Invoice]:
        """Return the invoices of that number of a client."""
        return [row for row in self.invoices.values() if row.client.slug == client and row.number == number]


def read_audit(url: str) -> dict[str, Any]:
    """Return the audit list of the sandbox ERP at `url`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.rstrip("/") + "/audit/", timeout=20) as answer:
        audit: dict[str, Any] = json.load(answer)
    return audit


def check(
    erp_audit: Mapping[str, Any],
    database: str = "default",
    *,
    answers: Sequence[Answer] = (),
    settled: bool = False,
    secrets: Collection[str] = (),
    texts: Mapping[str, str] | None = None,
    ignored_numbers: Collection[str] = (),
) -> list[str]:
    """Return a sentence for everything that does not hold.

    `settled`: nothing may be on its way any more. `texts`: logs and pages by name, searched for `secrets`.
    `ignored_numbers`: documents that a test itself wrote into the ERP by hand.
    """
    scene = Scene(erp_audit, database, answers, settled, secrets, texts or {}, ignored_numbers)
    return [sentence for one in CHECKS for sentence in one(scene)]


def assert_holds(erp_audit: Mapping[str, Any], database: str = "default", **more: Any) -> None:
    """Fail with all sentences of `check`."""
    wrong = check(erp_audit, database, **more)
    assert not wrong, f"{len(wrong)} invariants do not hold:\n" + "\n".join(wrong)


# what clients were told -----------------------------------------------------------------------------------------------


def acknowledged_hand_ins_are_there(scene: Scene) -> Iterator[str]:
    """An invoice that was acknowledged is there, once, and its log begins with the hand-in."""
    for client, number in {(one.client, one.number) for one in scene.answers if one.verb == "hand_in" and one.is_yes}:
        found = scene.named(client, number)
        if len(found) != 1:
            yield f"Hand-in of {number} ({client}) was acknowledged, and {len(found)} invoices have that number."
        for row in found:
            first = scene.events_of[row.pk][:1]
            if not first or first[0].action != "hand_in":
                yield f"The log of {number} ({client}) does not begin with its hand-in."


def acknowledged_buttons_have_acted(scene: Scene) -> Iterator[str]:
    """Each yes to a button is a line in the log."""
    said = Counter((one.client, one.number, one.verb.replace("-", "_")) for one in scene.answers if one.is_yes is True)
    for (client, number, action), count in said.items():
        if action not in BUTTONS:
            continue
        lines = [
            event for row in scene.named(client, number) for event in scene.events_of[row.pk] if event.action == action
        ]
        if len(lines) < count:
            yield f"{action} of {number} ({client}) was answered yes {count} times, the log has {len(lines)}."


def accepted_gate_messages_have_one_effect(scene: Scene) -> Iterator[str]:
    """Each gate message that was answered OK acted once; one whose answer was lost at most once."""
    groups: defaultdict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for one in scene.answers:
        if one.verb == "gate":
            groups[one.client, one.number, one.key].append(one)
    for (client, number, key), told in groups.items():
        accepted = sum(one.is_yes is True and one.text == "OK" for one in told)
        lost = sum(one.is_yes is None for one in told)
        effects = [
            event
            for row in scene.named(client, number)
            for event in scene.events_of[row.pk]
            if event.action.startswith("status_")
            and event.evidence.get("reference") == key
            and "replayed_message" not in event.evidence
        ]
        if not accepted <= len(effects) <= accepted + lost:
            yield (
                f"The gate message {key!r} for {number} ({client}) was accepted {accepted} times "
                f"(and {lost} answers were lost), and acted {len(effects)} times."
            )


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


# the ERP --------------------------------------------------------------------------------------------------------------


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
            if not voucher and stage == "preliminary" and _was_imported(scene, invoice):
                continue  # whoever typed it into the ERP booked it finally at once
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


def _was_imported(scene: Scene, invoice: Invoice) -> bool:
    return any(event.action == "import" for event in scene.events_of[invoice.pk])


def _deletes(write: Mapping[str, Any]) -> bool:
    return write["effect"] == "deleted" and "/documents/" in write["path"]


def _is_worth(document: Mapping[str, Any], invoice: Invoice) -> bool:
    return Decimal(document["total"]) == invoice.total and document["currency"] == invoice.currency


def _was_skipped(scene: Scene, invoice: Invoice, voucher: str) -> bool:
    return any(
        event.action == "skip" and event.actor_id is not None and event.evidence.get("voucher") == voucher
        for event in scene.events_of[invoice.pk]
    )


# the outbox -----------------------------------------------------------------------------------------------------------


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


# the log --------------------------------------------------------------------------------------------------------------


def replaying_the_log_gives_the_row(scene: Scene) -> Iterator[str]:
    """One line a change: before and after of all lines, one upon the other, are what the row says."""
    for invoice in scene.invoices.values():
        state: dict[str, Any] = {}
        for event in scene.events_of[invoice.pk]:
            for name, value in event.before.items():
                if state.get(name) != value:
                    yield f"{invoice}: line {event.sequence} says {name} was {value!r}, it was {state.get(name)!r}."
            state.update(event.after)
        for name, value in facts(invoice).items():
            if state.get(name) != value:
                yield f"{invoice}: {name} is {value!r}, the log says {state.get(name)!r}."


def the_log_is_whole(scene: Scene) -> Iterator[str]:
    """No line is missing, added or changed."""
    for invoice in scene.invoices.values():
        lines = sorted(scene.events_of[invoice.pk], key=lambda event: event.sequence)
        broken = broken_line(lines)
        if broken is not None:
            yield f"{invoice}: line {broken} of the log was tampered with, or stands where another should."
        if invoice.event_count != len(lines) or invoice.event_head != (lines[-1].hash if lines else ""):
            yield f"{invoice}: the log does not end with the line that the invoice knows as its last."


def nobody_moved_without_the_right(scene: Scene) -> Iterator[str]:
    """Whoever did something held the role that may, on that client or above it, at that time; and four eyes approve."""
    grants: defaultdict[tuple[int, str], list[RoleGrant]] = defaultdict(list)
    for grant in RoleGrant.objects.using(scene.database):
        grants[grant.user_id, grant.role].append(grant)
    people = {user.pk: user for user in User.objects.using(scene.database)}
    parents = dict(Client.objects.using(scene.database).values_list("pk", "parent_id"))
    for event in scene.events:
        if event.actor_id is None:
            continue
        what = f"{event.actor_name} did {event.action} ({event.invoice_id and scene.invoices[event.invoice_id]})"
        if event.action == "ask_handler":  # whoever sees it may ask
            continue
        role = HANDLER if event.evidence.get("replayed_message") else ROLE_OF_ACTION.get(event.action)
        if role is None:
            yield f"{what}, and no role is known that may."
            continue
        if event.action == "approve" and scene.invoices[event.invoice_id].created_by_id == event.actor_id:
            yield f"{what}, who handed it in."
        lineage = _lineage(event.client_id, parents)
        held = any(
            grant.client_id in lineage
            and grant.granted_at <= event.at
            and (grant.until is None or grant.until > event.at - SLACK)
            for grant in grants[event.actor_id, role]
        )
        if not held and not people[event.actor_id].is_superuser:
            yield f"{what}, and was not {role} there."


def _lineage(client: int | None, parents: Mapping[int, int | None]) -> set[int]:
    found: set[int] = set()
    while client is not None and client not in found:
        found.add(client)
        client = parents[client]
    return found


# money and secrets ----------------------------------------------------------------------------------------------------


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


def no_secret_is_written_anywhere(scene: Scene) -> Iterator[str]:
    """No secret stands in any column of any table, nor in the logs and pages given."""
    forms = {form: secret[:3] for secret in scene.secrets for form in _written_forms(secret)}
    if not forms:
        return
    database = connections[scene.database]
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            found = {
                (columns[index], forms[form])
                for row in cursor
                for index, value in enumerate(row)
                for form in forms
                if form in _as_text(value)
            }
            for column, begin in sorted(found):
                yield f"The secret that begins with {begin} stands in {table}.{column}."
    for name, text in scene.texts.items():
        for begin in sorted({forms[form] for form in forms if form in text}):
            yield f"The secret that begins with {begin} stands in {name}."


def _written_forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else ""


CHECKS: tuple[Callable[[Scene], Iterator[str]], ...] = (
    acknowledged_hand_ins_are_there,
    acknowledged_buttons_have_acted,
    accepted_gate_messages_have_one_effect,
    payments_have_their_line,
    erp_has_one_document_an_invoice,
    erp_has_one_booking_for_our_keys,
    erp_has_one_payment_a_payment,
    payments_are_pushed_or_say_why,
    every_call_has_its_attempt,
    invoices_carry_the_erps_voucher,
    outbox_rows_end,
    waiting_invoices_have_their_message,
    replaying_the_log_gives_the_row,
    the_log_is_whole,
    nobody_moved_without_the_right,
    balances_add_up,
    no_secret_is_written_anywhere,
)
