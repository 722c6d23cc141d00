"""TLS of connections that last for hours, on every way to an upstream."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from proxyapp.pool.keys_and_groups import GroupFields, PoolGroup, pool_group
from proxyapp.upstream.lean_tls import PIECE_BYTES, LeanTls
from proxyapp.upstream.upstreams import Upstreams
from proxyapp.vocabulary.errors import UpstreamFailed, UpstreamTimedOut
from tests.support.certificates import client_context, server_context
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.proxies import HttpProxy, Socks5Proxy

__all__ = ["event_loop_policy"]
pytestmark = BOTH_LOOPS
LONG = os.urandom(20 << 20)
GREETING = b"hello"


class Heard(asyncio.Protocol):
    """What a connection says, in order."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.data = bytearray()
        self.said: list[str] = []
        self.change = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._say("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.change.set()

    def eof_received(self) -> None:
        self._say("eof")

    def connection_lost(self, error: Exception | None) -> None:
        self._say("lost" if error is None else type(error).__name__)

    def pause_writing(self) -> None:
        self._say("full")

    def resume_writing(self) -> None:
        self._say("empty")

    def _say(self, what: str) -> None:
        self.said.append(what)
        self.change.set()

    async def until(self, what: str = "", *, length: int = 0) -> None:
        async with asyncio.timeout(30):
            while (what and what not in self.said) or len(self.data) < length:
                self.change.clear()
                await self.change.wait()


@pytest.fixture(scope="module")
def proxies() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        https = stack.enter_context(HttpProxy(tls=server_context()))
        socks = stack.enter_context(Socks5Proxy())
        yield {"": "", "http": stack.enter_context(HttpProxy()).url, "https": https.url} | {
            "socks5": socks.url
        }


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams(client_context())
    yield made
    await made.aclose()


@asynccontextmanager
async def serving(*, is_tls: bool = True) -> AsyncIterator["Server"]:
    server = Server()
    context = server_context() if is_tls else None
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    yield server
    for writer in server.writers:
        writer.transport.abort()
    listener.close()


class Server:
    port = 0

    def __init__(self) -> None:
        self.connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.Queue()
        )
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.connected.put_nowait((reader, writer))

    def group(self, proxy_url: str = "") -> PoolGroup:
        return group_at(self.port, proxy_url)


def group_at(port: int, proxy_url: str = "") -> PoolGroup:
    url = f"https://127.0.0.1:{port}"
    return pool_group(GroupFields(1, "g", url, proxy_url or None, "google", False))


@pytest.mark.parametrize("way", ["", "http", "https", "socks5"])
async def test_twenty_megabytes_pass_both_ways(
    upstreams: Upstreams, proxies: dict[str, str], way: str
) -> None:
    async with serving() as server:
        heard = await upstreams.dial(server.group(proxies[way]), Heard)
        reader, writer = await server.connected.get()

        heard.transport.write(LONG)
        assert await reader.readexactly(len(LONG)) == LONG
        writer.write(LONG)
        await heard.until(length=len(LONG))

        assert heard.data == LONG
        assert isinstance(heard.transport, LeanTls)
        heard.transport.abort()


async def test_what_was_long_leaves_no_more_than_a_piece(upstreams: Upstreams) -> None:
    """As the records of the socket's side pass, in the pieces that are kept."""
    sizes: list[int] = []
    async with serving() as server:
        heard = await upstreams.dial(server.group(), Heard)
        _, writer = await server.connected.get()
        tls = heard.transport
        assert isinstance(tls, LeanTls)
        raw, incoming = tls._raw, tls._incoming
        tls._incoming = Watched(incoming, sizes)  # type: ignore[assignment]
        writer.write(LONG[: 1 << 20])
        await heard.until(length=1 << 20)
        raw.abort()

    assert max(sizes) <= PIECE_BYTES


