"""A worker process, from both ends.

A socket pair ties it to its supervisor: the worker writes READY when it listens and LEAVING when it
stops to; when the supervisor's end closes, whether on purpose or because the supervisor died, the
worker drains and ends.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from proxyapp.server.drain import RETIRE

READY = b"r"
LEAVING = b"l"


class SupervisorLink:
    """A worker's end of the socket pair."""

    def __init__(self, descriptor: int) -> None:
        self._channel = socket.socket(fileno=descriptor)
        threading.Thread(target=self._watch, name="supervisor-watch", daemon=True).start()

    def report_ready(self) -> None:
        self._report(READY)

    def report_leaving(self) -> None:
        self._report(LEAVING)

    def _report(self, what: bytes) -> None:
        with suppress(OSError):  # a supervisor that is gone needs no report
            self._channel.send(what)

    def _watch(self) -> None:
        with suppress(ConnectionError):
            self._channel.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)


class Worker:
    """The supervisor's view of one process, which starts with this object."""

    def __init__(
        self,
        command: Sequence[str],
        listeners: Sequence[socket.socket],
        environment: Mapping[str, str],
    ) -> None:
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        self._reports = b""
        self._may_report = True
        self.ready_at: float | None = None
        with theirs:
            given = [each.fileno() for each in listeners]
            sockets = ",".join(map(str, given))
            self._process = subprocess.Popen(  # noqa: S603
                [*command, "--worker", str(theirs.fileno()), "--listener", sockets],
                pass_fds=[theirs.fileno(), *given],
                env=environment,
            )

    def is_ready(self) -> bool:
        self._hear()
        return self.ready_at is not None

    def is_leaving(self) -> bool:
        self._hear()
        return LEAVING in self._reports

    @property
    def channel(self) -> socket.socket | None:
        """Where its next report comes; None once there can be none."""
        return self._channel if self._may_report else None

    def _hear(self) -> None:
        try:
            report = self._channel.recv(16) if self._may_report else b""
        except BlockingIOError:
            return  # nothing new
        except OSError:
            report = b""
        self._may_report = bool(report)
        self._reports += report
        if self.ready_at is None and READY in self._reports:
            self.ready_at = time.monotonic()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """None: it is alive. Negative: the signal that it died of."""
        return self._process.poll()

    def retire(self) -> None:
        """It has a successor: it stops accepting and ends when nobody needs it any more."""
        if self.is_alive():
            self._process.send_signal(RETIRE)

    def dismiss(self) -> None:
        """Lets it drain and end; one that does not serve yet ends at once."""
        if not self.is_ready() and self.is_alive():
            self._process.kill()
        self._may_report = False
        self._channel.close()

    def hurry(self) -> None:
        if self.is_alive():
            self._process.send_signal(signal.SIGTERM)
