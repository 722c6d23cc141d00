"""The part of an upload, passed on as it comes: of any size, in constant memory, and only once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from proxyapp.forwarding.body_reading import ClientLeft
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.vocabulary.asgi import DirectExchange, Header, Receive


class ComingBody(RequestBody):
    """`is_spent`: the upstream may have got some of it, so that no other is asked."""

    def __init__(self, receive: Receive, length: int | None) -> None:
        super().__init__(length=length)
        self._receive = receive
        self._arrived = 0

    @property
    def arrived(self) -> int:
        return self._arrived

    def to_send(self) -> httpx.AsyncByteStream:
        self.is_spent = True
        return ClientStream(self._counted)

    async def _counted(self) -> dict[str, Any]:
        message = await self._receive()
        self._arrived += len(message.get("body", b""))
        return message


class ClientStream(httpx.AsyncByteStream):
    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises ClientLeft when it ends half-way."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            more = message.get("more_body", False)
            if data := message.get("body", b""):
                yield data


def coming_body(exchange: DirectExchange, headers: list[Header]) -> RequestBody:
    """One that is here already, or is none, may be sent again."""
    length, is_chunked = _announced(headers)
    data = exchange.whole_body()
    if data is None and not length and not is_chunked:
        data = b""
    if data is not None:
        return RequestBody(data, length=length if not is_chunked else len(data))
    return ComingBody(exchange.receive, None if is_chunked else length)


def _announced(headers: list[Header]) -> tuple[int | None, bool]:
    length, is_chunked = None, False
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"transfer-encoding":
            is_chunked = True
    return length, is_chunked
