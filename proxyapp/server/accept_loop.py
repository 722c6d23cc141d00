"""Takes clients' connections from a listening socket, many a turn of the event loop.

uvloop's own server takes one a turn. When a thousand clients come at once and each turn has the
streams of those before them to serve, the last one would wait for seconds.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

# So many are let in before those who are in already have their turn: about 10 ms.
MOST_A_TURN = 128
BACKLOG = 2048
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
PAUSE_SECONDS = 1.0

logger = logging.getLogger(__name__)


class AcceptLoop:
    """Begins at once. To uvicorn it is an asyncio server: `close`, then `wait_closed`."""

    def __init__(
        self, listener: socket.socket, create_protocol: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._create_protocol = create_protocol
        self._arrivals: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._is_short = False
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._listen()

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept, MOST_A_TURN)

    def _accept(self, most: int) -> None:
        for _ in range(most):
            try:
                client, _address = self._listener.accept()
            except BlockingIOError:
                self._is_short = False
                return
            except OSError as error:
                if error.errno in SHORTAGES:
                    self._wait(error)
                return  # else it is the client's: it has left, or a firewall is against it
            self._let_in(client)

    def _let_in(self, client: socket.socket) -> None:
        client.setblocking(False)
        arrival = self._loop.create_task(
            self._loop.connect_accepted_socket(self._create_protocol, client)
        )
        self._arrivals.add(arrival)
        arrival.add_done_callback(self._arrived)

    def _arrived(self, arrival: asyncio.Task[object]) -> None:
        self._arrivals.discard(arrival)
        if not arrival.cancelled() and (error := arrival.exception()):
            logger.error("A connection could not be taken", exc_info=error)

    def _wait(self, error: OSError) -> None:
        """The kernel keeps those who come until files are free again. It is said once."""
        if not self._is_short:
            logger.error(
                "New connections wait, because no more can be opened (%s): raise the limit of"
                " files (ulimit -n; LimitNOFILE= of systemd), or have fewer clients at once.",
                error.strerror,
            )
        self._is_short = True
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(PAUSE_SECONDS, self._listen)

    def close(self) -> None:
        """Those that the kernel has accepted for us are let in: they would be reset."""
        if self._listener.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)
        self._accept(BACKLOG)
        if self._pause is not None:
            self._pause.cancel()
        self._listener.close()

    async def wait_closed(self) -> None:
        """Until all that were let in have their protocol, which the server then knows."""
        if self._arrivals:
            await asyncio.wait(self._arrivals)
