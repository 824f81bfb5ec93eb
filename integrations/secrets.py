"""Credentials at rest: a text field encrypted with Fernet, with rotation, that fails loudly on a wrong key."""

import base64
import hashlib
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _cipher() -> MultiFernet:
    """Return the cipher of settings.ENCRYPTION_KEYS (the first one writes), or of a key derived from SECRET_KEY."""
    keys = settings.ENCRYPTION_KEYS
    if not keys:
        derived = hashlib.sha256(b"unstuck.integrations.secrets:" + settings.SECRET_KEY.encode()).digest()
        keys = [base64.urlsafe_b64encode(derived).decode()]
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedTextField(models.TextField[Any, Any]):
    """Text that stands encrypted in the database."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt."""
        return _cipher().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Any:
        """Decrypt; raises ImproperlyConfigured when no key fits."""
        if not value:
            return value
        try:
            return _cipher().decrypt(value.encode()).decode()
        except InvalidToken as exc:
            raise ImproperlyConfigured(
                "A credential cannot be decrypted: put the key it was written with into ENCRYPTION_KEYS."
            ) from exc
