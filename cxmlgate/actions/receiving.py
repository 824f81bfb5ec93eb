"""Taking a message: read it, know its sender, judge it, apply it, keep it, and answer.

What is decided (parsing, credentials, judging) is apart from what is done (`_apply`, `_keep`): whatever is applied,
its kept row included, is one transaction, and a refusal is kept in another after it.

On PostgreSQL the usual message, which says one thing of one invoice, is read in one statement and written in another
(`_apply_at_once`). Where that does not come off, because somebody else moved the invoice, it goes the others' way.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from cxmlgate import verdicts
from cxmlgate.answers import Answer, Profile, compose_answer
from cxmlgate.credentials import NO_KEYS, Keys, find_sender, is_secret_of
from cxmlgate.errors import GateRefusal, NotKnown, Transient, Unacceptable, WrongStatus
from cxmlgate.judging import Wish, choose_invoice, judge_notice, names_in
from cxmlgate.models import GateMessage, GateSettings
from cxmlgate.parsing import PROFILE, Document, Envelope, Request, parse, read_envelope, read_request, request_digest
from cxmlgate.reading import Found, find
from cxmlgate.redaction import (
    Kept,
    conceal,
    keep_less_of_strangers,
    misplaced_secrets,
    remove_secrets,
    searched_secrets,
)
from cxmlgate.sources import Source, is_within
from cxmlgate.throttle import SLUG, throttle
from invoices.actions.payments import Effect, StatusUpdate, Update, apply_update, compose_update
from invoices.bulk import move_row, new_row
from invoices.errors import BadInput, Conflict
from invoices.faults import fault
from invoices.models import Client, Invoice
from invoices.prepared import run_prepared
from invoices.workflow import Status

log = structlog.get_logger(__name__)

LONGEST_COMMENT: Final = 1000


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a message says if its first secret is right: so all that it needs can be read before that is known."""

    sender: str
    digest: str
    request: Request


@dataclass(frozen=True, slots=True)
class Replaying:
    """Who has a message judged again, and which kept one."""

    by: User
    message_id: int


@dataclass(slots=True)
class _Case:
    """What is known of a message so far."""

    slug: str
    raw: bytes = field(repr=False)
    started: float  # time.monotonic()
    source: Source | None = None
    at: datetime = field(default_factory=timezone.now)
    client_id: int | None = None
    gate: GateSettings | None = None
    keys: Keys = NO_KEYS
    document: Document | None = field(default=None, repr=False)
    envelope: Envelope | None = None
    sender: str = ""  # only once identity and secret were right
    request: Request | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    digest: str = ""
    invoices: list[Invoice] = field(default_factory=list)
    expected: _Expected | None = None
    found: Found | None = None  # for what was expected
    replaying: Replaying | None = None  # None: it came just now
    kept: GateMessage | None = None

    @property
    def payload_id(self) -> str:
        return conceal(self.envelope.payload_id, self.secrets)[:200] if self.envelope else ""

    @property
    def source_text(self) -> str | None:
        return str(self.source) if self.source else None

    @property
    def is_test(self) -> bool:
        return self.request is not None and self.request.is_test

    def unread_digest(self) -> str:
        """Return a digest of the bytes; keyed, because the secret stands in them."""
        return salted_hmac("cxmlgate.digest", self.slug.encode() + b"\0" + self.raw, algorithm="sha256").hexdigest()

    def read_digest(self, sender: str) -> str:
        """Return the digest of what was said; without a payloadID the time is all that tells two messages apart."""
        assert self.envelope is not None  # noqa: S101 (read before anybody asks)
        assert self.document is not None  # noqa: S101 (the same)
        payload_id = self.envelope.payload_id
        moment = "" if payload_id.strip() else self.envelope.timestamp
        return request_digest(self.document, self.slug, sender, payload_id, moment)


def receive_message(
    slug: str, raw: bytes, *, address: Callable[[], str], started: float, source: Source | None = None
) -> Answer:
    """Take a message that was sent to the client's gate, and return the answer; `started` is time.monotonic().

    `address` returns that of the gate, for who asks about it.

    Never raises for what is wrong with a message; what is wrong with us is answered as transient and logged. An
    exception leaves only when not even that could be kept.
    """
    case = _Case(slug, raw, started, source)
    try:
        return _take(case, address)
    except GateRefusal as refusal:
        return _refuse(case, refusal)
    except Exception:
        log.exception("gate_message_failed", client=slug)
        return _keep_refusal(case, Transient(_("It could not be taken just now: send it again.")))


