"""The ways to the upstreams: long-lived transports, one a proxy and trust, and what failures mean
to a client.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import certifi
import httpx
from django.conf import settings

from proxyapp.pool.exits import Exits
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.upstream.access_tokens import AccessTokens
from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.upstream.origin import Origin
from proxyapp.upstream.trace import Trace
from proxyapp.upstream.transport import (
    READ_BYTES,
    Body,
    Transport,
    is_request_sent,
    origin_of,
    response_of,
)
from proxyapp.upstream.transport_key import TransportKey, key_of
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import (
    BadRequest,
    GatewayError,
    ProxyFailed,
    UpstreamFailed,
    UpstreamTimedOut,
)

P = TypeVar("P", bound=asyncio.BaseProtocol)

# Of a proxy or a balancer that is just being restarted, say; a client hardly notices it.
AGAIN_SECONDS = 0.1


class Way(NamedTuple):
    """How a group's target is reached."""

    group: PoolGroup
    transport: Transport
    origin: Origin


class Upstreams:
    """Bound to the event loop that it is used on."""

    def __init__(self, ssl_context: ssl.SSLContext, trace: Trace | None = None) -> None:
        """`ssl_context` is that of groups without certificate authorities of their own."""
        self._ssl_context = ssl_context
        self._trace = trace
        self._transports: dict[TransportKey, Transport] = {}
        self._ways: dict[object, Way] = {}
        self._buffer = memoryview(bytearray(READ_BYTES))
        self.exits = Exits()
        self.tokens = AccessTokens(self)

    async def send(
        self, group: PoolGroup, method: str, target: bytes, headers: list[Header], body: Body
    ) -> UpstreamExchange:
        """Raises GatewayError when there is no answer. The caller closes the exchange.

        `headers` are those that are sent, whole.
        """
        if group.has_exit and not self.exits.is_idle:
            return await self._send_watched(group, method, target, headers, body)
        try:
            way = self._ways.get(group.way)
            if way is None or way.group is not group:
                way = await self._way_to(group)
            return await way.transport.send(way.origin, method, target, headers, body)
        except httpx.TransportError as error:
            if not was_cut_short(error):
                raise self._failed(error, group) from None
        return await self._send_once_more(group, method, target, headers, body)

    async def _send_watched(
        self, group: PoolGroup, method: str, target: bytes, headers: list[Header], body: Body
    ) -> UpstreamExchange:
        """While some exit fails: it may be this one that works again."""
        self.exits.begin(group)
        try:
            way = await self._way_to(group)
            exchange = await way.transport.send(way.origin, method, target, headers, body)
        except httpx.TransportError as error:
            if not was_cut_short(error):
                raise self._failed(error, group) from None
            exchange = await self._send_once_more(group, method, target, headers, body)
        self.exits.worked(group)
        return exchange

    async def _send_once_more(
        self, group: PoolGroup, method: str, target: bytes, headers: list[Header], body: Body
    ) -> UpstreamExchange:
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            way = await self._way_to(group)
            return await way.transport.send(way.origin, method, target, headers, body)
        except httpx.TransportError as error:
            raise self._failed(error, group) from None

    def _failed(self, error: httpx.TransportError, group: PoolGroup) -> GatewayError:
        """Where nothing reached the target, it is the exit that did not lead there."""
        told = failure(error, group)
        if group.has_exit and is_of_exit(told):
            self.exits.failed(group, told.message)
        return told

    async def dial(self, group: PoolGroup, factory: Callable[[], P]) -> P:
        """A connection for another protocol than HTTP. Raises GatewayError."""
        self.exits.begin(group)
        try:
            way = await self._way_to(group)
            connection = await way.transport.dial(way.origin, factory)
        except httpx.TransportError as error:
            raise self._failed(error, group) from None
        self.exits.worked(group)
        return connection

    async def ask(
        self,
        group: PoolGroup,
        method: str,
        target: bytes,
        headers: list[Header],
        body: bytes = b"",
    ) -> httpx.Response:
        """`send` in httpx's words. Raises GatewayError."""
        return response_of(await self.send(group, method, target, headers, body))

    async def _way_to(self, group: PoolGroup) -> Way:
        """A group object never changes: a reload of the pool brings a new one."""
        transport = self._transports.get(key_of(group)) or await self._transport_of(group)
        way = self._ways[group.way] = Way(group, transport, origin_of(group.url))
        return way

    async def connect(self, group: PoolGroup) -> None:
        """Opens a connection and closes it. Raises GatewayError."""
        transport = await self._transport_of(group)
        try:
            await transport.connect(group.url)
        except httpx.TransportError as error:
            raise failure(error, group) from None

    async def _transport_of(self, group: PoolGroup) -> Transport:
        """Raises UpstreamFailed for certificates that are none."""
        context = self._ssl_context
        if group.ca_certificates:
            try:
                context = await asyncio.to_thread(verifying_context, group.ca_certificates)
            except ssl.SSLError:
                raise UpstreamFailed(
                    f"The CA certificates of group {group.name} are not PEM.", is_sent=False
                ) from None
        key = key_of(group)
        if key not in self._transports:  # another request may have been quicker
            self._transports[key] = self._new_transport(key, context)
        return self._transports[key]

    def _new_transport(self, key: TransportKey, ssl_context: ssl.SSLContext) -> Transport:
        proxy_url, _, is_link_local_allowed = key
        return Transport(
            proxy_url=proxy_url,
            connect_timeout=settings.CONNECT_TIMEOUT_SECONDS,
            read_timeout=settings.READ_TIMEOUT_SECONDS,
            keepalive_seconds=settings.KEEPALIVE_SECONDS,
            ssl_context=ssl_context,
            is_link_local_allowed=is_link_local_allowed,
            trace=self._trace,
            buffer=self._buffer,
        )

    async def aclose(self) -> None:
        await self.tokens.aclose()
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()
        self._ways.clear()


