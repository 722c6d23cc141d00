"""The opening handshake of a WebSocket (RFC 6455 4.2.1), judged before the code of Daphne or
uvicorn takes it over.

What that makes of a handshake that is none ranges from a traceback in the log to a connection that
never ends.
"""

import re

from proxyapp.server.http1 import Head, RequestError

# Less than either of them reads.
MAX_HEADERS = 100
MAX_LINE_BYTES = 8000
# A page says what it shows: 200 ids at most.
MAX_MESSAGE_BYTES = 64 * 1024
# As many as the longest message has in small pieces; empty ones are not seen by a limit of bytes.
MOST_FRAGMENTS = 100_000
TOO_MANY_FRAGMENTS = f"A message has more than {MOST_FRAGMENTS} fragments."
_TARGET = re.compile(rb"/[\x21-\x7e]*")
_KEY = re.compile(rb"[0-9A-Za-z+/]{22}==")


def check_handshake(head: Head, rest: bytes) -> None:
    """`rest` is what has come after it already. Raises RequestError."""
    if head.method != "GET" or head.is_http_1_0 or head.length != 0 or rest:
        raise RequestError(
            400,
            "A WebSocket begins with a GET of HTTP/1.1, and with nothing else before its answer.",
        )
    if not _TARGET.fullmatch(head.target):
        raise RequestError(400, "The path of a WebSocket is ASCII and begins with a slash.")
    if (
        len(head.headers) > MAX_HEADERS
        or max(map(len, (head.target, *_values(head)))) > MAX_LINE_BYTES
    ):
        raise RequestError(431, "The headers are too large for a WebSocket.")
    if not _is_complete(head):
        raise RequestError(400, "The handshake of the WebSocket is malformed.")


def _values(head: Head) -> list[bytes]:
    return [name + value for name, value in head.headers]


def _is_complete(head: Head) -> bool:
    said: dict[bytes, list[bytes]] = {}
    for name, value in head.headers:
        said.setdefault(name, []).append(value)
    options = [
        option.strip().lower()
        for value in said.get(b"connection", ())
        for option in value.split(b",")
    ]
    key = said.get(b"sec-websocket-key", [])
    offered = b",".join(said.get(b"sec-websocket-protocol", ())).replace(b" ", b"").split(b",")
    return (
        b"upgrade" in options
        and said.get(b"sec-websocket-version") == [b"13"]
        and len(key) == 1
        and _KEY.fullmatch(key[0]) is not None
        and len(set(offered)) == len(offered)
        and all(
            b"".join(values).isascii()
            for name, values in said.items()
            if name.startswith(b"sec-websocket-")
        )
    )
