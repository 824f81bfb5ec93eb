"""Replaying a refused message once its cause is mended: judged anew, by the rules that hold for one that comes now."""

from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxmlgate.actions.receiving import Replaying, judge_again, kept_digest
from cxmlgate.errors import GateRefusal
from cxmlgate.models import GateMessage, GateSettings, Replay
from invoices.errors import Conflict, NotThere
from invoices.events import record_for_client
from invoices.models import Client
from invoices.permissions import NOT_THERE, may, require, who_may_sentence
from invoices.roles import Right

ACCEPTED_SINCE: Final = gettext_lazy("The same message was accepted since: there is nothing to replay.")


@transaction.atomic
def replay_message(message_id: int, *, by: User, reason: str = "") -> Replay:
    """Have a refused message judged again, and apply it as if it came now; what is refused again changes nothing.

    Raises NotThere or NotAllowed for a person who may not handle the client's queue, Conflict with the sentence for a
    message that cannot be replayed, or that is refused again.
    """
    message = GateMessage.objects.select_for_update().filter(pk=message_id).first()
    if message is None or message.client is None:
        raise NotThere(NOT_THERE)
    require(by, Right.HANDLE_QUEUE, message.client)
    sentence = _why_not(message, message.client)
    if sentence:
        raise Conflict(sentence)
    replaying = Replaying(by, message.pk)
    try:
        answer, accepted = judge_again(message.client.slug, bytes(message.raw), message.sender, replaying)
    except GateRefusal as refusal:
        verdict = refusal.verdict
        raise Conflict(
            _("It is refused again, and nothing was changed: %(code)s %(text)s. %(why)s")
            % {"code": verdict.code, "text": verdict.text, "why": refusal.reason}
        ) from refusal
    except IntegrityError as exc:
        raise Conflict(ACCEPTED_SINCE) from exc
    if accepted is None:
        raise Conflict(ACCEPTED_SINCE)
    replay = Replay.objects.create(message=message, accepted=accepted, at=timezone.now(), by=by, reason=reason.strip())
    record_for_client(
        message.client,
        "replay_message",
        by=by,
        reason=replay.reason,
        before={"message": message.pk, "verdict": f"{message.code} {message.text}"},
        after={"message": accepted.pk, "verdict": f"{answer.verdict.code} {answer.verdict.text}"},
    )
    return replay


def why_not_replay(message: GateMessage, user: User) -> str:
    """Say why `user` cannot replay the message now; empty where they can, and nothing but judging it can tell more."""
    if message.client is None:
        return _("Its address names no client, so that nobody can say whose it is.")
    sentence = _why_not(message, message.client)
    if not sentence and not may(user, Right.HANDLE_QUEUE, message.client):
        return who_may_sentence(Right.HANDLE_QUEUE, message.client)
    return sentence


def _why_not(message: GateMessage, client: Client) -> str:
    if message.is_accepted:
        return _("It was accepted: there is nothing to replay.")
    if GateMessage.objects.accepted().filter(digest=message.digest).exists():
        return str(ACCEPTED_SINCE)
    if not message.raw:
        return _("Its bytes are not kept: ask the sender to send it again.")
    try:
        is_whole = kept_digest(client.slug, bytes(message.raw), message.sender) == message.digest
    except GateRefusal:
        is_whole = False
    if not is_whole:
        # What an unknown sender says has another digest, so that it never passes for a known one's.
        return _("Its sender was not known by its secret, or not all of it is kept: ask the sender to send it again.")
    gate = GateSettings.objects.filter(client=client).first()
    if gate is None or not gate.is_enabled:
        return _("The gate of %(client)s is closed: an Integration manager opens it.") % {"client": client}
    if gate.sender_identity != message.sender:
        return _("%(sender)s is no longer the Senders Identity of %(client)s: ask the present sender to send it.") % {
            "sender": message.sender,
            "client": client,
        }
    return ""
