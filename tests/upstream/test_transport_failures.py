"""Answers that come too early, silence, and upstreams that nobody can connect to."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from proxyapp.upstream.transport import Transport, is_request_sent
from tests.support.certificates import server_context
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.ports import free_port
from tests.support.scripted_upstream import OK, SECONDS, Peer, ScriptedUpstream, answering
from tests.support.transports import Body, MakeTransport, body_of, fetch, next_of, send

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]


# Answers before the request is complete.


async def test_a_refusal_before_the_body_is_sent_is_delivered(transport: Transport) -> None:
    body = Body(*[b"x" * 100_000] * 300)

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(
            b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig"
        )
        peer.writer.write_eof()

    async with ScriptedUpstream(script) as upstream:
        assert await fetch(transport, upstream.url, "POST", body) == (413, b"big")
        assert body.sent < 30_000_000
        await upstream.wait_for_open(0)


async def test_a_refusal_while_nobody_takes_the_body_is_delivered(transport: Transport) -> None:
    body = Body(*[b"x" * 100_000] * 300)

    async def script(peer: Peer) -> None:
        await peer.read_head()
        peer.stop_reading()
        await peer.send(b"HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nbad")
        await asyncio.Event().wait()

    async with ScriptedUpstream(script, answering(OK)) as upstream:
        assert await fetch(transport, upstream.url, "POST", body) == (400, b"bad")
        assert await fetch(transport, upstream.url) == (200, b"ok")
        assert upstream.accepted == 2


async def test_a_stream_both_ways_at_once_goes_on(transport: Transport) -> None:
    data = hashlib.shake_256(b"duplex").digest(20_000_000)

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        left = len(data)
        while left:
            part = await peer.reader.read(65536)
            left -= len(part)
            await peer.send(part)

    async with ScriptedUpstream(script) as upstream:
        headers = [(b"Content-Length", b"%d" % len(data))]
        status, echoed = await fetch(transport, upstream.url, "POST", data, headers)
        assert (status, hashlib.sha256(echoed).digest()) == (200, hashlib.sha256(data).digest())


# Silence.


async def test_silence_before_the_first_byte_is_a_read_timeout(
    make_transport: MakeTransport,
) -> None:
    async with ScriptedUpstream(answering()) as upstream:
        with pytest.raises(httpx.ReadTimeout) as caught:
            await send(make_transport(read_timeout=0.1), upstream.url)
        assert is_request_sent(caught.value)
        await upstream.wait_for_open(0)


async def test_silence_within_a_body_is_a_read_timeout(make_transport: MakeTransport) -> None:
    async with ScriptedUpstream(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstart")
    ) as upstream:
        response = await send(make_transport(read_timeout=0.1), upstream.url)
        with pytest.raises(httpx.ReadTimeout):
            await body_of(response)
        await upstream.wait_for_open(0)


async def test_a_slow_response_is_no_silence(make_transport: MakeTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        for part in (
            b"HTTP/1.1 102 Wait\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
            *[b"x"] * 4,
        ):
            await asyncio.sleep(0.2)
            await peer.send(part)

    async with ScriptedUpstream(script) as upstream:
        assert await fetch(make_transport(read_timeout=0.5), upstream.url) == (200, b"xxxx")


async def test_a_reader_who_takes_its_time_is_no_silence(make_transport: MakeTransport) -> None:
    async with ScriptedUpstream(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
    ) as upstream:
        response = await send(make_transport(read_timeout=0.1), upstream.url)
        assert await next_of(response) == b"ab"
        await asyncio.sleep(0.3)
        pending = asyncio.ensure_future(next_of(response))
        await asyncio.sleep(0)
        assert not pending.done()
        with pytest.raises(httpx.ReadTimeout):
            await asyncio.wait_for(pending, SECONDS)


async def test_an_upstream_that_takes_nothing_of_a_body_is_a_write_timeout(
    make_transport: MakeTransport,
) -> None:
    async def script(peer: Peer) -> None:
        peer.stop_reading()
        await asyncio.Event().wait()

    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(httpx.WriteTimeout) as caught:
            await send(make_transport(read_timeout=0.2), upstream.url, "POST", b"x" * 30_000_000)
        assert is_request_sent(caught.value)


async def test_a_client_who_is_slow_with_its_body_is_no_silence(
    make_transport: MakeTransport,
) -> None:
    class SlowBody(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for _ in range(3):
                await asyncio.sleep(0.2)
                yield b"x"

    headers = [(b"Content-Length", b"3")]
    async with ScriptedUpstream(answering(OK)) as upstream:
        transport = make_transport(read_timeout=0.15)
        assert await fetch(transport, upstream.url, "POST", SlowBody(), headers) == (200, b"ok")


# No connection.


async def test_a_closed_port_is_a_connect_error(transport: Transport) -> None:
    port = free_port()
    with pytest.raises(
        httpx.ConnectError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused"
    ) as caught:
        await send(transport, f"http://127.0.0.1:{port}", target=b"/?key=SECRET")
    assert not is_request_sent(caught.value)
    assert "SECRET" not in str(caught.value)


async def test_a_host_that_cannot_be_a_name_is_a_connect_error(transport: Transport) -> None:
    with pytest.raises(httpx.ConnectError, match="not a host name") as caught:
        await send(transport, f"http://{'a' * 64}.example")
    assert not is_request_sent(caught.value)


async def test_a_server_that_does_not_shake_hands_is_a_connect_timeout(
    make_transport: MakeTransport,
) -> None:
    async with ScriptedUpstream(answering()) as upstream:
        with pytest.raises(httpx.ConnectTimeout) as caught:
            await send(make_transport(connect_timeout=0.2), upstream.url.replace("http", "https"))
        assert not is_request_sent(caught.value)
        await upstream.wait_for_open(0)


async def test_a_server_that_closes_within_the_handshake_is_a_connect_error(
    transport: Transport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(5)

    async with ScriptedUpstream(script) as upstream:
        with pytest.raises(httpx.ConnectError) as caught:
            await send(transport, upstream.url.replace("http", "https"))
        assert not is_request_sent(caught.value)
        await upstream.wait_for_open(0)


async def test_a_certificate_that_nobody_trusts_is_a_connect_error(
    make_transport: MakeTransport,
) -> None:
    async with ScriptedUpstream(answering(OK), tls=server_context()) as upstream:
        with pytest.raises(httpx.ConnectError, match="certificate refused") as caught:
            await send(make_transport(ssl_context=ssl.create_default_context()), upstream.url)
        assert not is_request_sent(caught.value)
        assert not upstream.heads


async def test_tls_works_and_keeps_its_connection(transport: Transport) -> None:
    async with ScriptedUpstream(answering(OK, OK), tls=server_context()) as upstream:
        for _ in range(2):
            assert await fetch(transport, upstream.url) == (200, b"ok")
        assert upstream.accepted == 1


async def test_an_unknown_scheme_is_refused(transport: Transport) -> None:
    with pytest.raises(httpx.UnsupportedProtocol) as caught:
        await send(transport, "ftp://127.0.0.1")
    assert not is_request_sent(caught.value)
