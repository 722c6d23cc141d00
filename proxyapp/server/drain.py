"""When a serving process goes, and how long it waits for its clients. Both servers follow it."""

import signal
import time
from collections.abc import Callable

RETIRE = signal.SIGUSR1
STOP = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 0.25
SAME_SIGNAL_SECONDS = 1.0


def _nothing() -> None:
    pass


class Drain:
    """A shutdown is prompt; who is retired has a successor on the port, so nobody waits for it to
    end.

    Each answer is its connection's last from the beginning on. In a shutdown idle connections stay
    for GRACE_SECONDS, because a request may be on its way, and requests for `shutdown_seconds`. A
    retired process leaves idle connections until they time out as ever, so that no client meets a
    connection that is just being closed; after `retirement_seconds` it shuts down.
    """

    def __init__(
        self,
        shutdown_seconds: float,
        retirement_seconds: float = 0.0,
        on_begin: Callable[[], None] = _nothing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shutdown_seconds = shutdown_seconds
        self._retirement_seconds = retirement_seconds
        self._on_begin = on_begin
        self._clock = clock
        self._shutdown_at: float | None = None
        self._asked_at: float | None = None
        self.is_hurried = False

    @property
    def has_begun(self) -> bool:
        return self._shutdown_at is not None

    def retire(self) -> None:
        if self._shutdown_at is None:
            self._shutdown_at = self._clock() + self._retirement_seconds
            self._on_begin()

    def shut_down(self) -> None:
        """A terminal, a supervisor and a parent may all ask for it; who asks later is in a
        hurry.
        """
        now = self._clock()
        if self._asked_at is None:
            has_begun, self._asked_at = self.has_begun, now
            self._shutdown_at = now if self._shutdown_at is None else min(self._shutdown_at, now)
            if not has_begun:
                self._on_begin()
        elif now - self._asked_at > SAME_SIGNAL_SECONDS:
            self.is_hurried = True

    def keeps_idle(self) -> bool:
        return not self._is_past(GRACE_SECONDS)

    def is_over(self) -> bool:
        """What has not ended by now is cut."""
        return self._is_past(self.shutdown_seconds)

    def _is_past(self, seconds: float) -> bool:
        return self.is_hurried or (
            self._shutdown_at is not None and self._clock() >= self._shutdown_at + seconds
        )
