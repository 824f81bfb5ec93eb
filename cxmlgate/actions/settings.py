"""Opening and closing a client's gate, and changing its shared secret."""

import secrets
from datetime import datetime, timedelta
from ipaddress import ip_interface, ip_network
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cxmlgate.credentials import SHORTEST_SECRET, hash_secret
from cxmlgate.models import GateSettings
from invoices.errors import BadInput, Conflict, Sentence
from invoices.events import Facts, record_for_client
from invoices.models import Client
from invoices.permissions import require
from invoices.roles import Right

LONGEST_KEPT_DAYS: Final = 36_500
LONGEST_IDENTITY: Final = 100
MOST_NETWORKS: Final = 50
LONGEST_OVERLAP: Final = timedelta(days=365)
GENERATED_BYTES: Final = 32  # 43 characters
SHOWN: Final = (
    "is_enabled",
    "sender_identity",
    "on_canceled",
    "takes_test_messages",
    "keep_days",
    "allowed_networks",
)


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
    allowed_networks: str | None = None,
    seen: str | None = None,
    reason: str = "",
) -> GateSettings:
    """Set a client's gate; what is None stays as it is.

    A new secret replaces the earlier one at once, or lets it be valid until `earlier_secret_until`; without a new
    secret that time moves the end of the earlier one. `seen` is the gate's `version` on the page that was filled in.
    Raises NotAllowed or NotThere for a person without the right, BadInput for words that cannot be used, Conflict
    where somebody changed the gate meanwhile. The secret is kept as a keyed hash and stands in no log.
    """
    gate = _lock_gate(client, by=by, seen=seen)
    before = _said(gate)
    identity, secret = identity.strip(), secret.strip() if secret else None
    wrong = _wrong_words(gate, enabled=enabled, identity=identity, secret=secret)
    if keep_days is not None and not 1 <= keep_days <= LONGEST_KEPT_DAYS:
        wrong["keep_days"] = _("Messages are kept for at least one day and at most 36500: type such a number.")
    if on_canceled and on_canceled not in GateSettings.OnCanceled.values:
        wrong["on_canceled"] = _("Choose whether a canceled status is refused or denies the invoice.")
    try:
        networks = gate.allowed_networks if allowed_networks is None else read_networks(allowed_networks)
    except BadInput as refusal:
        wrong |= refusal.fields
    if wrong:
        raise BadInput(wrong)
    secret_changed = _change_secret(gate, secret, earlier_secret_until)
    gate.is_enabled, gate.sender_identity, gate.allowed_networks = enabled, identity, networks
    gate.on_canceled = on_canceled or gate.on_canceled
    gate.takes_test_messages = gate.takes_test_messages if takes_test_messages is None else takes_test_messages
    gate.keep_days = keep_days or gate.keep_days
    return _save(gate, before, by=by, reason=reason, secret_changed=secret_changed)


@transaction.atomic
def generate_secret(
    client: Client,
    *,
    by: User | None,
    earlier_valid_for: timedelta = timedelta(0),
    seen: str | None = None,
    reason: str = "",
) -> str:
    """Give the client's gate a new shared secret, and return it: nobody can read it again.

    The earlier one stays valid for `earlier_valid_for`; what else was valid ends at once. Raises what `configure_gate`
    raises.
    """
    if not timedelta(0) <= earlier_valid_for <= LONGEST_OVERLAP:
        raise BadInput({"earlier_days": _("The earlier secret stays valid for 0 to 365 days: type such a number.")})
    gate = _lock_gate(client, by=by, seen=seen)
    before = _said(gate)
    secret = secrets.token_urlsafe(GENERATED_BYTES)
    _change_secret(gate, secret, timezone.now() + earlier_valid_for if earlier_valid_for else None)
    _save(gate, before, by=by, reason=reason, secret_changed=True)
    return secret


