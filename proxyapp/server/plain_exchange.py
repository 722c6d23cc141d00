"""One request of a client and its answer: all of it that waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from mypy_extensions import mypyc_attr

from proxyapp.server.body import ChunkedBody, LengthBody, check_size
from proxyapp.server.http1 import Head, RequestError, are_header_lines, status_line
from proxyapp.server.http_server import ConnectionLimits, HttpServer
from proxyapp.vocabulary.asgi import Header

READ_AHEAD_BYTES: Final = 256 * 1024
_OURS: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class ExchangeConnection(Protocol):
    """What an exchange asks of the connection that it came on."""

    server: HttpServer
    limits: ConnectionLimits
    write: Callable[[bytes], None]
    is_stalled: bool

    def until_writable(self) -> Awaitable[None]: ...

    def read_on(self) -> None: ...

    def ended(self, exchange: PlainExchange) -> None: ...

    def refuse(self, error: RequestError) -> None: ...

    def break_off(self, *, is_visible: bool) -> None: ...


@mypyc_attr(allow_interpreted_subclasses=True)
class PlainExchange:
    """Reads ahead of the application up to READ_AHEAD_BYTES, then lets the client wait.

    The waits for the client are ClientExchange's.
    """

    def __init__(self, connection: ExchangeConnection, head: Head) -> None:
        self.connection = connection
        self.head = head
        self.request_id = ""
        self.is_received = head.length == 0
        self.read_ahead = 0
        self.is_lost = False
        self.has_started = False
        self.has_ended = False
        self.closes = not head.keeps_alive
        self._body: ChunkedBody | LengthBody = (
            ChunkedBody() if head.length is None else LengthBody(head.length)
        )
        self._chunks: list[bytes] = []
        self._received = 0
        self._is_delivered = False
        self._expects_continue = head.expects_continue and not self.is_received
        self._waiter: asyncio.Future[None] | None = None
        self._unsent = b""
        self._has_body = True
        self._is_chunked = False
        self._left: int | None = None  # of what the answer's Content-Length promises

    # From the client.

    def feed(self, data: bytes) -> bytes:
        """Takes what belongs to the body and returns the rest. Raises RequestError."""
        self._expects_continue = False
        content = self._body.feed(data)
        self._received += len(content)
        check_size(self._received, self.connection.limits.body_bytes, self.head.target)
        if content:
            self._chunks.append(content)
            self.read_ahead += len(content)
        self.is_received = self._body.is_done
        self._wake()
        return self._body.rest

    def lose(self) -> None:
        """The client is gone, or as good as gone."""
        self.is_lost = True
        self._unsent = b""
        self._wake()

    def whole_body(self) -> bytes | None:
        if not self.is_received or self._is_delivered:
            return None
        self._is_delivered = True
        chunks, self._chunks = self._chunks, []
        self.read_ahead = 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _next_message(self) -> dict[str, Any]:
        body = b"".join(self._chunks)
        self._chunks.clear()
        self.read_ahead = 0
        self._is_delivered = self.is_received
        if not self.is_received:
            self.connection.read_on()
        return {"type": "http.request", "body": body, "more_body": not self.is_received}

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # To the client.

    @property
    def is_stalled(self) -> bool:
        """An answer that has ended waits for nobody."""
        return self.connection.is_stalled and not self.has_ended

    def start(self, status: int, headers: Sequence[Header]) -> None:
        if self.has_started:
            raise RuntimeError("the response has started already")
        self._unsent = b"" if self.is_lost else self._response_head(status, headers)
        self.has_started = True

    def write(self, data: bytes) -> None:
        if not self.is_lost:
            self._check_open()
            self._put(self._framed(data) if data and self._has_body else b"")

    def finish(self, data: bytes) -> None:
        if self.is_lost:
            return
        self._check_open()
        data = self._framed(data) if data and self._has_body else b""
        if self._left:
            raise RuntimeError("the response is shorter than its Content-Length")
        self._put(data + b"0\r\n\r\n" if self._is_chunked else data)
        self.has_ended = True
        self._wake()
        self.connection.ended(self)

    def flush(self) -> None:
        self._put(b"")

    def _check_open(self) -> None:
        if not self.has_started or self.has_ended:
            raise RuntimeError("a response body before its start or after its end")

    def _response_head(self, status: int, headers: Sequence[Header]) -> bytes:
        self._has_body = self.head.method != "HEAD" and status >= 200 and status not in (204, 304)
        names, lines = list[bytes](), list[bytes]()
        for name, value in headers:
            lowered = name.lower()
            if lowered not in _OURS or self._keeps(lowered, value, status):
                names.append(lowered)
                lines.append(b"%b: %b\r\n" % (name, value))
        fields = b"".join(lines)
        if not are_header_lines(fields, names):
            raise ValueError("a response header holds a character that none may hold")
        return b"%b%b%b\r\n" % (status_line(status), fields, self._framing())

    def _keeps(self, name: bytes, value: bytes, status: int) -> bool:
        """Framing is the server's: of the application's it takes the length, and the wish to
        close.
        """
        if name == b"connection":
            self.closes = self.closes or b"close" in value.lower()
            return False
        if name != b"content-length" or status == 204 or status < 200:
            return False
        if self._has_body:
            if self._left is not None or not value.isdigit():
                raise ValueError("Content-Length must be one number")
            self._left = int(value)
        return True

    def _framing(self) -> bytes:
        fields = b""
        if self._has_body and self._left is None:
            if self.head.is_http_1_0:
                self.closes = True
            else:
                self._is_chunked = True
                fields = b"Transfer-Encoding: chunked\r\n"
        if not self.is_received or self.connection.server.is_draining:
            self.closes = True
        return fields + b"Connection: close\r\n" if self.closes else fields

    def _framed(self, data: bytes) -> bytes:
        if self._is_chunked:
            return b"%x\r\n%b\r\n" % (len(data), data)
        if self._left is not None:
            if len(data) > self._left:
                raise RuntimeError("the response is longer than its Content-Length")
            self._left -= len(data)
        return data

    def _put(self, data: bytes) -> None:
        if self._unsent:
            data = self._unsent + data
            self._unsent = b""
        if data:
            self.connection.write(data)

    def abort(self) -> None:
        """Makes what the client has got so far a broken answer, never a complete one."""
        if self.is_lost or self.has_ended:
            return
        self.flush()
        self.lose()
        self.connection.break_off(is_visible=self._is_chunked or bool(self._left))

    def application_ended(self, error: BaseException | None) -> None:
        self.connection.server.application_ended(error)
        if self.is_lost or self.has_ended:
            return
        if self.has_started:
            self.abort()
        else:
            self.connection.refuse(RequestError(500, "The gateway failed to answer."))
