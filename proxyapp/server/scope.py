"""What an ASGI application is told of a request."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from proxyapp.server.http1 import Head, RequestError
from proxyapp.vocabulary.remembered import remembered

_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]++)(?=[/?]|$)", re.IGNORECASE)
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class Target:
    """Where a request goes: as sent, its undecoded parts, and the authority of the absolute form
    (else empty).
    """

    __slots__ = ("authority", "query", "raw_path")

    def __init__(self, raw_path: bytes, query: bytes, authority: bytes = b"") -> None:
        self.raw_path = raw_path
        self.query = query
        self.authority = authority

    @property
    def path(self) -> str:
        return decoded(self.raw_path)


@remembered
def decoded(path: bytes) -> str:
    return unquote_to_bytes(path).decode("utf-8", "replace")


def parse_target(head: Head) -> Target:
    """All forms of RFC 9112 3.2 but CONNECT's, which has no place in a gateway."""
    target = head.target
    if target.find(b"#") >= 0:  # Where one reader ends the path, another goes on.
        raise RequestError(400, "The request target has a fragment.")
    if target.startswith(b"/"):
        if head.method == "CONNECT":
            raise RequestError(400, "CONNECT is not supported.")
        raw_path, _, query = target.partition(b"?")
        return Target(raw_path, query)
    if target == b"*" and head.method == "OPTIONS":
        return Target(b"*", b"")
    absolute = _ABSOLUTE.match(target)
    if absolute is None or head.method == "CONNECT":
        raise RequestError(400, "The request target must be a path or an http(s) URL.")
    raw_path, _, query = target[absolute.end() :].partition(b"?")
    return Target(raw_path or b"/", query, authority=absolute[1])


def http_scope(
    head: Head,
    target: Target,
    *,
    client: tuple[str, int],
    server: tuple[str, int],
    scheme: str,
    abort: Callable[[], None],
) -> dict[str, Any]:
    """`gateway.abort` breaks the answer off, `gateway.target` is the target as it was sent."""
    headers = head.headers
    if target.authority:  # RFC 9112 3.2.2
        headers = [
            (b"host", target.authority),
            *(field for field in headers if field[0] != b"host"),
        ]
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": "1.0" if head.is_http_1_0 else "1.1",
        "method": head.method,
        "scheme": scheme,
        "path": target.path,
        "raw_path": target.raw_path,
        "query_string": target.query,
        "root_path": "",
        "headers": headers,
        "client": client,
        "server": server,
        "extensions": {"gateway.abort": {"call": abort}, "gateway.target": {"raw": head.target}},
    }