def judge_again(slug: str, raw: bytes, sender: str, replaying: Replaying) -> tuple[Answer, GateMessage | None]:
    """Take a kept message as one that came just now; `sender` was known by its secret when it came.

    Returns the answer, and what is kept of it; None where the same message was accepted before. Raises GateRefusal, and
    has kept nothing then; the caller's transaction ends it.
    """
    document = parse(raw)
    case = _Case(slug, raw, time.monotonic(), document=document, envelope=read_envelope(document), replaying=replaying)
    _find_gate(case)
    return _judge(case, sender, address=str), case.kept


def kept_digest(slug: str, raw: bytes, sender: str) -> str:
    """Return the digest that a message of a known sender has; raises GateRefusal for bytes that cannot be read."""
    document = parse(raw)
    return _Case(slug, raw, started=0, document=document, envelope=read_envelope(document)).read_digest(sender)


def refuse_unread(
    slug: str, head: bytes, refusal: GateRefusal, *, started: float, source: Source | None = None
) -> Answer:
    """Keep and answer a message that was not read to its end; `head` is what was read of it."""
    case = _Case(slug, head, started, source)
    _find_gate(case)
    return _refuse(case, refusal)


def _take(case: _Case, address: Callable[[], str]) -> Answer:
    try:
        case.document = parse(case.raw)
        case.secrets = searched_secrets(case.document)
        case.envelope = read_envelope(case.document)
    finally:
        _find_gate(case)
    sender = find_sender(case.envelope.credentials, case.keys)
    if sender is None or case.gate is None:
        raise NotKnown
    if not is_within(case.source, case.gate.networks):
        raise NotKnown(_("Identity and shared secret are right, but the source is in none of the allowed networks."))
    return _judge(case, sender, address)


def _judge(case: _Case, sender: str, address: Callable[[], str]) -> Answer:
    """Do what a message of a known sender wants, or raise and leave nothing."""
    if case.document is None or case.gate is None:
        raise NotKnown
    case.sender = sender
    if case.expected is not None and case.expected.sender == sender:
        case.digest, case.request = case.expected.digest, case.expected.request
    else:
        case.digest = case.read_digest(sender)
        case.request = read_request(case.document)
    if case.request.kind == PROFILE:
        answer = compose_answer(verdicts.OK, _("The gate is open."), profile=Profile(case.gate.changed_at, address()))
        return _keep_again(case, answer)
    if case.request.is_test:
        if not case.gate.takes_test_messages:
            raise Unacceptable(_("Test messages are not taken here: send it with deploymentMode production."))
        said = _("This is a test message: the sender is known and the message is read, and nothing was changed.")
        return _keep_again(case, compose_answer(verdicts.OK, said))
    return _apply_at_once(case, case.request, case.gate) or _apply_locked(case, case.request, case.gate)


def _find_gate(case: _Case) -> None:
    """Find the client's gate by the address; one that is not there leaves the case without keys."""
    if not SLUG.fullmatch(case.slug):
        return
    if connection.vendor == "postgresql":
        case.expected = _expect(case)
        case.found = find(case.slug, *_sought(case.expected))
        case.client_id, case.gate = case.found.client_id, case.found.gate
    else:
        client = Client.objects.select_related("gate").filter(slug=case.slug).first()
        case.client_id, case.gate = getattr(client, "pk", None), getattr(client, "gate", None)
    if case.gate is not None:
        case.keys = case.gate.keys(case.at)


def _expect(case: _Case) -> _Expected | None:
    if case.document is None or case.envelope is None:
        return None
    sender = next((credential.identity for credential in case.envelope.credentials if credential.secret), "")
    with suppress(GateRefusal):
        return _Expected(sender, case.read_digest(sender), read_request(case.document))
    return None


def _sought(expected: _Expected | None) -> tuple[str, tuple[str, ...]]:
    """Return the digest and the invoice's numbers that are to be looked for; several notices take locks anyway."""
    if expected is None or len(expected.request.notices) != 1:
        return "", ()
    return expected.digest, names_in(expected.request.notices[0])