class Watched:
    def __init__(self, inner: ssl.MemoryBIO, sizes: list[int]) -> None:
        self._inner, self._sizes = inner, sizes

    def write(self, data: bytes) -> int:
        written = self._inner.write(data)
        self._sizes.append(self._inner.pending)
        return written


async def test_a_target_that_speaks_no_tls_is_an_error(upstreams: Upstreams) -> None:
    async with serving(is_tls=False) as server:
        dialling = asyncio.create_task(upstreams.dial(server.group(), Heard))
        _, writer = await server.connected.get()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with pytest.raises(UpstreamFailed, match="TLS failed: WRONG_VERSION_NUMBER"):
            await dialling


async def test_a_target_that_hangs_up_in_the_handshake_is_an_error(upstreams: Upstreams) -> None:
    async with serving(is_tls=False) as server:
        dialling = asyncio.create_task(upstreams.dial(server.group(), Heard))
        _, writer = await server.connected.get()
        writer.close()

        with pytest.raises(UpstreamFailed, match="connection closed"):
            await dialling


async def test_a_handshake_without_an_answer_ends_in_time(settings, upstreams: Upstreams) -> None:
    settings.CONNECT_TIMEOUT_SECONDS = 0.2
    async with serving(is_tls=False) as server:
        with pytest.raises(UpstreamTimedOut):
            await upstreams.dial(server.group(), Heard)
        reader, _ = await server.connected.get()
        while await reader.read(65536):  # up to its end: the socket is closed
            pass


async def test_the_upstreams_end_is_heard_once(upstreams: Upstreams) -> None:
    async with serving() as server:
        heard = await upstreams.dial(server.group(), Heard)
        _, writer = await server.connected.get()
        writer.write(b"last words")
        writer.close()
        await heard.until("lost")

    assert (bytes(heard.data), heard.said) == (b"last words", ["made", "eof", "lost"])


async def test_our_end_is_said_in_tls_and_loses_nothing(upstreams: Upstreams) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reading = asyncio.create_task(asyncio.to_thread(read_to_the_end, listener))
        heard = await upstreams.dial(group_at(listener.getsockname()[1]), Heard)
        await heard.until(length=len(GREETING))
        heard.transport.write(LONG)
        heard.transport.close()
        heard.transport.write(b"too late")

        assert await reading == LONG
        await heard.until("lost")


def read_to_the_end(listener: socket.socket) -> bytes:
    """Raises SSLEOFError for an end that TLS does not tell of."""
    accepted, parts = listener.accept()[0], []
    with server_context().wrap_socket(
        accepted, server_side=True, suppress_ragged_eofs=False
    ) as secured:
        secured.sendall(GREETING)
        while part := secured.recv(65536):
            parts.append(part)
    return b"".join(parts)


async def test_a_reader_that_stalls_holds_the_writer_back(upstreams: Upstreams) -> None:
    async with serving() as server:
        heard = await upstreams.dial(server.group(), Heard)
        reader, _ = await server.connected.get()
        heard.transport.set_write_buffer_limits(65536, 16384)
        heard.transport.write(LONG)
        await heard.until("full")
        assert heard.transport.get_write_buffer_size() > 65536

        assert await reader.readexactly(len(LONG)) == LONG
        await heard.until("empty")
        heard.transport.abort()


async def test_a_protocol_that_pauses_gets_no_more_until_it_resumes(upstreams: Upstreams) -> None:
    async with serving() as server:
        heard = await upstreams.dial(server.group(), Pausing)
        _, writer = await server.connected.get()
        writer.write(LONG)
        await heard.until("paused")
        at_first = len(heard.data)
        for _ in range(200):
            await asyncio.sleep(0)  # the loop looks at its sockets
        assert len(heard.data) == at_first

        heard.transport.resume_reading()
        await heard.until(length=len(LONG))
        assert heard.data == LONG
        heard.transport.abort()


class Pausing(Heard):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if "paused" not in self.said:
            self.transport.pause_reading()
            self._say("paused")
