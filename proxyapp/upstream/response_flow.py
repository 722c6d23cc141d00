"""What an exchange with an upstream does at once: on the bytes that arrive, and on its end."""

import asyncio
from typing import Final

import httpx
from mypy_extensions import mypyc_attr

from proxyapp.upstream.connection import UpstreamConnection
from proxyapp.upstream.http1 import BrokenResponse, ResponseReader
from proxyapp.vocabulary.waiting import Wait

# What a client that stops reading may hold of an answer: 200 of them stay below 100 MB in all
# (tests/end_to_end/test_client_crowds.py). Reading goes on at half of it, while there is something
# left to send.
HIGH_WATER: Final = 128 * 1024
LOW_WATER: Final = HIGH_WATER // 2
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@mypyc_attr(allow_interpreted_subclasses=True)
class ResponseFlow:
    """One response as it arrives. The waits for it are UpstreamExchange's.

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

    @property
    def is_complete(self) -> bool:
        """Whether all of the body has arrived: nothing comes after what `take` returns now."""
        return self.response.is_complete

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to close, and nothing of it touches the request's body."""
        return (
            self._connection is None and self._stopped_upload is None and not self.response.chunks
        )

    def take(self) -> list[bytes]:
        """The chunks that have arrived since the last call, maybe none. Does not raise."""
        response = self.response
        chunks = list(response.chunks)
        response.chunks.clear()
        response.buffered = 0
        if self._connection is not None:
            self._connection.resume_reading()
        return chunks

    def fail(self, error: BaseException) -> None:
        """Ends an exchange that is not complete; whoever waits for it gets the error."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._error = error
        self._stop_upload()
        connection.abort()
        self._wake()

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
