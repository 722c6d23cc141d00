"""What systemd is told of a service of `Type=notify`: that it is ready, that it reads its files or
begins anew, and that it stops.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from gateway.start_environment import GIVEN

VARIABLE = "NOTIFY_SOCKET"
ABSTRACT = "@"  # in the place of the zero byte that such a name begins with


class ServiceManager:
    """Only the process that said that it is ready says more: its workers have the variable, too."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._has_said_ready = False

    def is_ready(self) -> None:
        self._has_said_ready = True
        self._tell("READY=1")

    def is_reloading(self) -> None:
        if self._has_said_ready:
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def has_reloaded(self) -> None:
        if self._has_said_ready:
            self._tell("READY=1")

    def is_stopping(self) -> None:
        if self._has_said_ready:
            self._has_said_ready = False
            self._tell("STOPPING=1")

    def _tell(self, what: str) -> None:
        """Nobody waits for a manager that does not listen."""
        name = self._environment.get(VARIABLE, "")
        if not name.startswith(("/", ABSTRACT)):
            return
        address = f"\0{name[1:]}" if name.startswith(ABSTRACT) else name
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(what.encode(), address)


MANAGER = ServiceManager(GIVEN)
