"""Keys one behind the other, in the order of their turns: class by class, and round by round.

A line never changes its order: another order is another line, made of the same members or of some
of the old one's pieces, so that it costs what changed and a copy of the rest.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.members import Cut, Members, cut_bytes


class Run(NamedTuple):
    """Keys of a class in one round: the indices from `start` to before `end`.

    `first`: the place of the first of them among the members.
    """

    key_class: KeyClass
    first: int
    start: int
    end: int

    @property
    def group_id(self) -> int:
        return self.key_class.group_id


class Line:
    """`keys` may be replaced by what they are now, at their place. A key with more weight stands in
    it more than once. Keys come by priority.
    """

    def __init__(
        self, classes: Mapping[KeyClass, Members], runs: list[Run], ends: list[int]
    ) -> None:
        """`ends`: of the priorities; empty when all have the same."""
        self.classes = classes
        self.runs = runs
        self.has_priorities = bool(ends)
        self._ends = ends
        self._ends_of_runs = [run.end for run in runs]
        self._places: dict[KeyClass, list[tuple[int, int, int]]] = {}
        for key_class, first, start, end in runs:
            place = (first, first + end - start, start - first)
            self._places.setdefault(key_class, []).append(place)
        self.keys, self.key_ids = _joined(classes, runs)

    def __contains__(self, key_class: KeyClass) -> bool:
        return key_class in self._places

    @property
    def levels(self) -> list[tuple[int, int]]:
        """Of each priority: where its turns begin, and where they end."""
        ends = self._ends or [len(self.keys)]
        return list(zip([0, *ends], ends, strict=False))

    def indices(self, key: PoolKey) -> list[int]:
        """Where it has its turns. Empty: it has none."""
        places = self._places.get(key.key_class)
        if places is None:
            return []
        offset = self.classes[key.key_class].find(key)
        return [offset + shift for first, end, shift in places if first <= offset < end]

    def replace(self, key: PoolKey) -> None:
        """By what it is now, at its old place; other lines of these members take it from them."""
        for index in self.indices(key):
            self.keys[index] = key
        members = self.classes.get(key.key_class)
        if members is not None and (offset := members.find(key)) >= 0:
            members.keys[offset] = key

    def first_free(
        self, free: bytearray, start: int, passed_over: Collection[int] = ()
    ) -> int | None:
        """The first turn that is free at or after `start`, around the end, of the first priority
        that has any. `passed_over`: the places of priorities that come last.
        """
        if not self.has_priorities:
            index = free.find(1, start)
            if index < 0:
                index = free.find(1)
            return index if index >= 0 else None
        first = self._first_not_last(free, passed_over) if passed_over else -1
        if first < 0:
            first = free.find(1)
        if first < 0:
            return None
        index = free.find(1, max(start, first), self.end_of_priority(first))
        return index if index >= 0 else first

    def _first_not_last(self, free: bytearray, passed_over: Collection[int]) -> int:
        for number, (start, end) in enumerate(self.levels):
            if number not in passed_over:
                index = free.find(1, start, end)
                if index >= 0:
                    return index
        return -1

    def end_of_priority(self, index: int) -> int:
        """Where the keys of the next priority begin; only where there are several."""
        return self._ends[bisect_right(self._ends, index)]

    def end_of_run(self, index: int) -> int:
        """Where the keys of another class, or of another round, begin."""
        return self._ends_of_runs[bisect_right(self._ends_of_runs, index)]

    def once(self, flags: bytearray, key_class: KeyClass) -> bytearray:
        """Of a byte for each turn those of the class's members: each has the same in all of its
        turns, and the first rounds have every one.
        """
        size = len(self.classes[key_class].keys) if key_class in self._places else 0
        found = bytearray()
        for first, end, shift in self._places.get(key_class, ()):
            if len(found) >= size:
                break
            found += flags[first + shift : end + shift]
        return found[:size]


def cut_flags(
    flags: bytearray, old: Line, new: Line, cuts: Mapping[KeyClass, list[Cut]]
) -> bytearray:
    """A byte for each turn of the old line, for the new one: those of new keys are 0."""
    of_class: dict[KeyClass, bytearray] = {}
    found = bytearray()
    for run in new.runs:
        part = of_class.get(run.key_class)
        if part is None:
            part = old.once(flags, run.key_class)
            if run.key_class in cuts:
                part = cut_bytes(part, cuts[run.key_class])
            of_class[run.key_class] = part
        found += part[run.first : run.first + run.end - run.start]
    return found


def _joined(
    classes: Mapping[KeyClass, Members], runs: Sequence[Run]
) -> tuple[list[PoolKey], tuple[int, ...]]:
    if len(runs) == 1:
        members = classes[runs[0].key_class]
        return members.keys, members.key_ids
    keys: list[PoolKey] = []
    key_ids: list[int] = []
    for key_class, first, start, end in runs:
        members, size = classes[key_class], end - start
        if size == len(members.keys):
            keys += members.keys
            key_ids += members.key_ids
        else:
            keys += members.keys[first : first + size]
            key_ids += members.key_ids[first : first + size]
    return keys, tuple(key_ids)
