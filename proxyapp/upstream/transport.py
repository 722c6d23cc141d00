"""The way to the upstreams: httpx's transport interface over asyncio, made for a reverse proxy.

A request goes out exactly as it is (no header is added but Host and the framing, and those only if
missing), and an answer comes back exactly as it arrived. Every exception is one of httpx's;
`is_request_sent` tells whether the upstream may have seen the request:

- ConnectError, ConnectTimeout: no connection (name, TCP, TLS); never sent.
- ProxyError: the proxy is down or refuses.
- LocalProtocolError: the request cannot be sent as HTTP/1.1.
- WriteTimeout, WriteError: the upstream does not take the request's body, or the body ended early.
- ReadTimeout, ReadError: silence or a broken connection, before the response or in it.
- RemoteProtocolError: no HTTP, no answer, or a body that ended too early.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar

import httpx

from proxyapp.upstream.connection import UpstreamConnection
from proxyapp.upstream.dial import Dialer
from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.upstream.http1 import Headers, encode_request, is_request_sent, unsent
from proxyapp.upstream.origin import DEFAULT_PORTS, Origin, Proxy
from proxyapp.upstream.trace import Trace
from proxyapp.upstream.upload import PIECE_BYTES

__all__ = ["Body", "Transport", "is_request_sent", "origin_of", "response_of"]

Body: TypeAlias = bytes | httpx.AsyncByteStream
P = TypeVar("P", bound=asyncio.BaseProtocol)

# Measured on loopback, CPU for each MiB that arrives: under uvloop 0.42 ms with 16 KiB, 0.33 with
# 64 and no less with more; under asyncio 0.60 and 0.41 (0.34 with 256 KiB). A read may exceed the
# exchange's HIGH_WATER by as much.
READ_BYTES = 64 * 1024


class Transport(httpx.AsyncBaseTransport):
    """All times are in seconds. `connect_timeout` covers names, TCP, proxy and TLS together;
    `read_timeout` is for the answer's headers, the longest silence in its body, and the longest
    time in which the upstream takes none of a request's body.

    A request goes out again, once and on a new connection, when a kept connection ended before the
    answer began and the request is safe to repeat or the upstream's machine certainly received none
    of it (RFC 9110 9.2.2).
    """

    def __init__(
        self,
        *,
        proxy_url: str | None,
        connect_timeout: float,
        read_timeout: float,
        keepalive_seconds: float,
        ssl_context: ssl.SSLContext,
        is_link_local_allowed: bool = False,
        trace: Trace | None = None,
        buffer: memoryview | None = None,
    ) -> None:
        """`buffer`: of READ_BYTES; those of one loop may share it."""
        self._proxy = Proxy.parse(proxy_url) if proxy_url else None
        ways = self._proxy, ssl_context, connect_timeout
        dialer = partial(Dialer, *ways, is_link_local_allowed=is_link_local_allowed, trace=trace)
        self._dialer, self._long_dialer = dialer(), dialer(is_long=True)
        self._read_timeout = read_timeout
        self._keepalive_seconds = keepalive_seconds
        self._buffer = memoryview(bytearray(READ_BYTES)) if buffer is None else buffer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._routes: dict[Origin, Route] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The raw request-target is `request.extensions["target"]`; of the URL only the origin
        counts.

        The response's stream is an Exchange.
        """
        target = request.extensions.get("target") or request.url.raw_path
        exchange = await self.send(
            origin_of(request.url), request.method, target, request.headers.raw, _body(request)
        )
        return response_of(exchange)

    async def send(
        self, origin: Origin, method: str, target: bytes, headers: Headers, body: Body
    ) -> UpstreamExchange:
        """Without httpx's objects. The head of the response is there when this returns."""
        route = self._route(origin)
        whole = body if isinstance(body, bytes) else None
        head, length = encode_request(
            method,
            route.target_prefix + target,
            route.host,
            headers + route.extra_headers if route.extra_headers else headers,
            None if whole is None else len(whole),
        )
        is_small = whole is not None and length is not None and length <= PIECE_BYTES
        data, rest = (
            (head + whole, None) if whole is not None and is_small else (head, _stream(body))
        )
        kept = route.idle.take(is_to_be_sure=rest is not None)
        exchange = UpstreamExchange.begin(
            kept or await self._connect(route), method, data, rest, length
        )
        try:
            await exchange.wait_for_head()
        except httpx.TransportError:
            if kept is None or not exchange.may_be_repeated:
                raise
            exchange = UpstreamExchange.begin(
                await self._connect(route), method, data, rest, length
            )
            await exchange.wait_for_head()
        # Maybe the upstream's own: may be sent.
        if route.forwarder is not None and exchange.response.status == 407:
            await exchange.aclose()
            raise httpx.ProxyError(f"proxy {route.forwarder.authority}: proxy refused: 407")
        return exchange

    async def connect(self, url: httpx.URL) -> None:
        """Opens a connection to the URL's origin and closes it."""
        (await self._connect(self._route(origin_of(url)))).abort()

    async def dial(self, origin: Origin, factory: Callable[[], P]) -> P:
        """A connection of its own, for another protocol than this one's."""
        return await self._long_dialer.open(origin, factory)

    async def aclose(self) -> None:
        """Closes the idle connections.

        Exchanges in flight go on to their end, and their connections close then.
        """
        for route in self._routes.values():
            route.idle.close()

    def _route(self, origin: Origin) -> "Route":
        # Connections live and die with their loop.
        if self._loop is None or not self._loop.is_running():
            self._routes, self._loop = {}, asyncio.get_running_loop()
        route = self._routes.get(origin)
        if route is None:
            route = self._routes[origin] = Route(origin, self._proxy, self._keepalive_seconds)
        return route

    async def _connect(self, route: "Route") -> UpstreamConnection:
        def new() -> UpstreamConnection:
            return UpstreamConnection(route.idle, self._buffer, self._read_timeout)

        connection = await self._dialer.open(route.origin, new)
        if connection.transport.is_closing():
            raise unsent(
                httpx.ConnectError(f"{route.origin.authority} closed the connection at once")
            )
        return connection


