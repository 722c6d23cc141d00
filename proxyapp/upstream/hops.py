"""Finds a group whose target leads back to this gateway, by whatever way.

Each gateway adds its own mark to the header `X-Gateway-Hop` of what it sends on; whoever finds its
own mark in a request has sent it itself. Two gateways in a row are no loop. The mark tells nothing:
it is the installation's, equal in all of its processes. Google is not sent it.
"""

import functools
import hashlib
import hmac
import re
from typing import Final

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import LoopFound
from proxyapp.vocabulary.kept_settings import kept

HEADER: Final[bytes] = b"x-gateway-hop"
# A row of gateways is short; a circle of which one drops or forges marks ends here.
MOST_HOPS: Final = 8
_MARK: Final = re.compile(rb"[0-9a-f]{16}")
LOOP: Final = (
    "The target of the group leads back to this gateway. The operator has to change the group's"
    " target URL (or its proxy)."
)


def refuse_loop(headers: list[Header]) -> None:
    """Raises LoopFound. No key is spent on such a request."""
    for name, value in headers:
        if name == HEADER:
            marks = _MARK.findall(value)
            if own_mark() in marks or len(marks) >= MOST_HOPS:
                raise LoopFound(LOOP)


def tells_loop(status: int, headers: list[Header]) -> bool:
    """Whether an answer is that of a gateway which has found its own mark."""
    return status == LoopFound.status and any(name.lower() == HEADER for name, _ in headers)


def with_own_mark(headers: list[Header]) -> list[Header]:
    """What a request says of the gateways that it passed."""
    marks = [mark for name, value in headers if name == HEADER for mark in _MARK.findall(value)]
    return [(HEADER, b", ".join([*marks[:MOST_HOPS], own_mark()]))]


def own_mark() -> bytes:
    return _mark(kept.SECRET_KEY, str(kept.DATABASES["default"]["NAME"]))


@functools.cache
def _mark(secret: str, database: str) -> bytes:
    made_of = f"gemini-key-gateway.hop:{database}".encode()
    return hmac.new(secret.encode(), made_of, hashlib.sha256).hexdigest()[:16].encode()
