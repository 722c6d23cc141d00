"""uvicorn's WebSockets, for clients that break the protocol before they are let in: it only asserts
that none does.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class UvicornWebSocket(WebSocketsSansIOProtocol):
    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:
            self.transport.abort()
        else:
            super().handle_parser_exception()
