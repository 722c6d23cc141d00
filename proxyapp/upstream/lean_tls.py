"""TLS for connections that last for hours and mostly wait.

The loop's own keeps with each connection what its largest read took, up to 256 KB; here a piece is
all that is kept.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from proxyapp.vocabulary.tls_records import read_records

# OpenSSL's memory between the socket and TLS never shrinks below the most that was in it.
PIECE_BYTES = 4096


class LeanTls(asyncio.Protocol, asyncio.Transport):
    """To the socket a protocol, a transport to `protocol`, which hears of it with the handshake's
    end.
    """

    __slots__ = (
        "_error",
        "_incoming",
        "_is_ending",
        "_opened",
        "_outgoing",
        "_protocol",
        "_raw",
        "_tls",
    )

    def __init__(self, protocol: Any, context: ssl.SSLContext, host: str, raw: Any) -> None:
        self._protocol = protocol
        self._raw = raw
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._opened: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._error: Exception | None = None
        self._is_ending = False
        raw.set_protocol(self)

    async def open(self) -> None:
        """Raises OSError."""
        assert self._opened is not None  # noqa: S101
        opened = self._opened
        self._shake_hands()
        self._flush()
        await opened

    # What the socket says.

    def data_received(self, data: bytes) -> None:
        received = []
        has_ended = False
        for start in range(0, len(data), PIECE_BYTES):
            if self._is_ending or has_ended:
                break
            self._incoming.write(data[start : start + PIECE_BYTES])
            try:
                if self._opened is None or self._shake_hands():
                    part, has_ended = read_records(self._tls)
                    received.append(part)
            except ssl.SSLError as error:
                self._fail(error)
            self._flush()
        if plain := b"".join(received):
            self._protocol.data_received(plain)
        if has_ended:
            self.eof_received()

    def _shake_hands(self) -> bool:
        """Whether that is done. Raises SSLError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        opened, self._opened = self._opened, None
        self._protocol.connection_made(self)
        if opened is not None and not opened.done():
            opened.set_result(None)
        return True

    def _fail(self, error: ssl.SSLError) -> None:
        """TLS has words of its own for the peer, which wait to be sent."""
        self._error = error
        self._is_ending = True
        self._flush()
        self._raw.close()

    def eof_received(self) -> None:
        if self._opened is None and not self._is_ending:
            self._protocol.eof_received()
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_ending = True
        error = self._error or error
        opened = self._opened
        if opened is None:
            self._protocol.connection_lost(error)
        elif not opened.done():
            opened.set_exception(error or ConnectionAbortedError())

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())

    # What the protocol says.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_ending:
            return
        rest, records = memoryview(data), []
        try:
            while rest:
                rest = rest[self._tls.write(rest[:PIECE_BYTES]) :]
                records.append(self._outgoing.read())
        except ssl.SSLError as error:  # one that renegotiates now
            self._fail(error)
            return
        self._raw.write(b"".join(records))

    def close(self) -> None:
        """The peer's word for the end is not waited for."""
        if not self._is_ending:
            self._is_ending = True
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
        self._raw.close()

    def abort(self) -> None:
        self._is_ending = True
        self._raw.abort()

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        if not self._raw.is_closing():
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        if not self._raw.is_closing():
            self._raw.resume_reading()

    def is_closing(self) -> bool:
        return bool(self._raw.is_closing())

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        size: int = self._raw.get_write_buffer_size()
        return size

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls if name == "ssl_object" else self._raw.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another takes the connection over."""
        self._protocol = protocol
