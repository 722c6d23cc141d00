"""Daphne as a proxy needs it.

Daphne's own HTTP side collects whole bodies before the application runs, buffers answers without a
bound, cuts requests at SIGTERM and reports an application's error up to a second late. Here HTTP is
`proxyapp.server.connection`; Daphne's reactor and WebSockets stay as they are.
"""

import asyncio
import functools
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from daphne.server import Server
from twisted.internet import reactor as _reactor
from twisted.logger import globalLogBeginner

from proxyapp.server import twisted_adapter
from proxyapp.server.certificate import ClientPort
from proxyapp.server.daphne_adapter import (
    DaphneConnectionFactory,
    DaphneWebSocket,
    check_daphne,
    end_websocket,
    websocket_factory,
)
from proxyapp.server.drain import RETIRE, STOP, Drain
from proxyapp.server.http_server import CLOSE_SECONDS, ConnectionLimits, HttpServer
from proxyapp.server.message_queue import MessageQueue
from proxyapp.server.websocket_handshake import MAX_MESSAGE_BYTES
from proxyapp.vocabulary.asgi import INSTEAD_OF_HANDSHAKE, LONG_WEBSOCKET, Application

LOOK_SECONDS = 0.1
# Only a client that does not read is looked at so often.
FULL_SECONDS = 0.05
GONE = {"disconnected": 0.0}
BACKLOG = 1024

reactor: Any = _reactor  # its methods come from the class that was installed
LifespanHandler = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    pass


async def _outcome(startup: LifespanHandler) -> bool:
    await startup()
    return True


def _ignore(event: dict[str, Any]) -> None:
    pass


class GatewayServer(HttpServer, Server):  # type: ignore[misc]
    """Serves `application` on sockets that are bound, and returns from `run` when it has drained.

    SIGTERM and SIGINT shut it down, SIGUSR1 retires it (see `Drain`).

    `startup` runs before they listen, `shutdown` after the last request; an error of either
    leaves `run`. Raises LibraryMismatch.
    """

    def __init__(
        self,
        application: Application,
        ports: Sequence[ClientPort],
        *,
        limits: ConnectionLimits,
        drain: Drain,
        startup: LifespanHandler = _nothing,
        shutdown: LifespanHandler = _nothing,
        on_listening: Callable[[], None] = lambda: None,
    ) -> None:
        HttpServer.__init__(self, limits)
        Server.__init__(
            self,
            application,
            endpoints=["given"],
            server_name="",
            application_close_timeout=CLOSE_SECONDS,
            websocket_max_message_size=MAX_MESSAGE_BYTES,
            websocket_max_frame_size=MAX_MESSAGE_BYTES,
            websocket_timeout=-1,  # the application says how long
        )
        twisted_adapter.check_twisted(reactor)
        check_daphne(self)
        self.ports = ports
        self.drain = drain
        self.startup = startup
        self.shutdown = shutdown
        self.on_listening = on_listening
        self.connections: dict[Any, dict[str, Any]] = {}  # Daphne's: the WebSockets
        self._change = asyncio.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        begin_logging: Any = globalLogBeginner.beginLoggingTo
        begin_logging([_ignore], redirectStandardIO=False, discardBuffer=True)
        self.loop = twisted_adapter.event_loop(reactor)
        asyncio.set_event_loop(self.loop)
        reactor.callWhenRunning(self._live)
        reactor.run(installSignalHandlers=False)
        for number in (*STOP, RETIRE):  # A late one must not turn the exit code of a clean end.
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
        draining = asyncio.Event()
        for number in STOP:
            self.loop.add_signal_handler(number, self._begin_drain, self.drain.shut_down, draining)
        self.loop.add_signal_handler(RETIRE, self._begin_drain, self.drain.retire, draining)
        if not await self._has_started(draining):
            return
        self.sweep()
        self.application_checker()
        self.timeout_checker()
        listening = self._listen()
        self.on_listening()
        await draining.wait()
        await self._drain(listening)
        await self.shutdown()

    def _listen(self) -> list[Any]:
        """Twisted's ports."""
        websockets = websocket_factory(self)
        listening = []
        for port in self.ports:
            port.socket.listen(BACKLOG)
            factory = DaphneConnectionFactory(self, websockets, port.certificate)
            listening.append(twisted_adapter.listen(reactor, port.socket, factory))
        return listening

    async def _has_started(self, draining: asyncio.Event) -> bool:
        """False: a signal came first. It may wait for long, for a connection to the database."""
        starting = self.loop.create_task(_outcome(self.startup))
        stopping = self.loop.create_task(draining.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        has_started = starting.done()
        for task in (starting, stopping):
            task.cancel()
        return has_started and await starting

    def _begin_drain(self, begin: Callable[[], None], draining: asyncio.Event) -> None:
        begin()
        draining.set()
        self._change.set()

    async def _drain(self, listening: Sequence[Any]) -> None:
        self.now = self.loop.time()
        for twisted_port in listening:
            twisted_adapter.stop_listening(twisted_port, BACKLOG)
        for port in self.ports:
            port.socket.close()
        self.is_draining = True
        for websocket in list(self.connections):
            websocket.drain(self.drain.shutdown_seconds)
        if not await self._has_emptied(lambda: not self.drain.keeps_idle()):
            await self._hasten()

    async def _hasten(self) -> None:
        for connection in list(self.open_connections):
            connection.drain()
        if not await self._has_emptied(self.drain.is_over):
            self.cut()
            for websocket in list(self.connections):
                end_websocket(websocket)
            due = self.loop.time() + CLOSE_SECONDS
            await self._has_emptied(lambda: self.loop.time() > due)

    async def _has_emptied(self, is_late: Callable[[], bool]) -> bool:
        """Whether everything ended in time."""
        while self.open_connections or self.tasks or self.connections:
            if is_late():
                return False
            self._change.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._change.wait(), LOOK_SECONDS)
        return True

    # WebSockets.

    def create_application(self, protocol: DaphneWebSocket, scope: dict[str, Any]) -> MessageQueue:
        """As Daphne's, but that the socket reads on only when its messages are taken."""
        scope.setdefault("asgi", {"version": "3.0"})
        scope["scheme"] = protocol.scheme
        # Daphne's are without a first part that two slashes are in front of.
        scope["raw_path"], scope["path"] = protocol.target.raw_path, protocol.target.path
        scope["extensions"] = {INSTEAD_OF_HANDSHAKE: {}, LONG_WEBSOCKET: protocol}
        application: Any = self.application
        coroutine = application(
            scope=scope,
            receive=protocol.next_message,
            send=functools.partial(self.handle_reply, protocol),
        )
        task = self.loop.create_task(coroutine)
        task.add_done_callback(lambda _: protocol.read_on())
        self.connections[protocol]["application_instance"] = task
        return protocol.messages

    async def handle_reply(self, protocol: DaphneWebSocket, message: dict[str, Any]) -> None:
        """Returns when the client has taken most of what was sent before."""
        await super().handle_reply(protocol, message)
        while protocol.is_full() and "disconnected" not in self.connections.get(protocol, GONE):  # noqa: ASYNC110 (Daphne tells no more)
            await asyncio.sleep(FULL_SECONDS)

    # What connections report.

    def report_change(self) -> None:
        if self.is_draining:
            self._change.set()

    def application_checker(self) -> None:
        """Daphne's, once a second: forgets the WebSockets that have ended."""
        super().application_checker()
        self._change.set()
