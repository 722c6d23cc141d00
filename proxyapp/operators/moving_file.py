"""A file that only a passphrase opens: what a machine is made of, on its way to another one.

A line that says what it is, then salt, nonce and AES-GCM's ciphertext of the compressed content;
line and salt are authenticated with it. The key comes from the passphrase by scrypt.
"""

import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

BEGINNING = b"gemini-key-gateway moving file "
HEADER = BEGINNING + b"1\n"
SALT_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES = 16, 12, 16, 32
# 64 MB of memory and a quarter of a second for each guess: as RFC 7914 has it, above a log-in's.
SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_LANES = 2**16, 8, 1
LEAST_PASSPHRASE = 12
# Of content; a small file could otherwise unpack to more than there is memory.
MOST_BYTES = 1 << 30
TOO_LARGE = f"its content is larger than {MOST_BYTES >> 20} MiB"


class MovingFileError(Exception):
    """The file cannot be used; the text says why."""


def is_moving_file(beginning: bytes) -> bool:
    return beginning.startswith(BEGINNING)


def seal(content: bytes, passphrase: str) -> bytes:
    """Raises MovingFileError."""
    if len(content) > MOST_BYTES:
        raise MovingFileError(f"{TOO_LARGE}, and could not be read again")
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    clear = HEADER + salt
    return clear + nonce + _cipher(passphrase, salt).encrypt(nonce, zlib.compress(content), clear)


def unseal(data: bytes, passphrase: str) -> bytes:
    """Raises MovingFileError."""
    if not data.startswith(HEADER):
        raise MovingFileError(
            "it is of another version: update this gateway to the one that wrote it, or a later one"
            if is_moving_file(data)
            else "it is no file of `export_config --everything`"
        )
    clear, rest = data[: len(HEADER) + SALT_BYTES], data[len(HEADER) + SALT_BYTES :]
    if len(rest) < NONCE_BYTES + TAG_BYTES:
        raise MovingFileError("it is cut off")
    cipher = _cipher(passphrase, clear[len(HEADER) :])
    try:
        packed = cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], clear)
    except InvalidTag:
        raise MovingFileError("the passphrase is wrong, or the file is damaged") from None
    return _unpacked(packed)


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, MOST_BYTES + 1)
    except zlib.error:
        raise MovingFileError("it is damaged") from None
    if len(content) > MOST_BYTES:
        raise MovingFileError(TOO_LARGE)
    if not unpacking.eof:
        raise MovingFileError("it is damaged")
    return content


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    kdf = Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_COST, r=SCRYPT_BLOCK, p=SCRYPT_LANES)
    return AESGCM(kdf.derive(passphrase.encode(errors="surrogateescape")))
