"""Says what a start waits for, so that nobody takes it for one that hangs."""

import threading
import time
from collections.abc import Callable

SAY_SECONDS = 3.0


class WaitReport:
    """A thread says it every SAY_SECONDS, whatever the one that waits is stuck in.

    `reason`: what is waited for until `waits_for` knows better, which is said at once.
    """

    def __init__(self, say: Callable[[str], None], reason: str) -> None:
        self.say = say
        self._reason = reason
        self._began_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk, name="wait-report", daemon=True)

    def __enter__(self) -> "WaitReport":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """What was waited for is there; nothing is said after it."""
        self._over.set()
        self._thread.join()

    def waits_for(self, reason: str) -> None:
        if reason != self._reason:
            self._reason = reason
            self._say()

    def _talk(self) -> None:
        while not self._over.wait(SAY_SECONDS):
            self._say()

    def _say(self) -> None:
        waited = time.monotonic() - self._began_at
        self.say(f"Waits for {self._reason}: {waited:.0f} s so far.")
