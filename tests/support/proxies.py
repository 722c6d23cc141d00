"""Real proxy servers on ports of 127.0.0.1, which write down what they were asked for.

Each has a thread of its own.

with Socks5Proxy(username="u", password="p") as proxy:
    proxy.url           # with the credentials in it
    proxy.connections   # [Seen(target="localhost:443", is_name=True)]
"""

import asyncio
import contextlib
import ipaddress
import ssl
import struct
import threading
import weakref
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

NO_AUTH, PASSWORD, NOTHING_ACCEPTABLE = 0, 2, 255


@dataclass(frozen=True)
class Seen:
    """What a proxy was asked for.

    `target` of a tunnel is host:port, of a forwarded request the absolute URL.
    """

    target: str
    method: str = "CONNECT"
    headers: tuple[tuple[str, str], ...] = ()
    is_name: bool = False

    def value(self, name: str) -> str:
        return next((value for header, value in self.headers if header.lower() == name), "")


class ProxyServer(ABC):
    """`refusal`: answers every request with it instead of connecting.

    `is_silent`: takes connections, never answers. `resets`: so many of the first requests get
    nothing but the end of their connection, with no goodbye.
    """

    scheme = ""

    def __init__(
        self,
        username: str | None = None,
        password: str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        refusal: int | None = None,
        is_silent: bool = False,
        resets: int = 0,
    ) -> None:
        self.username = username
        self.password = password
        self.connections: list[Seen] = []
        self.connections_open = 0
        self.connections_made = 0
        self.port = 0
        self._tls = tls
        self._refusal = refusal
        self._is_silent = is_silent
        self._resets = resets
        self._changed = threading.Condition()
        self._loop = asyncio.SelectorEventLoop()  # under any policy of the test that uses it
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=type(self).__name__, daemon=True
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.url_with(self.username, self.password)

    def url_with(self, username: str | None, password: str | None) -> str:
        user = (
            ""
            if username is None
            else f"{quote(username, safe='')}:{quote(password or '', safe='')}@"
        )
        return f"{self.scheme}://{user}{self.host}"

    def __enter__(self) -> "ProxyServer":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def wait_for_connections(self, count: int, timeout: float = 10) -> None:
        """Until exactly `count` connections are open."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.connections_open == count, timeout), (
                f"not {count} connections"
            )

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            # Python 3.11.2: of a TLS transport that was closed twice nothing is left.
            with suppress(AttributeError):
                writer.transport.abort()
        await asyncio.sleep(0)  # the transports close

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(writer)
        self._count(1)
        try:
            if self._is_silent:
                await reader.read(-1)
            elif self.connections_made <= self._resets:
                await reader.read(1)
                writer.transport.abort()
            else:
                await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._changed:
            self.connections_open += change
            self.connections_made += max(change, 0)
            self._changed.notify_all()

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends."""


class Socks5Proxy(ProxyServer):
    """RFC 1928 and 1929.

    `url` has the scheme socks5; for names that the proxy resolves replace it with socks5h.
    """

    scheme = "socks5"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._is_allowed(reader, writer):
            return
        host, port, is_name = await self._read_request(reader)
        self.connections.append(Seen(f"{host}:{port}", is_name=is_name))
        if self._refusal is not None:
            writer.write(bytes([5, self._refusal, 0, 1]) + bytes(6))
            await writer.drain()
            return
        upstream = await asyncio.open_connection(host, port)
        writer.write(bytes([5, 0, 0, 1]) + bytes(6))
        await either(
            _copy(reader, upstream[1]), _copy(upstream[0], writer), closing=(upstream[1], writer)
        )

    async def _is_allowed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        _, count = await reader.readexactly(2)
        wanted = NO_AUTH if self.username is None else PASSWORD
        if wanted not in await reader.readexactly(count):
            writer.write(bytes([5, NOTHING_ACCEPTABLE]))
            await writer.drain()
            return False
        writer.write(bytes([5, wanted]))
        if wanted == NO_AUTH:
            return True
        await reader.readexactly(1)
        given = [
            (await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)
        ]
        is_right = given == [self.username, self.password]
        writer.write(bytes([1, 0 if is_right else 1]))
        await writer.drain()
        return is_right

    async def _read_request(self, reader: asyncio.StreamReader) -> tuple[str, int, bool]:
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        return host, port, kind == 3


class HttpProxy(ProxyServer):
    """CONNECT and absolute-form requests, with Basic authentication.

    With `tls` it is an HTTPS proxy.
    """

    @property
    def scheme(self) -> str:  # type: ignore[override]
        return "https" if self._tls else "http"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = await self._read_request(reader)
        refusal = self._refusal or (None if self._is_allowed(seen) else 407)
        if refusal:
            writer.write(
                b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % refusal
            )
            await writer.drain()
            return
        if seen.method == "CONNECT":
            host, _, port = seen.target.rpartition(":")
            upstream = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 tests\r\n\r\n")
            await either(
                _copy(reader, upstream[1]),
                _copy(upstream[0], writer),
                closing=(upstream[1], writer),
            )
        else:
            url = urlsplit(seen.target)
            upstream = await asyncio.open_connection(url.hostname, url.port or 80)
            sending = self._forward(seen, reader, upstream[1])
            await either(sending, _copy(upstream[0], writer), closing=(upstream[1], writer))

    async def _read_request(self, reader: asyncio.StreamReader) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head[:-4].split("\r\n")
        method, target, _ = start.split(" ")
        headers = tuple(
            (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        seen = Seen(target, method, headers)
        self.connections.append(seen)
        return seen

    def _is_allowed(self, seen: Seen) -> bool:
        if self.username is None:
            return True
        wanted = "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()
        return seen.value("proxy-authorization") == wanted

    async def _forward(
        self, seen: Seen, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter
    ) -> None:
        """All requests of the connection go to the upstream of the first, in origin form."""
        while True:
            path = "/" + [*seen.target.split("/", 3), ""][3]
            kept = [
                f"{name}: {value}"
                for name, value in seen.headers
                if not name.lower().startswith("proxy-")
            ]
            upstream.write(
                "\r\n".join([f"{seen.method} {path} HTTP/1.1", *kept, "", ""]).encode("latin-1")
            )
            upstream.write(await reader.readexactly(int(seen.value("content-length") or 0)))
            seen = await self._read_request(reader)


async def either(
    *ways: Coroutine[None, None, None], closing: tuple[asyncio.StreamWriter, ...]
) -> None:
    """Until one of the ways ends; then both connections do."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in closing:
            writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
