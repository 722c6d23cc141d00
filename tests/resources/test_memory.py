"""What a process keeps in memory of resources is bounded, and what is unwritten is not lost."""

import random

from proxyapp.resources.known import ResourceChange, forgotten
from proxyapp.resources.memory import (
    MOST_UNWRITTEN,
    ResourceMemory,
    UnwrittenChanges,
    with_changes,
)
from tests.support.resources import known


def made(name: str, key_id: int = 1) -> ResourceChange:
    return ResourceChange(known(name, key_id), 0.0)


def test_memory_is_bounded_by_rows_and_what_was_not_asked_for_the_longest_goes():
    memory = ResourceMemory(most=4)
    for name in ("a", "b"):
        memory.put(name, [known(name, 1), known(name, 2)], 0.0)
    memory.get("a")

    memory.put("c", [known("c")], 0.0)

    assert memory.get("b") is None
    assert (memory.get("a") is None, len(memory)) == (False, 3)


def test_the_count_of_rows_is_right_whatever_comes():
    memory, source = ResourceMemory(most=50), random.Random(7)
    for _ in range(2000):
        name, key_id = source.choice("abcdefghijklmnop"), source.randrange(9)
        change = source.choice([made(name, key_id), forgotten(name, key_id, 0.0)])
        memory.take(change)
        if source.random() < 0.2:
            memory.put(name, [known(name, number) for number in range(source.randrange(5))], 0.0)

        assert len(memory) == sum(len(kept.rows) for kept in memory._kept.values()) <= 50
        assert all(kept.rows for kept in memory._kept.values())


def test_the_last_change_of_a_key_counts_and_the_newest_comes_first():
    rows = [known("a", 1), known("a", 2)]
    changes = [made("a", 3), forgotten("a", 1, 1.0), made("a", 2), forgotten("a", 3, 2.0)]

    assert [each.key_id for each in with_changes(rows, changes)] == [2]
    assert [each.key_id for each in with_changes(rows, changes[:3])] == [2, 3]
    assert [each.key_id for each in with_changes(rows, [])] == [1, 2]


def test_only_what_nothing_newer_has_replaced_counts_as_written():
    unwritten, first, second = UnwrittenChanges(), made("a"), made("a")
    unwritten.add([first])
    unwritten.add([second])

    unwritten.remove([first])
    assert unwritten.of("a") == [second]
    unwritten.remove([second])
    assert (unwritten.of("a"), len(unwritten)) == ([], 0)


def test_what_waits_in_the_spool_fills_no_memory_without_end():
    unwritten = UnwrittenChanges()
    unwritten.add([made(f"files/{number}") for number in range(MOST_UNWRITTEN)])

    unwritten.add([made("files/last")])

    assert len(unwritten) == MOST_UNWRITTEN
    assert (unwritten.of("files/0"), len(unwritten.of("files/last"))) == ([], 1)