def _apply_at_once(case: _Case, request: Request, gate: GateSettings) -> Answer | None:
    """Do what the one notice wants in one statement; None: nothing was done, and it takes a lock."""
    if case.found is None or case.expected is None or case.expected.request is not request or len(request.notices) > 1:
        return None
    if case.replaying:  # in the transaction of who replays it
        return None
    if case.found.is_taken:
        answer = _already_received()
        return answer if _count_repeat(case, answer, only_seen=True) else None
    wish = judge_notice(request.notices[0], denies_canceled=gate.denies_canceled)
    invoice = choose_invoice(wish, case.found.invoices())
    case.invoices.append(invoice)
    as_read = {"event_count": invoice.event_count, "event_head": invoice.event_head}
    with _refusals():
        change = compose_update(invoice, _update(case, wish, case.payload_id), by=None)
    if change is not None:
        answer = compose_answer(verdicts.OK, _accepted_sentence(case.invoices, [wish]))
        rows = [*([change.payment] if change.payment else []), change.event, _message(case, answer)]
        fault("before_gate_commit")
        with suppress(IntegrityError), transaction.atomic() if connection.in_atomic_block else nullcontext():
            if move_row(invoice, change.fields, as_read=as_read, new=rows):
                return answer
    case.invoices.clear()
    return None


def _apply_locked(case: _Case, request: Request, gate: GateSettings) -> Answer:
    """Do what the notices want in one transaction that locks their invoices."""
    try:
        with transaction.atomic():
            answer = _apply(case, request, gate)
            fault("before_gate_commit")
            return answer
    except IntegrityError:
        # The same message at the same instant: the other one acted, and this one did nothing.
        case.invoices.clear()
        answer = _already_received()
        if not _count_repeat(case, answer, only_seen=True):
            raise
        return answer


def _apply(case: _Case, request: Request, gate: GateSettings) -> Answer:
    """Do what all notices want, or raise and leave nothing; the caller's transaction ends it."""
    answer = _already_received()
    if _count_repeat(case, answer, only_seen=True):
        return answer
    wishes = [judge_notice(notice, denies_canceled=gate.denies_canceled) for notice in request.notices]
    names = {name for wish in wishes for name in wish.names}
    found = list(Invoice.objects.locked().filter(client_id=gate.client_id, number__in=names).order_by("pk"))
    reference = case.payload_id
    effects = [_grant(case, wish, found, reference) for wish in wishes]
    if Effect.APPLIED in effects:
        answer = compose_answer(verdicts.OK, _accepted_sentence(case.invoices, wishes))
    _keep(case, answer)
    return answer


def _grant(case: _Case, wish: Wish, found: Sequence[Invoice], reference: str) -> Effect:
    invoice = choose_invoice(wish, found)
    if invoice not in case.invoices:
        case.invoices.append(invoice)
    with _refusals():
        return apply_update(invoice, _update(case, wish, reference), by=case.replaying.by if case.replaying else None)