@transaction.atomic
def end_earlier_secret(client: Client, *, by: User | None, reason: str = "") -> GateSettings:
    """End the earlier secret's time at once; raises Conflict where none is valid."""
    gate = _lock_gate(client, by=by, seen=None)
    if not gate.has_earlier_secret:
        raise Conflict(_("No earlier secret is valid any more: there is nothing to end."))
    before = _said(gate)
    gate.second_secret_hash, gate.second_secret_until = "", None
    return _save(gate, before, by=by, reason=reason)


def read_networks(text: str) -> str:
    """Return one network a line as the gate keeps them, each once; raises BadInput naming the line that is none."""
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if words:
            found[_read_network(words, number)] = None
    if len(found) > MOST_NETWORKS:
        raise BadInput({"allowed_networks": _("There are more than 50 networks: name fewer, larger ones.")})
    return "\n".join(found)


def _read_network(words: str, number: int) -> str:
    values: dict[str, Any] = {"number": number, "words": words[:50]}
    try:
        interface = ip_interface(words)
    except ValueError:
        raise _bad_networks(
            _("Line %(number)s, %(words)s, is no network: write it like 203.0.113.0/24 or 2001:db8::/32."), values
        ) from None
    if "%" in words:
        raise _bad_networks(
            _("Line %(number)s, %(words)s, names a network card: leave out what stands after %%."), values
        )
    try:
        return str(ip_network(words))
    except ValueError:
        values |= {"network": interface.network, "address": ip_network(interface.ip)}
        raise _bad_networks(
            _(
                "Line %(number)s, %(words)s, is an address within a network: write %(network)s for all of it, "
                "or %(address)s for this one."
            ),
            values,
        ) from None


def _bad_networks(sentence: str, values: dict[str, Any]) -> BadInput:
    return BadInput({"allowed_networks": sentence % values})


def _lock_gate(client: Client, *, by: User | None, seen: str | None) -> GateSettings:
    """Return the client's gate, new or locked with its client; refuse whoever may not, or saw another state of it."""
    client = Client.objects.select_for_update().get(pk=client.pk)
    require(by, Right.MANAGE_CONNECTION, client)
    gate = GateSettings.objects.filter(client=client).first() or GateSettings(client=client)
    if seen is not None and seen != gate.version:
        raise Conflict(
            _("Somebody changed these settings while this page was open, and yours were not saved: open the page anew.")
        )
    return gate


def _wrong_words(gate: GateSettings, *, enabled: bool, identity: str, secret: str | None) -> dict[str, Sentence]:
    wrong: dict[str, Sentence] = {}
    if enabled and not identity:
        wrong["sender_identity"] = _("An enabled gate needs the sender's identity: type it in.")
    if len(identity) > LONGEST_IDENTITY:
        wrong["sender_identity"] = _("The identity is too long: use at most 100 characters.")
    if enabled and not secret and not gate.secret_hash:
        wrong["secret"] = _("An enabled gate needs a shared secret: type one in, or save it as No and generate one.")
    if secret and len(secret) < SHORTEST_SECRET:
        wrong["secret"] = _("The shared secret is too short: use at least 8 characters.")
    if secret and secret in identity:
        wrong["secret"] = _("The shared secret stands in the identity: choose another one.")
    return wrong


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


def _said(gate: GateSettings) -> Facts:
    """Return what may be said of a gate in the log; nothing of one that is not there yet."""
    if gate.pk is None:
        return {}
    return {name: getattr(gate, name) for name in SHOWN} | {"earlier_secret_until": gate.second_secret_until}


def _save(
    gate: GateSettings, before: Facts, *, by: User | None, reason: str, secret_changed: bool = False
) -> GateSettings:
    """Save what changed since `before` and write its line; nothing where nothing changed."""
    is_new = gate.pk is None
    if not is_new and _said(gate) == before and not secret_changed:
        return gate
    gate.changed_at = timezone.now()
    gate.save()
    changed = {name: value for name, value in _said(gate).items() if is_new or before[name] != value}
    record_for_client(
        gate.client,
        "configure_gate",
        by=by,
        reason=reason,
        before={name: before[name] for name in changed if name in before},
        after=changed | ({"shared_secret": "changed"} if secret_changed else {}),
    )
    return gate