def verifying_context(ca_certificates: str = "") -> ssl.SSLContext:
    """Trusts certifi's authorities, the system's, those of UPSTREAM_CA_FILE, and these (PEM).

    Takes 50 ms: not on the event loop.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # some builds of Python leave it to the system
    context.load_default_certs()
    if settings.UPSTREAM_CA_FILE:
        context.load_verify_locations(settings.UPSTREAM_CA_FILE)
    if ca_certificates:
        context.load_verify_locations(cadata=ca_certificates)
    return context


def was_cut_short(error: httpx.TransportError) -> bool:
    """The connection broke before a byte of the request was on it.

    One CONNECT or handshake in some thousands does. Where there was silence instead a client has
    waited long enough.
    """
    is_of_connection = isinstance(error, (httpx.ConnectError, httpx.ProxyError))
    return is_of_connection and not is_request_sent(error)


def is_of_exit(error: GatewayError) -> bool:
    """Of a request through an exit: whether the reason may be the exit."""
    return isinstance(error, ProxyFailed) or not error.is_sent


def failure(error: httpx.TransportError, group: PoolGroup) -> GatewayError:
    """What a client is told; the group's proxy is named without its credentials, the request not at
    all.
    """
    if isinstance(error, httpx.LocalProtocolError):
        return BadRequest(f"The request cannot be forwarded: {error}.")
    is_sent = is_request_sent(error)
    if isinstance(error, httpx.ProxyError):
        return ProxyFailed(f"The proxy of group {group.name} failed: {error}", is_sent=is_sent)
    if isinstance(error, httpx.ConnectTimeout):
        seconds = f"{settings.CONNECT_TIMEOUT_SECONDS:g}"
        return UpstreamTimedOut(
            f"No connection to {group.url.host} within {seconds} s.", is_sent=is_sent
        )
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimedOut(
            f"{group.url.host} sent nothing for {settings.READ_TIMEOUT_SECONDS:g} s."
        )
    if isinstance(error, httpx.ConnectError):
        return UpstreamFailed(f"No connection to {group.url.host}: {error}", is_sent=is_sent)
    return UpstreamFailed(f"{group.url.host} broke off the exchange: {error}")
