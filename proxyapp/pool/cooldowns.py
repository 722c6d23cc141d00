"""When keys are good again.

Times are seconds since the epoch. A cooldown is of one quota scope (as a rule a model, else an
endpoint), or of all of them: EVERY_SCOPE. A feature's scope (`model+feature`) has those of its
model besides its own.
"""

from collections.abc import Collection, Mapping
from heapq import heappop, heappush
from typing import Final, NamedTuple

from proxyapp.pool.holds import Holds
from proxyapp.provider.features import SEPARATOR, plain_scope

EVERY_SCOPE: Final = ""
# Clients name models; those that no provider has must not fill the memory, nor take the place of
# those that there are.
MOST_SCOPES: Final = 500
# Below that there is room for all, and nobody has to ask which of them are real.
MANY_SCOPES: Final = MOST_SCOPES // 2


class Release(NamedTuple):
    """`is_daily`: of a cooldown that lasts until a daily reset."""

    until: float
    is_daily: bool


class Cooldowns:
    """By quota scope and key. Shared by all rings of a snapshot.

    `features`: by the scope of a model, those of its features that have, or had, cooldowns. `real`:
    the scopes of models that some key has answered for, as far as they are known. `holds`: which
    keys are passed over besides.
    """

    def __init__(self, real: Collection[str] = ()) -> None:
        self.features: dict[str, list[str]] = {}
        self.holds = Holds()
        self._real_scopes = frozenset(real)
        self._until: dict[str, dict[int, float]] = {EVERY_SCOPE: {}}
        self._daily: dict[tuple[str, int], float] = {}
        self._ends: list[tuple[float, str, int]] = []

    def extend(self, key_id: int, quota_scope: str, until: float, *, is_daily: bool) -> bool:
        """False when the key is out for as long already, or there is no room for the scope."""
        of_scope = self._until.get(quota_scope)
        if of_scope is None:
            if len(self._until) > MOST_SCOPES:
                return False
            of_scope = self._until[quota_scope] = {}
            if SEPARATOR in quota_scope:
                self.features.setdefault(plain_scope(quota_scope), []).append(quota_scope)
        if of_scope.get(key_id, 0.0) >= until:
            return False
        of_scope[key_id] = until
        heappush(self._ends, (until, quota_scope, key_id))
        if is_daily:
            self._daily[quota_scope, key_id] = until
        return True

    def over(self, now: float) -> list[tuple[int, str]]:
        """The keys and scopes whose time has passed since the last call: still to be removed."""
        found: dict[tuple[int, str], None] = {}
        while self._ends and self._ends[0][0] <= now:
            until, quota_scope, key_id = heappop(self._ends)
            if self._until.get(quota_scope, {}).get(key_id) == until:
                found[key_id, quota_scope] = None
        return list(found)

    def remove(self, key_id: int, quota_scope: str) -> None:
        """A scope of which none is left goes with the last one."""
        of_scope = self._until[quota_scope]
        del of_scope[key_id]
        self._daily.pop((quota_scope, key_id), None)
        if quota_scope and not of_scope:
            self._forget(quota_scope)

    def scopes_of(self, key_id: int) -> list[str]:
        return [scope for scope, of_scope in self._until.items() if key_id in of_scope]

    def has_room_for(self, quota_scopes: Collection[str]) -> bool:
        """Whether these are known, or so few are that nobody has to ask which ones are real."""
        new = set(quota_scopes) - self._until.keys()
        return not new or len(self._until) + len(new) <= MANY_SCOPES

    def _forget(self, quota_scope: str) -> None:
        if SEPARATOR in quota_scope:
            self.features[plain_scope(quota_scope)].remove(quota_scope)
        for key_id in self._until.pop(quota_scope):
            self._daily.pop((quota_scope, key_id), None)

    def make_room(self, quota_scope: str) -> str:
        """The scope that has to go for a new one: the oldest that no key has answered for.

        Empty when there is room, or none for this one.
        """
        if quota_scope in self._until or len(self._until) <= MOST_SCOPES:
            return ""
        made_up = (
            scope for scope in self._until if scope and plain_scope(scope) not in self._real_scopes
        )
        oldest = next(made_up, "")
        if oldest:
            self._forget(oldest)
        return oldest

    def until(self, key_id: int, quota_scope: str = EVERY_SCOPE) -> float:
        """When the key is good for the scope; 0.0 or a time that is past when it is now."""
        until, holds = self.cooling_until(key_id, quota_scope), self.holds
        if not holds:
            return until
        plain = plain_scope(quota_scope)
        return max(until, holds.until(key_id, EVERY_SCOPE), holds.until(key_id, plain))

    def cooling_until(self, key_id: int, quota_scope: str = EVERY_SCOPE) -> float:
        """As `until`, whether or not it is held."""
        until = self._until[EVERY_SCOPE].get(key_id, 0.0)
        of_scope = self._until.get(quota_scope) if quota_scope else None
        if of_scope:
            until = max(until, of_scope.get(key_id, 0.0))
        if SEPARATOR in quota_scope:
            return max(until, self.cooling_until(key_id, plain_scope(quota_scope)))
        return until

    def is_daily(self, key_id: int, quota_scope: str, until: float) -> bool:
        """Whether the cooldown, or the hold, that ends then is one until a daily reset."""
        scopes = (quota_scope, plain_scope(quota_scope), EVERY_SCOPE)
        if until in [self._daily.get((scope, key_id)) for scope in scopes]:
            return True
        return any(self.holds.is_daily(key_id, scope, until) for scope in scopes)

    def quota_scopes(self) -> list[str]:
        """Those with cooldowns of their own; a feature's come behind those of the models."""
        return sorted(filter(None, self._until), key=lambda scope: SEPARATOR in scope)

    def of_scope(self, quota_scope: str) -> Mapping[int, float]:
        """Only the cooldowns of exactly this scope, by key."""
        return self._until.get(quota_scope, {})

    def shift(self, seconds: float) -> None:
        """The clock was set by so much: what is left of each stays the same."""
        self.holds.shift(seconds)
        for of_scope in self._until.values():
            for key_id in of_scope:
                of_scope[key_id] += seconds
        for place in self._daily:
            self._daily[place] += seconds
        self._ends = [(until + seconds, scope, key_id) for until, scope, key_id in self._ends]
