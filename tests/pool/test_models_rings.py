"""Rings of the groups that have a model: made when they are asked for, and kept."""

from collections import Counter
from typing import Any

from proxyapp.access.pool_source import News, can_take
from proxyapp.access.token_book import TokenBook
from proxyapp.pool.changes import PoolChanges
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.model_turns import ModelTurns
from proxyapp.pool.probation import PastRefusals, Recovery
from proxyapp.pool.ring_names import ALL_GROUPS, groups_of_ring, ring_name
from proxyapp.pool.snapshot import MOST_ROUTED, Snapshot
from proxyapp.pool.taking import take
from tests.support.snapshots import group, pool_of


def changes(pool: Snapshot, **fields) -> PoolChanges:
    empty: dict[str, Any] = {
        "keys": {},
        "groups": None,
        "read_groups": frozenset(),
        "projects": frozenset(),
        "cooldowns": [],
        "has_tokens": False,
    }
    return PoolChanges(2, 2, **{**empty, **fields})


def test_a_set_of_groups_has_one_ring_with_their_keys() -> None:
    pool = pool_of((0, 1, 2), (0, 1, 1), (0, 1, 1))

    ring = pool.ring_of_set(frozenset({1, 3}))

    assert ring is not None
    assert ring.key_ids == (1, 2, 4)
    assert pool.ring_of_set(frozenset({1, 3})) is ring
    pool.cool(2, 100.0)
    assert ring.available(10.0).count == 2


def test_a_set_of_one_group_is_the_ring_that_the_group_has() -> None:
    pool = pool_of((0, 1, 2), (0, 1, 1))

    assert pool.ring_of_set(frozenset({2})) is pool.rings["group:2"]
    assert not pool.routed


def test_they_are_bounded() -> None:
    pool = pool_of(*[(0, 1, 1)] * 20)
    sets = [frozenset({a, b}) for a in range(1, 21) for b in range(a + 1, 21)]

    made = [pool.ring_of_set(each) for each in sets]

    assert sum(ring is not None for ring in made) == MOST_ROUTED
    assert pool.ring_of_set(sets[0]) is made[0]


def test_they_outlive_a_reload_and_a_change_of_keys() -> None:
    pool, later = pool_of((0, 1, 1), (0, 1, 1), (0, 1, 1)), pool_of((0, 1, 2), (0, 1, 1))
    pool.ring_of_set(frozenset({1, 2}))
    pool.ring_of_set(frozenset({1, 3}))

    later.keep_routes(pool)

    assert later.routed == {"groups:1,2"}
    assert later.rings["groups:1,2"].key_ids == (1, 2, 3)


def test_a_group_that_is_gone_takes_its_rings_along() -> None:
    pool = pool_of((0, 1, 1), (0, 1, 1), (0, 1, 1))
    pool.ring_of_set(frozenset({1, 3}))
    pool.ring_of_set(frozenset({1, 2}))
    left = tuple(each for each in pool.order.values() if each.id != 3)

    news = changes(pool, groups=left, read_groups=frozenset({3}))
    assert can_take(pool, TokenBook([], []), News(news, None))
    take(pool, Recovery(PastRefusals()), news, 10.0)

    assert set(pool.circles) == pool.routed == {"groups:1,2"}
    assert "groups:1,3" not in pool.rings
    pool.cool(1, 100.0)
    assert pool.rings["groups:1,2"].available(10.0).count == 1


def test_a_key_that_comes_is_in_them() -> None:
    pool = pool_of((0, 1, 1), (0, 1, 1))
    ring = pool.ring_of_set(frozenset({1, 2}))
    assert ring is not None
    new = PoolKey(9, pool.order[2], "K9", "…", "active", position=9)

    take(pool, Recovery(PastRefusals()), changes(pool, keys={9: new}), 10.0)

    assert pool.rings[ring.name].key_ids == (1, 2, 9)


def test_whether_groups_name_models_is_known_anew_with_them() -> None:
    pool = pool_of((0, 1, 1))
    assert not pool.names_models

    take(
        pool, Recovery(PastRefusals()), changes(pool, groups=(group(1, "g1", models=["a"]),)), 10.0
    )

    assert pool.names_models


def test_what_is_sticky_is_known_anew_with_the_groups() -> None:
    pool = pool_of((0, 1, 1))
    assert not pool.is_sticky
    for mode in ("prefix", "session", ""):
        news = changes(pool, groups=(group(1, "g1", sticky=mode),))

        take(pool, Recovery(PastRefusals()), news, 10.0)

        assert pool.is_sticky == bool(mode)
        assert pool.stickiness(ALL_GROUPS) == pool.stickiness(pool.order[1].ring) == mode


def test_the_name_of_a_ring_tells_its_groups() -> None:
    assert groups_of_ring(ring_name({3, 7})) == {3, 7}
    assert not groups_of_ring(ring_name(range(100)))
    assert not groups_of_ring("group:3x")


def test_each_available_key_of_several_rings_gets_the_same_share() -> None:
    pool, turns = pool_of((0, 1, 3), (0, 1, 1)), ModelTurns()
    rings = [(pool.rings["group:1"], "a"), (pool.rings["group:2"], "b")]

    first = [turns.in_order(rings, 10.0)[0] for _ in range(400)]

    assert Counter(first) == {0: 300, 1: 100}
    assert set(first[:4]) == {0, 1}
    pool.cool(1, 100.0, quota_scope="a")
    pool.cool(2, 100.0, quota_scope="a")
    assert Counter(turns.in_order(rings, 10.0)[0] for _ in range(400)) == {0: 200, 1: 200}


def test_what_has_no_key_comes_last_and_a_lower_priority_behind_the_first() -> None:
    pool, turns = pool_of((0, 1, 1), (5, 1, 3), (0, 1, 1)), ModelTurns()
    rings = [(pool.rings[f"group:{number}"], "a") for number in (1, 2, 3)]

    assert {tuple(turns.in_order(rings, 10.0)) for _ in range(4)} == {(0, 2, 1), (2, 0, 1)}
    pool.cool(1, 100.0)
    assert turns.in_order(rings, 10.0) == [2, 1, 0]
    pool.cool(5, 100.0)
    assert turns.in_order(rings, 10.0)[0] == 1
