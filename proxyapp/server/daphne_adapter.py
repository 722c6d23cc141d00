"""Daphne's WebSockets, on connections that begin as the gateway's own: whatever it knows of the
insides of Daphne and of autobahn, which Daphne stands on.
"""

import asyncio
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.protocol import Factory

from proxyapp.server.certificate import ServerCertificate
from proxyapp.server.http_server import HttpServer
from proxyapp.server.library_check import require, require_in_code
from proxyapp.server.scope import Target
from proxyapp.server.twisted_adapter import (
    TlsSocket,
    TwistedConnection,
    TwistedTls,
    TwistedTransport,
)

LIBRARY = "Daphne"
GOING_AWAY = 1001
# Messages that wait for the application before the socket is read no further.
MOST_WAITING = 4
# As asyncio's own transports, which uvicorn stands on.
FULL_BYTES = 64 * 1024


def check_daphne(server: Server) -> None:
    """Raises LibraryMismatch."""
    require(LIBRARY, Server, "application_checker", "timeout_checker")
    require(
        LIBRARY,
        server,
        "ping_timeout",
        "server_name",
        "websocket_handshake_timeout",
        "websocket_max_frame_size",
        "websocket_max_message_size",
    )
    require_in_code(LIBRARY, Server.protocol_connected, "connections")
    require_in_code(LIBRARY, WebSocketProtocol.onConnect, "_raw_query_string")
    require("autobahn", WebSocketProtocol, "STATE_OPEN", "dropConnection", "sendCloseFrame")
    require_in_code(LIBRARY, WebSocketProtocol.check_timeouts, "state")
    require_in_code(LIBRARY, WebSocketProtocol.onMessage, "application_queue", "put_nowait")


def websocket_factory(server: Server) -> WebSocketFactory:
    factory = WebSocketFactory(server, server=server.server_name)
    factory.protocol = DaphneWebSocket
    factory.setProtocolOptions(
        autoPingTimeout=server.ping_timeout,
        allowNullOrigin=True,
        openHandshakeTimeout=server.websocket_handshake_timeout,
        maxMessagePayloadSize=server.websocket_max_message_size,
        maxFramePayloadSize=server.websocket_max_frame_size,
    )
    return factory


def end_websocket(websocket: WebSocketProtocol) -> None:
    if websocket.state == websocket.STATE_OPEN:
        websocket.sendCloseFrame(GOING_AWAY)
    else:
        websocket.dropConnection(abort=True)


class DaphneWebSocket(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's reads as fast as a client sends, into a queue without an end."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self._is_paused = False

    @property
    def scheme(self) -> str:
        return "wss" if isinstance(self.transport, TlsSocket) else "ws"

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        super().onMessage(payload, isBinary)
        if self.messages.qsize() >= MOST_WAITING and not self._is_paused:
            self._is_paused = True
            self.transport.pauseProducing()

    async def next_message(self) -> Any:
        message = await self.messages.get()
        if self.messages.empty():
            self.read_on()
        return message

    def read_on(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self.transport.resumeProducing()

    def is_full(self) -> bool:
        """Whether more waits for the client than it takes at once."""
        transport = self.transport
        if not isinstance(transport, TlsSocket):
            transport = TwistedTransport(transport)
        return bool(transport.get_write_buffer_size() > FULL_BYTES)


class DaphneConnection(TwistedConnection):
    def __init__(self, server: HttpServer, websockets: WebSocketFactory, address: Any) -> None:
        super().__init__(server)
        self._address = address
        self._websockets = websockets

    def hand_over(self, data: bytes, target: Target) -> None:
        protocol: Any = self._websockets.buildProtocol(self._address)
        protocol._raw_query_string = target.query
        self.transport.set_protocol(protocol)
        protocol.dataReceived(data)


class DaphneConnectionFactory(Factory[DaphneConnection | TwistedTls]):
    noisy = False

    def __init__(
        self,
        server: HttpServer,
        websockets: WebSocketFactory,
        certificate: ServerCertificate | None = None,
    ) -> None:
        self._server = server
        self._websockets = websockets
        self._certificate = certificate

    def buildProtocol(self, address: Any) -> DaphneConnection | TwistedTls:  # noqa: N802
        connection = DaphneConnection(self._server, self._websockets, address)
        if self._certificate is None:
            return connection
        return TwistedTls(connection, self._certificate.context)
