"""One request and its response on a connection, for who waits for them.

It knows the connection only until the response is complete: from then on the connection can serve
the next exchange, while the body of this one is still being read.
"""

import asyncio
from collections.abc import AsyncIterable

import httpx

from proxyapp.upstream.connection import UpstreamConnection
from proxyapp.upstream.response_flow import LOW_WATER, ResponseFlow
from proxyapp.upstream.upload import send_body
from proxyapp.vocabulary.waiting import Wait


class UpstreamExchange(ResponseFlow, httpx.AsyncByteStream):
    """The stream of the response's body: its raw bytes as they arrived, to iterate, or to take
    without an await for each.
    """

    @classmethod
    def begin(
        cls,
        connection: UpstreamConnection,
        method: str,
        data: bytes,
        rest: AsyncIterable[bytes] | None,
        length: int | None,
    ) -> "UpstreamExchange":
        """Writes `data` at once, and a `rest` while the response may already arrive."""
        exchange = cls(connection, method, len(data) if rest is None else None)
        connection.begin(exchange, data)
        if rest is not None:
            exchange._upload = asyncio.ensure_future(send_body(connection, rest, length))
            exchange._upload.add_done_callback(exchange._end_upload)
        return exchange

    async def read_chunks(self) -> list[bytes]:
        """The chunks that have arrived, one or more; none at the end.

        Raises a TransportError if the body is broken.
        """
        await self.fill()
        return self.take()

    async def read_start(self, most: int) -> bytes:
        """The body, and no more of a longer one than shows that it is; closes the exchange.

        Raises a TransportError if the body is broken.
        """
        data = b""
        try:
            async for chunk in self:
                data += chunk
                if len(data) > most:
                    break
        finally:
            await self.aclose()
        return data

    async def arrive(self, seconds: float) -> None:
        """Returns when there is something to `take`, at the body's end, or after the time.

        Raises a TransportError if the body is broken.
        """
        connection = self._connection
        timer = connection.loop.call_later(seconds, self._wake) if connection else None
        try:
            if not self.response.chunks and not self.response.is_complete:
                await self._waiting()
        finally:
            if timer is not None:
                timer.cancel()

    def __aiter__(self) -> "UpstreamExchange":
        return self

    async def __anext__(self) -> bytes:
        response = self.response
        if not response.chunks:
            await self.fill()
            if not response.chunks:
                raise StopAsyncIteration
        chunk = response.chunks.popleft()
        response.buffered -= len(chunk)
        if response.buffered <= LOW_WATER and self._connection is not None:
            self._connection.resume_reading()
        return chunk

    async def aclose(self) -> None:
        """Closes the connection unless the response is complete.

        Can be called twice, and while another task reads.
        """
        if self._connection is not None:
            self.fail(httpx.ReadError("the response was closed before its end"))
        self.response.chunks.clear()
        await self.settle()

    async def wait_for_head(self) -> None:
        try:
            while not self.response.status:
                await self._waiting()
        except BaseException:
            await self.settle()
            raise

    async def settle(self) -> None:
        """Returns when nothing of this exchange touches the request's body any more."""
        if self._stopped_upload is not None:
            await asyncio.wait((self._stopped_upload,))

    async def fill(self) -> None:
        """Returns when there is something to `take`, or at the body's end.

        Raises a TransportError if the body is broken.
        """
        response = self.response
        while not response.chunks and not response.is_complete:
            await self._waiting()

    async def _waiting(self) -> None:
        connection = self._connection
        if connection is None:
            raise self._error or httpx.StreamClosed()
        self._wait = wait = Wait(connection.loop)
        connection.restart_clock()
        try:
            await wait
        except asyncio.CancelledError:
            self.fail(httpx.ReadError("the request was cancelled"))
            raise
        finally:
            self._wait = None

    def _end_upload(self, upload: asyncio.Task[None]) -> None:
        error = (
            httpx.WriteError("the request's body ended early")
            if upload.cancelled()
            else upload.exception()
        )
        if self._upload is None:
            return
        self._upload = None
        if error is not None:
            self.fail(error)
        elif self._connection is not None:
            self._connection.restart_clock()
