"""One request to the upstream with one key: counted exactly once, however it ends."""

import contextlib
import time
import zlib
from collections.abc import AsyncIterator

import httpx

from proxyapp.errors import StreamBroken
from proxyapp.headers import Header, to_client
from proxyapp.pool import PoolKey
from proxyapp.runtime import Runtime
from proxyapp.tokens import TokenCounter, Tokens
from proxyapp.usage import Outcome

ERROR_BODY_BYTES = 64 * 1024
DECODED_BYTES = 1024 * 1024


class Attempt:
    """An async iterator over the answer's raw body, with an explicit, idempotent `aclose`."""

    def __init__(self, runtime: Runtime, key: PoolKey, model: str) -> None:
        self.key = key
        self.status = 0
        self.headers: list[Header] = []
        self.head: list[bytes] = []
        self.is_complete = False
        self._runtime = runtime
        self._model = model
        self._is_counted = False
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._counter = TokenCounter()

    def begin(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = to_client(response.headers.raw)
        self._response = response
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        self._chunks = response.stream.__aiter__()
        self._counter = TokenCounter(self.header(b"content-encoding"))

    def header(self, name: bytes) -> bytes:
        return next((value for header, value in self.headers if header.lower() == name), b"")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Raises StreamBroken when the upstream breaks off."""
        if self.head:
            return self.head.pop(0)
        if self._chunks is None or self.is_complete:
            raise StopAsyncIteration
        try:
            chunk = await self._chunks.__anext__()
        except StopAsyncIteration:
            self.is_complete = True
            self.end(Outcome.of_status(self.status), self._counter.tokens())
            raise
        except httpx.TransportError as error:
            self.end(Outcome.UPSTREAM_ERROR, self._counter.tokens())
            raise StreamBroken(f"the upstream broke off: {type(error).__name__}") from None
        self._counter.feed(chunk)
        return chunk

    def end(self, outcome: Outcome, tokens: Tokens = Tokens()) -> None:  # noqa: B008 (immutable)
        """Only the first call counts. A client's own mistakes are not kept by model: it could name endless ones."""
        if self._is_counted:
            return
        self._is_counted = True
        model = "" if outcome is Outcome.CLIENT_ERROR else self._model
        self._runtime.tally.count(
            self.key.id, model, outcome, time.time(), prompt_tokens=tokens.prompt, output_tokens=tokens.output
        )
        self._runtime.touched()

    async def aclose(self) -> None:
        """An answer that was not read to its end: the client left, and the upstream's connection is closed."""
        self.end(Outcome.CANCELLED, self._counter.tokens())
        if self._response is not None and isinstance(self._response.stream, httpx.AsyncByteStream):
            await self._response.stream.aclose()

    async def read_error(self) -> bytes:
        """The body of a refusal, decoded; of a long one only the start. What was read stays to be relayed."""
        size = 0
        read: list[bytes] = []
        with contextlib.suppress(StopAsyncIteration, StreamBroken):
            while size < ERROR_BODY_BYTES:
                read.append(await self.__anext__())
                size += len(read[-1])
        self.head = [b"".join(read)] if read else []
        return decoded(b"".join(read), self.header(b"content-encoding"))

    def replace_body(self, body: bytes) -> None:
        """Another body for a completely read answer, as it is: not encoded."""
        self.headers = [header for header in self.headers if header[0].lower() != b"content-encoding"]
        self._set_body(body)

    async def keep(self) -> None:
        """Counts a refusal and lets go of the upstream: what was read of its body is all there is to relay."""
        self.end(Outcome.of_status(self.status))
        if not self.is_complete:
            self.is_complete = True
            self._set_body(b"".join(self.head))
        await self.aclose()

    def _set_body(self, body: bytes) -> None:
        self.headers = [header for header in self.headers if header[0].lower() != b"content-length"]
        self.headers.append((b"content-length", b"%d" % len(body)))
        self.head = [body]


def decoded(body: bytes, encoding: bytes) -> bytes:
    """Without its Content-Encoding where that is gzip or deflate; at most DECODED_BYTES of it."""
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        return body
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(wbits=47).decompress(body, DECODED_BYTES)
    return body
