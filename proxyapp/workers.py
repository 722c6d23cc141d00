"""Several worker processes on one port, and the supervisor that keeps them alive.

Each worker binds the port for itself (SO_REUSEPORT), so the kernel spreads the connections. A socket pair ties a worker
to its supervisor: the worker writes READY when it listens, and when the supervisor's end closes, whether on purpose or
because the supervisor died, the worker drains and ends.
"""

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)
READY = b"r"
POLL_SECONDS = 0.1
SHORT_LIFE_SECONDS = 5.0
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 30.0
SAME_WISH_SECONDS = 1.0


class Tie:
    """A worker's end of the socket pair."""

    def __init__(self, descriptor: int) -> None:
        self._channel = socket.socket(fileno=descriptor)
        threading.Thread(target=self._watch, name="supervisor-watch", daemon=True).start()

    def report_ready(self) -> None:
        self._channel.send(READY)

    def _watch(self) -> None:
        with suppress(ConnectionError):
            self._channel.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)


class Worker:
    """One place among the workers; its process changes."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._started_at = 0.0
        self._delay_seconds = 0.0
        self._due_at = 0.0
        self._is_ready = False

    def start(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        with theirs:
            command = [*self._command, "--worker", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])  # noqa: S603
        self._started_at = time.monotonic()
        self._is_ready = False

    def keep_alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._plan_restart(self._process.returncode)
        if self._process is None and time.monotonic() >= self._due_at:
            self.start()

    def is_ready(self) -> bool:
        if not self._is_ready and self._channel is not None:
            try:
                self._is_ready = self._channel.recv(1) == READY
            except (BlockingIOError, ConnectionError):
                return False
        return self._is_ready

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _plan_restart(self, code: int) -> None:
        """Soon at first, later and later while it keeps dying young."""
        logger.warning("A worker ended with code %d and is replaced.", code)
        self.dismiss()
        self._process = None
        now = time.monotonic()
        is_young = now - self._started_at < SHORT_LIFE_SECONDS
        self._delay_seconds = (
            min(2 * self._delay_seconds or FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS) if is_young else 0.0
        )
        self._due_at = now + self._delay_seconds

    def dismiss(self) -> None:
        """Lets it drain and end."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def hurry(self) -> None:
        if self._process is not None and self.is_alive():
            self._process.send_signal(signal.SIGTERM)


class Supervisor:
    def __init__(self, count: int, command: Sequence[str], on_listening: Callable[[], None]) -> None:
        self._workers = [Worker(command) for _ in range(count)]
        self._on_listening = on_listening
        self._signalled_at = 0.0

    def run(self) -> int:
        """The exit code: 0 after a drain that a signal asked for, 1 when a worker ended before all were ready."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        code = self._supervise()
        for worker in self._workers:
            worker.dismiss()
        while any(worker.is_alive() for worker in self._workers):
            time.sleep(POLL_SECONDS)
        return code

    def _supervise(self) -> int:
        for worker in self._workers:
            worker.start()
        while not all(worker.is_ready() for worker in self._workers):
            if self._signalled_at:
                return 0
            if not all(worker.is_alive() for worker in self._workers):
                return 1
            time.sleep(POLL_SECONDS)
        self._on_listening()
        while not self._signalled_at:
            for worker in self._workers:
                worker.keep_alive()
            time.sleep(POLL_SECONDS)
        return 0

    def _on_signal(self, *_: Any) -> None:
        """The second wish is one for haste; a terminal and a parent may both send the first."""
        now = time.monotonic()
        if self._signalled_at and now - self._signalled_at > SAME_WISH_SECONDS:
            for worker in self._workers:
                worker.hurry()
        self._signalled_at = self._signalled_at or now
