"""Which requests of a busy second are logged: what went wrong first, then a fair sample."""

from random import random
from typing import Final

from proxyapp.requests.record import ClientOutcome, RequestRecord

# Of a second's places: whoever is not let in writes no more of the log, however often it knocks.
# And no client's own mistakes come before what others did well beyond it.
FIRST_PART: Final = 10
OWN_MISTAKES: Final = (ClientOutcome.CLIENT_ERROR, ClientOutcome.CLIENT_LIMIT)
# Times the places: so many wait before all but the best are forgotten.
MOST_WAITING = 8
MINUTE_SECONDS: Final = 60


class LogSample:
    """`most` requests of a second, each client with as many as any other.

    `left_out`: by minutes since the epoch, how many were not taken, and how many of these failed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = 0
        self._heard: list[tuple[float, RequestRecord]] = []
        self._taken: list[RequestRecord] = []
        self.left_out: dict[int, list[int]] = {}

    def add(self, record: RequestRecord) -> None:
        """At its end."""
        second = int(record.arrived_at + record.seconds)
        if second > self._second:  # else a long one's, from before the clock was set
            self._close()
            self._second = second
        self._heard.append((random(), record))  # noqa: S311
        if len(self._heard) >= MOST_WAITING * self._most:
            self._keep_best()

    @property
    def is_waiting(self) -> bool:
        return bool(self._heard or self._taken or self.left_out)

    def take(self, now: float, *, everything: bool = False) -> list[RequestRecord]:
        """Those of the seconds that are over."""
        if everything or int(now) != self._second:
            self._close()
            self._second = min(self._second, int(now))
        taken, self._taken = self._taken, []
        return taken

    def take_left_out(self) -> dict[int, list[int]]:
        left_out, self.left_out = self.left_out, {}
        return left_out

    def leave_out(self, record: RequestRecord) -> None:
        minute = int(record.arrived_at + record.seconds) // MINUTE_SECONDS
        counts = self.left_out.setdefault(minute, [0, 0])
        counts[0] += 1
        if is_failure(record):
            counts[1] += 1

    def _close(self) -> None:
        if len(self._heard) > self._most:
            self._keep_best()
        self._taken.extend([record for _, record in self._heard])
        self._heard = []

    def _keep_best(self) -> None:
        ranked = sorted(self._ranked())
        for _, _, _, place in ranked[self._most :]:
            self.leave_out(self._heard[place][1])
        kept = sorted([place for _, _, _, place in ranked[: self._most]])
        self._heard = [self._heard[place] for place in kept]

    def _ranked(self) -> list[tuple[int, int, float, int]]:
        """Class, how many of its client's come before it, chance, place. The least is the best."""
        order = sorted([(chance, place) for place, (chance, _) in enumerate(self._heard)])
        before: dict[int, int] = {}
        ranked = []
        for chance, place in order:
            record = self._heard[place][1]
            is_stranger = _is_stranger(record)
            level = 0 if is_failure(record) else 1
            sender = 2 * (-1 if is_stranger else record.client_id) + level
            rank = before.get(sender, 0)
            before[sender] = rank + 1
            if rank * FIRST_PART >= self._most:
                if is_stranger:
                    level = 2
                elif record.outcome in OWN_MISTAKES:
                    level = 1
            ranked.append((level, rank, chance, place))
        return ranked


def is_failure(record: RequestRecord) -> bool:
    return record.outcome != ClientOutcome.OK


def _is_stranger(record: RequestRecord) -> bool:
    return record.client_id == 0 and record.status in (401, 403)
