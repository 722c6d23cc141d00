"""TLS between a client's socket and its connection, whatever the socket's transport is.

The records are made and read here, in memory: so deadlines, back-pressure and drains stay those of
the connection, the same under both servers, and count what really waits in the socket.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from proxyapp.server.connection import ClientConnection
from proxyapp.server.http1 import RequestError
from proxyapp.vocabulary.tls_records import read_records

# How a handshake begins (RFC 8446 5.1); a request in plain HTTP begins with a letter.
HANDSHAKE = 22
PLAIN_HTTP = "This port speaks HTTPS: write https:// in the address."


class TlsTransport(asyncio.Protocol):
    """To the connection a transport (`ClientTransport`), to the socket a protocol.

    A client that says nothing costs no TLS. `close` and `write_eof` say that this is the end;
    `abort` does not, so that nothing that ends there passes for complete.
    """

    def __init__(self, connection: ClientConnection, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._protocol: Any = connection
        self._context = context
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._is_open = False
        self._is_ending = False
        self.raw: Any = None

    # What the socket says.

    def connection_made(self, transport: Any) -> None:
        self.raw = transport
        self._connection.scheme = "https"
        self._connection.connection_made(self)
        self._connection.await_handshake()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_ending = True
        self._protocol.connection_lost(error)

    def eof_received(self) -> None:
        self._client_left()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        if self._tls is None:
            if data[0] != HANDSHAKE:
                self._refuse(data)
                return
            self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._incoming.write(data)
        try:
            if not self._is_open:
                self._shake_hands(self._tls)
            received, has_left = read_records(self._tls) if self._is_open else (b"", False)
        except ssl.SSLError:
            self._flush()  # TLS has its own words for what is wrong
            self._connection.close(lingers=False)
            return
        self._flush()
        if received:
            self._protocol.data_received(received)
        if has_left:
            self._client_left()

    def _shake_hands(self, tls: ssl.SSLObject) -> None:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        self._is_open = True
        self._connection.handshake_done()

    def _refuse(self, data: bytes) -> None:
        self._is_ending = True
        connection = self._connection
        if not data[:1].isalpha():
            connection.close(lingers=False)
            return
        connection.transport, connection.write = self.raw, self.raw.write
        connection.buffer = data
        connection.refuse(RequestError(400, PLAIN_HTTP))

    def _client_left(self) -> None:
        """Who hangs up no longer waits for an answer."""
        if self._is_ending:
            return
        if self._connection.is_answering:
            self._connection.abort()
        else:
            self.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self.raw.write(self._outgoing.read())

    # What the connection says.

    def write(self, data: bytes) -> None:
        tls = self._tls
        if tls is None or self._is_ending:
            return
        sent = tls.write(data)
        if sent < len(data):  # a record at a time
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[tls.write(rest) :]
        self.raw.write(self._outgoing.read())

    def write_eof(self) -> None:
        self._end()
        self.raw.write_eof()

    def close(self) -> None:
        self._end()
        self.raw.close()

    def abort(self) -> None:
        self._is_ending = True
        self.raw.abort()

    def _end(self) -> None:
        if self._tls is not None and self._is_open and not self._is_ending:
            with suppress(ssl.SSLError):  # the client's word for the end is not waited for
                self._tls.unwrap()
            self._flush()
        self._is_ending = True

    def pause_reading(self) -> None:
        self.raw.pause_reading()

    def resume_reading(self) -> None:
        self.raw.resume_reading()

    def is_closing(self) -> bool:
        return bool(self.raw.is_closing())

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`sslcontext` tells a server's WebSockets that they are secure."""
        return self._context if name == "sslcontext" else self.raw.get_extra_info(name)

    def get_write_buffer_size(self) -> int:
        size: int = self.raw.get_write_buffer_size()
        return size

    def set_protocol(self, protocol: Any) -> None:
        """Another takes the connection over."""
        self._protocol = protocol
