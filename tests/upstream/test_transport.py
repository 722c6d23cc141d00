"""Requests and responses through real sockets.

Exact bytes one way and the other, and every way to fail.
"""

import asyncio
import hashlib

import httpx
import pytest

from proxyapp.upstream.transport import Transport, is_request_sent
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.scripted_upstream import (
    OK,
    SECONDS,
    Peer,
    ScriptedUpstream,
    answering,
    closing_after,
)
from tests.support.transports import Body, body_of, fetch, next_of, request, send, stream_of

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]


# What is sent.


async def test_a_request_arrives_byte_for_byte(transport: Transport) -> None:
    headers = [(b"X-B", b"1"), (b"hOST", b"h"), (b"x-b", b"\xff"), (b"Content-Length", b"3")]
    async with ScriptedUpstream(answering(OK)) as upstream:
        assert await fetch(
            transport, upstream.url, "PROPFIND", b"abc", headers, b"//a%2F?x=&&"
        ) == (200, b"ok")
        expected = (
            b"PROPFIND //a%2F?x=&& HTTP/1.1\r\nX-B: 1\r\nhOST: h\r\nx-b: \xff\r\n"
            b"Content-Length: 3\r\n\r\n"
        )
        assert upstream.heads == [expected]


async def test_nothing_is_added_but_the_host(transport: Transport) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        await fetch(transport, upstream.url, target=b"/x")
        assert upstream.heads == [b"GET /x HTTP/1.1\r\nHost: %b\r\n\r\n" % upstream.host.encode()]


async def test_without_a_raw_target_that_of_the_url_is_used(transport: Transport) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        bare = httpx.Request("GET", upstream.url + "/a?b=%2F", stream=httpx.ByteStream(b""))
        await body_of(await transport.handle_async_request(bare))
        assert upstream.heads[0].startswith(b"GET /a?b=%2F HTTP/1.1\r\n")


async def test_a_stream_of_unknown_length_is_sent_in_chunks(transport: Transport) -> None:
    received = bytearray()

    async def script(peer: Peer) -> None:
        await peer.read_head()
        received.extend(await peer.reader.readuntil(b"\r\n0\r\n\r\n"))
        await peer.send(OK)

    async with ScriptedUpstream(script) as upstream:
        assert await fetch(transport, upstream.url, "POST", Body(b"abc", b"", b"d" * 11)) == (
            200,
            b"ok",
        )
        assert received == b"3\r\nabc\r\nb\r\nddddddddddd\r\n0\r\n\r\n"


@pytest.mark.parametrize("declared", [5, 7])
async def test_a_stream_of_another_length_than_declared_never_completes_a_request(
    transport: Transport, declared: int
) -> None:
    received = []

    async def script(peer: Peer) -> None:
        await peer.read_head()
        received.append(await peer.wait_for_eof())

    headers = [(b"Content-Length", b"%d" % declared)]
    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(httpx.LocalProtocolError):
            await send(transport, upstream.url, "POST", Body(b"abc", b"def"), headers)
        await upstream.wait_for_open(0)
        assert len(received[0]) < 6 or declared == 7


async def test_a_body_that_breaks_breaks_the_request(transport: Transport) -> None:
    async with ScriptedUpstream(answering()) as upstream:
        with pytest.raises(RuntimeError, match="client left"):
            await send(
                transport, upstream.url, "POST", Body(b"abc", then=RuntimeError("client left"))
            )
        await upstream.wait_for_open(0)


@pytest.mark.parametrize("in_memory", [True, False])
async def test_large_bodies_arrive_identical_both_ways(
    transport: Transport, in_memory: bool
) -> None:
    data = hashlib.shake_256(b"seed").digest(1_000_003) * 20

    async def script(peer: Peer) -> None:
        body = await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await peer.wait_for_eof()

    parts = [data[start : start + 333_333] for start in range(0, len(data), 333_333)]
    headers = [(b"Content-Length", b"%d" % len(data))]
    async with ScriptedUpstream(script) as upstream:
        response = await asyncio.wait_for(
            transport.handle_async_request(
                request(upstream.url, "POST", data if in_memory else Body(*parts), headers)
            ),
            20,
        )
        assert hashlib.sha256(await body_of(response)).digest() == hashlib.sha256(data).digest()