def _update(case: _Case, wish: Wish, reference: str) -> StatusUpdate:
    return StatusUpdate(
        wish.update,
        source=case.sender[:100],
        reference=reference,
        amount=wish.amount,
        currency=wish.currency[:20],
        reason=conceal(wish.comment, case.secrets)[:LONGEST_COMMENT],
        replayed_message=case.replaying.message_id if case.replaying else None,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what a verb of invoices refuses in the gate's own verdicts."""
    try:
        yield
    except Conflict as exc:
        raise WrongStatus(exc.sentence) from exc
    except BadInput as exc:
        raise Unacceptable(exc.sentence) from exc


def _accepted_sentence(invoices: Sequence[Invoice], wishes: Sequence[Wish]) -> str:
    if len(wishes) > 1:
        return _("%(count)s status updates were taken.") % {"count": len(wishes)}
    if wishes[0].update is Update.NOTED:
        return _("%(number)s: noted, its status stays as it is.") % {"number": invoices[0].number}
    return _("%(number)s: %(status)s.") % {
        "number": invoices[0].number,
        "status": Status(invoices[0].status).label,  # get_status_display() reads all choices anew each time
    }


def _already_received() -> Answer:
    return compose_answer(
        verdicts.ALREADY_RECEIVED, _("This status update was received before; nothing was changed again.")
    )


def _refuse(case: _Case, refusal: GateRefusal) -> Answer:
    """Answer what is wrong with a message, and keep it unless strangers sent too many from there."""
    if not case.sender and throttle.is_over(case.slug, case.source, case.at):
        return _refusal_answer(case, refusal)
    return _keep_refusal(case, refusal)


def _refusal_answer(case: _Case, refusal: GateRefusal) -> Answer:
    if isinstance(refusal, NotKnown):  # the one sentence, whatever words the sender took for a secret
        return compose_answer(refusal.verdict, refusal.reason)
    return compose_answer(refusal.verdict, conceal(str(refusal.reason), case.secrets))


def _keep_refusal(case: _Case, refusal: GateRefusal) -> Answer:
    """Keep a refused message, or count it where it was refused alike before; it never uses up its payloadID."""
    if case.document is not None and not case.sender:
        misplaced = misplaced_secrets(case.document, lambda text: is_secret_of(text, case.keys))
        case.secrets = (*case.secrets, *misplaced)
    if not case.digest:
        is_read = case.document is not None and case.envelope is not None
        case.digest = case.read_digest(f"?{_claimed_sender(case)}") if is_read else case.unread_digest()
    answer = _refusal_answer(case, refusal)
    for_staff = refusal.for_staff if isinstance(refusal, NotKnown) else ""
    return _keep_again(case, replace(answer, reason=for_staff or answer.reason))


def _keep_again(case: _Case, answer: Answer) -> Answer:
    """Keep a message that changed nothing, or count it on its row."""
    if _count_repeat(case, answer):
        return answer
    try:
        with transaction.atomic():
            _keep(case, answer)
    except IntegrityError:
        if not _count_repeat(case, answer):
            raise
    return answer


def _count_repeat(case: _Case, answer: Answer, *, only_seen: bool = False) -> bool:
    """Count the message on the row of its kind, if there is one; of a refused one the latest reason counts."""
    said = {"source": case.source_text}
    said |= {} if only_seen else {"reason": answer.reason, "answer": answer.xml.decode()}
    fresh = "".join(f", {name} = %s" for name in said)
    statement = f"UPDATE {GateMessage._meta.db_table} SET repeats = repeats + 1, last_seen_at = %s{fresh}"  # noqa: S608
    seen_at = connection.ops.adapt_datetimefield_value(case.at)
    values = [seen_at, *said.values(), case.digest, answer.verdict.code]
    return bool(run_prepared(f"{statement} WHERE digest = %s AND code = %s{_unhurried()}", values).count)


def _unhurried() -> str:
    """Return what ends a statement that only counts: its commit does not wait for the disk (PostgreSQL).

    What the message did was on the disk when it was answered first; a crash loses half a second of counting.
    """
    return " RETURNING set_config('synchronous_commit', 'off', true)" if connection.vendor == "postgresql" else ""


def _keep(case: _Case, answer: Answer) -> None:
    message = _message(case, answer)
    message.save()
    if len(case.invoices) > 1:
        message.other_invoices.set(case.invoices[1:])
    case.kept = message


def _message(case: _Case, answer: Answer) -> GateMessage:
    """Return the row that is kept, not saved."""
    kept = _kept_bytes(case)
    return new_row(
        GateMessage,
        client_id=case.client_id,
        received_at=case.at,
        last_seen_at=case.at,
        source=case.source_text,
        is_known=bool(case.sender),
        sender=conceal(case.sender or _claimed_sender(case), case.secrets)[:100],
        payload_id=case.payload_id,
        digest=case.digest,
        types=conceal(case.request.types, case.secrets)[:200] if case.request else "",
        is_test=case.is_test,
        code=answer.verdict.code,
        text=answer.verdict.text,
        reason=answer.reason,
        invoice_id=case.invoices[0].pk if case.invoices else None,
        raw=kept.raw,
        raw_note=kept.note[:200],
        answer=answer.xml.decode(),
        duration_ms=int((time.monotonic() - case.started) * 1000),
    )


def _kept_bytes(case: _Case) -> Kept:
    kept = remove_secrets(case.raw, case.document, case.secrets)
    return kept if case.sender else keep_less_of_strangers(kept)


def _claimed_sender(case: _Case) -> str:
    """Return the identity that an unknown sender gave."""
    credentials = case.envelope.credentials if case.envelope else ()
    return next((credential.identity for credential in credentials if credential.identity), "")
