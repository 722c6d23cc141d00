"""Opening a connection to an upstream, directly or through a proxy.

A proxy that fails is an error, never passed by.
"""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from socket import gaierror, socket
from typing import Any, TypeVar

import httpx
from python_socks import ProxyError as SocksRefusal
from python_socks import ProxyType
from python_socks.async_.asyncio import Proxy as SocksProxy

from proxyapp.upstream.http1 import unsent
from proxyapp.upstream.lean_tls import LeanTls
from proxyapp.upstream.origin import Origin, Proxy
from proxyapp.upstream.sockets import addresses_of, connect, host_of
from proxyapp.upstream.trace import CONNECTION, NAME, PROXY, REQUEST, TLS, Trace
from proxyapp.upstream.tunnel import NoTunnel, Tunnel, connect_request
from proxyapp.vocabulary.forbidden_addresses import OffLimits, problem_of
from proxyapp.vocabulary.in_task import time_limit

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Dialer:
    """Opens connections in the one way that a group's requests go.

    Whatever ends an attempt, a cancellation too, its sockets are closed.
    """

    def __init__(
        self,
        proxy: Proxy | None,
        ssl_context: ssl.SSLContext,
        connect_timeout: float,
        *,
        is_link_local_allowed: bool = False,
        is_long: bool = False,
        trace: Trace | None = None,
    ) -> None:
        """`is_long`: for what is no HTTP and lasts for hours. It goes through an HTTP proxy by a
        tunnel, never to the proxy itself, and its TLS takes little memory.
        """
        self._proxy = proxy
        self._ssl_context = ssl_context
        self._timeout = connect_timeout
        self._is_link_local_allowed = is_link_local_allowed
        self._is_long = is_long
        self._trace = trace

    async def open(self, origin: Origin, factory: Callable[[], P]) -> P:
        """Raises ConnectError, ConnectTimeout or ProxyError; the timeout is for names, TCP, proxy
        and TLS together.
        """
        try:
            async with time_limit(self._timeout):
                protocol = await self._open(origin, factory)
        except TimeoutError:
            via = f" through the proxy {self._proxy.authority}" if self._proxy else ""
            raise unsent(
                httpx.ConnectTimeout(f"no connection to {origin.authority}{via} in time")
            ) from None
        except OffLimits as error:
            raise unsent(httpx.ConnectError(f"the host {error}")) from None
        except (OSError, UnicodeError) as error:  # a name that cannot be one is the latter
            raise unsent(
                httpx.ConnectError(f"cannot connect to {origin.authority}: {_reason(error)}")
            ) from None
        self._begin(REQUEST)
        return protocol

    def _begin(self, step: str, detail: str = "") -> None:
        if self._trace is not None:
            self._trace(step, detail)

    async def _open(self, origin: Origin, factory: Callable[[], P]) -> P:
        proxy = self._proxy
        self._begin(NAME, (proxy or origin).host)
        if problem := problem_of(origin.host, is_link_local_allowed=self._is_link_local_allowed):
            raise OffLimits(problem)
        if proxy is None:
            sock = await self._connect(origin)
        elif proxy.is_socks:
            sock = await self._socks(proxy, origin)
        elif proxy.forwards(origin) and not self._is_long:
            return (await self._connect_to_proxy(proxy, factory))[1]
        else:
            return await self._tunnel(proxy, origin, factory)
        return (await self._start(sock, origin, factory))[1]

    async def _connect(self, host: Origin) -> socket:
        addresses = await addresses_of(
            host.host, host.port, is_link_local_allowed=self._is_link_local_allowed
        )
        self._begin(PROXY if host is self._proxy else CONNECTION, host.authority)
        return await connect(addresses)

    async def _start(
        self, sock: socket, origin: Origin, factory: Callable[[], P]
    ) -> tuple[asyncio.Transport, P]:
        """Takes the socket over, with TLS if the origin (or the proxy) speaks it."""
        loop = asyncio.get_running_loop()
        if not origin.is_tls:
            return await loop.create_connection(factory, sock=sock)
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
        return await self._secure(transport, origin, factory)

    async def _secure(
        self, transport: asyncio.Transport, origin: Origin, factory: Callable[[], P]
    ) -> tuple[asyncio.Transport, P]:
        """Not left to `create_connection`, which forgets its socket when it is cancelled before the
        handshake.
        """
        if origin is not self._proxy:  # the proxy's own TLS belongs to the way to it
            self._begin(TLS, origin.host)
        protocol = factory()
        try:
            if self._is_long:
                lean = LeanTls(protocol, self._ssl_context, origin.host, transport)
                await lean.open()
                return lean, protocol
            secured = await asyncio.get_running_loop().start_tls(
                transport, protocol, self._ssl_context, server_hostname=origin.host
            )
            if secured is None:
                raise ConnectionAbortedError
        except BaseException:
            transport.abort()
            raise
        protocol.connection_made(secured)
        return secured, protocol

    async def _connect_to_proxy(
        self, proxy: Proxy, factory: Callable[[], P]
    ) -> tuple[asyncio.Transport, P]:
        sock = await self._reach(proxy)
        try:
            return await self._start(sock, proxy, factory)
        except TimeoutError:
            raise
        except OSError as error:
            raise proxy.failure(f"cannot connect to the proxy: {_reason(error)}") from None

    async def _reach(self, proxy: Proxy) -> socket:
        try:
            return await self._connect(proxy)
        except TimeoutError:
            raise
        except OffLimits as error:
            raise proxy.failure(f"its host {error}") from None
        except OSError as error:
            raise proxy.failure(f"cannot connect to the proxy: {_reason(error)}") from None

    async def _socks(self, proxy: Proxy, origin: Origin) -> socket:
        """socks5 resolves the upstream's name here, socks5h lets the proxy do it."""
        host = origin.host if proxy.scheme == "socks5h" else await self._address(origin)
        credentials = proxy.username or None, proxy.password or None
        forward: Any = _SocketToProxy(lambda: self._reach(proxy))
        socks = SocksProxy(
            ProxyType.SOCKS5, proxy.host, proxy.port, *credentials, rdns=True, forward=forward
        )
        try:
            return await socks.connect(host, origin.port, timeout=self._timeout)
        except SocksRefusal as error:
            raise proxy.failure(f"proxy refused: {error}") from None
        except ValueError:
            raise proxy.failure(
                "SOCKS5 takes no such user name, password or host: too long or not ASCII"
            ) from None
        except TimeoutError:
            raise
        except OSError as error:
            raise proxy.failure(f"the proxy broke the connection: {_reason(error)}") from None

    async def _address(self, origin: Origin) -> str:
        """One of version 4 if there is any: a proxy need not speak version 6."""
        self._begin(NAME, origin.host)
        addresses = await addresses_of(
            origin.host, origin.port, is_link_local_allowed=self._is_link_local_allowed
        )
        return host_of(min(addresses, key=lambda address: address[0]))

    async def _tunnel(self, proxy: Proxy, origin: Origin, factory: Callable[[], P]) -> P:
        """Through CONNECT, then with the upstream's TLS; within the proxy's own if it has one."""
        transport, tunnel = await self._connect_to_proxy(proxy, Tunnel)
        try:
            transport.write(connect_request(proxy, origin))
            await tunnel.wait()
        except BaseException as error:
            transport.abort()
            if isinstance(error, NoTunnel):
                raise proxy.failure(str(error)) from None
            raise
        if origin.is_tls:
            return (await self._secure(transport, origin, factory))[1]
        protocol = factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return protocol


class _SocketToProxy:
    """How the SOCKS library gets to the proxy: as every other connection is made."""

    def __init__(self, reach: Callable[[], Awaitable[socket]]) -> None:
        self._reach = reach

    async def connect(self, dest_host: str, dest_port: int, timeout: float | None = None) -> socket:
        return await self._reach()


def _reason(error: OSError | UnicodeError) -> str:
    """What went wrong, without the addresses that some systems put into it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason}"
    if isinstance(error, gaierror):
        return error.strerror or "name not known"
    if isinstance(error, UnicodeError):
        return "not a host name"
    return os.strerror(error.errno) if error.errno else "connection closed"
