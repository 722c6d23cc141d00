"""Percent-encoding undone, however often it was done."""

from urllib.parse import unquote_to_bytes

# Encoded once by a client and once more by each proxy before us; beyond that it is an attempt.
MOST_DECODINGS = 5


def wholly_decoded(text: bytes) -> bytes | None:
    """With nothing encoded in it; None: it is encoded too often to be meant well."""
    for _ in range(MOST_DECODINGS):
        plain = unquote_to_bytes(text) if b"%" in text else text
        if plain == text:
            return plain
        text = plain
    return None
