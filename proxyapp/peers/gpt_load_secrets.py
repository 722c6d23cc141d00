"""Keys as gpt-load 1.x keeps them encrypted: AES-256-GCM, whose tag says that they were opened."""

import re
from typing import TypeGuard

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

VARIABLE = "ENCRYPTION_KEY"
SALT, ROUNDS, KEY_BYTES, NONCE_BYTES = b"gpt-load-encryption-v1", 100_000, 32, 12
# A nonce, the key and its tag: no key of a provider is as long in hexadecimal digits.
HEX = re.compile(r"(?:[0-9a-f]{2}){44,}")


def is_encrypted(secret: object) -> TypeGuard[str]:
    return isinstance(secret, str) and HEX.fullmatch(secret) is not None


class Opener:
    """`password`: what that program has in ENCRYPTION_KEY."""

    def __init__(self, password: str) -> None:
        derivation = PBKDF2HMAC(SHA256(), KEY_BYTES, SALT, ROUNDS)
        self._cipher = AESGCM(derivation.derive(password.encode()))

    def opened(self, secret: str) -> str | None:
        """None: it is another's."""
        content = bytes.fromhex(secret)
        try:
            plain = self._cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], None)
            return plain.decode()
        except (InvalidTag, UnicodeDecodeError):
            return None
