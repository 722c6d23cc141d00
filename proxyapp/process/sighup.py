"""What a SIGHUP means: the terminal of a foreground program has closed, or an operator wants a
restart.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType

ADVICE = b"SIGHUP: the start goes on; without a gap only `serve --workers 2` can begin anew.\n"


class Terminal:
    """`matters` False: that it closes means nothing."""

    def __init__(self, *, matters: bool) -> None:
        self.matters = matters

    def has_closed(self) -> bool:
        return self.matters and not has_terminal()


def has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


# Under nohup a terminal that closes means nothing.
AT_START = Terminal(
    matters=has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
)


def hold_hangups() -> None:
    """One that comes before somebody can act on it waits for `hear_hangups`, instead of ending the
    process.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def hear_hangups(hear: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGHUP, hear)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def survive_hangups() -> None:
    """For a process without workers, until it listens: it ends in order with its terminal, and goes
    on otherwise.
    """

    def hear(number: int, frame: FrameType | None) -> None:
        if not _ends_with_terminal():
            os.write(2, ADVICE)  # whatever the signal has interrupted may hold the locks of the log

    hear_hangups(hear)


def reload_at_hangups(reload: Callable[[], None]) -> None:
    """From now on, and instead of the advice. Wants the running loop that will call `reload`.

    The handler is not the loop's, which would take it along when it closes: from then on a hangup
    would kill the process.
    """
    loop = asyncio.get_running_loop()

    def hear(number: int, frame: FrameType | None) -> None:
        if not _ends_with_terminal():
            loop.call_soon_threadsafe(reload)

    signal.signal(signal.SIGHUP, hear)


def ignore_hangups() -> None:
    """For a process that ends already."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _ends_with_terminal() -> bool:
    if not AT_START.has_closed():
        return False
    signal.raise_signal(signal.SIGTERM)
    return True
