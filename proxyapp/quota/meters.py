"""What one process has used of its share of a limit, and when there is room again. Pure.

Three kinds of windows, with one meaning: what is used in any of them stays within `capacity`. Those
of all processes together are no more than the limit.
"""

import math
from collections import deque

from proxyapp.quota.pacific_days import day_ends_at

# A minute, and two seconds: requests are counted here by whole seconds, and need different times to
# the provider, which counts them when they arrive.
WINDOW_SECONDS = 62


class Taken:
    """What was taken in a second of a minute, or in a day; requests share it."""

    __slots__ = ("amount", "second")

    def __init__(self, second: int) -> None:
        self.second = second
        self.amount = 0


class Use:
    """What is used of one limit, until it is said to be less. Times are seconds since the epoch.

    `known`: at most so much is used, at the last look.
    """

    def __init__(self) -> None:
        self.capacity = 0
        self.known = 0

    def used(self, now: float) -> int:
        """What of the capacity cannot be given to others."""
        return self.known

    def has_room(self, amount: int, now: float) -> bool:
        return self.used(now) + amount <= self.capacity

    def take(self, amount: int, now: float) -> Taken:
        """Once there is room."""
        self.known += amount
        return Taken(int(now))

    def correct(self, taken: Taken, more: int) -> None:
        """What a request took is so much more, or less."""
        self.known += more

    def end(self, taken: Taken, amount: int, now: float) -> None:
        """A request is over that took so much, as it is corrected."""

    def free_at(self, amount: int, now: float) -> float:
        """When the capacity has room for so much; infinity: nobody knows."""
        return now if self.has_room(amount, now) else math.inf

    def note_written(self, before: float) -> None:
        """What was counted before that is in the database."""

    def shift(self, seconds: float) -> None:
        """The clock was set by so much."""


class UseOfMinute(Use):
    """Of a rolling minute, as Google counts it."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds: deque[Taken] = deque()

    def used(self, now: float) -> int:
        seconds, before = self._seconds, now - WINDOW_SECONDS
        while seconds and seconds[0].second <= before:
            self.known -= seconds.popleft().amount
        return self.known

    def has_room(self, amount: int, now: float) -> bool:
        if self.known + amount <= self.capacity:
            return True
        return self.used(now) + amount <= self.capacity

    def take(self, amount: int, now: float) -> Taken:
        second, seconds = int(now), self._seconds
        if seconds and seconds[-1].second == second:
            taken = seconds[-1]
        else:
            self.used(now)
            taken = Taken(second)
            seconds.append(taken)
        taken.amount += amount
        self.known += amount
        return taken

    def fill(self, number: int, now: float, delay: float) -> None:
        """The provider says that so many are in the window, and that the first leaves it after the
        delay: as late as that may be, all others are of now.
        """
        missing = number - self.used(now)
        if missing <= 0:
            return
        oldest = Taken(int(now - WINDOW_SECONDS + min(delay, WINDOW_SECONDS)))
        oldest.amount = 1
        self._seconds.append(oldest)
        self._seconds = deque(sorted(self._seconds, key=_second))
        self.known += 1
        if missing > 1:
            self.take(missing - 1, now)

    def correct(self, taken: Taken, more: int) -> None:
        taken.amount += more
        if self._seconds and taken.second >= self._seconds[0].second:
            self.known += more

    def free_at(self, amount: int, now: float) -> float:
        missing = self.used(now) + amount - self.capacity
        if missing <= 0:
            return now
        for taken in self._seconds:
            missing -= taken.amount
            if missing <= 0:
                return float(taken.second + WINDOW_SECONDS)
        return math.inf

    def shift(self, seconds: float) -> None:
        for taken in self._seconds:
            taken.second += int(seconds)


class UseOfDay(Use):
    """Of a day that begins at midnight Pacific: what the database does not know yet is used."""

    def __init__(self) -> None:
        super().__init__()
        self._today = Taken(0)
        self._ends_at = 0.0
        self._ended: deque[Taken] = deque()

    def used(self, now: float) -> int:
        """What was not used of a day is no part of the next one."""
        if now >= self._ends_at or now < self._today.second:
            self._today = Taken(int(now))
            self._ends_at = day_ends_at(now)
            self.capacity = self.known = 0
            self._ended.clear()
        return self.known

    def note_written(self, before: float) -> None:
        while self._ended and self._ended[0].second < before:
            written = self._ended.popleft().amount
            self.known -= written
            self.capacity -= written

    def take(self, amount: int, now: float) -> Taken:
        self.known += amount
        return self._today

    def correct(self, taken: Taken, more: int) -> None:
        if taken is self._today:
            self.known += more

    def end(self, taken: Taken, amount: int, now: float) -> None:
        if not amount or taken is not self._today:
            return
        second = int(now) + 1  # what ends in it is written when it is over
        if not self._ended or self._ended[-1].second != second:
            self._ended.append(Taken(second))
        self._ended[-1].amount += amount

    def free_at(self, amount: int, now: float) -> float:
        return now if self.has_room(amount, now) else self._ends_at

    def shift(self, seconds: float) -> None:
        """Which day it is says the clock; the day began no later than now."""
        self._today.second += int(min(seconds, 0))


class UseAtOnce(Use):
    """Of what is under way at a time: one request is one, whatever becomes of it."""

    def end(self, taken: Taken, amount: int, now: float) -> None:
        self.known -= amount


def _second(taken: Taken) -> int:
    return taken.second
