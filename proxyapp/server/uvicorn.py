"""The same application under uvicorn, for those who prefer it."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import Protocol

from proxyapp.server.accept_loop import AcceptLoop
from proxyapp.server.certificate import ClientPort, ServerCertificate
from proxyapp.server.drain import RETIRE, STOP, Drain
from proxyapp.server.http_server import CLOSE_SECONDS, ConnectionLimits
from proxyapp.server.library_check import require, require_in_code
from proxyapp.server.tls import TlsTransport
from proxyapp.server.uvicorn_http import UvicornConnection, UvicornHttpServer
from proxyapp.server.uvicorn_websocket import UvicornWebSocket
from proxyapp.server.websocket_handshake import MAX_MESSAGE_BYTES

LIBRARY = "uvicorn"
LOOK_SECONDS = 0.05


def check_uvicorn(server: Server) -> None:
    """Raises LibraryMismatch."""
    require(LIBRARY, Server, "handle_exit", "main_loop", "shutdown", "startup")
    require(LIBRARY, server, "force_exit", "server_state", "should_exit", "started")
    require(LIBRARY, server.server_state, "connections", "tasks")
    require_in_code(LIBRARY, Server.startup, "lifespan", "servers")
    require_in_code(LIBRARY, Config.load, "ws_protocol_class")
    require(
        LIBRARY,
        WebSocketsSansIOProtocol,
        *("handle_cont", "handle_parser_exception", "handle_ping", "keepalive_timeout", "run_asgi"),
        *("schedule_ping", "send_receive_event_to_app", "shutdown"),
    )
    require_in_code(LIBRARY, WebSocketsSansIOProtocol.handle_cont, "frames")
    require_in_code(LIBRARY, WebSocketsSansIOProtocol.connection_made, "transport")
    require_in_code(LIBRARY, WebSocketsSansIOProtocol.__init__, "conn", "read_paused", "writable")
    require_in_code(LIBRARY, WebSocketsSansIOProtocol.handle_connect, "scope")
    require_in_code(LIBRARY, Protocol.__init__, "max_message_size")


class UvicornServer(Server):
    """Ends with exit code 0 after a drain, and flushes even when a second signal cuts the drain
    short.
    """

    def __init__(
        self,
        config: Config,
        http_server: UvicornHttpServer,
        ports: Sequence[ClientPort],
        drain: Drain,
        on_listening: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ports = ports
        self._http_server = http_server
        self._drain = drain
        self._on_listening = on_listening
        self._is_ending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Without a socket uvicorn's own makes no server: ours takes many clients at once."""
        self._loop = asyncio.get_running_loop()
        signal.signal(RETIRE, self._retire)
        try:
            await super().startup([])
        except SystemExit:
            if not self.should_exit:
                raise
            # A signal came first: that is no failure, and what was begun ends without a traceback.
            self.lifespan.startup_failed = True
        if self.started:
            self.servers = [
                AcceptLoop(each.socket, partial(self._create_protocol, each.certificate))  # type: ignore[misc]
                for each in self._ports
            ]
            self._on_listening()

    def _create_protocol(self, certificate: ServerCertificate | None) -> asyncio.Protocol:
        connection = self._http_server.protocol(self.config, self.server_state, self.lifespan.state)
        return TlsTransport(connection, certificate.context) if certificate else connection

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn would die of the signals that it captured."""
        self._drain.shut_down()
        self._end()
        self.force_exit = self._drain.is_hurried
        if not self.started and (lifespan := getattr(self, "lifespan", None)):
            lifespan.should_exit = True
            lifespan.startup_event.set()  # which may wait for long, for the database

    def _retire(self, sig: int, frame: FrameType | None) -> None:
        self._drain.retire()
        self._end()

    def _end(self) -> None:
        """Called by a signal, which may have interrupted the loop's wait."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._is_ending.set)

    async def main_loop(self) -> None:
        """uvicorn's looks ten times a second whether it should end."""
        await self._is_ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
            await server.wait_closed()
        self._announce_the_end()
        await self._until_ended(lambda: not self._drain.keeps_idle())
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not await self._until_ended(self._drain.is_over):
            self._http_server.cut()
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()

    async def _until_ended(self, is_late: Callable[[], bool]) -> bool:
        """Whether all connections ended in time."""
        while self.server_state.connections:
            if is_late():
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    def _announce_the_end(self) -> None:
        """Each answer is its connection's last now; WebSockets end, and idle connections wait for a
        last request.
        """
        self._http_server.is_draining = True
        for connection in list(self.server_state.connections):
            if not isinstance(connection, UvicornConnection):
                connection.shutdown()


def run(
    application: Any,
    ports: Sequence[ClientPort],
    *,
    drain: Drain,
    on_listening: Callable[[], None],
) -> None:
    """Returns when it has drained. Raises LibraryMismatch."""
    http_server = UvicornHttpServer(application, ConnectionLimits.of_settings())
    config = Config(
        application,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        http=http_server.protocol,  # type: ignore[arg-type]
        ws=partial(UvicornWebSocket, http_server, drain),  # type: ignore[arg-type]
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(CLOSE_SECONDS),  # what the drain has cut gets so long
    )
    server = UvicornServer(config, http_server, ports, drain, on_listening)
    check_uvicorn(server)
    for number in (*STOP, RETIRE):  # uvicorn puts back what it finds here, before the process ends.
        signal.signal(number, signal.SIG_IGN)
    server.run(sockets=[each.socket for each in ports])
