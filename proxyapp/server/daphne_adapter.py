"""Daphne's WebSockets, on connections that begin as the gateway's own: whatever it knows of the
insides of Daphne and of autobahn, which Daphne stands on.
"""

from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.protocol import Factory

from proxyapp.server.http_server import HttpServer
from proxyapp.server.library_check import require, require_in_code
from proxyapp.server.scope import Target
from proxyapp.server.twisted_adapter import TwistedConnection

LIBRARY = "Daphne"
GOING_AWAY = 1001


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


def websocket_factory(server: Server) -> WebSocketFactory:
    factory = WebSocketFactory(server, server=server.server_name)
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


class DaphneConnectionFactory(Factory[DaphneConnection]):
    noisy = False

    def __init__(self, server: HttpServer, websockets: WebSocketFactory) -> None:
        self._server = server
        self._websockets = websockets

    def buildProtocol(self, address: Any) -> DaphneConnection:  # noqa: N802
        return DaphneConnection(self._server, self._websockets, address)
