"""What one process holds of a limit of requests: leased, used and given back in memory."""

import asyncio
from dataclasses import dataclass

from proxyapp.access.limit_windows import Grant, LimitWindow, Wish, window_at

# After a lease that brought nothing, where the looks for room do not tell (an outage, say).
RECHECK_SECONDS = 0.5
# A process leases a twentieth of a limit at once: no more than that lies idle in another process,
# and a window costs 20 leases however large its limit is.
BLOCKS = 20
# A share that nobody uses goes back after so many looks, a minute's: what a process that is killed
# takes along, of a day's limit too, are shares of the last minute. Where somebody got nothing it
# goes back with the second look.
QUIET_LOOKS, WANTED_LOOKS = 120, 2


@dataclass(slots=True, eq=False)
class Share:
    """What this process holds of one limit of one token.

    `got`: all that it got in this window. `owed`: how much of that it gave itself, unknown to the
    database. `total`: what all processes had leased when this one heard of it last. `waiting`: how
    many requests wait for a lease. `quiet_looks`: since somebody asked. `is_wanted`: somebody got
    nothing in this window. `is_final`: having waited for others to give back brought nothing.
    """

    limit: int
    place: LimitWindow
    left: int = 0
    got: int = 0
    owed: int = 0
    total: int = 0
    waiting: int = 0
    quiet_looks: int = 0
    closed_until: float = 0.0
    is_wanted: bool = False
    is_final: bool = False
    refill: "asyncio.Future[None] | None" = None
    is_stalled: bool = False

    def turn(self, now: float) -> bool:
        """A new window begins at zero. Whether it did now."""
        place = self.place
        if place.number == int(now) // place.seconds:
            return False
        self.place = window_at(place.token_id, place.seconds, now)
        self.left = self.got = self.owed = self.total = 0
        self.closed_until = 0.0
        self.is_wanted = self.is_final = False
        return True

    def has_one(self, now: float) -> bool:
        place = self.place
        return self.left > 0 and place.number == int(now) // place.seconds

    def use_one(self) -> None:
        self.left -= 1
        self.quiet_looks = 0

    @property
    def is_used(self) -> bool:
        return self.got > self.left

    @property
    def has_room_ahead(self) -> bool:
        return not self.is_wanted and self.total < self.limit // 2

    @property
    def may_open(self) -> bool:
        """Others have leased of it, and may give back what they do not use."""
        return self.total > self.got and not self.is_final

    def refuse(self) -> None:
        self.is_final, self.quiet_looks = True, 0

    def wish(self, *, is_ahead: bool) -> Wish:
        """Enough for those who wait."""
        wanted = max(self.limit // BLOCKS, self.waiting, 1)
        return self.debt()._replace(wanted=wanted, is_ahead=is_ahead)

    def debt(self) -> Wish:
        """A wish for nothing. What is owed is in its hands from now on."""
        owed, self.owed = self.owed, 0
        return Wish(self.place, self.limit, 0, owed)

    def add(self, wish: Wish, grant: Grant, now: float) -> None:
        """None left: another process may give some back."""
        if wish.place != self.place:
            return
        self.left += grant.granted
        self.got += grant.granted
        self.is_wanted = grant.is_wanted
        self.total = grant.total
        if not grant.granted and wish.wanted and not wish.is_ahead:
            self.closed_until = min(now + RECHECK_SECONDS, wish.place.ends_at)

    def add_alone(self, wanted: int, now: float) -> None:
        count = min(wanted, max(self.limit - self.got, 0))
        self.owed += count
        self.left += count
        self.got += count
        if not count:
            self.closed_until = min(now + RECHECK_SECONDS, self.place.ends_at)

    def owe(self, wish: Wish) -> None:
        """What the database was not told."""
        self.owed += wish.owed if wish.place == self.place else 0

    def is_held(self, now: float) -> bool:
        """Whether others may want of it or hear of it, or it waits for what they give back."""
        is_watched = now < self.closed_until and self.quiet_looks < QUIET_LOOKS
        return now < self.place.ends_at and (self.left > 0 or self.owed > 0 or is_watched)

    def look(self, total: int, now: float) -> None:
        """`total`: what all have leased of the window, in which somebody got nothing."""
        self.quiet_looks += 1
        self.is_wanted, self.total = True, total
        if total < self.limit:
            self.closed_until = 0.0
        elif self.is_final and not self.left:
            self.closed_until = min(now + 2 * RECHECK_SECONDS, self.place.ends_at)

    @property
    def is_idle(self) -> bool:
        return self.quiet_looks >= (WANTED_LOOKS if self.is_wanted else QUIET_LOOKS)

    def give_back(self) -> int:
        """How much of what is left the database shall have back.

        What it never gave is no more owed instead.
        """
        count, self.left = self.left, 0
        forgiven = min(count, self.owed)
        self.got -= count
        self.total -= count - forgiven
        self.owed -= forgiven
        return count - forgiven

    def put_back(self, place: LimitWindow) -> None:
        self.left += place == self.place
