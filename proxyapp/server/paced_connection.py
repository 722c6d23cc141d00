"""A client's connection at the client's pace: an answer waits for whoever reads it slowly."""

import asyncio
import fcntl
import sys
import termios
from collections.abc import Callable
from typing import Any

from proxyapp.server.http_server import HttpServer
from proxyapp.server.transport import ClientTransport

LINGER_SECONDS = 30.0
SLOWEST = 500  # bytes a second, on the whole, of a body that comes and of an answer that is read


class PacedConnection(asyncio.Protocol):
    """`write` is the transport's own: every response goes through it."""

    transport: ClientTransport
    write: Callable[[bytes], None]
    scheme = "http"

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.limits = server.limits
        self.client: tuple[str, int] = ("", 0)
        self.local: tuple[str, int] = ("", 0)
        self.deadline = 0.0  # 0: nothing is due from the client
        self.unread = 0
        self.is_stalled = False
        self.is_reading = True
        self.is_closing = False
        self._writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.write = transport.write
        self.client = (transport.get_extra_info("peername") or self.client)[:2]
        self.local = (transport.get_extra_info("sockname") or self.local)[:2]
        self.deadline = self.server.now + self.limits.idle

    def await_handshake(self) -> None:
        """TLS's, which has as much time as a request's headers."""
        self.deadline = self.server.now + self.limits.head

    def handshake_done(self) -> None:
        if not self.server.is_draining:
            self.deadline = self.server.now + self.limits.idle

    # Reading and writing.

    def pause_writing(self) -> None:
        if not self.is_closing:
            self.is_stalled = True
            self.await_reader()

    def resume_writing(self) -> None:
        self.is_stalled = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    async def until_writable(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()
        await self._writable

    def await_reader(self) -> None:
        self.unread = self._unread_bytes()
        self.deadline = self.server.now + self.limits.stall

    def has_read_on(self) -> bool:
        """Whether a stalled reader has taken something worth its time since `await_reader`."""
        return self.unread - self._unread_bytes() > SLOWEST * self.limits.stall

    def _unread_bytes(self) -> int:
        """What waits for the client here and in the kernel, which may be megabytes."""
        transport = self.transport
        queue = _kernel_queue(transport.get_extra_info("socket").fileno())
        return transport.get_write_buffer_size() + queue

    def read_later(self) -> None:
        if self.is_reading:
            self.is_reading = False
            self.deadline = 0.0
            self.transport.pause_reading()

    def read_on(self) -> None:
        if not self.is_reading:
            self.is_reading = True
            self.transport.resume_reading()

    # Ends.

    def close(self, *, lingers: bool) -> None:
        """A client that is still sending would lose the answer to a reset, so it may go on for a
        while, unheard.
        """
        self.is_closing = True
        self.deadline = self.server.now + LINGER_SECONDS
        if lingers:
            self.transport.write_eof()
            self.read_on()
        else:
            self.transport.close()

    def abort(self) -> None:
        """With a reset, so that nothing that ends here passes for complete."""
        self.is_closing = True
        self.transport.abort()


def _kernel_queue(descriptor: int) -> int:
    """The bytes of a socket that its peer has not confirmed; 0 where the system does not tell."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0
