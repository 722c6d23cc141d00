"""Several worker processes on the same ports: kept alive, replaced one and all, sent home at the
end.

It runs for as long as the gateway and serves nobody: nothing that it needs may import Django
(`proxyapp.process.supervision`).
"""

import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxyapp.process.rolling_restart import RollingRestart
from proxyapp.process.service_manager import MANAGER
from proxyapp.process.sighup import Terminal, hear_hangups
from proxyapp.process.worker import Worker
from proxyapp.process.worker_slot import WorkerSlot
from proxyapp.server.drain import SAME_SIGNAL_SECONDS, STOP

POLL_SECONDS = 0.1
# While nothing is under way: signals, deaths and reports of workers wake it.
IDLE_SECONDS = 10.0
# Workers start together; one that needs longer than the first and this waits for something, such as
# a connection to the database, and says for what.
LATE_SECONDS = 5.0


@dataclass(frozen=True)
class Commands:
    """`worker` serves, `preparation` does first what has to be done once; both in the same
    environment.
    """

    worker: Sequence[str]
    preparation: Sequence[str]
    environment: Mapping[str, str]


class Supervisor:
    """SIGTERM and SIGINT end it; SIGHUP asks for a rolling restart."""

    def __init__(
        self,
        listeners: Sequence[list[socket.socket]],
        bind: Callable[[], list[socket.socket]],
        commands: Commands,
        terminal: Terminal,
        on_listening: Callable[[], None],
    ) -> None:
        self._commands = commands
        self._terminal = terminal
        self._on_listening = on_listening
        self._slots = [WorkerSlot(each, bind, self._worker) for each in listeners]
        self._leaving: list[Worker] = []
        self._restart: RollingRestart | None = None
        self._wants_restart = False
        self._signalled_at = 0.0
        self._wakeup, self._alarm = socket.socketpair()

    def _worker(self, listeners: Sequence[socket.socket]) -> Worker:
        return Worker(self._commands.worker, listeners, self._commands.environment)

    def run(self) -> int:
        """The exit code: 0 after a drain that a signal asked for, 1 when a worker ended before all
        were ready.
        """
        self._hear_signals()
        code = self._supervise()
        self._end_workers()
        return code

    def _hear_signals(self) -> None:
        for end in (self._wakeup, self._alarm):
            end.setblocking(False)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        for number in STOP:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # for the wakeup
        hear_hangups(self._on_hangup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)  # which were held while this came to be

    def _on_stop(self, *_: Any) -> None:
        """The second wish is one for haste; a terminal and a parent may both send the first."""
        now = time.monotonic()
        if self._signalled_at and now - self._signalled_at > SAME_SIGNAL_SECONDS:
            for worker in self._workers():
                worker.hurry()
        self._signalled_at = self._signalled_at or now

    def _on_hangup(self, *_: Any) -> None:
        if self._terminal.has_closed():
            self._on_stop()
        self._wants_restart = True

    def _wait(self, seconds: float = POLL_SECONDS) -> None:
        """Until a signal, of a child too, a report of a worker in its slot, or so long."""
        workers = [slot.worker for slot in self._slots if slot.worker]
        channels = [worker.channel for worker in workers if worker.channel]
        if self._wakeup in select.select([self._wakeup, *channels], [], [], seconds)[0]:
            self._wakeup.recv(4096)

    def _is_quiet(self) -> bool:
        has_all = all(slot.worker for slot in self._slots)
        return has_all and self._restart is None and not self._wants_restart

    def _workers(self) -> list[Worker]:
        return [*self._leaving, *(slot.worker for slot in self._slots if slot.worker)]

    def _supervise(self) -> int:
        started = [slot.start() for slot in self._slots]
        while not _may_serve(started, time.monotonic()):
            if self._signalled_at:
                return 0
            if not all(worker.is_alive() for worker in started):
                return 1
            self._wait()
        self._on_listening()
        MANAGER.is_ready()
        while not self._signalled_at:
            self._keep()
            self._wait(IDLE_SECONDS if self._is_quiet() else POLL_SECONDS)
        return 0

    def _keep(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            leaver = slot.keep_held(now)
            self._leaving += [leaver] if leaver else []
        self._leaving = [worker for worker in self._leaving if worker.is_alive()]
        if self._restart is None and self._wants_restart:
            self._wants_restart = False
            MANAGER.is_reloading()
            self._restart = RollingRestart(
                self._slots, self._commands.preparation, self._commands.environment, now
            )
        leavers = self._restart.step(now) if self._restart else None
        if leavers is not None:
            self._leaving += leavers
            self._restart = None
            MANAGER.has_reloaded()

    def _end_workers(self) -> None:
        """The port closes with the last of its sockets: with the supervisor's, or with those of a
        worker's drain.
        """
        MANAGER.is_stopping()
        if self._restart:
            self._leaving += self._restart.cancel()
        for worker in self._workers():
            worker.dismiss()
        for slot in self._slots:
            slot.close()
        while any(worker.is_alive() for worker in self._workers()):
            self._wait()


def _may_serve(started: Sequence[Worker], now: float) -> bool:
    """All are ready, or some have been for a while, and the rest comes later."""
    ready = [worker.ready_at for worker in started if worker.is_ready() and worker.ready_at]
    return len(ready) == len(started) or (bool(ready) and now - min(ready) > LATE_SECONDS)
