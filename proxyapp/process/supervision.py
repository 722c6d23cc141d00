"""What a start with several workers ends in: the same process, with a small program in it.

A start has imported all of Django; whoever looks after the workers needs none of it. So the process
begins anew, with its number, its environment and its sockets, and reads here what the start has
found out.
"""

import json
import logging.config
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from socket import socket
from typing import Any, NoReturn

from gateway.start_environment import GIVEN
from proxyapp.process import listener
from proxyapp.process.sighup import Terminal
from proxyapp.process.start_error import StartError
from proxyapp.process.supervisor import Commands, Supervisor
from proxyapp.server.drain import STOP
from proxyapp.vocabulary.terminal import tell

OPTION = "--supervise"


@dataclass(frozen=True)
class Supervision:
    """`worker` and `preparation` are commands; `greeting` is said once workers serve. `listeners`:
    of each worker a socket for each port.

    It goes through a pipe that nobody reads yet, so it has to be short (16 KB).
    """

    host: str
    ports: Sequence[int]
    listeners: Sequence[Sequence[int]]
    worker: Sequence[str]
    preparation: Sequence[str]
    greeting: Sequence[str]
    logging: dict[str, Any]
    is_terminal_heeded: bool

    def run(self) -> int:
        """The exit code."""
        logging.config.dictConfig(self.logging)
        return Supervisor(
            [[socket(fileno=each) for each in of_worker] for of_worker in self.listeners],
            partial(listener.bind_all, self.host, self.ports),
            Commands(self.worker, self.preparation, GIVEN),
            Terminal(matters=self.is_terminal_heeded),
            on_listening=lambda: tell("\n".join(self.greeting)),
        ).run()


def begin(
    supervision: Supervision, command: Sequence[str], environment: dict[str, str]
) -> NoReturn:
    """`command` is this program's, for lists of processes. Raises StartError."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        json.dump(asdict(supervision), pipe)
    for each in (reading, *chain.from_iterable(supervision.listeners)):
        os.set_inheritable(each, True)
    # Those that come before the small program can act on them wait for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        os.execve(command[0], [*command, OPTION, str(reading)], environment)  # noqa: S606
    except OSError as error:
        raise StartError(f"{command[0]} cannot be started again: {error.strerror}.") from error


def go_on(descriptor: str) -> int:
    """The exit code."""
    try:
        with os.fdopen(int(descriptor)) as pipe:
            given = json.load(pipe)
    except (ValueError, OSError):
        sys.exit(f"{OPTION} is what the gateway says to itself: use --workers.")
    return Supervision(**given).run()
