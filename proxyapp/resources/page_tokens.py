"""The gateway's own page tokens: where a list of several projects goes on.

One is good for the client and the list that it was given for. Nobody else can make one.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import NamedTuple

MAC_BYTES = 16
LONGEST_TOKEN = 4096


class PagePlace(NamedTuple):
    """`project`: as `ListedProject.place`. `token`: the upstream's; empty: from its start."""

    project: str
    token: str = ""


def written(place: PagePlace, whose: Sequence[str], secret_key: str) -> str:
    """`whose`: what the token is good for."""
    data = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(data, whose, secret_key) + data).decode().rstrip("=")


def place_of(token: str, whose: Sequence[str], secret_keys: Sequence[str]) -> PagePlace | None:
    """None: it was not given for this."""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    mac, data = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not any(hmac.compare_digest(mac, _mac(data, whose, key)) for key in secret_keys):
        return None
    return PagePlace(*json.loads(data))


def _mac(data: bytes, whose: Sequence[str], secret_key: str) -> bytes:
    key = hashlib.sha256(b"gemini-key-gateway.page-token:" + secret_key.encode()).digest()
    return hmac.digest(key, json.dumps(whose).encode() + b"\0" + data, "sha256")[:MAC_BYTES]
