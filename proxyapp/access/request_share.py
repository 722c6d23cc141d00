"""What one process holds of a limit of requests: leased, used and given back in memory."""

import asyncio
import time
from dataclasses import dataclass

from proxyapp.access.limit_windows import LimitWindow, window_at

# After a lease that brought nothing: another process gives back what it does not use within about
# a second, so that a look twice in that time misses little and costs two statements a second.
RECHECK_SECONDS = 0.5


@dataclass(slots=True)
class Share:
    """What this process holds of one limit of one token.

    `got`: all that it got in this window. `owed`: how much of that it gave itself, unknown to the
    database.
    """

    limit: int
    place: LimitWindow
    left: int = 0
    got: int = 0
    owed: int = 0
    waiting: int = 0
    is_used: bool = False
    closed_until: float = 0.0
    refill: "asyncio.Task[None] | None" = None
    is_stalled: bool = False

    def turn(self, now: float) -> None:
        """A new window begins at zero."""
        place = window_at(self.place.token_id, self.place.seconds, now)
        if place != self.place:
            self.place, self.left, self.got, self.owed, self.closed_until = place, 0, 0, 0, 0.0

    def add(self, place: LimitWindow, count: int, now: float) -> None:
        """None left: another process may give some back."""
        if place != self.place:
            return
        self.left += count
        self.got += count
        if not count:
            self.closed_until = min(now + RECHECK_SECONDS, place.ends_at)

    def add_alone(self, wanted: int) -> None:
        count = min(wanted, max(self.limit - self.got, 0))
        self.owed += count
        self.add(self.place, count, time.time())

    def owe(self, place: LimitWindow, count: int) -> None:
        self.owed += count if place == self.place else 0

    def give_back(self) -> int:
        """How much of what is left the database shall have back.

        What it never gave is no more owed instead.
        """
        count, self.left = self.left, 0
        forgiven = min(count, self.owed)
        self.got -= count
        self.owed -= forgiven
        return count - forgiven

    def put_back(self, place: LimitWindow) -> None:
        self.left += place == self.place
