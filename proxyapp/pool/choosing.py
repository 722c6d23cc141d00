"""Which key answers in a turn, where more is asked than whose turn it is.

The turn, a slot of the ring, says whose groups it is: the group's own, where it has a strategy of
its own, or those of all groups that go by the installation's. One of their keys answers.
"""

from collections.abc import Collection
from typing import NamedTuple

from proxyapp.pool.day_use import DayUse
from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.line import Run
from proxyapp.pool.ring import Ring
from proxyapp.vocabulary.choices import Strategy

# So many available keys are compared, from the turn on: with each turn they are others.
MOST_COMPARED = 24
# Clients name quota scopes; so many have a memory of the project that is being drained.
MOST_BEGUN = 1_000


class Asked(NamedTuple):
    """`passed`: keys that will not do; `groups`: those whose keys will not."""

    quota_scope: str
    now: float
    passed: Collection[int] = ()
    groups: Collection[int] = ()

    def refuses(self, key: PoolKey) -> bool:
        return key.id in self.passed or key.group.id in self.groups


class Choosing:
    """Of one ring in one process. `forget` follows when the ring has changed, or a group."""

    def __init__(self, day_use: DayUse) -> None:
        self._day_use = day_use
        self._turns: dict[str, int] = {}
        self._begun: dict[tuple[int, int, str], str] = {}
        self._runs: dict[tuple[int, int], list[Run]] = {}
        self._projects: dict[tuple[int, int, str], list[int]] = {}

    def forget(self) -> None:
        self._runs.clear()
        self._projects.clear()

    def key(self, ring: Ring, index: int, asked: Asked) -> PoolKey:
        """Instead of the one whose turn it is, or that one."""
        turn = ring.keys[index]
        if turn.group.strategy == Strategy.FILL_FIRST:
            return self._of_first_project(ring, index, asked) or turn
        if turn.group.strategy == Strategy.LEAST_USED:
            least = self._least_used(ring, index, asked) or turn
            found = self._next_of_project(ring, least.project, least, asked) or least
            self._day_use.note(found, asked.quota_scope)
            return found
        return turn

    def _of_first_project(self, ring: Ring, index: int, asked: Asked) -> PoolKey | None:
        """One that has begun goes on while any of its keys can, unless an earlier one is back."""
        at = self._first_free(ring, index, asked)
        if at < 0:
            return None
        first = ring.keys[at]
        place = (*_those(first), asked.quota_scope)
        begun = self._begun.get(place, "")
        if begun and begun != first.project:
            indices = self._indices_of_project(ring, begun, first)
            if indices and indices[0] < at:
                key = self._next_of_project(ring, begun, first, asked)
                if key is not None:
                    return key
        if len(self._begun) >= MOST_BEGUN:
            self._begun.clear()
        self._begun[place] = first.project
        return self._next_of_project(ring, first.project, first, asked) or first

    def _first_free(self, ring: Ring, index: int, asked: Asked) -> int:
        free = ring.available(asked.now, asked.quota_scope).free
        for run in self._runs_of_turn(ring, index):
            at = -1 if run.group_id in asked.groups else free.find(1, run.start, run.end)
            while at >= 0:
                if ring.keys[at].id not in asked.passed:
                    return at
                at = free.find(1, at + 1, run.end)
        return -1

    def _next_of_project(
        self, ring: Ring, project: str, like: PoolKey, asked: Asked
    ) -> PoolKey | None:
        """Its keys, those that share a strategy with `like`, take turns."""
        if not project:
            return None
        free = ring.available(asked.now, asked.quota_scope).free
        indices = self._indices_of_project(ring, project, like)
        turn = self._turns.get(project, 0)
        for step in range(min(len(indices), MOST_COMPARED)):
            index = indices[(turn + step) % len(indices)]
            if free[index] and not asked.refuses(ring.keys[index]):
                self._turns[project] = turn + step + 1
                return ring.keys[index]
        return None

    def _indices_of_project(self, ring: Ring, project: str, like: PoolKey) -> list[int]:
        """In the order of the ring."""
        name = (*_those(like), project)
        found = self._projects.get(name)
        if found is None:
            keys = [ring.known[key_id] for key_id in ring.projects.get(project, ())]
            turns = [ring.line.indices(key) for key in keys if _those(key) == name[:2]]
            found = self._projects[name] = sorted(each[0] for each in turns if each)
        return found

    def _least_used(self, ring: Ring, index: int, asked: Asked) -> PoolKey | None:
        """Of equals the first from the turn on."""
        found = self._from_turn(ring, index, asked)
        if asked.passed:
            found = [key for key in found if key.id not in asked.passed]
        return self._day_use.least_used(found, asked.quota_scope, asked.now) if found else None

    def _from_turn(self, ring: Ring, index: int, asked: Asked) -> list[PoolKey]:
        """The available keys that are compared; a stretch of them is one step."""
        free = ring.available(asked.now, asked.quota_scope).free
        found: list[PoolKey] = []
        for start, end in self._pieces(ring, index, asked):
            at = free.find(1, start, end)
            while at >= 0:
                last = min(end, at + MOST_COMPARED - len(found))
                gap = free.find(0, at, last)
                found += ring.keys[at : gap if gap >= 0 else last]
                if len(found) >= MOST_COMPARED:
                    return found
                at = free.find(1, gap, end) if gap >= 0 else -1
        return found

    def _pieces(self, ring: Ring, index: int, asked: Asked) -> list[tuple[int, int]]:
        """The turn's run from it on, those behind it, those in front of it, and its beginning."""
        runs = self._runs_of_turn(ring, index)
        if asked.groups:
            runs = [run for run in runs if run.group_id not in asked.groups]
        if len(runs) > 1 or not runs or not runs[0].start <= index < runs[0].end:
            index = ring.line.indices(ring.keys[index])[0]
        behind = [(max(run.start, index), run.end) for run in runs if run.end > index]
        before = [(run.start, min(run.end, index)) for run in runs if run.start < index]
        return [*behind, *before]

    def _runs_of_turn(self, ring: Ring, index: int) -> list[Run]:
        """Those of the first round, of the turn's priority, that share its strategy."""
        those = _those(ring.keys[index])
        found = self._runs.get(those)
        if found is None:
            first: dict[KeyClass, Run] = {}
            for run in ring.line.runs:
                if _those(ring.keys[run.start]) == those:
                    first.setdefault(run.key_class, run)
            found = self._runs[those] = list(first.values())
        return found


def _those(key: PoolKey) -> tuple[int, int]:
    """A name for the keys that share its strategy and have its priority."""
    return key.key_class.priority, key.group.id if key.group.has_own_strategy else 0
