"""Daphne as a proxy needs it.

Daphne's own HTTP side collects whole bodies before the application runs, buffers answers without a bound, cuts
requests at SIGTERM and reports an application's error up to a second late. Here HTTP is
`proxyapp.client_connection`; Daphne's reactor and WebSockets stay as they are.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory
from twisted.internet import reactor as _reactor
from twisted.logger import globalLogBeginner

from proxyapp.client_connection import Connection, ConnectionFactory
from proxyapp.client_exchange import Exchange
from proxyapp.errors import StreamBroken

CLOSE_SECONDS = 10.0  # for an application to notice that its client has left
SAME_WISH_SECONDS = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)
GOING_AWAY = 1001

logger = logging.getLogger(__name__)
reactor: Any = _reactor  # its methods come from the class that was installed
Application = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]
Hook = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    pass


def _ignore(event: dict[str, Any]) -> None:
    pass


class GatewayServer(Server):  # type: ignore[misc]
    """Serves `application` on a socket that is bound, and returns from `run` when a signal has drained it.

    `startup` runs before the socket listens, `shutdown` after the last request; an error of either leaves `run`.
    """

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        *,
        max_body_bytes: int,
        drain_seconds: float,
        startup: Hook = _nothing,
        shutdown: Hook = _nothing,
        on_listening: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(application, endpoints=["given"], server_name="", application_close_timeout=CLOSE_SECONDS)
        self.listener = listener
        self.max_body_bytes = max_body_bytes
        self.drain_seconds = drain_seconds
        self.startup = startup
        self.shutdown = shutdown
        self.on_listening = on_listening
        self.is_draining = False
        self.now = 0.0
        self.open_connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.late: dict[asyncio.Task[None], float] = {}
        self.connections: dict[Any, dict[str, Any]] = {}  # Daphne's: the WebSockets
        self._change = asyncio.Event()
        self._is_hurried = False
        self._signalled_at = 0.0
        self._error: BaseException | None = None

    def run(self) -> None:
        begin_logging: Any = globalLogBeginner.beginLoggingTo
        begin_logging([_ignore], redirectStandardIO=False, discardBuffer=True)
        self.loop = reactor._asyncioEventloop
        asyncio.set_event_loop(self.loop)
        self.ws_factory = WebSocketFactory(self, server=self.server_name)
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
        )
        reactor.callWhenRunning(self._live)
        reactor.run(installSignalHandlers=False)
        for number in SIGNALS:  # A late one must not turn the exit code of a clean end.
            signal.signal(number, signal.SIG_IGN)
        if self._error is not None:
            raise self._error

    def _live(self) -> None:
        self._life = self.loop.create_task(self._serve())
        self._life.add_done_callback(self._ended)

    def _ended(self, life: asyncio.Task[None]) -> None:
        self._error = life.exception()
        reactor.stop()

    async def _serve(self) -> None:
        signalled = asyncio.Event()
        for number in SIGNALS:
            self.loop.add_signal_handler(number, self._on_signal, signalled)
        await self.startup()
        self._sweep()
        self.application_checker()
        self.timeout_checker()
        self.listener.listen(1024)
        port = reactor.adoptStreamPort(self.listener.fileno(), self.listener.family, ConnectionFactory(self))
        self.on_listening()
        await signalled.wait()
        await self._drain(port)
        await self.shutdown()

    def _on_signal(self, signalled: asyncio.Event) -> None:
        """A terminal, a supervisor and a parent may all send the first; a later one is a wish for haste."""
        now = self.loop.time()
        if not signalled.is_set():
            signalled.set()
            self._signalled_at = now
        elif now - self._signalled_at > SAME_WISH_SECONDS:
            self._is_hurried = True
            self._change.set()

    async def _drain(self, port: Any) -> None:
        self.now = self.loop.time()
        port.doRead()  # What the kernel has accepted for us would be reset.
        port.stopListening()
        self.listener.close()
        self.is_draining = True
        for websocket in list(self.connections):
            if websocket.state == websocket.STATE_OPEN:
                websocket.sendCloseFrame(GOING_AWAY)
            else:
                websocket.dropConnection(abort=True)
        for connection in list(self.open_connections):
            connection.drain()
        if not await self._has_emptied(self.drain_seconds):
            self._cut()
            await self._has_emptied(CLOSE_SECONDS)

    async def _has_emptied(self, seconds: float) -> bool:
        """Whether everything ended in time. A second signal ends the wait."""
        due = self.loop.time() + seconds
        while self.open_connections or self.tasks or self.connections:
            left = due - self.loop.time()
            if left <= 0 or self._is_hurried:
                return False
            self._change.clear()
            try:
                await asyncio.wait_for(self._change.wait(), left)
            except TimeoutError:
                return False
        return True

    def _cut(self) -> None:
        self._is_hurried = False
        logger.warning("Requests that did not end in time were cut: %d", len(self.tasks))
        for connection in list(self.open_connections):
            connection.transport.abortConnection()
        for task in self.tasks:
            task.cancel()

    # What connections report.

    def run_application(self, scope: dict[str, Any], exchange: Exchange) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self.loop.create_task(self.application(scope, exchange.receive, exchange.send))
        self.tasks.add(task)
        task.add_done_callback(exchange.application_ended)
        return task

    def application_ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.late.pop(task, None)
        if self.is_draining:
            self._change.set()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StreamBroken):
            logger.error("The application failed", exc_info=error)

    def expect_end(self, task: asyncio.Task[None]) -> None:
        """Its client has left: it gets CLOSE_SECONDS to find out."""
        self.late[task] = self.now + CLOSE_SECONDS

    def forget(self, connection: Connection) -> None:
        self.open_connections.discard(connection)
        if self.is_draining:
            self._change.set()

    def application_checker(self) -> None:
        """Daphne's, once a second: forgets the WebSockets that have ended."""
        super().application_checker()
        self._change.set()

    def _sweep(self) -> None:
        """Once a second for all connections: a timer for each would cost more than it times."""
        self.now = now = self.loop.time()
        for connection in [each for each in self.open_connections if 0.0 < each.deadline < now]:
            connection.expire()
        for task in [task for task, due in self.late.items() if due < now]:
            task.cancel()
        self.loop.call_later(1.0, self._sweep)
