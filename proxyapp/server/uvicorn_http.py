"""uvicorn's HTTP: the strict one of `proxyapp.server.connection` on asyncio's transports.

uvicorn's own has no deadlines for headers, bodies and readers, and its parser takes what a proxy
must not.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from proxyapp.server.connection import ClientConnection
from proxyapp.server.http_server import ConnectionLimits, HttpServer
from proxyapp.server.scope import Target
from proxyapp.vocabulary.asgi import Application

_RESET = struct.pack("ii", 1, 0)


class UvicornHttpServer(HttpServer):
    """Give `protocol` to uvicorn as its HTTP protocol."""

    def __init__(self, application: Application, limits: ConnectionLimits) -> None:
        super().__init__(limits)
        self.application = application

    def protocol(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> UvicornConnection:
        if self.now == 0.0:
            self.loop = asyncio.get_running_loop()
            self.tasks = server_state.tasks
            self.sweep()
        return UvicornConnection(self, config, server_state, app_state)


class UvicornConnection(ClientConnection):
    transport: asyncio.Transport

    def __init__(
        self,
        http_server: UvicornHttpServer,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(http_server)
        self.config = config
        self.server_state = server_state
        self.app_state = app_state

    # What the loop says.

    def connection_made(self, transport: Any) -> None:
        self.server_state.connections.add(self)  # type: ignore[arg-type]
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._leave_uvicorn()
        super().connection_lost(error)

    def eof_received(self) -> None:
        """Who hangs up no longer waits for an answer."""
        if self.exchange is not None:
            self.exchange.lose()
            self.transport.abort()

    def abort(self) -> None:
        transport = self.transport
        if not transport.is_closing() or transport.get_write_buffer_size():
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET
            )
        super().abort()

    # What uvicorn says.

    def shutdown(self) -> None:
        self.server.is_draining = True
        self.drain()

    def hand_over(self, data: bytes, target: Target) -> None:
        create: Any = self.config.ws_protocol_class
        protocol = create(
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        transport = self.transport
        self._leave_uvicorn()
        protocol.connection_made(transport)
        transport.set_protocol(protocol)
        protocol.data_received(data)

    def _leave_uvicorn(self) -> None:
        self.server_state.connections.discard(self)
