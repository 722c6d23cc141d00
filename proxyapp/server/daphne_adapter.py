"""Daphne's WebSockets, on connections that begin as the gateway's own: whatever it knows of the
insides of Daphne and of autobahn, which Daphne stands on.
"""

from collections.abc import Callable, Mapping
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.protocol import Factory

from proxyapp.server.certificate import ServerCertificate
from proxyapp.server.http1 import status_line
from proxyapp.server.http_server import HttpServer
from proxyapp.server.library_check import require, require_in_code
from proxyapp.server.message_queue import MessageQueue
from proxyapp.server.scope import Target
from proxyapp.server.twisted_adapter import (
    TlsSocket,
    TwistedConnection,
    TwistedTls,
    TwistedTransport,
)
from proxyapp.server.websocket_handshake import MOST_FRAGMENTS, TOO_MANY_FRAGMENTS
from proxyapp.vocabulary.close_codes import GOING_AWAY, NO_CODE, NORMAL, TOO_BIG

LIBRARY = "Daphne"
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
    require_in_code(LIBRARY, WebSocketProtocol.serverReject, "handshake_deferred")
    require_in_code(LIBRARY, WebSocketProtocol.onClose, "protocol_disconnected")
    require("autobahn", WebSocketProtocol, "onAutoPingTimeout", "onPing", "sendMessage")
    require_in_code("autobahn", WebSocketProtocol._sendAutoPing, "autoPingPending")
    require_in_code(LIBRARY, WebSocketProtocol.onMessage, "application_queue", "put_nowait")
    require_in_code("autobahn", WebSocketProtocol.onMessageFrameEnd, "failedByMe", "frame_data")
    require_in_code("autobahn", WebSocketProtocol.onMessageBegin, "message_data")


def websocket_factory(server: Server) -> WebSocketFactory:
    factory = WebSocketFactory(server, server=server.server_name)
    factory.protocol = DaphneWebSocket
    factory.setProtocolOptions(
        autoPingTimeout=server.ping_timeout,
        allowNullOrigin=True,
        openHandshakeTimeout=server.websocket_handshake_timeout,
        maxMessagePayloadSize=server.websocket_max_message_size,
        maxFramePayloadSize=server.websocket_max_frame_size,
        failByDrop=False,  # a client that breaks a rule is told which
    )
    return factory


def end_websocket(websocket: WebSocketProtocol) -> None:
    if websocket.state == websocket.STATE_OPEN:
        websocket.sendCloseFrame(GOING_AWAY)
    else:
        websocket.dropConnection(abort=True)


class DaphneWebSocket(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's reads as fast as a client sends, into a queue without an end."""

    target: Target
    message_data: list[bytes]
    failedByMe: bool  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.messages = MessageQueue()
        self._is_paused = False
        self._on_drain: Callable[[float], None] | None = None
        self._refusal: Mapping[str, Any] | None = None

    @property
    def scheme(self) -> str:
        return "wss" if isinstance(self.transport, TlsSocket) else "ws"

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        super().onMessage(payload, isBinary)
        most = 1 if self._is_long else MOST_WAITING  # those of a session may be large
        if len(self.messages) >= most and not self._is_paused:
            self._is_paused = True
            self.transport.pauseProducing()

    def onMessageFrameEnd(self) -> None:  # noqa: N802
        super().onMessageFrameEnd()
        if not self.failedByMe and len(self.message_data) > MOST_FRAGMENTS:
            self.failedByMe = True  # what comes is kept no more
            self.message_data = []
            self.sendCloseFrame(TOO_BIG, TOO_MANY_FRAGMENTS.encode())

    async def next_message(self) -> Any:
        message = await self.messages.get()
        if not self.messages:
            self.read_on()
        return message

    def read_on(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self.transport.resumeProducing()

    # What Daphne's own does not say, or not do.

    def handle_reply(self, message: Mapping[str, Any]) -> None:
        """Also: a close with its reason, an empty message, an answer instead of the handshake."""
        kind = message["type"]
        if kind == "websocket.send" and self.state != self.STATE_CONNECTING:
            data = message.get("bytes")
            self.sendMessage(message["text"].encode() if data is None else data, data is not None)
        elif kind == "websocket.close" and self.state == self.STATE_OPEN:
            reason = message.get("reason") or ""
            self.sendCloseFrame(message.get("code") or NORMAL, reason.encode())
        elif kind == "websocket.http.response.start":
            self._refusal = message
        elif kind == "websocket.http.response.body" and self._refusal is not None:
            self._answer(self._refusal, message["body"])
        else:
            super().handle_reply(message)

    def _answer(self, start: Mapping[str, Any], body: bytes) -> None:
        """In place of the handshake."""
        lines = [name + b": " + value for name, value in start["headers"]]
        head = b"\r\n".join([*lines, b"Connection: close", b"", b""])
        self.transport.write(status_line(start["status"]) + head + body)
        self.handshake_deferred = None  # nobody waits for it any more
        self.dropConnection(abort=False)
        self.server.protocol_disconnected(self)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        """Tells the application the reason, too."""
        self.server.protocol_disconnected(self)
        said = {"code": code or NO_CODE, "reason": (reason if wasClean else "") or ""}
        self.messages.put_nowait({"type": "websocket.disconnect", **said})

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """Who does not read gets no answers: they would pile up (RFC 6455, section 5.5.3)."""
        if not self.is_full():
            super().onPing(payload)

    def onAutoPingTimeout(self) -> None:  # noqa: N802
        """Behind what waits on either side the answer to a ping waits, too."""
        if self._is_long and (self._is_paused or self.is_full()):
            self.autoPingTimeoutCall = self.autoPingPending = None
        else:
            super().onAutoPingTimeout()

    def drain(self, seconds: float) -> None:
        if self._on_drain is None:
            end_websocket(self)
        else:
            self._on_drain(seconds)

    @property
    def _is_long(self) -> bool:
        return self._on_drain is not None

    # LongWebSocket.

    @property
    def is_draining(self) -> bool:
        return bool(self.server.is_draining)

    def lengthen(self, most_bytes: int, on_drain: Callable[[float], None]) -> None:
        self.maxMessagePayloadSize = self.maxFramePayloadSize = most_bytes
        self._on_drain = on_drain

    def abort(self) -> None:
        self.transport.abortConnection()

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
        protocol.target = target
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
