"""A client's connection: requests in, one at a time and in order, answers out."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from proxyapp.server.body import check_size
from proxyapp.server.exchange import ClientExchange
from proxyapp.server.http1 import (
    MAX_HEAD_BYTES,
    Head,
    RequestError,
    check_start,
    parse_head,
    status_line,
    without_empty_lines,
)
from proxyapp.server.http_server import HttpServer
from proxyapp.server.paced_connection import SLOWEST, PacedConnection
from proxyapp.server.plain_exchange import READ_AHEAD_BYTES, PlainExchange
from proxyapp.server.scope import Target, http_scope, parse_target
from proxyapp.server.websocket_handshake import check_handshake
from proxyapp.vocabulary.client_paths import dialect_of
from proxyapp.vocabulary.errors import error_body
from proxyapp.vocabulary.request_ids import new_request_id, request_id_of
from proxyapp.vocabulary.stepping import Stepper

PIPELINE_BYTES = 64 * 1024


class ClientConnection(PacedConnection, ABC):
    """asyncio's protocol, under both servers."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server)
        self.buffer = b""
        self.exchange: ClientExchange | None = None
        self.running: Stepper | asyncio.Task[None] | None = None
        self.head_since = 0.0
        self.body_due = 0.0
        self.is_fresh = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.server.open_connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closing = True
        self.server.forget(self)
        self.resume_writing()
        if self.exchange is not None:
            self._lose(self.exchange)
            self.exchange = None

    def data_received(self, data: bytes) -> None:
        if self.is_closing:
            return
        try:
            exchange = self.exchange
            if exchange is not None and not exchange.is_received:
                data = self._feed(exchange, data)
            self.buffer = self.buffer + data if self.buffer else data
            if self.exchange is None:
                self._next()
            elif len(self.buffer) > PIPELINE_BYTES:
                self.read_later()
        except RequestError as error:
            self.refuse(error)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.is_closing:
            self.deadline = 0.0 if self.exchange else self.server.now + self.limits.idle

    # Requests.

    def _next(self) -> None:
        """Starts the next request that is complete up to its headers. Raises RequestError."""
        if self.buffer.startswith(b"\r\n"):
            self.buffer = without_empty_lines(self.buffer)
        if not self.buffer:
            return
        end = self.buffer.find(b"\r\n\r\n") + 4
        if end < 4 or end > MAX_HEAD_BYTES:
            self._await_head()
            return
        rest = self.buffer[end:]
        head = parse_head(self.buffer[:end])
        target = parse_target(head)
        if head.is_websocket:
            check_handshake(head, rest)
        self.buffer = b""
        self.deadline = self.head_since = 0.0
        self.is_fresh = False
        if head.is_websocket:
            self._become_websocket(head.written(), target)
        else:
            self._start(head, target, rest)

    def _await_head(self) -> None:
        if len(self.buffer) > MAX_HEAD_BYTES:
            raise RequestError(431, f"The headers are larger than {MAX_HEAD_BYTES} bytes.")
        check_start(self.buffer)
        self.head_since = self.head_since or self.server.now
        self.deadline = self.head_since + self.limits.head

    def _start(self, head: Head, target: Target, rest: bytes) -> None:
        exchange = self.exchange = ClientExchange(self, head)
        check_size(head.length or 0, self.limits.body_bytes, head.target)
        if exchange.is_received:
            self.buffer = rest
        else:
            self._await_body()
            if rest:
                self.buffer = self._feed(exchange, rest)
        scope = http_scope(
            head,
            target,
            client=self.client,
            server=self.local,
            scheme=self.scheme,
            abort=exchange.abort,
        )
        running = self.running = self.server.run_application(scope, exchange)
        if isinstance(running, Stepper):
            running.start()

    def _await_body(self) -> None:
        self.deadline = self.server.now + self.limits.body
        self.body_due = self.deadline

    def _feed(self, exchange: ClientExchange, data: bytes) -> bytes:
        rest = exchange.feed(data)
        if exchange.is_received:
            self.deadline = 0.0
        elif exchange.read_ahead > READ_AHEAD_BYTES:
            self.read_later()
        else:  # A byte now and then must not hold the connection for ever.
            self.body_due += len(data) / SLOWEST
            self.deadline = min(self.server.now + self.limits.body, self.body_due)
        return rest

    def _become_websocket(self, data: bytes, target: Target) -> None:
        self.server.forget(self)
        self.is_closing = True
        self.hand_over(data, target)

    @abstractmethod
    def hand_over(self, data: bytes, target: Target) -> None:
        """The server's own protocol takes the connection over, and reads the handshake itself."""

    def read_on(self) -> None:
        if not self.is_reading:
            super().read_on()
            if self.exchange is not None and not self.exchange.is_received:
                self._await_body()

    # Ends.

    def ended(self, exchange: PlainExchange) -> None:
        """The response is complete: on to the next request, unless this was the last."""
        self.exchange = self.running = None
        if exchange.closes or self.server.is_draining:
            self.close(lingers=not exchange.is_received)
            return
        self.read_on()
        if not self.is_stalled:
            self.deadline = self.server.now + self.limits.idle
        if self.buffer:
            asyncio.get_running_loop().call_soon(self.data_received, b"")

    def _lose(self, exchange: ClientExchange) -> None:
        """Nobody waits for the answer any more."""
        exchange.lose()
        running, self.running = self.running, None
        if running is not None:
            self.server.client_left(running)

    def refuse(self, error: RequestError) -> None:
        """Answers the request that came last with an error, and closes."""
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            words = self.buffer.partition(b"\r\n")[0].split(b" ", 2)
            path = words[1] if len(words) > 1 else b""
            self._answer(error, path, new_request_id(), has_body=True)
            return
        self._lose(exchange)
        if exchange.has_started:
            self.break_off(is_visible=False)
        else:
            head = exchange.head
            request_id = exchange.request_id or request_id_of(head.headers)
            self._answer(error, head.target, request_id, has_body=head.method != "HEAD")

    def _answer(self, error: RequestError, path: bytes, request_id: str, *, has_body: bool) -> None:
        dialect = dialect_of(path)
        body = error_body(error.status, str(error), dialect=dialect, request_id=request_id)
        fields = (
            b"Content-Type: application/json\r\nContent-Length: %d\r\nX-Request-Id: %b\r\n"
            b"Connection: close\r\n\r\n" % (len(body), request_id.encode())
        )
        self.write(status_line(error.status) + fields + (body if has_body else b""))
        self.buffer = b""
        self.close(lingers=True)

    def break_off(self, *, is_visible: bool) -> None:
        """Ends an incomplete answer. `is_visible`: its framing shows that; else a reset has to."""
        self.exchange = None
        if is_visible:
            self.close(lingers=False)
        else:
            self.abort()

    @property
    def is_answering(self) -> bool:
        return self.exchange is not None

    def drain(self) -> None:
        """Nothing new is welcome.

        What has just been accepted may hold a request that is on its way.
        """
        if self.exchange is not None:
            return
        if self.is_fresh or self.buffer or self.is_closing:
            self.deadline = self.server.now + 1.0
        else:
            self.close(lingers=False)

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = 0.0
        if self.is_stalled and not self.is_closing and self.has_read_on():
            self.await_reader()
        elif self.is_closing or self.is_stalled:
            self.abort()
        elif self.exchange is not None or self.buffer:
            self.refuse(RequestError(408, "The request did not arrive in time."))
        else:
            self.close(lingers=False)
