"""One connection to an upstream: what the event loop calls, one clock for all waits, back-pressure
both ways.
"""

import asyncio
import select
import sys
import termios
from fcntl import ioctl
from typing import Any, Protocol

# A connection that was idle for longer is polled before it is used again, which costs 1.6 µs.
# Servers close idle ones after seconds (Node 5, nginx 75): one that was in use just now is open.
QUIET_SECONDS = 0.1


class Listener(Protocol):
    """The exchange (a request and its response) that a connection serves now."""

    @property
    def is_awaited(self) -> bool: ...

    @property
    def is_uploading(self) -> bool: ...

    def receive(self, data: memoryview) -> None: ...

    def receive_eof(self) -> None: ...

    def lose(self, error: Exception | None) -> None: ...

    def time_out(self, *, is_writing: bool) -> None: ...


class Home(Protocol):
    """Where a connection stays between two exchanges."""

    def put(self, connection: "UpstreamConnection") -> None: ...

    def forget(self, connection: "UpstreamConnection") -> None: ...


class UpstreamTransport(Protocol):
    """What is asked of a transport: uvloop's is asyncio's in all but its class."""

    def write(self, data: bytes | memoryview) -> None: ...

    def abort(self) -> None: ...

    def is_closing(self) -> bool: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_extra_info(self, name: str) -> Any:
        """Of `socket`."""

    def get_write_buffer_size(self) -> int: ...


class UpstreamConnection(asyncio.BufferedProtocol):
    """`buffer` is shared by all connections of a loop: what was read into it is consumed before the
    loop goes on.
    """

    transport: UpstreamTransport

    def __init__(self, home: Home, buffer: memoryview, read_timeout: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.idle_since = 0.0
        self._home = home
        self._buffer = buffer
        self._read_timeout = read_timeout
        self._listener: Listener | None = None
        self._is_paused = False
        self._drained: asyncio.Future[None] | None = None
        self._clock_started = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def is_dead(self, *, is_to_be_sure: bool = False) -> bool:
        """Whether an idle connection has ended, or is about to: what the kernel holds unread
        answers no request.
        """
        if self.transport.is_closing():
            return True
        is_asked = is_to_be_sure or self.loop.time() - self.idle_since > QUIET_SECONDS
        return is_asked and self._has_unread_bytes()

    def unacknowledged_bytes(self) -> int:
        """How many of the bytes that were sent last the machine at the other end has not confirmed;
        0 if unknown.

        Exact once its end of the stream is here: that message confirms all that was received before
        it.
        """
        descriptor = self._descriptor()
        if descriptor < 0:
            return 0
        try:
            return int.from_bytes(ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:
            return 0

    def begin(self, listener: Listener, data: bytes) -> None:
        self._listener = listener
        self.transport.write(data)

    def finish(self, *, is_reusable: bool) -> None:
        """Ends the exchange: the connection goes home if both sides are done with all of it, else
        it closes.
        """
        self._listener = None
        if not is_reusable or self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.abort()
            return
        self.resume_reading()
        self._home.put(self)

    def abort(self) -> None:
        self._listener = None
        self._home.forget(self)
        self.transport.abort()

    def pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_paused and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()

    async def write(self, data: bytes | memoryview) -> None:
        """Returns when there is room for more."""
        if self._has_unread_bytes():
            # A failing write closes the connection: read what may be an early answer first.
            await asyncio.sleep(0)
        self.transport.write(data)
        if self._drained is not None:
            await self._drained

    def _descriptor(self) -> int:
        """-1 when there is none any more."""
        held = self.transport.get_extra_info("socket")
        return -1 if held is None else held.fileno()

    def _has_unread_bytes(self) -> bool:
        descriptor = self._descriptor()
        if descriptor < 0:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    # What the event loop calls

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        listener = self._listener
        if listener is None:
            self.abort()  # bytes that answer no request
        else:
            listener.receive(self._buffer[:nbytes])

    def eof_received(self) -> None:
        if self._listener is not None:
            self._listener.receive_eof()
        self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        listener, self._listener = self._listener, None
        self._home.forget(self)
        if self._timer is not None:
            self._timer.cancel()
        self.resume_writing()
        if listener is not None:
            listener.lose(error)

    def pause_writing(self) -> None:
        self._drained = self.loop.create_future()
        self._clock_started = self.loop.time()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # One timer serves all waits of a connection: when it fires, it looks how long ago the current
    # wait began

    def restart_clock(self) -> None:
        self._clock_started = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_at(
                self._clock_started + self._read_timeout, self._look_at_clock
            )

    def _look_at_clock(self) -> None:
        self._timer = None
        listener = self._listener
        if listener is None or not listener.is_awaited:
            return
        now = self.loop.time()
        if listener.is_uploading and self._drained is None:
            self._clock_started = now  # it is the client who is slow
        due = self._clock_started + self._read_timeout
        if due <= now:
            listener.time_out(is_writing=self._drained is not None)
        else:
            self._timer = self.loop.call_at(due, self._look_at_clock)
