"""What the tests of the transport share.

Transports under both event loops, requests, and bodies in parts.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import uvloop

from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.upstream.transport import Transport
from tests.support.certificates import client_context
from tests.support.scripted_upstream import SECONDS

__all__ = ["event_loop_policy", "make_transport", "no_sockets_left", "transport"]

MakeTransport = Callable[..., Transport]
BOTH_LOOPS = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy")

uvloop.new_event_loop().close()  # the first one opens descriptors that stay


@pytest.fixture(params=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return (
        uvloop.EventLoopPolicy() if request.param == "uvloop" else asyncio.DefaultEventLoopPolicy()
    )


@pytest.fixture(autouse=True)
def no_sockets_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.fixture
async def make_transport() -> AsyncIterator[MakeTransport]:
    made = []

    def make(**options: Any) -> Transport:
        defaults = {
            "proxy_url": None,
            "connect_timeout": 5,
            "read_timeout": 5,
            "keepalive_seconds": 60,
        }
        made.append(Transport(**{**defaults, "ssl_context": client_context(), **options}))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def transport(make_transport: MakeTransport) -> Transport:
    return make_transport()


def request(
    url: str, method: str = "GET", body: Any = b"", headers: Any = (), target: bytes = b"/"
) -> httpx.Request:
    stream = httpx.ByteStream(body) if isinstance(body, bytes) else body
    return httpx.Request(
        method, url, headers=list(headers), stream=stream, extensions={"target": target}
    )


async def send(transport: Transport, *args: Any, **kwargs: Any) -> httpx.Response:
    async with asyncio.timeout(SECONDS):
        return await transport.handle_async_request(request(*args, **kwargs))


def stream_of(response: httpx.Response) -> UpstreamExchange:
    assert isinstance(response.stream, UpstreamExchange)
    return response.stream


async def next_of(response: httpx.Response) -> bytes:
    async with asyncio.timeout(SECONDS):
        return await anext(stream_of(response))


async def body_of(response: httpx.Response) -> bytes:
    async with asyncio.timeout(20):
        return b"".join([chunk async for chunk in stream_of(response)])


async def fetch(transport: Transport, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
    response = await send(transport, *args, **kwargs)
    return response.status_code, await body_of(response)


class Body(httpx.AsyncByteStream):
    """`sent` is what the transport has taken of it."""

    def __init__(self, *parts: bytes, then: Exception | None = None) -> None:
        self.parts = parts
        self.then = then
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part
            self.sent += len(part)
        if self.then:
            raise self.then
