"""Opening a connection to an upstream, directly or through a proxy.

A proxy that fails is an error, never passed by.
"""

import asyncio
import os
import re
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from socket import gaierror, socket
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpx
from python_socks import ProxyError as SocksRefusal
from python_socks import ProxyType
from python_socks.async_.asyncio import Proxy as SocksProxy

from proxyapp.upstream.http1 import unsent
from proxyapp.upstream.sockets import addresses_of, connect
from proxyapp.vocabulary.forbidden_addresses import OffLimits, problem_of

P = TypeVar("P", bound=asyncio.BaseProtocol)

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
MAX_ANSWER_BYTES = 64 * 1024
PROXY_URL = "a proxy's URL is http://, https://, socks5:// or socks5h://, a host and perhaps a port"


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def host_header(self) -> str:
        return self.authority.removesuffix(f":{DEFAULT_PORTS[self.scheme]}")


@dataclass(frozen=True, slots=True)
class Proxy(Origin):
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Proxy":
        """Raises ValueError, which does not quote the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise ValueError(PROXY_URL) from None
        if not parts.hostname:
            raise ValueError(PROXY_URL)
        return cls(
            parts.scheme,
            parts.hostname,
            port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def authorization(self) -> list[tuple[bytes, bytes]]:
        if not self.username and not self.password:
            return []
        credentials = b64encode(f"{self.username}:{self.password}".encode())
        return [(b"Proxy-Authorization", b"Basic " + credentials)]

    def forwards(self, origin: Origin) -> bool:
        """Whether requests go to the proxy itself, in absolute form (RFC 9112 3.2.2), and not
        through a tunnel.
        """
        return not self.is_socks and not origin.is_tls

    def failure(self, what: str) -> httpx.ProxyError:
        return unsent(httpx.ProxyError(f"proxy {self.authority}: {what}"))


class Dialer:
    def __init__(
        self,
        proxy: Proxy | None,
        ssl_context: ssl.SSLContext,
        connect_timeout: float,
        *,
        is_link_local_allowed: bool = False,
    ) -> None:
        self._proxy = proxy
        self._ssl_context = ssl_context
        self._timeout = connect_timeout
        self._is_link_local_allowed = is_link_local_allowed

    async def open(self, origin: Origin, factory: Callable[[], P]) -> P:
        """Raises ConnectError, ConnectTimeout or ProxyError; the timeout is for names, TCP, proxy
        and TLS together.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._open(origin, factory)
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

    async def _open(self, origin: Origin, factory: Callable[[], P]) -> P:
        proxy = self._proxy
        if problem := problem_of(origin.host, is_link_local_allowed=self._is_link_local_allowed):
            raise OffLimits(problem)
        if proxy is None:
            sock = await self._connect(origin)
        elif proxy.is_socks:
            sock = await self._socks(proxy, origin)
        elif proxy.forwards(origin):
            return (await self._connect_to_proxy(proxy, factory))[1]
        else:
            return await self._tunnel(proxy, origin, factory)
        return (await self._start(sock, origin, factory))[1]

    async def _connect(self, host: Origin) -> socket:
        return await connect(
            host.host, host.port, is_link_local_allowed=self._is_link_local_allowed
        )

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
        protocol = factory()
        try:
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
        way: Any = _Way(lambda: self._reach(proxy))
        socks = SocksProxy(
            ProxyType.SOCKS5, proxy.host, proxy.port, *credentials, rdns=True, forward=way
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
        addresses = await addresses_of(
            origin.host, origin.port, is_link_local_allowed=self._is_link_local_allowed
        )
        host: str = min(addresses, key=lambda address: address[0])[1][0]
        return host

    async def _tunnel(self, proxy: Proxy, origin: Origin, factory: Callable[[], P]) -> P:
        """CONNECT (RFC 9110 9.3.6), then TLS with the upstream; inside the proxy's own TLS if it
        has one.
        """
        transport, tunnel = await self._connect_to_proxy(proxy, _Tunnel)
        try:
            transport.write(_connect_request(proxy, origin))
            status = await tunnel.answer
            if not 200 <= status < 300:
                raise proxy.failure(f"proxy refused: {status}")
        except BaseException as error:
            transport.abort()
            if isinstance(error, _BadAnswer):
                raise proxy.failure(str(error)) from None
            raise
        return (await self._secure(transport, origin, factory))[1]


class _Way:
    """How the SOCKS library gets to the proxy: as every other connection is made."""

    def __init__(self, reach: Callable[[], Awaitable[socket]]) -> None:
        self._reach = reach

    async def connect(self, dest_host: str, dest_port: int, timeout: float | None = None) -> socket:
        return await self._reach()


class _BadAnswer(Exception):
    pass


class _Tunnel(asyncio.Protocol):
    """Waits for the proxy's answer to CONNECT, and leaves the connection to TLS."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._head = b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0 and len(self._head) <= MAX_ANSWER_BYTES:
            return
        match = re.match(rb"HTTP/1\.[01] ([2-5]\d\d)[ \r]", self._head)
        if match is None or end < 0:
            self._fail("the proxy's answer is not HTTP/1.1")
        elif match[1].startswith(b"2") and len(self._head) > end + 4:
            self._fail("the proxy speaks before the upstream")
        elif not self.answer.done():
            self.answer.set_result(int(match[1]))

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the proxy closed the connection")

    def _fail(self, what: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(_BadAnswer(what))
            self.answer.exception()  # looked at, even if nobody waits any more


def _connect_request(proxy: Proxy, origin: Origin) -> bytes:
    authority = origin.authority.encode()
    lines = [b"CONNECT %b HTTP/1.1" % authority, b"Host: " + authority]
    lines += [b": ".join(header) for header in proxy.authorization]
    return b"\r\n".join((*lines, b"", b""))


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
