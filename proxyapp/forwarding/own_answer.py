"""An answer that the gateway itself makes of what upstreams said, relayed as one of theirs."""

from collections.abc import AsyncIterator

from proxyapp.vocabulary.asgi import Header


class OwnAnswer:
    """As much of an Attempt as relaying takes: all of it is there, and it is counted."""

    status = 200
    is_complete = True
    is_done = True

    def __init__(self, body: bytes, content_type: bytes, headers: list[Header]) -> None:
        self.headers = [
            (b"content-type", content_type),
            *headers,
            (b"content-length", b"%d" % len(body)),
        ]
        self._chunks = [body]

    def read_now(self) -> list[bytes]:
        chunks, self._chunks = self._chunks, []
        return chunks

    async def read(self) -> list[bytes]:
        return self.read_now()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._chunks:
            raise StopAsyncIteration
        return self._chunks.pop()

    async def aclose(self) -> None:
        """There is nothing to close."""
