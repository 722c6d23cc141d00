"""Whose turn it is among several rings that one name leads to, each in its own model's words.

A name may stand for different models in different groups, whose keys cool down for different
quotas: they are different rings. Each available key of them gets the same share.
"""

from collections.abc import Hashable, Sequence

from proxyapp.pool.ring import Ring

Place = tuple[str, str]  # a ring and a quota scope
# Names come from what operators write; this many have a memory of whose turn it was.
MOST_NAMES = 1000


class ModelTurns:
    """Smooth weighted turns, as nginx has them: the weights are what is available now."""

    def __init__(self) -> None:
        self._owed: dict[Hashable, dict[Place, int]] = {}

    def in_order(self, rings: Sequence[tuple[Ring, str]], now: float) -> list[int]:
        """The indices of the rings, each with its quota scope: first whose turn it is, then those
        of the same priority, then the others; at the end those without a key.
        """
        found = [_standing(ring, scope, now) for ring, scope in rings]
        places = [(ring.name, scope) for ring, scope in rings]
        first = min((priority for priority, count in found if count), default=0)
        weights = {
            place: count
            for place, (priority, count) in zip(places, found, strict=True)
            if count and priority == first
        }
        taken = self._take(tuple(places), weights) if weights else None
        return sorted(
            range(len(places)),
            key=lambda index: (places[index] != taken, not found[index][1], found[index][0]),
        )

    def _take(self, name: Hashable, weights: dict[Place, int]) -> Place:
        owed = self._owed.get(name)
        if owed is None:
            if len(self._owed) >= MOST_NAMES:
                self._owed.clear()
            owed = self._owed[name] = {}
        for place, weight in weights.items():
            owed[place] = owed.get(place, 0) + weight
        chosen = max(weights, key=lambda place: owed[place])
        owed[chosen] -= sum(weights.values())
        return chosen


def _standing(ring: Ring, quota_scope: str, now: float) -> tuple[int, int]:
    """The first priority that has available turns, and how many."""
    free = ring.available(now, quota_scope).free
    index = free.find(1)
    if index < 0:
        return 0, 0
    end = ring.line.end_of_priority(index) if ring.line.has_priorities else len(free)
    return ring.keys[index].key_class.priority, free.count(1, index, end)
