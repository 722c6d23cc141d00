"""Where a conversation stays: at one of the projects that are available; its keys take turns."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Protocol

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.line import Line
from proxyapp.pool.rendezvous import Rendezvous
from proxyapp.pool.ring import Ring
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish

# Of those that a conversation meets so many are looked at, and so many keys of each: if all are
# out, rotation finds who is not.
MOST_MET = 64
MOST_KEYS = 32


class Circle:
    """The owners of the keys of one priority, for one line."""

    def __init__(self, line: Line, start: int, end: int, before: "Circle | None") -> None:
        """`before`: the one that it takes the place of."""
        self.line = line
        self._turns: dict[str, list[int]] = {}
        self._next: dict[str, int] = {}
        places: dict[str, int] = {}
        turns_of: dict[int, int] = {}
        for index in range(start, end):
            key = line.keys[index]
            owner = key.quota_owner
            turns = turns_of[key.id] = turns_of.get(key.id, 0) + 1
            if turns == 1:
                self._turns.setdefault(owner, []).append(index)
            places[owner] = max(places.get(owner, 0), turns)
        self.rendezvous: Rendezvous = (
            Rendezvous(places) if before is None else before.rendezvous.with_owners(places)
        )

    def met(self, conversation: int) -> Iterator[str]:
        return islice(self.rendezvous.met(conversation), MOST_MET)

    def turns(self, owner: str, free: bytearray) -> Iterator[int]:
        """Those of its keys that may be used, the one whose turn it is first."""
        indices = self._turns[owner]
        start = self._next.get(owner, 0)
        for turn in range(start, start + min(len(indices), MOST_KEYS)):
            index = indices[turn % len(indices)]
            if free[index]:
                self._next[owner] = (turn + 1) % len(indices)
                yield index


class Spills(Protocol):
    """Who knows which priorities come last: `Leasing`."""

    def passed_over(self, ring: Ring, quota_scope: str) -> Collection[int]: ...


class Stays:
    """Belongs to one process; all of them come to the same project."""

    def __init__(self, spills: Spills | None = None) -> None:
        self._spills = spills
        self._circles: dict[tuple[str, int], Circle] = {}

    def install(self, snapshot: Snapshot) -> None:
        """Forgets the circles of rings that are gone."""
        self._circles = {
            name: circle for name, circle in self._circles.items() if name[0] in snapshot.rings
        }

    def keys(self, snapshot: Snapshot, wish: KeyWish, now: float) -> Iterator[PoolKey]:
        """Of the project where the wish's conversation stays, then of those that it meets next.

        None, if it has no conversation, or nobody whom it meets is available.
        """
        ring = snapshot.rings.get(wish.ring)
        if ring is None or wish.conversation is None:
            return
        free = ring.available(now, wish.quota_scope).free
        first = ring.line.first_free(free, 0, self._passed_over(snapshot, ring, wish))
        if first is None:
            return
        circle = self._circle(ring, first)
        for owner in circle.met(wish.conversation):
            for index in circle.turns(owner, free):
                key = ring.keys[index]
                if key.quota_owner != owner:  # it has another label now, in its old place
                    self._circles.clear()
                    return
                if not wish.refuses(key):
                    yield key

    def _passed_over(self, snapshot: Snapshot, ring: Ring, wish: KeyWish) -> Collection[int]:
        if snapshot.is_plain or self._spills is None:
            return ()
        return self._spills.passed_over(ring, wish.quota_scope)

    def _circle(self, ring: Ring, first: int) -> Circle:
        """Of the first priority that has a key to use. Made anew with each new line."""
        line = ring.line
        start = _start_of_priority(line, first)
        circle = self._circles.get((ring.name, start))
        if circle is None or circle.line is not line:
            end = line.end_of_priority(first) if line.has_priorities else len(line.keys)
            circle = Circle(line, start, end, circle)
            self._forget_lines(ring)
            self._circles[ring.name, start] = circle
        return circle

    def _forget_lines(self, ring: Ring) -> None:
        """That it had before."""
        self._circles = {
            name: circle
            for name, circle in self._circles.items()
            if name[0] != ring.name or circle.line is ring.line
        }


def _start_of_priority(line: Line, index: int) -> int:
    start = 0
    while line.has_priorities and (end := line.end_of_priority(start)) <= index:
        start = end
    return start
