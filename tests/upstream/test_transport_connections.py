"""What becomes of connections: kept, or dropped."""

import asyncio
import socket
import threading
import time

import pytest

from proxyapp.upstream.connection import QUIET_SECONDS
from proxyapp.upstream.transport import Transport
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.scripted_upstream import (
    OK,
    SECONDS,
    Peer,
    ScriptedUpstream,
    answering,
    closing_after,
)
from tests.support.transports import MakeTransport, body_of, fetch, send, stream_of

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]


# Kept.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_connection_serves_one_request_after_another(
    transport: Transport, method: str
) -> None:
    answer = OK[:-2] if method == "HEAD" else OK
    async with ScriptedUpstream(answering(*[answer] * 5)) as upstream:
        for _ in range(5):
            status, _ = await fetch(transport, upstream.url, method)
            assert status == 200
        assert upstream.accepted == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\n\r\n" + OK,
    ],
)
async def test_answers_without_a_body_keep_the_connection(
    transport: Transport, answer: bytes
) -> None:
    async with ScriptedUpstream(answering(answer, OK)) as upstream:
        await fetch(transport, upstream.url)
        assert await fetch(transport, upstream.url) == (200, b"ok")
        assert upstream.accepted == 1


async def test_a_complete_response_frees_its_connection_before_it_is_read(
    transport: Transport,
) -> None:
    async with ScriptedUpstream(answering(OK, OK)) as upstream:
        first = await send(transport, upstream.url)
        second = await send(transport, upstream.url)
        assert [await body_of(first), await body_of(second)] == [b"ok", b"ok"]
        await stream_of(first).aclose()
        assert upstream.accepted == upstream.open == 1


async def test_the_connection_used_last_is_used_first(transport: Transport) -> None:
    served: dict[Peer, list[bytes]] = {}

    async def script(peer: Peer) -> None:
        served[peer] = []
        while True:
            served[peer].append((await peer.read_head()).split()[1])
            await peer.send(OK)

    async with ScriptedUpstream(script) as upstream:
        both = [fetch(transport, upstream.url, target=target) for target in (b"/a", b"/b")]
        await asyncio.wait_for(asyncio.gather(*both), SECONDS)
        for target in (b"/c", b"/d"):
            await fetch(transport, upstream.url, target=target)
        assert sorted(targets[1:] for targets in served.values()) == [[], [b"/c", b"/d"]]


async def test_requests_at_the_same_time_have_connections_of_their_own(
    transport: Transport,
) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        answers = [fetch(transport, upstream.url) for _ in range(100)]
        assert await asyncio.wait_for(asyncio.gather(*answers), SECONDS) == [(200, b"ok")] * 100


async def test_origins_do_not_share_connections(transport: Transport) -> None:
    async with ScriptedUpstream(answering(OK)) as one, ScriptedUpstream(answering(OK)) as other:
        for upstream in (one, other):
            await fetch(transport, upstream.url)
        assert [one.accepted, other.accepted] == [1, 1]


# Dropped.


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"excess",
    ],
)
async def test_a_connection_that_is_spoilt_or_to_be_closed_is_not_used_again(
    transport: Transport, answer: bytes
) -> None:
    async with ScriptedUpstream(answering(answer), answering(OK)) as upstream:
        assert await fetch(transport, upstream.url) == (200, b"ok")
        await upstream.wait_for_open(0)
        assert await fetch(transport, upstream.url) == (200, b"ok")
        assert upstream.accepted == 2


async def test_an_idle_connection_is_dropped_when_bytes_arrive(transport: Transport) -> None:
    speak = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(OK)
        await speak.wait()
        await peer.send(OK)
        await peer.wait_for_eof()

    async with ScriptedUpstream(script) as upstream:
        await fetch(transport, upstream.url)
        speak.set()
        await upstream.wait_for_open(0)
        assert upstream.accepted == 1


async def test_an_idle_connection_is_dropped_when_its_time_is_over(
    make_transport: MakeTransport,
) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        transport = make_transport(keepalive_seconds=0.1)
        await asyncio.gather(*[fetch(transport, upstream.url) for _ in range(3)])
        await upstream.wait_for_open(0)
        assert upstream.accepted == 3


async def test_without_a_keepalive_no_connection_stays(make_transport: MakeTransport) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        assert await fetch(make_transport(keepalive_seconds=0), upstream.url) == (200, b"ok")
        await upstream.wait_for_open(0)


async def test_an_idle_connection_that_ended_is_replaced_silently(transport: Transport) -> None:
    async with ScriptedUpstream(closing_after(OK)) as upstream:
        for _ in range(3):
            assert await fetch(transport, upstream.url) == (200, b"ok")
            await upstream.wait_for_open(0)
            await asyncio.sleep(0.01)  # the end is on its way through the loop
        assert upstream.accepted == 3


async def test_an_end_that_the_loop_has_not_seen_yet_is_seen_before_the_request_is_written(
    transport: Transport,
) -> None:
    closed = threading.Event()

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(OK)
                go.wait(SECONDS)
            closed.set()

    go = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        server = threading.Thread(target=serve)
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert await fetch(transport, url) == (200, b"ok")
        go.set()
        assert closed.wait(SECONDS)
        time.sleep(QUIET_SECONDS * 1.5)  # the loop stands still: it cannot have noticed
        assert await fetch(transport, url) == (200, b"ok")
        server.join(SECONDS)


async def test_closing_the_transport_lets_exchanges_in_flight_end(transport: Transport) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(OK[:-2])
        await go.wait()
        await peer.send(b"ok")
        await peer.wait_for_eof()

    async with ScriptedUpstream(script, answering(OK)) as upstream:
        in_flight = await send(transport, upstream.url)
        await fetch(transport, upstream.url)
        await transport.aclose()
        await upstream.wait_for_open(1)
        go.set()
        assert await body_of(in_flight) == b"ok"
        await upstream.wait_for_open(0)
