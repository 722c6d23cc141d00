"""uvicorn's WebSockets: for clients that break the protocol before they are let in, which it only
asserts that none does, and for sessions of hours.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from proxyapp.server.drain import Drain
from proxyapp.server.http_server import HttpServer
from proxyapp.server.websocket_handshake import MOST_FRAGMENTS, TOO_MANY_FRAGMENTS
from proxyapp.vocabulary.asgi import LONG_WEBSOCKET
from proxyapp.vocabulary.close_codes import INVALID_DATA, TOO_BIG


class UvicornWebSocket(WebSocketsSansIOProtocol):
    """Gives the application a LongWebSocket (vocabulary.asgi)."""

    def __init__(self, http_server: HttpServer, drain: Drain, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._http_server = http_server
        self._drain = drain
        self._on_drain: Callable[[float], None] | None = None

    async def run_asgi(self) -> None:
        extensions: Any = self.scope.setdefault("extensions", {})
        extensions[LONG_WEBSOCKET] = self
        await super().run_asgi()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def handle_ping(self) -> None:
        """Who does not read gets no answers: they would pile up (RFC 6455, section 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.frames = []
            self.conn.fail(TOO_BIG, TOO_MANY_FRAGMENTS)
            self.handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        """uvicorn writes down a traceback for each text that is none."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        """Behind what waits on either side the answer to a ping waits, too."""
        if self._is_long and (self.read_paused or not self.writable.is_set()):
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()

    def shutdown(self) -> None:
        """Also called a second time, for whoever has not ended in time."""
        if self._on_drain is None or self._http_server.is_cut:
            super().shutdown()
        else:
            self._on_drain(self._drain.shutdown_seconds)

    @property
    def _is_long(self) -> bool:
        return self._on_drain is not None

    # LongWebSocket.

    @property
    def is_draining(self) -> bool:
        return self._http_server.is_draining

    def lengthen(self, most_bytes: int, on_drain: Callable[[float], None]) -> None:
        self.conn.max_message_size = most_bytes
        self._on_drain = on_drain

    def abort(self) -> None:
        self.transport.abort()
