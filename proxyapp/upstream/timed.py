"""The way to an upstream with a clock at each step, for tests of connections."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from django.conf import settings

from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.upstream.dial import Dialer, Origin, Proxy
from proxyapp.upstream.transport import Transport
from proxyapp.upstream.upstreams import Upstreams, Way, failure

P = TypeVar("P", bound=asyncio.BaseProtocol)

NAME, PROXY, CONNECTION, TLS, REQUEST = "Name resolution", "Proxy", "Connection", "TLS", "Request"


class Watch:
    """`taken`: the milliseconds of each step that has begun. A step ends when the next begins."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self.details: dict[str, str] = {}
        self.latest = NAME
        self._since: float | None = None

    def begin(self, step: str, detail: str = "") -> None:
        self.end()
        self.latest, self._since = step, time.perf_counter()
        self.taken[step], self.details[step] = 0.0, detail

    def end(self) -> None:
        if self._since is not None:
            self.taken[self.latest] = (time.perf_counter() - self._since) * 1000
            self._since = None


class WatchedUpstreams(Upstreams):
    def __init__(self, ssl_context: ssl.SSLContext, watch: Watch) -> None:
        super().__init__(ssl_context)
        self._watch = watch

    async def connect(self, group: PoolGroup) -> None:
        """Opens a connection and closes it. Raises GatewayError."""
        transport = await self._opened(group)
        assert isinstance(transport, WatchedTransport)  # noqa: S101
        try:
            await transport.connect(group.url)
        except httpx.TransportError as error:
            raise failure(error, group) from None

    def _new_transport(self, way: Way, ssl_context: ssl.SSLContext) -> Transport:
        return WatchedTransport(way, ssl_context, self._watch)


class WatchedTransport(Transport):
    def __init__(self, way: Way, ssl_context: ssl.SSLContext, watch: Watch) -> None:
        proxy_url, _, is_link_local_allowed = way
        super().__init__(
            proxy_url=proxy_url,
            connect_timeout=settings.CONNECT_TIMEOUT_SECONDS,
            read_timeout=settings.READ_TIMEOUT_SECONDS,
            keepalive_seconds=settings.KEEPALIVE_SECONDS,
            ssl_context=ssl_context,
            is_link_local_allowed=is_link_local_allowed,
        )
        self._dialer = WatchedDialer(
            watch,
            self._proxy,
            ssl_context,
            settings.CONNECT_TIMEOUT_SECONDS,
            is_link_local_allowed=is_link_local_allowed,
        )

    async def connect(self, url: httpx.URL) -> None:
        await self._dialer.open(self._route(url).origin, _Closing)


class WatchedDialer(Dialer):
    def __init__(self, watch: Watch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    async def _open(self, origin: Origin, factory: Callable[[], P]) -> P:
        proxy = self._proxy
        await self._resolve(origin)
        self._watch.begin(PROXY if proxy else CONNECTION, (proxy or origin).authority)
        protocol = await super()._open(origin, factory)
        self._watch.begin(REQUEST)
        return protocol

    async def _resolve(self, origin: Origin) -> None:
        """What has to be known here: with most proxies the name of the target is not."""
        proxy = self._proxy
        hosts = [
            host.host
            for host in (proxy, origin)
            if host and (host is proxy or _is_looked_up_here(proxy))
        ]
        self._watch.begin(NAME, ", ".join(hosts))
        for host in hosts:
            try:
                await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except socket.gaierror as error:
                if proxy is None or host != proxy.host:
                    raise
                raise proxy.failure(
                    f"cannot connect to the proxy: {error.strerror or 'name not known'}"
                ) from None

    async def _secure(
        self, transport: asyncio.Transport, origin: Origin, factory: Callable[[], P]
    ) -> tuple[asyncio.Transport, P]:
        if not isinstance(origin, Proxy):
            self._watch.begin(TLS, origin.host)
        return await super()._secure(transport, origin, factory)


def _is_looked_up_here(proxy: Proxy | None) -> bool:
    return proxy is None or proxy.scheme == "socks5"


class _Closing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
