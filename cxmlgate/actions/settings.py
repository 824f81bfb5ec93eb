"""Opening and closing a client's gate, and changing its shared secret."""

from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxmlgate.credentials import SHORTEST_SECRET, hash_secret
from cxmlgate.models import GateSettings
from invoices.errors import BadInput
from invoices.events import record_for_client
from invoices.models import Client
from invoices.permissions import require
from invoices.roles import Right

LONGEST_KEPT_DAYS: Final = 36_500
LONGEST_IDENTITY: Final = 100
SHOWN: Final = ("is_enabled", "sender_identity", "on_canceled", "takes_test_messages", "keep_days")


@transaction.atomic
def configure_gate(
    client: Client,
    *,
    by: User | None,
    enabled: bool,
    identity: str,
    secret: str | None = None,
    earlier_secret_until: datetime | None = None,
    on_canceled: str | None = None,
    takes_test_messages: bool | None = None,
    keep_days: int | None = None,
    reason: str = "",
) -> GateSettings:
    """Set a client's gate; what is None stays as it is.

    A new secret replaces the earlier one at once, or lets it be valid until `earlier_secret_until`; without a new
    secret that time moves the end of the earlier one. Raises NotAllowed or NotThere for a person without the right,
    BadInput for words that cannot be used. The secret is kept as a keyed hash and stands in no log.
    """
    client = Client.objects.select_for_update().get(pk=client.pk)
    require(by, Right.MANAGE_CONNECTION, client)
    gate = GateSettings.objects.filter(client=client).first() or GateSettings(client=client)
    before = {name: getattr(gate, name) for name in SHOWN} if gate.pk else {}
    said_before = before | _said_of_secrets(gate) if gate.pk else {}
    identity, secret = identity.strip(), secret.strip() if secret else None
    _refuse_words(gate, enabled=enabled, identity=identity, secret=secret, keep_days=keep_days, on_canceled=on_canceled)
    secret_changed = _change_secret(gate, secret, earlier_secret_until)
    gate.is_enabled, gate.sender_identity = enabled, identity
    gate.on_canceled = on_canceled or gate.on_canceled
    gate.takes_test_messages = gate.takes_test_messages if takes_test_messages is None else takes_test_messages
    gate.keep_days = keep_days or gate.keep_days
    said = {name: getattr(gate, name) for name in SHOWN} | _said_of_secrets(gate)
    if gate.pk and said == said_before and not secret_changed:
        return gate
    gate.changed_at = timezone.now()
    gate.save()
    changed = {name: value for name, value in said.items() if said_before.get(name) != value}
    record_for_client(
        client,
        "configure_gate",
        by=by,
        reason=reason,
        before={name: said_before[name] for name in changed if name in said_before},
        after=changed | ({"shared_secret": "changed"} if secret_changed else {}),
    )
    return gate


def _refuse_words(
    gate: GateSettings,
    *,
    enabled: bool,
    identity: str,
    secret: str | None,
    keep_days: int | None,
    on_canceled: str | None,
) -> None:
    wrong = {}
    if enabled and not identity:
        wrong["sender_identity"] = _("An enabled gate needs the sender's identity: type it in.")
    if len(identity) > LONGEST_IDENTITY:
        wrong["sender_identity"] = _("The identity is too long: use at most 100 characters.")
    if enabled and not secret and not gate.secret_hash:
        wrong["secret"] = _("An enabled gate needs a shared secret: type one in.")
    if secret and len(secret) < SHORTEST_SECRET:
        wrong["secret"] = _("The shared secret is too short: use at least 8 characters.")
    if secret and secret in identity:
        wrong["secret"] = _("The shared secret stands in the identity: choose another one.")
    if keep_days is not None and not 1 <= keep_days <= LONGEST_KEPT_DAYS:
        wrong["keep_days"] = _("Messages are kept for at least one day and at most 36500: type such a number.")
    if on_canceled and on_canceled not in GateSettings.OnCanceled.values:
        wrong["on_canceled"] = _("Choose whether a canceled status is refused or denies the invoice.")
    if wrong:
        raise BadInput(wrong)


def _change_secret(gate: GateSettings, secret: str | None, earlier_until: datetime | None) -> bool:
    """Set the hashes, and say whether the secret is another one now."""
    if earlier_until is not None and earlier_until <= timezone.now():
        raise BadInput({"earlier_secret_until": _("This time has passed: choose a later one, or none.")})
    new = hash_secret(secret, gate.client_id) if secret else ""
    if not new or new == gate.secret_hash:
        if earlier_until and gate.second_secret_hash:
            gate.second_secret_until = earlier_until
        return False
    keeps = bool(gate.secret_hash) and earlier_until is not None
    gate.second_secret_hash = gate.secret_hash if keeps else ""
    gate.second_secret_until = earlier_until if keeps else None
    gate.secret_hash = new
    return True


def _said_of_secrets(gate: GateSettings) -> dict[str, Any]:
    """Return what may be said of the secrets."""
    return {"earlier_secret_until": gate.second_secret_until}