def _body(request: httpx.Request) -> Body:
    """Whole if it is in memory."""
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        return b"".join(stream)
    if not isinstance(stream, httpx.AsyncByteStream):
        raise unsent(httpx.LocalProtocolError("the body is not an asynchronous stream"))
    return stream


def _stream(body: Body) -> httpx.AsyncByteStream:
    return httpx.ByteStream(body) if isinstance(body, bytes) else body


def origin_of(url: httpx.URL) -> Origin:
    """Raises UnsupportedProtocol."""
    if url.scheme not in ("http", "https") or not url.host:
        raise unsent(httpx.UnsupportedProtocol("an upstream is http:// or https:// and a host"))
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.scheme])


def response_of(exchange: UpstreamExchange) -> httpx.Response:
    """The exchange is its stream."""
    answer = exchange.response
    extensions = {"http_version": answer.http_version, "reason_phrase": answer.reason}
    return httpx.Response(
        answer.status,
        headers=answer.headers,
        stream=exchange,
        extensions=extensions,
    )


class Route:
    """All that requests to one origin have in common."""

    def __init__(self, origin: Origin, proxy: Proxy | None, keepalive_seconds: float) -> None:
        self.origin = origin
        self.host = origin.host_header.encode("ascii")
        self.idle = IdleConnections(keepalive_seconds)
        self.forwarder = proxy if proxy is not None and proxy.forwards(origin) else None
        self.target_prefix = b"http://" + self.host if self.forwarder else b""
        self.extra_headers: Headers = self.forwarder.authorization if self.forwarder else []


class IdleConnections:
    """The idle connections to one origin; the one that was used last goes out first."""

    def __init__(self, keepalive_seconds: float) -> None:
        self._keepalive_seconds = keepalive_seconds
        self._connections: dict[
            UpstreamConnection, None
        ] = {}  # from the one that is idle for longest
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def put(self, connection: UpstreamConnection) -> None:
        if self._is_closed or self._keepalive_seconds <= 0:
            connection.abort()
            return
        connection.idle_since = connection.loop.time()
        self._connections[connection] = None
        if self._timer is None:
            self._timer = connection.loop.call_later(self._keepalive_seconds, self._expire)

    def take(self, *, is_to_be_sure: bool) -> UpstreamConnection | None:
        """`is_to_be_sure`: what comes now cannot be repeated, so a connection that has just ended
        must not serve it.
        """
        while self._connections:
            connection, _ = self._connections.popitem()
            if not connection.is_dead(is_to_be_sure=is_to_be_sure):
                return connection
            connection.abort()
        return None

    def forget(self, connection: UpstreamConnection) -> None:
        self._connections.pop(connection, None)

    def close(self) -> None:
        self._is_closed = True
        for connection in list(self._connections):
            connection.abort()
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self._timer = None
        while self._connections:
            oldest = next(iter(self._connections))
            due = oldest.idle_since + self._keepalive_seconds
            if due > oldest.loop.time():
                self._timer = oldest.loop.call_at(due, self._expire)
                return
            oldest.abort()
