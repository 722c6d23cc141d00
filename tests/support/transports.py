"""Requests through a transport, and bodies in parts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.upstream.transport import Transport
from tests.support.scripted_upstream import SECONDS

MakeTransport = Callable[..., Transport]


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
