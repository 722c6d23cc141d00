"""Keys one behind the other, in the order of their turns: group by group, and round by round.

A line never changes its order: another order is another line, made of the old one's pieces, so that
it costs what changed and a copy of the rest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey


class Run(NamedTuple):
    """The keys of a group in one round: the indices from `start` to before `end`."""

    group_id: int
    start: int
    end: int


class Cut(NamedTuple):
    """Before `offset` of a group's keys come these; then as many as `gone` are left out."""

    offset: int
    gone: int
    keys: list[PoolKey]


class Line:
    """`keys` may be replaced by what they are now, at their place. A key with more weight stands in
    it once a round. Keys come by priority.
    """

    def __init__(
        self, keys: list[PoolKey], key_ids: Sequence[int], runs: list[Run], ends: list[int]
    ) -> None:
        """`ends`: of the priorities; empty when all have the same."""
        self.keys = keys
        self.key_ids = tuple(key_ids)
        self.runs = runs
        self.has_priorities = bool(ends)
        self._ends = ends
        self._ends_of_runs = [run.end for run in runs]
        self._runs_of: dict[int, list[Run]] = {}
        for run in runs:
            self._runs_of.setdefault(run.group_id, []).append(run)

    def first_run(self, group_id: int) -> Run | None:
        runs = self._runs_of.get(group_id)
        return runs[0] if runs else None

    def indices(self, key: PoolKey) -> list[int]:
        """Where it has its turns. Empty: it has none."""
        runs = self._runs_of.get(key.group.id)
        if not runs:
            return []
        index = self._find(key, runs[0])
        return [index - runs[0].start + run.start for run in runs] if index >= 0 else []

    def _find(self, key: PoolKey, run: Run) -> int:
        """Most groups are numbered without gaps. -1: it is not there."""
        index = run.start + key.position
        if index >= run.end or self.keys[index].id != key.id:
            index = bisect_left(self.keys, _order(key), run.start, run.end, key=_order)
        return index if index < run.end and self.keys[index].id == key.id else -1

    def end_of_priority(self, index: int) -> int:
        """Where the keys of the next priority begin; only where there are several."""
        return self._ends[bisect_right(self._ends, index)]

    def end_of_run(self, index: int) -> int:
        """Where the keys of another group, or of another round, begin."""
        return self._ends_of_runs[bisect_right(self._ends_of_runs, index)]

    def cut(self, cuts: Iterable[Cut]) -> "Line":
        """Of one group's line: that with these changes."""
        keys: list[PoolKey] = []
        key_ids: list[int] = []
        at = 0
        for offset, gone, new in cuts:
            keys += self.keys[at:offset]
            keys += new
            key_ids += self.key_ids[at:offset]
            key_ids += [key.id for key in new]
            at = offset + gone
        keys += self.keys[at:]
        key_ids += self.key_ids[at:]
        return Line(keys, key_ids, _one_run(self.runs[0].group_id, len(keys)), [])

    def cuts(self, gone: Iterable[PoolKey], new: Iterable[PoolKey]) -> list[Cut]:
        """Of one group's line: what it takes to leave these out, and to put in those."""
        run = self.runs[0]
        found = [Cut(self._find(key, run), 1, []) for key in gone]
        found += [
            Cut(bisect_left(self.keys, _order(key), key=_order), 0, [key])
            for key in sorted(new, key=_order)
        ]
        return sorted(found, key=_offset_and_gone)


def line_of_group(group_id: int, keys: list[PoolKey]) -> Line:
    return Line(keys, [key.id for key in keys], _one_run(group_id, len(keys)), [])


def line_of_groups(groups: Iterable[PoolGroup], members: Mapping[int, Line]) -> Line:
    """`groups` in the order of rotation, `members` by their ids.

    By priority, and then round after round. In the second round those have a turn that have a
    weight of two or more, and so on.
    """
    keys: list[PoolKey] = []
    key_ids: list[int] = []
    runs: list[Run] = []
    ends: list[int] = []
    there = [group for group in groups if members[group.id].keys]
    for _, equals in groupby(sorted(there, key=_priority), key=_priority):
        of_priority = list(equals)
        for turn in range(max(group.weight for group in of_priority)):
            for group in of_priority:
                if group.weight > turn:
                    line = members[group.id]
                    runs.append(Run(group.id, len(keys), len(keys) + len(line.keys)))
                    keys += line.keys
                    key_ids += line.key_ids
        ends.append(len(keys))
    return Line(keys, key_ids, runs, ends if len(ends) > 1 else [])


def cut_flags(flags: bytearray, old: Line, new: Line, cuts: Mapping[int, list[Cut]]) -> bytearray:
    """A byte for each turn of the old line, for the new one: those of new keys are 0.

    `cuts`: by group. All rounds of a group have the same.
    """
    of_group: dict[int, bytearray] = {}
    found = bytearray()
    for run in new.runs:
        part = of_group.get(run.group_id)
        if part is None:
            was = old.first_run(run.group_id)
            before = flags[was.start : was.end] if was is not None else bytearray()
            part = of_group[run.group_id] = _cut_bytes(before, cuts.get(run.group_id, []))
        found += part
    return found


def _cut_bytes(before: bytearray, cuts: list[Cut]) -> bytearray:
    if not cuts:
        return before
    found, at = bytearray(), 0
    for offset, gone, new in cuts:
        found += before[at:offset]
        found += bytes(len(new))
        at = offset + gone
    found += before[at:]
    return found


def _one_run(group_id: int, size: int) -> list[Run]:
    return [Run(group_id, 0, size)]


def _order(key: PoolKey) -> tuple[int, int]:
    return key.position, key.id


def _priority(group: PoolGroup) -> int:
    return group.priority


def _offset_and_gone(cut: Cut) -> tuple[int, int]:
    return cut.offset, cut.gone
