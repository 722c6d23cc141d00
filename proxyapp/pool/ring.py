"""Keys in the order of their turns, and which of them may be used now. Choosing one is pure."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from proxyapp.pool.cooldowns import EVERY_SCOPE, Cooldowns, Release
from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.line import Line, cut_flags
from proxyapp.pool.members import Cut
from proxyapp.pool.view import View
from proxyapp.provider.features import SEPARATOR, plain_scope

NO_PROJECTS: Mapping[str, Sequence[int]] = {}


class Ring:
    """The ordered keys of a set of groups, and which of them may be used for which quota.

    A key with more weight stands in it more than once. Keys come by priority: those of a higher
    number have a turn only when none of a lower one is available. `known`: all keys there are;
    `projects`: by label, those that share quotas.
    """

    def __init__(
        self,
        name: str,
        line: Line,
        known: Mapping[int, PoolKey],
        cooldowns: Cooldowns,
        views: dict[str, View],
        held: Counter[str],
        projects: Mapping[str, Sequence[int]],
    ) -> None:
        """`views`: by quota scope; `held`: how many cooldowns and holds are of exactly it."""
        self.name = name
        self.line = line
        self.keys = line.keys
        self.key_ids = line.key_ids
        self.cooldowns = cooldowns
        self.known = known
        self.projects = projects
        self._views = views
        self._held = held

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key_id: int) -> bool:
        return bool(self._indices(key_id))

    def _indices(self, key_id: int) -> list[int]:
        key = self.known.get(key_id)
        return self.line.indices(key) if key is not None else []

    def in_line(self, line: Line, cuts: Mapping[KeyClass, list[Cut]]) -> "Ring":
        """The ring of another line, in which these keys of classes were left out or came in.

        No cooldown may hold those that left. `settle` follows for those that came, once they are
        among the known. This one is used up.
        """
        views = {
            quota_scope: view.with_flags(cut_flags(view.free, self.line, line, cuts))
            for quota_scope, view in self._views.items()
        }
        return Ring(self.name, line, self.known, self.cooldowns, views, self._held, self.projects)

    def withdraw(self, key_id: int, quota_scope: str = EVERY_SCOPE, *, is_new: bool = True) -> None:
        """Takes a key out until its time in `cooldowns`. Not new: it was out for the scope."""
        indices = self._indices(key_id)
        if not indices or not self.keys[indices[0]].is_active:
            return
        self._held[quota_scope] += is_new
        until = self.cooldowns.of_scope(quota_scope)[key_id]
        self._view(quota_scope)
        for scope in self._narrower(quota_scope):
            self._views[scope].withdraw(indices, key_id, until)

    def hold(self, key_id: int, quota_scope: str, *, is_new: bool) -> None:
        """Its hold of the scope is another one now, shorter or longer. Not new: it had one."""
        indices = self._indices(key_id)
        if not indices or not self.keys[indices[0]].is_active:
            return
        self._held[quota_scope] += is_new
        self._view(quota_scope)
        self.settle(key_id, 0.0, quota_scope)

    def lift(self, key_id: int, quota_scope: str) -> None:
        """Its hold of the scope is no more."""
        self.leave(key_id, quota_scope)
        self.settle(key_id, 0.0, quota_scope)

    def _view(self, quota_scope: str) -> None:
        """Has one from now on."""
        if quota_scope not in self._views:
            self._views[quota_scope] = self._views[self._viewed(quota_scope)].copy()

    def leave(self, key_id: int, quota_scope: str) -> None:
        """A cooldown or hold for the scope is no more; `settle` puts it back if it is not due."""
        indices = self._indices(key_id)
        if not quota_scope or not indices or not self.keys[indices[0]].is_active:
            return
        self._held[quota_scope] -= 1
        if self._held[quota_scope] <= 0:
            self.forget(quota_scope)

    def replace(self, key: PoolKey) -> None:
        """By what the key is now, at its old place; `settle` follows."""
        self.line.replace(key)

    def settle(self, key_id: int, now: float, quota_scope: str = EVERY_SCOPE) -> None:
        """Whether the key may be used for the scope, and for all that are narrower, follows from
        what it is and from `cooldowns`. At 0.0 what is past is put back by the next look.
        """
        indices = self._indices(key_id)
        for scope in self._narrower(quota_scope):
            view, until = self._views[scope], self._until(scope, key_id)
            if until <= now:
                view.insert(indices)
            elif until < math.inf:
                view.withdraw(indices, key_id, until)
            else:
                view.remove(indices)

    def _until(self, quota_scope: str, key_id: int) -> float:
        """When the key is good for the scope; infinity: it is not active, or not here."""
        key = self.known.get(key_id)
        if key is None or not key.is_active or key.key_class not in self.line:
            return math.inf
        return self.cooldowns.until(key_id, quota_scope)

    def _narrower(self, quota_scope: str) -> list[str]:
        """Of which there are views: it, and those that what holds for it holds for, too."""
        if quota_scope == EVERY_SCOPE:
            return list(self._views)
        scopes = [quota_scope, *self.cooldowns.features.get(quota_scope, ())]
        return [scope for scope in scopes if scope in self._views]

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

    def available(self, now: float, quota_scope: str = EVERY_SCOPE) -> View:
        """The turns whose keys may be used at `now`."""
        view = self._views.get(quota_scope)
        if view is None:
            quota_scope = self._viewed(quota_scope) if SEPARATOR in quota_scope else EVERY_SCOPE
            view = self._views[quota_scope]
        if view.is_due(now):
            view.put_back(now, partial(self._until, quota_scope), self._indices)
        return view

    def choose(
        self,
        start: int,
        now: float,
        quota_scope: str = EVERY_SCOPE,
        passed_over: Collection[int] = (),
    ) -> int | None:
        """The index of the first available key at or after `start`, around the end.

        None: there is none. `passed_over`: the places of priorities that come last.
        """
        return self.line.first_free(self.available(now, quota_scope).free, start, passed_over)

    def choose_outside(
        self,
        start: int,
        now: float,
        quota_scope: str,
        groups: Collection[int],
        passed_over: Collection[int] = (),
    ) -> int | None:
        """As `choose`, but of a key of none of these groups; each run of their keys is one step."""
        for _ in range(len(self.line.runs) + 1):
            index = self.choose(start, now, quota_scope, passed_over)
            if index is None or self.keys[index].group.id not in groups:
                return index
            start = self.line.end_of_run(index)
        return None

    def usable(self, now: float, quota_scope: str, groups: Collection[int]) -> Iterator[PoolKey]:
        """The keys that may be used and are of none of these groups, in order, of any priority."""
        free = self.available(now, quota_scope).free
        index = free.find(1)
        while index >= 0:
            if self.keys[index].group.id in groups:
                index = self.line.end_of_run(index) - 1
            else:
                yield self.keys[index]
            index = free.find(1, index + 1)

    def count_keys(self, now: float) -> int:
        """As `available(now).count`, but each key once."""
        view, classes = self.available(now), self.line.classes
        if len(self.keys) == sum(len(classes[each].keys) for each in classes):
            return view.count
        return sum(self.line.once(view.free, each).count(1) for each in classes)

    def count_usable(self, now: float, quota_scope: str, groups: Collection[int]) -> int:
        view = self.available(now, quota_scope)
        if not groups:
            return view.count
        runs = [run for run in self.line.runs if run.group_id not in groups]
        return sum(view.free.count(1, run.start, run.end) for run in runs)

    def peek(self, start: int, passed_over: Collection[int] = ()) -> int | None:
        """As `choose` for every scope, of what was available at its last look, changing nothing.

        For other threads, which copy in one step what this one may change meanwhile.
        """
        return self.line.first_free(self._views[EVERY_SCOPE].free[:], start, passed_over)

    def earliest_release(self, now: float, quota_scope: str = EVERY_SCOPE) -> Release | None:
        """When the first cooling key is good again for the scope; None when none is cooling."""
        self.available(now, quota_scope)
        viewed = self._viewed(quota_scope)
        first = self._views[viewed].earliest(partial(self._until, viewed))
        if first is None or first[0] == math.inf:
            return None
        until, key_id = first
        return Release(until, self.cooldowns.is_daily(key_id, quota_scope, until))


def new_ring(
    name: str,
    line: Line,
    known: Mapping[int, PoolKey],
    cooldowns: Cooldowns,
    projects: Mapping[str, Sequence[int]] = NO_PROJECTS,
) -> Ring:
    views = {EVERY_SCOPE: View(bytearray(key.is_active for key in line.keys), ())}
    ring = Ring(name, line, known, cooldowns, views, Counter(), projects)
    for quota_scope in [EVERY_SCOPE, *cooldowns.quota_scopes()]:
        for key_id in cooldowns.of_scope(quota_scope):
            ring.withdraw(key_id, quota_scope)
    for quota_scope, key_id, _ in cooldowns.holds:
        ring.hold(key_id, quota_scope, is_new=True)
    return ring
