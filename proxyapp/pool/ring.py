"""Keys in the order of their turns, and which of them may be used now. Choosing one is pure."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, groupby

from proxyapp.pool.cooldowns import EVERY_SCOPE, Cooldowns, Release, View
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.features import SEPARATOR, plain_scope


class Ring:
    """The ordered keys of a set of groups, and which of them may be used for which quota.

    A key with more weight stands in it more than once. Keys come by priority: those of a higher
    number have a turn only when none of a lower one is available.
    """

    def __init__(self, name: str, keys: Iterable[PoolKey], cooldowns: Cooldowns) -> None:
        self.name = name
        self.keys = list(keys)
        self.key_ids = tuple(key.id for key in self.keys)
        self.index: dict[int, list[int]] = {}
        for index, key_id in enumerate(self.key_ids):
            self.index.setdefault(key_id, []).append(index)
        self._ends = ends_of_priorities(self.keys)
        self._runs: list[int] = []
        self.cooldowns = cooldowns
        active = [index for index, key in enumerate(self.keys) if key.is_active]
        self._views = {EVERY_SCOPE: View(active, ()).narrowed(self._cooling(EVERY_SCOPE))}
        self._held: Counter[str] = Counter()
        for quota_scope in cooldowns.quota_scopes():
            if cooling := self._cooling(quota_scope):
                self._held[quota_scope] = len({self.key_ids[index] for index in cooling})
                self._views[quota_scope] = self._views[self._viewed(quota_scope)].narrowed(cooling)

    def __len__(self) -> int:
        return len(self.keys)

    def _cooling(self, quota_scope: str) -> dict[int, float]:
        """Until when, by index, the active keys with a cooldown of exactly this scope."""
        cooling = self.cooldowns.of_scope(quota_scope)
        found = (
            (index, until)
            for key_id, until in cooling.items()
            for index in self.index.get(key_id, ())
        )
        return {index: until for index, until in found if self.keys[index].is_active}

    def withdraw(self, key_id: int, quota_scope: str = EVERY_SCOPE, *, is_new: bool = True) -> None:
        """Takes a key out until its time in `cooldowns`. Not new: it was out for the scope."""
        indices = self.index.get(key_id, ())
        if not indices or not self.keys[indices[0]].is_active:
            return
        self._held[quota_scope] += is_new
        until = self.cooldowns.of_scope(quota_scope)[key_id]
        if quota_scope not in self._views:
            self._views[quota_scope] = self._views[self._viewed(quota_scope)].copy()
        for view in self._narrower(quota_scope):
            for index in indices:
                view.withdraw(index, until)

    def leave(self, key_id: int, quota_scope: str) -> None:
        """The key's cooldown for the scope is no more; `settle` puts it back if it is not due."""
        indices = self.index.get(key_id, ())
        if not quota_scope or not indices or not self.keys[indices[0]].is_active:
            return
        self._held[quota_scope] -= 1
        if self._held[quota_scope] <= 0:
            self.forget(quota_scope)

    def replace(self, key: PoolKey) -> None:
        """By what the key is now, at its old place; `settle` follows."""
        for index in self.index.get(key.id, ()):
            self.keys[index] = key

    def settle(self, key_id: int, now: float) -> None:
        """Whether the key may be used follows from what it is and from `cooldowns`."""
        for quota_scope, view in self._views.items():
            for index in self.index.get(key_id, ()):
                until = self._until(quota_scope, index)
                if until <= now:
                    view.insert(index)
                elif until < math.inf:
                    view.withdraw(index, until)
                else:
                    view.remove(index)

    def _until(self, quota_scope: str, index: int) -> float:
        """When the key is good for the scope; infinity: it is not active."""
        key = self.keys[index]
        return self.cooldowns.until(key.id, quota_scope) if key.is_active else math.inf

    def _narrower(self, quota_scope: str) -> list[View]:
        """The scope's own and those that what holds for it holds for, too; as they are now."""
        if quota_scope == EVERY_SCOPE:
            return list(self._views.values())
        scopes = [quota_scope, *self.cooldowns.features.get(quota_scope, ())]
        return [self._views[scope] for scope in scopes if scope in self._views]

    def forget(self, quota_scope: str) -> None:
        """A scope that has no cooldowns any more."""
        self._views.pop(quota_scope, None)
        self._held.pop(quota_scope, None)

    def shift(self, seconds: float) -> None:
        """After the cooldowns, when the clock was set."""
        for view in self._views.values():
            view.shift(seconds)

    def _viewed(self, quota_scope: str) -> str:
        """The narrowest scope with cooldowns of its own here that holds for this one."""
        if quota_scope in self._views:
            return quota_scope
        plain = plain_scope(quota_scope)
        return plain if plain in self._views else EVERY_SCOPE

    def is_narrowed(self, quota_scope: str) -> bool:
        """Whether the scope has cooldowns of its own here: then its turns are not everybody's."""
        if SEPARATOR in quota_scope:
            return self._viewed(quota_scope) != EVERY_SCOPE
        return quota_scope in self._views and quota_scope != EVERY_SCOPE

    def available(self, now: float, quota_scope: str = EVERY_SCOPE) -> list[int]:
        """The indices of the keys that may be used at `now`, in order."""
        view = self._views.get(quota_scope)
        if view is None:
            quota_scope = self._viewed(quota_scope) if SEPARATOR in quota_scope else EVERY_SCOPE
            view = self._views[quota_scope]
        if view.is_due(now):
            view.put_back(now, partial(self._until, quota_scope))
        return view.available

    def choose(self, start: int, now: float, quota_scope: str = EVERY_SCOPE) -> int | None:
        """The index of the first available key at or after `start`, around the end.

        None: there is none.
        """
        available = self.available(now, quota_scope)
        if not available:
            return None
        end = bisect_left(available, self._ends[available[0]]) if self._ends else len(available)
        place = bisect_left(available, start, 0, end)
        return available[place] if place < end else available[0]

    def choose_outside(
        self, start: int, now: float, quota_scope: str, groups: Collection[int]
    ) -> int | None:
        """As `choose`, but of a key of none of these groups; each run of their keys is one step."""
        for _ in range(len(self._ends_of_runs()) + 1):
            index = self.choose(start, now, quota_scope)
            if index is None or self.keys[index].group.id not in groups:
                return index
            start = self._end_of_run(index)
        return None

    def usable(self, now: float, quota_scope: str, groups: Collection[int]) -> Iterator[PoolKey]:
        """The keys that may be used and are of none of these groups, in order, of any priority."""
        available = self.available(now, quota_scope)
        for places in self._outside(available, groups):
            for place in places:
                yield self.keys[available[place]]

    def count_usable(self, now: float, quota_scope: str, groups: Collection[int]) -> int:
        return sum(map(len, self._outside(self.available(now, quota_scope), groups)))

    def _outside(self, available: list[int], groups: Collection[int]) -> Iterator[range]:
        """The places of what is available, by runs, without those of these groups."""
        if not groups:
            yield range(len(available))
            return
        place = 0
        while place < len(available):
            index = available[place]
            end = bisect_left(available, self._end_of_run(index), place)
            if self.keys[index].group.id not in groups:
                yield range(place, end)
            place = end

    def _end_of_run(self, index: int) -> int:
        """Where the next key of another group stands."""
        ends = self._ends_of_runs()
        return ends[bisect_right(ends, index)]

    def _ends_of_runs(self) -> list[int]:
        """Found when a group first fails: most rings never need them."""
        if not self._runs:
            runs = groupby(self.keys, key=lambda key: key.group.id)
            self._runs = list(accumulate(sum(1 for _ in run) for _, run in runs))
        return self._runs

    def peek(self, start: int) -> int | None:
        """As `choose` for every scope, of what was available at its last look, changing nothing.

        For other threads, which copy in one step what this one may change meanwhile.
        """
        free = self._views[EVERY_SCOPE].available.copy()
        if not free:
            return None
        end = bisect_left(free, self._ends[free[0]]) if self._ends else len(free)
        place = bisect_left(free, start, 0, end)
        return free[place] if place < end else free[0]

    def earliest_release(self, now: float, quota_scope: str = EVERY_SCOPE) -> Release | None:
        """When the first cooling key is good again for the scope; None when none is cooling."""
        self.available(now, quota_scope)
        viewed = self._viewed(quota_scope)
        first = self._views[viewed].earliest(partial(self._until, viewed))
        if first is None or first[0] == math.inf:
            return None
        until, index = first
        return Release(until, self.cooldowns.is_daily(self.key_ids[index], quota_scope, until))


def ends_of_priorities(keys: Sequence[PoolKey]) -> list[int]:
    """For each index where the keys of its priority end; empty when all have the same.

    The keys come by priority.
    """
    priorities = [key.group.priority for key in keys]
    if len(set(priorities)) <= 1:
        return []
    return [bisect_right(priorities, priority) for priority in priorities]


def turns_of(keys: Iterable[PoolKey]) -> list[PoolKey]:
    """By priority, and then round after round.

    In the second round those have a turn that have a weight of two or more, and so on.
    """
    ordered = sorted(keys, key=lambda key: key.group.priority)
    found: list[PoolKey] = []
    for _, equals in groupby(ordered, key=lambda key: key.group.priority):
        members = list(equals)
        for turn in range(max(key.group.weight for key in members)):
            found += [key for key in members if key.group.weight > turn]
    return found
