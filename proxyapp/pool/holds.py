"""Keys that the gateway itself passes over for a while: a limit that it keeps is used up.

In this process's memory only: no row tells of them, and no page counts such a key as cooling.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

# Clients name models, and a limit may be one of every model: those must not fill the memory.
MOST_HELD_SCOPES = 250
# So many ends are not worth a look at which of them are still to come.
FEWEST_ENDS = 64


class Holds:
    """By quota scope and key. A model's hold is its features', too: they have none of their own.

    `until`: seconds since the epoch; infinity: until it is lifted.
    """

    def __init__(self) -> None:
        self._until: dict[str, dict[int, float]] = {}
        self._daily: set[tuple[str, int]] = set()
        self._ends: list[tuple[float, str, int]] = []
        self._most_ends = FEWEST_ENDS

    def has_room_for(self, quota_scope: str) -> bool:
        return quota_scope in self._until or len(self._until) < MOST_HELD_SCOPES

    def put(self, key_id: int, quota_scope: str, until: float, *, is_daily: bool) -> bool:
        """In place of the one before. Whether there was none."""
        of_scope = self._until.setdefault(quota_scope, {})
        is_new = key_id not in of_scope
        of_scope[key_id] = until
        place = (quota_scope, key_id)
        (self._daily.add if is_daily else self._daily.discard)(place)
        heappush(self._ends, (until, quota_scope, key_id))
        if len(self._ends) > self._most_ends:
            self._ends = [(end, scope, each) for scope, each, end in self]
            heapify(self._ends)
            self._most_ends = 2 * len(self._ends) + FEWEST_ENDS
        return is_new

    def drop(self, key_id: int, quota_scope: str) -> bool:
        """Whether there was one."""
        of_scope = self._until.get(quota_scope)
        if of_scope is None or of_scope.pop(key_id, None) is None:
            return False
        self._daily.discard((quota_scope, key_id))
        if not of_scope:
            del self._until[quota_scope]
        return True

    def over(self, now: float) -> list[tuple[int, str]]:
        """The keys and scopes whose time has passed: still to be lifted."""
        found: dict[tuple[int, str], None] = {}
        while self._ends and self._ends[0][0] <= now:
            until, quota_scope, key_id = heappop(self._ends)
            if self.until(key_id, quota_scope) == until:
                found[key_id, quota_scope] = None
        return list(found)

    def __bool__(self) -> bool:
        return bool(self._until)

    def __iter__(self) -> Iterator[tuple[str, int, float]]:
        """Quota scope, key and end of each."""
        for quota_scope, of_scope in self._until.items():
            for key_id, until in of_scope.items():
                yield quota_scope, key_id, until

    def until(self, key_id: int, quota_scope: str) -> float:
        """Of exactly this scope; 0.0: there is none."""
        of_scope = self._until.get(quota_scope)
        return of_scope.get(key_id, 0.0) if of_scope is not None else 0.0

    def is_daily(self, key_id: int, quota_scope: str, until: float) -> bool:
        """Whether the hold that ends then is one until a daily reset."""
        is_daily = (quota_scope, key_id) in self._daily
        return is_daily and self.until(key_id, quota_scope) == until

    def keys_of(self, quota_scope: str) -> list[int]:
        return list(self._until.get(quota_scope, ()))

    def scopes_of(self, key_id: int) -> list[str]:
        return [scope for scope, of_scope in self._until.items() if key_id in of_scope]

    def shift(self, seconds: float) -> None:
        for of_scope in self._until.values():
            for key_id in of_scope:
                of_scope[key_id] += seconds
        self._ends = [(until + seconds, scope, key_id) for until, scope, key_id in self._ends]
