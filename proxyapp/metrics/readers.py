"""Who may read metrics: programs of this machine, and whoever shows the token."""

import hmac
from collections.abc import Mapping
from typing import Any

from proxyapp.access.anonymous import OF_BROWSERS
from proxyapp.access.client_address import header_values, is_said_by_proxy, peer_of
from proxyapp.vocabulary.addresses import is_local

AUTHORIZATION, BEARER = b"authorization", b"bearer"
VIA = b"via"


def may_read(scope: Mapping[str, Any], token: str) -> bool:
    """`scope`: as the connection itself made it. `token`: empty, there is none."""
    return is_of_this_machine(scope) or (bool(token) and shows(scope, token))


def is_of_this_machine(scope: Mapping[str, Any]) -> bool:
    """No proxy's, which would bring in the whole world, and no page's that a browser shows, under
    whatever name it asks (DNS rebinding).
    """
    peer = peer_of(scope)
    if peer is None or not peer.is_loopback or scope.get("http_version") == "1.0":
        return False  # a bare nginx speaks HTTP/1.0, Prometheus does not
    for name, _ in scope["headers"]:
        if is_said_by_proxy(name) or name == VIA or name in OF_BROWSERS:
            return False
    host = b"".join(header_values(scope["headers"], b"host")).decode("latin-1").lower()
    return is_local(_without_port(host))


def _without_port(host: str) -> str:
    name, bracket, _ = host.partition("]")
    return f"{name}{bracket}" if bracket else host.partition(":")[0]


def shows(scope: Mapping[str, Any], token: str) -> bool:
    for name, value in scope["headers"]:
        kind, _, shown = value.strip().partition(b" ")
        if name == AUTHORIZATION and kind.lower() == BEARER:
            return hmac.compare_digest(shown.strip(), token.encode())
    return False
