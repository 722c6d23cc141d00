"""The way to the live socket: only from the gateway's own pages, with their user's session."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from django.conf import settings
from django.db import Error as DatabaseError
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

from proxyapp.admin.live.consumer import LiveConsumer
from proxyapp.admin.live.feed import Live, is_database_away
from proxyapp.vocabulary.asgi import Receive, Scope, Send
from proxyapp.vocabulary.close_codes import NORMAL

LIVE_PATH = b"/ws/admin/live/"
# From 4000 on the codes are an application's own (RFC 6455, section 7.4.2).
DATABASE_AWAY = 4503


class LiveSocket:
    """An ASGI application (websocket only)."""

    def __init__(self, live: Live) -> None:
        self._application: Any = AuthMiddlewareStack(LiveConsumer.as_asgi(live=live))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not has_own_origin(scope["headers"]) or (
            settings.BEHIND_TLS and scope.get("scheme") != "wss"
        ):
            await refuse(receive, send)
            return
        if is_database_away():
            await send({"type": "websocket.close", "code": DATABASE_AWAY})
            return
        try:
            await self._application(scope, receive, send)
        except DatabaseError:  # who it is cannot be looked up
            await send({"type": "websocket.close", "code": DATABASE_AWAY})


async def refuse(receive: Receive, send: Send) -> None:
    """Before it is accepted: the handshake gets a 403."""
    await receive()
    await send({"type": "websocket.close", "code": NORMAL})


def has_own_origin(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether no page of another site has opened it.

    Browsers say whose page it is, and others have no cookies.

    Behind a proxy that changes the Host, the origin must be one of CSRF_TRUSTED_ORIGINS, as for
    Django's forms.
    """
    hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
    origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
    if len(hosts) != 1 or not validate_host(split_domain_port(hosts[0])[0], settings.ALLOWED_HOSTS):
        return False
    return all(is_own(origin, hosts[0]) for origin in origins)


def is_own(origin: str, host: str) -> bool:
    try:
        scheme, place = urlsplit(origin)[:2]
    except ValueError:
        return False
    if scheme in ("http", "https") and place == host:
        return True
    return any(
        scheme == trusted.scheme and is_same_domain(place, trusted.netloc.lstrip("*"))
        for trusted in map(urlsplit, settings.CSRF_TRUSTED_ORIGINS)
    )
