"""Which turns of a ring may be used for one quota scope.

A byte for each turn: the next one is found by a search for it, and turns that come or go between
others move the bytes behind them, and nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from heapq import heapify, heappop, heappush

# So many ends are not worth a look at which of them are there twice.
FEWEST_ENDS = 64


class View:
    """`free`: 1 where the turn's key may be used; `count`: how many those are."""

    def __init__(self, free: bytearray, cooling: Collection[tuple[float, int]]) -> None:
        """`cooling`: until when, and which key."""
        self.free = free
        self.count = free.count(1)
        self._cooling = list(cooling)
        self._most_ends = 2 * len(self._cooling) + FEWEST_ENDS
        heapify(self._cooling)

    def __iter__(self) -> Iterator[int]:
        index = self.free.find(1)
        while index >= 0:
            yield index
            index = self.free.find(1, index + 1)

    def copy(self) -> "View":
        copied = View(bytearray(), ())
        copied.free, copied.count = self.free[:], self.count
        copied._cooling = self._cooling.copy()
        return copied

    def with_flags(self, free: bytearray) -> "View":
        """Of the same keys and others, in another line. What it is made of is used up."""
        made = View(free, ())
        made._cooling = self._cooling
        return made

    def withdraw(self, indices: Iterable[int], key_id: int, until: float) -> None:
        self.remove(indices)
        heappush(self._cooling, (until, key_id))
        if len(self._cooling) > self._most_ends:
            self._cooling = sorted(set(self._cooling))
            self._most_ends = 2 * len(self._cooling) + FEWEST_ENDS

    def remove(self, indices: Iterable[int]) -> None:
        for index in indices:
            if self.free[index]:
                self.free[index] = 0
                self.count -= 1

    def insert(self, indices: Iterable[int]) -> None:
        """They may be back already."""
        for index in indices:
            if not self.free[index]:
                self.free[index] = 1
                self.count += 1

    def shift(self, seconds: float) -> None:
        self._cooling = [(until + seconds, key_id) for until, key_id in self._cooling]

    def is_due(self, now: float) -> bool:
        """Whether a cooldown is over."""
        return bool(self._cooling) and self._cooling[0][0] <= now

    def put_back(
        self,
        now: float,
        until_of: Callable[[int], float],
        indices_of: Callable[[int], Iterable[int]],
    ) -> None:
        """What is due.

        `until_of(key_id)`: a cooldown may have been prolonged since, or another one hold the key.
        """
        while self.is_due(now):
            _, key_id = heappop(self._cooling)
            if until_of(key_id) <= now:
                self.insert(indices_of(key_id))

    def earliest(self, until_of: Callable[[int], float]) -> tuple[float, int] | None:
        """The first release and whose it is, once what is due is put back."""
        while self._cooling:
            until, key_id = self._cooling[0]
            if until_of(key_id) == until:
                return until, key_id
            heappop(self._cooling)
        return None