# What comes back.


async def test_status_reason_version_and_headers_come_back_as_they_are(
    transport: Transport,
) -> None:
    raw = (
        b"HTTP/1.1 299 Quite OK\r\nX-a: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    async with ScriptedUpstream(answering(raw)) as upstream:
        response = await send(transport, upstream.url)
        assert response.status_code == 299
        assert response.extensions["reason_phrase"] == b"Quite OK"
        assert response.extensions["http_version"] == b"HTTP/1.1"
        headers = [
            (b"X-a", b"1"),
            (b"Set-Cookie", b"a"),
            (b"set-cookie", b"b"),
            (b"Content-Length", b"0"),
        ]
        assert response.headers.raw == headers


async def test_compressed_bytes_stay_compressed(transport: Transport) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x01"
    async with ScriptedUpstream(answering(raw)) as upstream:
        assert await fetch(transport, upstream.url) == (200, b"\x1f\x8b\x00\x01")


async def test_each_chunk_is_there_before_the_next_one_is_sent(transport: Transport) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(5):
            await go.wait()
            go.clear()
            await peer.send(b"7\r\nevent %d\r\n" % number)
        await peer.send(b"0\r\n\r\n")

    async with ScriptedUpstream(script) as upstream:
        response = await send(transport, upstream.url)
        for number in range(5):
            go.set()
            assert await next_of(response) == b"event %d" % number
        with pytest.raises(StopAsyncIteration):
            await next_of(response)


async def test_a_body_that_came_with_its_head_needs_no_wait(transport: Transport) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        stream = stream_of(await send(transport, upstream.url))
        assert stream.is_complete
        assert stream.take() == [b"ok"]
        assert stream.take() == []
        assert await stream.read_chunks() == []


async def test_what_has_arrived_can_be_read_together(transport: Transport) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n"

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(raw)
        await peer.wait_for_eof()

    async with ScriptedUpstream(script) as upstream:
        stream = stream_of(await send(transport, upstream.url))
        assert await asyncio.wait_for(stream.read_chunks(), SECONDS) == [b"a", b"bc"]
        assert not stream.is_complete
        await stream.aclose()
        await upstream.wait_for_open(0)


async def test_a_body_that_lasts_until_the_connection_closes_ends_well(
    transport: Transport,
) -> None:
    async with ScriptedUpstream(closing_after(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as upstream:
        assert await fetch(transport, upstream.url) == (200, b"all of it")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstart\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstart\r\nZZ\r\n",
    ],
)
async def test_a_response_that_ends_early_breaks_the_stream(
    transport: Transport, raw: bytes
) -> None:
    async with ScriptedUpstream(closing_after(raw)) as upstream:
        response = await send(transport, upstream.url)
        assert await next_of(response) == b"start"
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                await next_of(response)


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200", b"SSH-2.0\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"]
)
async def test_no_http_answer_is_an_error_after_the_request_was_sent(
    transport: Transport, raw: bytes
) -> None:
    async with ScriptedUpstream(closing_after(raw)) as upstream:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await send(transport, upstream.url)
        assert is_request_sent(caught.value)
        await upstream.wait_for_open(0)


async def test_a_reset_is_a_read_error(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        peer.reset()

    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(httpx.ReadError) as caught:
            await send(transport, upstream.url)
        assert is_request_sent(caught.value)


async def test_endless_headers_are_refused(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await peer.send(b"X: %b\r\n" % (b"y" * 1000))

    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(httpx.RemoteProtocolError):
            await send(transport, upstream.url)
        await upstream.wait_for_open(0)
