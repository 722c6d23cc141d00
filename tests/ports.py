"""Ports of this machine that nobody listens on, and that no connection of another program gets meanwhile."""

import random
import socket

BELOW_EPHEMERAL = range(12_000, 30_000)


def free_port() -> int:
    """Outgoing connections take theirs from the ephemeral ports, so one of those can be gone before it is bound."""
    ports = random.SystemRandom().sample(BELOW_EPHEMERAL, 50)
    return next(port for port in ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
