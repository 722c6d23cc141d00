"""Secrets in the database: an encrypted column, and a keyed hash that finds them unopened.

Migrations name SealedTextField by the path of this module: it stays here.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from encrypted_fields.fields import EncryptedTextField

if TYPE_CHECKING:
    _EncryptedText = models.TextField[str | None, str | None]
else:
    _EncryptedText = EncryptedTextField

UNREADABLE = ""


class SealedTextField(_EncryptedText):
    """Encrypted at rest with a key derived from SECRET_KEY; older secrets (SECRET_KEY_FALLBACKS)
    still decrypt.

    The library's field hands out the ciphertext when no secret fits, and decides by a flag on the
    shared field whether to decrypt, which a form in another thread can flip. Here a column that no
    secret opens reads as UNREADABLE, and only values from the database are ever decrypted.
    """

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if value is None:
            return None
        try:
            return str(self.f.decrypt(value.encode()).decode())  # type: ignore[attr-defined]
        except (InvalidToken, UnicodeEncodeError):
            return UNREADABLE

    def to_python(self, value: Any) -> Any:
        return models.TextField.to_python(self, value)

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return models.TextField.clean(self, value, model_instance)


def opener(others: Sequence[str]) -> Callable[[str], str]:
    """Reads a column's text with the present secrets and `others`; UNREADABLE when none fits."""
    salt = settings.SALT_KEY.encode()
    derived = [hashlib.pbkdf2_hmac("sha256", one.encode(), salt, 100_000, 32) for one in others]
    present: list[bytes] = SealedTextField().keys  # type: ignore[attr-defined]
    keys = [*present, *map(base64.urlsafe_b64encode, derived)]
    fernet = MultiFernet([Fernet(key) for key in keys])

    def opened(text: str) -> str:
        try:
            return fernet.decrypt(text.encode()).decode()
        except InvalidToken:
            return UNREADABLE

    return opened


def keyed_hash(secret: str, *, secret_key: str | None = None) -> str:
    """64 hex digits; equal for equal secrets under one SECRET_KEY, and of no use without it."""
    material = hashlib.sha256(
        b"gemini-key-gateway.key-hash:" + (secret_key or settings.SECRET_KEY).encode()
    ).digest()
    return hmac.new(material, secret.encode(), hashlib.sha256).hexdigest()


def keyed_hashes(secret: str) -> list[str]:
    """The hashes under the current secret and all older ones, current first."""
    return [
        keyed_hash(secret, secret_key=key)
        for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    ]
