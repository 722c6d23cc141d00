"""Kept connections that the upstream closes just when they are used.

Here too: answers that come too slowly to be any.
"""

import asyncio
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from proxyapp.upstream.transport import Transport, is_request_sent
from tests.support.certificates import server_context
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.reliability_figures import note
from tests.support.scripted_upstream import OK, SECONDS, Peer, Script, ScriptedUpstream
from tests.support.transports import MakeTransport, body_of, fetch, send

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]


def read_request(connection: socket.socket) -> None:
    head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
    length = int(head.lower().rpartition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)


def say_goodbye(connection: ssl.SSLSocket) -> None:
    """As servers do that close an idle connection; the client's goodbye is not waited for."""
    connection.setblocking(False)
    with suppress(OSError):
        connection.unwrap()


@contextmanager
def closing_unseen(
    tls: ssl.SSLContext | None,
) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A server on a thread: its URL, and two events.

    It answers one request a connection, and closes it when the first event tells it to. The second
    is set once the connection is closed. The event loop that stands still meanwhile sees nothing.
    """
    go, closed = threading.Event(), threading.Event()

    def serve() -> None:
        for _ in range(2):
            accepted, _ = listener.accept()
            with tls.wrap_socket(accepted, server_side=True) if tls else accepted as connection:
                read_request(connection)
                connection.sendall(OK)
                go.wait(SECONDS)
                if isinstance(connection, ssl.SSLSocket):
                    say_goodbye(connection)
            closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        server = threading.Thread(target=serve)
        server.start()
        try:
            yield (
                f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}",
                go,
                closed,
            )
        finally:
            go.set()
            server.join(SECONDS)


@pytest.mark.parametrize("size", [3, 200_000])
@pytest.mark.parametrize("is_tls", [False, True])
async def test_what_an_upstream_that_had_closed_cannot_have_received_is_sent_again(
    transport: Transport, is_tls: bool, size: int
) -> None:
    with closing_unseen(server_context() if is_tls else None) as (url, go, closed):
        assert await fetch(transport, url, "POST", b"abc") == (200, b"ok")
        go.set()
        assert closed.wait(SECONDS)
        assert await fetch(transport, url, "POST", b"x" * size) == (200, b"ok")


def dropping(*, is_reset: bool = False, begin: bytes = b"") -> Script:
    """Answers one request, and drops the connection once it has read the second."""

    async def script(peer: Peer) -> None:
        await peer.read_request()
        await peer.send(OK)
        await peer.read_request()
        await peer.send(begin)
        if is_reset:
            peer.reset()

    return script


@pytest.mark.parametrize("is_reset", [False, True])
async def test_what_an_upstream_may_have_acted_on_is_not_sent_again(
    transport: Transport, is_reset: bool
) -> None:
    async with ScriptedUpstream(dropping(is_reset=is_reset)) as upstream:
        await fetch(transport, upstream.url)
        with pytest.raises(httpx.TransportError) as caught:
            await send(transport, upstream.url, "POST", b"abc")
        assert is_request_sent(caught.value)
        assert (upstream.accepted, len(upstream.heads)) == (1, 2)


@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_request_that_changes_nothing_is_sent_again_once(
    transport: Transport, is_reset: bool
) -> None:
    async with ScriptedUpstream(dropping(is_reset=is_reset)) as upstream:
        for _ in range(2):
            assert await fetch(transport, upstream.url) == (200, b"ok")
        assert (upstream.accepted, len(upstream.heads)) == (2, 3)


async def test_it_is_not_sent_a_third_time(transport: Transport) -> None:
    async def closing_at_once(peer: Peer) -> None:
        await peer.read_request()

    async with ScriptedUpstream(dropping(), closing_at_once) as upstream:
        await fetch(transport, upstream.url)
        with pytest.raises(httpx.RemoteProtocolError):
            await send(transport, upstream.url)
        assert (upstream.accepted, len(upstream.heads)) == (2, 3)


async def test_an_answer_that_had_begun_is_not_asked_for_again(transport: Transport) -> None:
    async with ScriptedUpstream(dropping(begin=b"HTTP/1.1 2")) as upstream:
        await fetch(transport, upstream.url)
        with pytest.raises(httpx.RemoteProtocolError):
            await send(transport, upstream.url)
        assert upstream.accepted == 1


IMPATIENT_SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.settimeout(1)
    try:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
            connection.settimeout(0.001)
    except TimeoutError:
        pass
    connection.close()
"""


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_request_fails_where_idle_connections_are_closed_at_once(
    transport: Transport, method: str, count: int
) -> None:
    """A process that closes 1 ms after each answer; the next request comes 0.8 to 1.75 ms after it:
    just then.

    A POST that its machine took in the microseconds before the close may have been acted on: it is
    not repeated.
    """
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPATIENT_SERVER, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout
        url = (
            f"http://127.0.0.1:{int(await asyncio.wait_for(server.stdout.readline(), SECONDS * 4))}"
        )
        failed = 0
        for turn in range(count):
            try:
                await fetch(transport, url, method, b"abc" if method == "POST" else b"")
            except httpx.TransportError:
                failed += 1
            # The loop stands still, so that it sees no end.
            time.sleep(0.0008 + 0.00005 * (turn % 20))
    finally:
        server.kill()
        await server.wait()
    note(f"upstream closes idle connections after 1 ms: {failed} of {count} {method} failed")
    assert failed <= (0 if method == "GET" else count // 20)


# Too slow.


async def drip(peer: Peer, parts: list[bytes], seconds: float) -> None:
    for part in parts:
        await peer.send(part)
        await asyncio.sleep(seconds)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"x", id="a header"),
        pytest.param(b"HTTP/1.1 102 Wait\r\n\r\n", id="informational answers"),
    ],
)
async def test_headers_that_never_end_are_a_timeout_however_they_come(
    make_transport: MakeTransport, part: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await drip(
            peer, ([b"HTTP/1.1 200 OK\r\nX: "] if part == b"x" else []) + [part] * 1000, 0.02
        )

    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(httpx.ReadTimeout):
            await send(make_transport(read_timeout=0.2), upstream.url)
        await upstream.wait_for_open(0)


async def test_framing_without_a_byte_of_the_body_is_silence(make_transport: MakeTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1;"
        await drip(peer, [head, *[b"x"] * 1000], 0.02)

    async with ScriptedUpstream(script) as upstream:
        response = await send(make_transport(read_timeout=0.2), upstream.url)
        with pytest.raises(httpx.ReadTimeout):
            await body_of(response)
        await upstream.wait_for_open(0)


async def test_a_body_that_comes_byte_by_byte_is_no_silence(make_transport: MakeTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_request()
        await drip(peer, [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", *[b"x"] * 6], 0.1)

    async with ScriptedUpstream(script) as upstream:
        assert await fetch(make_transport(read_timeout=0.3), upstream.url) == (200, b"xxxxxx")
