"""Who may speak: shared secrets as keyed hashes, and the comparison that takes the same time whatever is wrong.

A keyed SHA-256 and no slow password hash: the secret is a machine's, checked on each message (DESIGN §11).
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.utils.crypto import constant_time_compare

SHORTEST_SECRET: Final = 8
MOST_CREDENTIALS: Final = 20
SALT: Final = "cxmlgate.shared_secret"


@dataclass(frozen=True, slots=True)
class Credential:
    """A Credential of the Sender, as it was sent; no secret: it has none that is plain text."""

    identity: str
    secret: str | None

    def __repr__(self) -> str:
        """Show no secret, wherever this is printed."""
        return f"Credential({self.identity!r})"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client's gate is opened with; without hashes nothing opens it."""

    client_id: int
    identity: str
    hashes: tuple[str, ...]


NO_KEYS: Final = Keys(client_id=0, identity="", hashes=())


def hash_secret(secret: str, client_id: int) -> str:
    """Return the hash that is kept of a client's shared secret."""
    return _hashes(secret, client_id)[0]


def find_sender(credentials: Sequence[Credential], keys: Keys) -> str | None:
    """Return the identity of the credential whose identity and secret both match, or None.

    Takes as long for a client that there is not (`NO_KEYS`) as for one that there is.
    """
    found: str | None = None
    for credential in credentials[:MOST_CREDENTIALS]:
        is_identity = constant_time_compare(credential.identity.encode(), keys.identity.encode())
        is_secret = _is_one_of(credential.secret or "", keys)
        if is_identity & is_secret & bool(credential.secret) & bool(keys.identity):
            found = credential.identity
    return found


def is_secret_of(text: str, keys: Keys) -> bool:
    """Say whether `text` is one of the client's secrets."""
    return bool(text) & _is_one_of(text, keys)


def _is_one_of(secret: str, keys: Keys) -> bool:
    is_one = False
    presented = _hashes(secret, keys.client_id)
    for kept in keys.hashes or ("0" * 64,):
        for mine in presented:
            is_one |= constant_time_compare(mine, kept)
    return is_one


def _hashes(secret: str, client_id: int) -> list[str]:
    """Return the hash under the present key, then under those that settings still let through."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [hmac.digest(_derived(client_id, key), secret.encode(), "sha256").hex() for key in keys]


@lru_cache(maxsize=1000)
def _derived(client_id: int, key: str) -> bytes:
    """Return the key for a client's secrets, as Django's `salted_hmac` derives it each time anew."""
    return hashlib.sha256(f"{SALT}.{client_id}{key}".encode()).digest()
