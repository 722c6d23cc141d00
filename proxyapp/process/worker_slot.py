"""A worker's slot: a share of the ports, which outlives the workers that hold it one after the
other.

The kernel spreads connections over the sockets that are bound to one port (SO_REUSEPORT). The
supervisor owns them, so that what waits in the queue of one is not lost with a worker that dies or
is retired: the next one accepts it.
"""

import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from proxyapp.process.listener import ListenError
from proxyapp.process.worker import Worker

YOUNG_SECONDS = 1.0
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 30.0

logger = logging.getLogger(__name__)


class WorkerSlot:
    """`listeners` do not listen, nor does what `bind` makes to take their place: the first worker
    makes them listen when it is ready.
    """

    def __init__(
        self,
        listeners: list[socket.socket],
        bind: Callable[[], list[socket.socket]],
        start: Callable[[Sequence[socket.socket]], Worker],
    ) -> None:
        self._bind = bind
        self._start = start
        self._delay_seconds = 0.0
        self._due_at = 0.0
        self.listeners = listeners
        self.worker: Worker | None = None

    def start(self) -> Worker:
        self.worker = self.start_successor()
        return self.worker

    def start_successor(self) -> Worker:
        return self._start(self.listeners)

    def hand_to(self, successor: Worker) -> None:
        self.worker = successor
        self._delay_seconds = 0.0

    def keep_held(self, now: float) -> Worker | None:
        """Replaces a worker that died.

        Returns one that leaves by itself; it has a successor already.
        """
        worker = self.worker
        if worker is None:
            if now >= self._due_at:
                self.start()
        elif not worker.is_alive():
            self._replace_dead(worker, now)
        elif worker.is_leaving():
            self.start()
            return worker
        return None

    def _replace_dead(self, worker: Worker, now: float) -> None:
        """One that served is replaced at once.

        Failed starts come later and later, and clients don't wait for them.
        """
        logger.warning("A worker ended with code %s and is replaced.", worker.code)
        has_failed = not worker.is_ready() or self._is_young(worker, now)
        worker.dismiss()
        self.worker = None
        self._delay_seconds = (
            min(2 * self._delay_seconds or FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS) * has_failed
        )
        self._due_at = now + self._delay_seconds
        if has_failed:
            self._listen_no_more()
        else:
            self.start()

    def _is_young(self, worker: Worker, now: float) -> bool:
        """Who kills it, or runs out of memory, tells nothing of the next one."""
        return now - (worker.ready_at or 0.0) < YOUNG_SECONDS and worker.code != -signal.SIGKILL

    def _listen_no_more(self) -> None:
        """The kernel gives new connections to the other slots until a worker is ready here."""
        with suppress(ListenError):
            before, self.listeners = self.listeners, self._bind()
            for listener in before:
                listener.close()

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()
