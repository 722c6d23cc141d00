"""Twisted's side of a client's socket, under uvloop.

When a reset arrives together with data, uvloop calls the reader once and then never again. The data
is read, and the reset would be noticed only when the connection's time is up.
"""

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.main import CONNECTION_LOST


class ClientTransport(tcp.Server):
    def doRead(self) -> Any:  # noqa: N802
        why = super().doRead()
        if (
            why is None
            and self.connected
            and self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        ):
            return CONNECTION_LOST
        return why
