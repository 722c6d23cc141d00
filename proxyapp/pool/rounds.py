"""Which classes of keys have turns in which round: the lines of groups are made here."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.line import Line, Run
from proxyapp.pool.members import Members


class ClassTurns(NamedTuple):
    """A class in a line. `turns`: of each of its keys, in all rounds of its priority."""

    key_class: KeyClass
    size: int
    turns: int
    is_spread: bool


def line_of_group(group: PoolGroup, classes: Mapping[KeyClass, Members]) -> Line:
    """By its own ring: there the group's weight says nothing."""
    return _line(_parts(group, classes, 1), classes)


def line_of_groups(
    groups: Iterable[PoolGroup], classes: Mapping[int, Mapping[KeyClass, Members]]
) -> Line:
    """`groups` in the order of rotation, `classes` by their ids.

    By priority, and then round after round. In the second round those have a turn that have a
    weight of two or more, and so on.
    """
    parts: list[ClassTurns] = []
    all_classes: dict[KeyClass, Members] = {}
    for group in groups:
        parts += _parts(group, classes[group.id], group.weight)
        all_classes.update(classes[group.id])
    return _line(parts, all_classes)


def _parts(group: PoolGroup, classes: Mapping[KeyClass, Members], turns: int) -> list[ClassTurns]:
    """Heavy keys come first."""
    return [
        ClassTurns(each, len(classes[each].keys), turns * each.weight, group.is_weighted)
        for each in sorted(classes, key=_heavy_first)
        if classes[each].keys
    ]


def _line(parts: list[ClassTurns], classes: Mapping[KeyClass, Members]) -> Line:
    runs: list[Run] = []
    ends: list[int] = []
    at = 0
    for _, equals in groupby(sorted(parts, key=_priority), key=_priority):
        of_priority = list(equals)
        rounds = max(part.turns for part in of_priority)
        for number in range(rounds):
            for part in of_priority:
                for first, size in _in_round(part, number, rounds):
                    runs.append(Run(part.key_class, first, at, at + size))
                    at += size
        ends.append(at)
    return Line(classes, runs, ends if len(ends) > 1 else [])


def _in_round(part: ClassTurns, number: int, rounds: int) -> Iterator[tuple[int, int]]:
    """Which of the members have a turn in that round: the first, and how many.

    Those of a weighted group are spread: if a round had all keys with little weight and the others
    none, a heavy key would answer many times in a row.
    """
    if not part.is_spread:
        if number < part.turns:
            yield 0, part.size
        return
    in_all = part.turns * part.size
    begin, end = in_all * number // rounds, in_all * (number + 1) // rounds
    first, size = begin % part.size, end - begin
    before_the_end = min(size, part.size - first)
    if before_the_end:
        yield first, before_the_end
    if size > before_the_end:
        yield 0, size - before_the_end


def _priority(part: ClassTurns) -> int:
    return part.key_class.priority


def _heavy_first(key_class: KeyClass) -> tuple[int, int]:
    return key_class.priority, -key_class.weight
