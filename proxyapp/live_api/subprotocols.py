"""What a client offers as subprotocols: Google's API has none, so none is chosen.

Some programs put a credential there, as OpenAI's pages do. It is read by nobody here, and each
front of the gateway may write it down: better to be told than to wonder.
"""

import re

from proxyapp.access.token_book import SHAPE
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import BadRequest

_NAME = b"sec-websocket-protocol"
# In the name of what follows, or how keys of providers begin.
_CREDENTIAL = re.compile(
    rb"api[-_.]?key|bearer|authorization|(?:access|auth|id)[-_.]?tokens?\b"
    rb"|(?<![a-z0-9])(?:AIza|AQ\.|ya29\.|sk-|eyJ)",
    re.IGNORECASE,
)


def check_offered(headers: list[Header]) -> None:
    """Raises BadRequest, which does not repeat it."""
    for name, value in headers:
        if name == _NAME and any(map(_is_credential, value.split(b","))):
            raise BadRequest(
                "A credential in Sec-WebSocket-Protocol is not read: send it as ?key= or, where"
                " headers can be set, as x-goog-api-key."
            )


def _is_credential(offered: bytes) -> bool:
    text = offered.strip()
    return SHAPE.fullmatch(text) is not None or _CREDENTIAL.search(text) is not None
