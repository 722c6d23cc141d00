"""Who a request comes from, and by which scheme.

What a proxy says of it counts only from a proxy that is trusted.

`X-Forwarded-For` is read from the right: each proxy appends who spoke to it, so the first address
that is no trusted proxy is the client, and whatever stands left of it was written by the client.
`X-Real-IP` and `Forwarded` are never read, and `X-Forwarded-Host` only for what is told to nobody
but the client (public_address): proxies that do not know them pass on what a client made up.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

from proxyapp.access.front_request import FrontRequest
from proxyapp.vocabulary.addresses import Address, parsed_address
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.remembered import remembered

FORWARDED_FOR, FORWARDED_PROTO = b"x-forwarded-for", b"x-forwarded-proto"
SECURE = {"http": "https", "https": "https", "ws": "wss", "wss": "wss"}
PLAIN = {"http": "http", "https": "http", "ws": "ws", "wss": "ws"}


class TrustedProxies:
    """The networks whose word counts; none by default."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [ip_network(network) for network in networks]

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def have_sent(self, scope: Mapping[str, Any]) -> bool:
        """Whether the connection is that of one of them."""
        peer = peer_of(scope)
        return peer is not None and peer in self

    def client(self, scope: Mapping[str, Any]) -> Address | None:
        """None: the server does not know, as over a Unix socket."""
        peer = peer_of(scope)
        if peer is None or peer not in self:
            return peer
        client = peer
        for text in reversed(header_values(scope["headers"], FORWARDED_FOR)):
            named = parsed_address(text)
            if named is None:
                break
            client = named
            if named not in self:
                break
        return client

    def client_text(self, scope: Mapping[str, Any]) -> str:
        """As text; empty: the server does not know."""
        peer = scope.get("client")
        if self._networks:
            return str(self.client(scope) or "")
        return _text_of(str(peer[0]).encode()) if peer else ""

    def scheme(self, scope: Mapping[str, Any]) -> str:
        own = str(scope.get("scheme") or ("ws" if scope.get("type") == "websocket" else "http"))
        said = header_values(scope["headers"], FORWARDED_PROTO)
        if not said or not self.have_sent(scope):
            return own
        return {b"https": SECURE, b"wss": SECURE, b"http": PLAIN, b"ws": PLAIN}.get(
            said[-1].lower(), {}
        ).get(own, own)

    def seen_through(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The scope as the client's own connection would have made it, without what told so (what
        is kept of it is for advice only).
        """
        client, peer = self.client(scope), peer_of(scope)
        port = (scope.get("client") or ("", 0))[1] if client == peer else 0
        is_trusted = self.have_sent(scope)
        return scope | {
            "gateway.front": FrontRequest.of(scope, str(peer or ""), is_trusted=is_trusted),
            "client": None if client is None else (str(client), port),
            "scheme": self.scheme(scope),
            "headers": [header for header in scope["headers"] if not is_said_by_proxy(header[0])],
        }


@remembered
def _text_of(peer: bytes) -> str:
    return str(parsed_address(peer) or "")


def is_said_by_proxy(name: bytes) -> bool:
    return name.startswith(b"x-forwarded-") or name in (b"forwarded", b"x-real-ip")


def peer_of(scope: Mapping[str, Any]) -> Address | None:
    client = scope.get("client")
    return parsed_address(str(client[0]).encode()) if client else None


def header_values(headers: Iterable[Header], name: bytes) -> list[bytes]:
    """Of all headers of the name, in their order."""
    return [part.strip() for key, value in headers if key == name for part in value.split(b",")]
