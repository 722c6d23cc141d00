"""Ports of this machine that nobody listens on.

No connection of another program gets one of them meanwhile.
"""

import itertools
import os
import random
import socket

BELOW_EPHEMERAL = range(12_000, 30_000)
SHARES = 6


def _ports_of_this_process() -> range:
    """Test processes that run side by side share no port.

    Until a server has bound its port, others find it free.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES
    size = len(BELOW_EPHEMERAL) // SHARES
    return BELOW_EPHEMERAL[worker * size : (worker + 1) * size]


def _in_turn(ports: range) -> "itertools.cycle[int]":
    """From anywhere in the range, so that two runs on one machine seldom meet."""
    start = random.SystemRandom().randrange(len(ports))
    return itertools.cycle([*ports[start:], *ports[:start]])


_PORTS = _in_turn(_ports_of_this_process())


def free_port() -> int:
    """The next port of this process that is free.

    It is not an ephemeral one: outgoing connections take theirs from those, so it could be gone
    before it is bound.
    """
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
