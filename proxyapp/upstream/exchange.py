"""One request and its response on a connection. The exchange is the stream of the response's body.

It knows the connection only until the response is complete: from then on the connection can serve
the next exchange, while the body of this one is still being read.
"""

import asyncio
from collections.abc import AsyncIterable

import httpx

from proxyapp.upstream.connection import UpstreamConnection
from proxyapp.upstream.http1 import BrokenResponse, ResponseReader
from proxyapp.upstream.upload import send_body
from proxyapp.vocabulary.stepping import Wait

# What a client that stops reading may hold of an answer: 200 of them stay below 100 MB in all
# (tests/end_to_end/test_client_crowds.py). Reading goes on at half of it, while there is something
# left to send.
HIGH_WATER = 128 * 1024
LOW_WATER = HIGH_WATER // 2
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class UpstreamExchange(httpx.AsyncByteStream):
    """The raw bytes of the body, as they arrived: to iterate, or to take without an await for each.

    `may_be_repeated`: the connection was dropped before an answer, and the request is harmless.
    """

    def __init__(self, connection: UpstreamConnection, method: str, size: int | None) -> None:
        """`size`: of the whole request, None if that is not written at once."""
        self.response = ResponseReader(method)
        self.may_be_repeated = False
        self._is_safe = method in SAFE_METHODS
        self._size = size
        self._connection: UpstreamConnection | None = connection
        self._error: BaseException | None = None
        self._wait: Wait | None = None
        self._upload: asyncio.Task[None] | None = None
        self._stopped_upload: asyncio.Task[None] | None = None

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

    @property
    def is_complete(self) -> bool:
        """Whether all of the body has arrived: nothing comes after what `take` returns now."""
        return self.response.is_complete

    def take(self) -> list[bytes]:
        """The chunks that have arrived since the last call, maybe none. Does not raise."""
        response = self.response
        chunks = list(response.chunks)
        response.chunks.clear()
        response.buffered = 0
        if self._connection is not None:
            self._connection.resume_reading()
        return chunks

    async def read_chunks(self) -> list[bytes]:
        """The chunks that have arrived, one or more; none at the end.

        Raises a TransportError if the body is broken.
        """
        await self.fill()
        return self.take()

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

    def fail(self, error: BaseException) -> None:
        """Ends an exchange that is not complete; whoever waits for it gets the error."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._error = error
        self._stop_upload()
        connection.abort()
        self._wake()

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

    def _wake(self) -> None:
        """Whoever waits goes on at once, and may begin the next exchange of the connection."""
        if self._wait is not None:
            self._wait.end()

    def _complete(self) -> None:
        connection, self._connection = self._connection, None
        is_sent = self._upload is None and self._stopped_upload is None
        self._stop_upload()
        if connection is not None:
            connection.finish(is_reusable=is_sent and self.response.is_reusable)

    def _stop_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            self._stopped_upload = upload
            upload.cancel()

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

    # What the connection calls

    @property
    def is_awaited(self) -> bool:
        return self._wait is not None

    @property
    def is_uploading(self) -> bool:
        return self._upload is not None

    def receive(self, data: memoryview) -> None:
        response = self.response
        is_headless = not response.status
        try:
            response.feed(data)
        except BrokenResponse as error:
            self.fail(httpx.RemoteProtocolError(str(error)))
            return
        if self._upload is not None and response.status >= 300:
            self._stop_upload()  # an answer that the rest of the body cannot change (RFC 9112 9.5)
        if response.is_complete:
            self._complete()
        elif response.buffered > HIGH_WATER and self._connection is not None:
            self._connection.pause_reading()
        if response.chunks or response.is_complete or (is_headless and response.status):
            self._wake()  # else the clock runs on: framing that comes byte by byte is no progress

    def receive_eof(self) -> None:
        self._look_whether_it_was_heard()
        try:
            self.response.feed_eof()
        except BrokenResponse as error:
            self.fail(httpx.RemoteProtocolError(str(error)))
            return
        self._complete()
        self._wake()

    def _look_whether_it_was_heard(self) -> None:
        if self.response.has_begun or self._size is None or self._connection is None:
            return
        is_unheard = self._connection.unacknowledged_bytes() >= self._size
        self.may_be_repeated = self._is_safe or is_unheard

    def lose(self, error: Exception | None) -> None:
        if error is None:
            self.receive_eof()
        else:
            is_whole = self._size is not None
            self.may_be_repeated = self._is_safe and is_whole and not self.response.has_begun
            self.fail(httpx.ReadError("the upstream broke the connection"))

    def time_out(self, *, is_writing: bool) -> None:
        if is_writing:
            self.fail(httpx.WriteTimeout("the upstream does not take the request's body"))
        else:
            self.fail(httpx.ReadTimeout("the upstream sends nothing"))
