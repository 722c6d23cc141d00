"""Which application answers a request."""

from collections.abc import Coroutine
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from gateway import metrics_page
from gateway.page_slots import PageSlots
from gateway.root_pages import READING, ROOT_PAGES
from proxyapp import runtime
from proxyapp.access.client_address import TrustedProxies
from proxyapp.admin.database_away import away_page
from proxyapp.admin.live.feed import Live
from proxyapp.admin.live.routing import LIVE_PATH, LiveSocket, refuse
from proxyapp.admin.own_bodies import BodyRefused, refuse_body, with_form
from proxyapp.alerts.watch import watch
from proxyapp.forwarding.fast_path import FastPath, OwnPage, send_whole, with_readable_query
from proxyapp.forwarding.views import healthz, readyz
from proxyapp.live_api.consumer import LiveApiConsumer
from proxyapp.live_api.sessions import LiveSessions
from proxyapp.management_api.entry import API_PATH, ApiDoor
from proxyapp.management_api.outages import away_problem
from proxyapp.vocabulary.asgi import DirectExchange, Receive, Scope, Send
from proxyapp.vocabulary.live_paths import is_live_path
from proxyapp.vocabulary.path_prefix import PathPrefix

ADMIN_PATHS = (b"/admin/", b"/admin")
STATIC_PATH = b"/static/"
DJANGO_PATHS = (b"/admin/", STATIC_PATH)
DJANGO_PATH_ENDS = (b"/admin", metrics_page.PATH)


class Dispatcher:
    """By the raw path, so that no encoding of `/admin` reaches Django's pages."""

    def __init__(self) -> None:
        self._prefix = PathPrefix(settings.PATH_PREFIX) if settings.PATH_PREFIX else None
        self._django = ASGIHandler()
        self._made = PageSlots(self._django, settings.ADMIN_CONNECTIONS)
        self._trusted = TrustedProxies(settings.TRUSTED_PROXIES)
        self._api = ApiDoor(self._pages, self._trusted)
        self._proxy = FastPath()
        self._own = {b"/healthz": OwnPage(healthz), b"/readyz": OwnPage(readyz)}
        self._own |= {path: OwnPage(view, *READING) for path, view in ROOT_PAGES.items()}
        self._live = Live()
        self._socket = LiveSocket(self._live)
        runtime.companions["alerts"] = watch
        self._live_api: Any = LiveApiConsumer.as_asgi(sessions=LiveSessions())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._prefix is not None and scope["type"] != "lifespan":
            scope = self._prefix.cut(scope)
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    def direct(self, scope: Scope, exchange: DirectExchange) -> Coroutine[Any, Any, None] | None:
        """The gateway's servers forward without ASGI's messages (vocabulary.asgi)."""
        if self._prefix is not None:
            scope = self._prefix.cut(scope)
        if self._is_proxied(scope["raw_path"], scope["method"]):
            return self._proxy.direct(scope, exchange)
        return None

    def _is_proxied(self, path: bytes, method: str) -> bool:
        if path.startswith(DJANGO_PATHS) or path in DJANGO_PATH_ENDS:
            return False
        own = self._own.get(path)
        return own is None or not own.takes(method)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.setdefault("raw_path", scope["path"].encode())
        if self._is_proxied(path, scope["method"]):
            await self._proxy(scope, receive, send)
            return
        own = self._own.get(path)
        try:
            if path.startswith(ADMIN_PATHS):
                receive = await with_form(scope, receive)
            else:
                refuse_body(scope)
        except BodyRefused as refused:
            await send_whole(send, refused.response())
            return
        if path == metrics_page.PATH:
            await send_whole(send, await metrics_page.metrics(scope))
        elif own is not None:
            await own(self._trusted.seen_through(scope), receive, send)
        else:
            await self._page(path, scope, receive, send)

    async def _page(self, path: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """No page may hold up a thread of the admin's while the database is away."""
        is_api = path.startswith(API_PATH)
        away = None
        if is_api:
            away = away_problem()
        elif path.startswith(ADMIN_PATHS):
            away = await away_page(scope)
        if away is not None:
            await send_whole(send, away)
        elif is_api:
            await self._api(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def _pages(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = with_readable_query(self._trusted.seen_through(scope))
        if self._prefix is not None:
            seen = self._prefix.whole(seen)
        is_file = scope["raw_path"].startswith(STATIC_PATH)
        application = self._django if is_file else self._made
        await application(django_scope(seen), receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The admin's own and those of the Live API; others are refused."""
        path = scope.setdefault("raw_path", scope["path"].encode())
        if path == LIVE_PATH:
            await self._socket(self._trusted.seen_through(scope), receive, send)
        elif is_live_path(path):
            await self._live_api(scope, receive, send)
        else:
            await refuse(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await runtime.startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._live.stop()
        await runtime.shutdown()
        await send({"type": "lifespan.shutdown.complete"})


def django_scope(scope: Scope) -> Scope:
    """Without headers that have an underscore.

    In META they would pass for the ones with a hyphen (CVE-2015-0219).
    """
    return scope | {"headers": [header for header in scope["headers"] if b"_" not in header[0]]}
