"""Nobody wants the answer any more, or one side is slower than the other.

Nothing stays open, nothing piles up.
"""

import asyncio
import hashlib

import httpx
import pytest

from proxyapp.upstream.response_flow import HIGH_WATER
from proxyapp.upstream.transport import READ_BYTES, Transport
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.scripted_upstream import OK, SECONDS, Peer, ScriptedUpstream, answering
from tests.support.transports import Body, MakeTransport, body_of, fetch, request, send, stream_of

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]


# Nobody wants the answer any more.


async def test_cancellation_before_the_answer_closes_the_connection(transport: Transport) -> None:
    async with ScriptedUpstream(answering()) as upstream:
        task = asyncio.ensure_future(send(transport, upstream.url))
        await upstream.wait_for_open(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await upstream.wait_for_open(0, timeout=1)


async def test_cancellation_within_an_upload_closes_the_connection(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        peer.stop_reading()
        started.set()
        await stop.wait()
        peer.go_on_reading()
        await peer.wait_for_eof()

    started, stop = asyncio.Event(), asyncio.Event()
    body = Body(*[b"x" * 100_000] * 300)
    async with ScriptedUpstream(script) as upstream:
        task = asyncio.ensure_future(send(transport, upstream.url, "POST", body))
        await asyncio.wait_for(started.wait(), SECONDS)
        task.cancel()
        await asyncio.wait([task])
        stop.set()
        await upstream.wait_for_open(0, timeout=1)
        assert body.sent < 30_000_000


async def test_cancellation_within_the_body_closes_the_connection(transport: Transport) -> None:
    async with ScriptedUpstream(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstart")
    ) as upstream:
        response = await send(transport, upstream.url)
        task = asyncio.ensure_future(body_of(response))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await upstream.wait_for_open(0, timeout=1)
        assert task.cancelled()


async def test_cancellation_while_connecting_leaves_nothing(transport: Transport) -> None:
    async with ScriptedUpstream(answering()) as upstream:
        task = asyncio.ensure_future(send(transport, upstream.url.replace("http", "https")))
        await upstream.wait_for_open(1)
        task.cancel()
        await asyncio.wait([task])
        await upstream.wait_for_open(0, timeout=1)
        assert task.cancelled()


async def test_closing_a_response_closes_the_connection_and_can_be_done_twice(
    transport: Transport,
) -> None:
    async with ScriptedUpstream(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstart")
    ) as upstream:
        stream = stream_of(await send(transport, upstream.url))
        await stream.aclose()
        await stream.aclose()
        await upstream.wait_for_open(0, timeout=1)
        assert stream.take() == []
        with pytest.raises(httpx.ReadError):
            await anext(stream)


async def test_closing_a_response_wakes_whoever_reads_it(transport: Transport) -> None:
    async with ScriptedUpstream(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    ) as upstream:
        response = await send(transport, upstream.url)
        reader = asyncio.ensure_future(body_of(response))
        await asyncio.sleep(0)
        await stream_of(response).aclose()
        with pytest.raises(httpx.ReadError):
            await asyncio.wait_for(reader, SECONDS)


# Back-pressure.


async def flood(peer: Peer, data: bytes, stalled: asyncio.Event) -> None:
    """Sends all of it, and says when the other side has stopped to take it."""
    for start in range(0, len(data), 65536):
        peer.writer.write(data[start : start + 65536])
        draining = asyncio.ensure_future(peer.writer.drain())
        done, _ = await asyncio.wait([draining], timeout=0.3)
        if not done:
            stalled.set()
        await draining


@pytest.mark.parametrize("reads_together", [True, False])
async def test_a_reader_that_stalls_stalls_the_upstream(
    transport: Transport, reads_together: bool
) -> None:
    data = hashlib.shake_256(b"flood").digest(30_000_000)
    stalled = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        await flood(peer, data, stalled)
        await peer.wait_for_eof()

    async with ScriptedUpstream(script) as upstream:
        response = await send(transport, upstream.url)
        await asyncio.wait_for(stalled.wait(), SECONDS)
        stream = stream_of(response)
        assert 0 < stream.response.buffered <= HIGH_WATER + 2 * READ_BYTES
        digest = hashlib.sha256()
        async with asyncio.timeout(20):
            while (
                chunks := await stream.read_chunks()
                if reads_together
                else [c async for c in stream]
            ):
                digest.update(b"".join(chunks))
        assert digest.digest() == hashlib.sha256(data).digest()


async def test_an_upstream_that_stalls_stalls_the_upload(transport: Transport) -> None:
    go, received = asyncio.Event(), hashlib.sha256()
    body = Body(*[hashlib.shake_256(b"part").digest(100_000)] * 300)

    async def script(peer: Peer) -> None:
        await peer.read_head()
        peer.stop_reading()
        await go.wait()
        peer.go_on_reading()
        left = 30_000_000
        while left:
            part = await peer.reader.read(65536)
            received.update(part)
            left -= len(part)
        await peer.send(OK)

    async with ScriptedUpstream(script) as upstream:
        headers = [(b"Content-Length", b"30000000")]
        task = asyncio.ensure_future(fetch(transport, upstream.url, "POST", body, headers))
        taken = -1
        while taken != body.sent:
            taken = body.sent
            await asyncio.sleep(0.2)
        assert 0 < taken < 15_000_000
        go.set()
        assert await asyncio.wait_for(task, 20) == (200, b"ok")
        assert received.digest() == hashlib.sha256(b"".join(body.parts)).digest()


async def test_a_request_leaves_no_task_behind(transport: Transport) -> None:
    async with ScriptedUpstream(answering(OK, OK)) as upstream:
        before = asyncio.all_tasks()
        await fetch(transport, upstream.url)
        await fetch(
            transport, upstream.url, "POST", b"x" * 200_000, [(b"Content-Length", b"200000")]
        )
        assert {
            task for task in asyncio.all_tasks() - before if "_serve" not in repr(task)
        } == set()


async def test_a_transport_can_move_to_another_loop(make_transport: MakeTransport) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        transport = make_transport()

        def on_another_loop() -> int:
            async def ask() -> int:
                response = await transport.handle_async_request(request(upstream.url))
                await transport.aclose()
                return response.status_code

            return asyncio.run(ask())

        for _ in range(2):
            assert await asyncio.wait_for(asyncio.to_thread(on_another_loop), SECONDS) == 200
