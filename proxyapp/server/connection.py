"""A client's connection: requests in, one at a time and in order, answers out, at the client's
pace.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Factory, Protocol

from proxyapp.server.exchange import READ_AHEAD_BYTES, ClientExchange, check_size, status_line
from proxyapp.server.http1 import (
    MAX_HEAD_BYTES,
    Head,
    RequestError,
    check_start,
    parse_head,
    without_empty_lines,
)
from proxyapp.server.scope import Target, http_scope, parse_target
from proxyapp.server.websocket_handshake import check_handshake
from proxyapp.vocabulary.errors import error_body, is_openai_path

if TYPE_CHECKING:
    from proxyapp.server.daphne import GatewayServer
    from proxyapp.server.http_server import HttpServer

LINGER_SECONDS = 30.0
SLOWEST = 500  # bytes a second, on the whole, of a body that comes and of an answer that is read
PIPELINE_BYTES = 64 * 1024


class ClientConnection(Protocol):
    """Twisted's transport calls the methods in camel case."""

    transport: Any

    def __init__(self, server: HttpServer, client: tuple[str, int]) -> None:
        self.server = server
        self.limits = server.limits
        self.client = client
        self.local: tuple[str, int] = ("", 0)
        self.buffer = b""
        self.exchange: ClientExchange | None = None
        self.task: asyncio.Task[None] | None = None
        self.deadline = 0.0  # 0: nothing is due from the client
        self.head_since = 0.0
        self.body_due = 0.0
        self.unread = 0
        self.is_fresh = True
        self.is_stalled = False
        self.is_reading = True
        self.is_closing = False
        self._writable: asyncio.Future[None] | None = None

    def connectionMade(self) -> None:  # noqa: N802
        host = self.transport.getHost()
        self.local = (host.host, host.port)
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self.begin()

    def begin(self) -> None:
        self.deadline = self.server.now + self.limits.idle
        self.server.open_connections.add(self)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self.is_closing = True
        self.server.forget(self)
        self.resumeProducing()
        if self.exchange is not None:
            self.exchange.lose()
            self.exchange = None
        if self.task is not None and not self.task.done():
            self.server.expect_end(self.task)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
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
                self._read_later()
        except RequestError as error:
            self.refuse(error)

    def pauseProducing(self) -> None:  # noqa: N802
        self.is_stalled = True
        self._await_reader()

    def resumeProducing(self) -> None:  # noqa: N802
        self.is_stalled = False
        if not self.is_closing:
            self.deadline = 0.0 if self.exchange else self.server.now + self.limits.idle
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def stopProducing(self) -> None:  # noqa: N802
        """The transport says so while it closes; connectionLost follows."""

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
        check_size(head.length or 0, self.limits.body_bytes)
        if exchange.is_received:
            self.buffer = rest
        else:
            self._await_body()
            if rest:
                self.buffer = self._feed(exchange, rest)
        scope = http_scope(
            head, target, client=self.client, server=self.local, abort=exchange.abort
        )
        self.task = self.server.run_application(scope, exchange)

    def _await_body(self) -> None:
        self.deadline = self.server.now + self.limits.body
        self.body_due = self.deadline

    def _feed(self, exchange: ClientExchange, data: bytes) -> bytes:
        rest = exchange.feed(data)
        if exchange.is_received:
            self.deadline = 0.0
        elif exchange.read_ahead > READ_AHEAD_BYTES:
            self._read_later()
        else:  # A byte now and then must not hold the connection for ever.
            self.body_due += len(data) / SLOWEST
            self.deadline = min(self.server.now + self.limits.body, self.body_due)
        return rest

    def _become_websocket(self, data: bytes, target: Target) -> None:
        self.transport.unregisterProducer()
        self.server.forget(self)
        self.is_closing = True
        self._hand_over(data, target)

    def _hand_over(self, data: bytes, target: Target) -> None:
        """Daphne's protocol takes the connection over, and reads the handshake itself."""
        server: Any = self.server
        protocol = server.ws_factory.buildProtocol(self.transport.getPeer())
        protocol._raw_query_string = target.query
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        protocol.dataReceived(data)

    # Reading and writing.

    def _read_later(self) -> None:
        if self.is_reading:
            self.is_reading = False
            self.deadline = 0.0
            self.transport.pauseProducing()

    def read_on(self) -> None:
        if not self.is_reading:
            self.is_reading = True
            self.transport.resumeProducing()
            if self.exchange is not None and not self.exchange.is_received:
                self._await_body()

    def write(self, data: bytes) -> None:
        """Sends at once what the socket takes: that spares two turns of the loop for nearly every
        response.
        """
        transport = self.transport
        if not transport.dataBuffer and not transport._tempDataBuffer:
            sent = transport.writeSomeData(data)
            if sent == len(data):
                return
            if isinstance(sent, int):
                data = data[sent:]
        transport.write(data)

    async def until_writable(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()
        await self._writable

    def _await_reader(self) -> None:
        self.unread = self._unread_bytes()
        self.deadline = self.server.now + self.limits.stall

    def _unread_bytes(self) -> int:
        """What waits for the client here and in the kernel, which may be megabytes."""
        transport = self.transport
        waiting: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
        return waiting + kernel_queue(transport.fileno())

    # Ends.

    def ended(self, exchange: ClientExchange) -> None:
        """The response is complete: on to the next request, unless this was the last."""
        self.exchange = self.task = None
        if exchange.closes or self.server.is_draining:
            self._close(lingers=not exchange.is_received)
            return
        self.read_on()
        if not self.is_stalled:
            self.deadline = self.server.now + self.limits.idle
        if self.buffer:
            asyncio.get_running_loop().call_soon(self.dataReceived, b"")

    def refuse(self, error: RequestError) -> None:
        """Answers the request that came last with an error, and closes."""
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            self._answer(error, self.buffer.partition(b"\r\n")[0], has_body=True)
            return
        exchange.lose()
        if exchange.has_started:
            self.break_off(is_visible=False)
        else:
            self._answer(error, exchange.head.target, has_body=exchange.head.method != "HEAD")

    def _answer(self, error: RequestError, path: bytes, *, has_body: bool) -> None:
        body = error_body(error.status, str(error), is_openai=is_openai_path(path))
        fields = (
            b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % len(body)
        )
        self.write(status_line(error.status) + fields + (body if has_body else b""))
        self.buffer = b""
        self._close(lingers=True)

    def break_off(self, *, is_visible: bool) -> None:
        """Ends an incomplete answer. `is_visible`: its framing shows that; else a reset has to."""
        self.exchange = None
        if is_visible:
            self._close(lingers=False)
        else:
            self.is_closing = True
            self.transport.abortConnection()

    def _close(self, *, lingers: bool) -> None:
        """A client that is still sending would lose the answer to a reset, so it may go on for a
        while, unheard.
        """
        self.is_closing = True
        self.transport.unregisterProducer()
        self.deadline = self.server.now + LINGER_SECONDS
        if lingers:
            self.transport.loseWriteConnection()
            self.read_on()
        else:
            self.transport.loseConnection()

    def drain(self) -> None:
        """Nothing new is welcome.

        What has just been accepted may hold a request that is on its way.
        """
        if self.exchange is not None:
            return
        if self.is_fresh or self.buffer or self.is_closing:
            self.deadline = self.server.now + 1.0
        else:
            self._close(lingers=False)

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = 0.0
        is_reading_on = (
            self.is_stalled and self.unread - self._unread_bytes() > SLOWEST * self.limits.stall
        )
        if is_reading_on and not self.is_closing:
            self._await_reader()
        elif self.is_closing or self.is_stalled:
            self.transport.abortConnection()
        elif self.exchange is not None or self.buffer:
            self.refuse(RequestError(408, "The request did not arrive in time."))
        else:
            self._close(lingers=False)


def kernel_queue(descriptor: int) -> int:
    """The bytes of a socket that its peer has not confirmed; 0 where the system does not tell."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0


class ConnectionFactory(Factory[ClientConnection]):
    noisy = False

    def __init__(self, server: GatewayServer) -> None:
        self.server = server

    def buildProtocol(self, address: Any) -> ClientConnection:  # noqa: N802
        return ClientConnection(self.server, (address.host, address.port))
