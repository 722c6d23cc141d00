"""Holds: keys that are passed over for a scope while a limit that the gateway keeps is used up."""

import math
import random
from datetime import timedelta

import pytest

from proxyapp.ledger.cooldown_writer import is_new
from proxyapp.models import ApiKey
from proxyapp.operators.key_actions import change_keys
from proxyapp.pool.change_log import touched_keys
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.pool.cooldowns import MOST_SCOPES, Release
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.pool.holds import MOST_HELD_SCOPES
from proxyapp.pool.model_turns import ModelTurns
from proxyapp.pool.ring import Ring, new_ring
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from tests.support.lines_run import lines_run
from tests.support.pool_data import add_group, add_key
from tests.support.pool_follower import START, Follower
from tests.support.snapshots import pool_of, snapshot

PRO, FLASH, SEARCH = "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-pro+google_search"
SCOPES = ("", PRO, FLASH, SEARCH, "other")
EVENTS = ("cool", "hold", "hold", "hold", "lift", "lift", "pass", "past", "set")


def ids(pool: Snapshot, now: float, quota_scope: str = "") -> list[int]:
    ring = pool.rings[ALL_GROUPS]
    return [ring.key_ids[index] for index in ring.available(now, quota_scope)]


def check(pool: Snapshot, now: float) -> None:
    """Every ring says what the cooldowns and holds say, and what it would say if it were new."""
    for ring in pool.rings.values():
        again = new_ring(ring.name, ring.line, pool.keys, pool.cooldowns)
        for scope in SCOPES:
            free = [
                key.id
                for key in ring.keys
                if key.is_active and pool.cooldowns.until(key.id, scope) <= now
            ]
            for each in (ring, again):
                view = each.available(now, scope)
                assert ([each.key_ids[index] for index in view], view.count) == (free, len(free))
                assert each.earliest_release(now, scope) == first_release(pool, ring, now, scope)
            assert ring.is_narrowed(scope) == again.is_narrowed(scope)


def first_release(pool: Snapshot, ring: Ring, now: float, scope: str) -> Release | None:
    ends = [pool.cooldowns.until(key.id, scope) for key in ring.keys if key.is_active]
    until = min((end for end in ends if now < end < math.inf), default=None)
    return None if until is None else Release(until, is_daily=False)


def test_a_held_key_is_passed_over_for_its_scope_and_back_at_its_time():
    pool = snapshot()
    pool.hold([2], PRO, 100.0)

    assert (ids(pool, 10.0, PRO), ids(pool, 10.0, SEARCH), ids(pool, 10.0, FLASH)) == (
        [1, 3],
        [1, 3],
        [1, 2, 3],
    )
    assert pool.rings[ALL_GROUPS].earliest_release(10.0, PRO) == Release(100.0, is_daily=False)
    assert ids(pool, 100.0, PRO) == [1, 2, 3]


def test_a_later_hold_replaces_the_one_before_be_it_shorter_or_longer():
    pool = snapshot()
    pool.hold([2], PRO, 100.0)
    pool.hold([2], PRO, 60.0)
    assert (ids(pool, 59.0, PRO), ids(pool, 60.0, PRO)) == ([1, 3], [1, 2, 3])

    pool.hold([2], PRO, 90.0)
    assert (ids(pool, 89.0, PRO), ids(pool, 90.0, PRO)) == ([1, 3], [1, 2, 3])


def test_a_hold_that_is_lifted_leaves_the_cooldown():
    pool = snapshot("aa")
    pool.cool(1, 50.0, quota_scope=PRO)
    pool.hold([1, 2], SEARCH, math.inf)
    assert (ids(pool, 60.0, PRO), pool.rings[ALL_GROUPS].earliest_release(10.0, PRO)) == ([], None)

    pool.lift([1, 2], PRO)
    pool.lift([1, 2], PRO)
    assert (ids(pool, 10.0, PRO), ids(pool, 50.0, PRO)) == ([2], [1, 2])


def test_a_key_held_for_every_scope_is_no_cooling_key():
    pool = snapshot("aaa", cooling={1: 50.0})
    pool.hold([1, 2], "", math.inf)

    assert (ids(pool, 10.0), ids(pool, 10.0, PRO)) == ([3], [3])
    assert pool.key_states(10.0) == {"available": 2, "cooling": 1}
    assert pool.key_states(50.0) == {"available": 3, "cooling": 0}
    pool.lift([1, 2], "")
    assert ids(pool, 50.0) == [1, 2, 3]


def test_a_hold_until_a_daily_reset_is_told_as_one():
    pool = snapshot("a")
    pool.hold([1], PRO, 90_000.0, is_daily=True)
    ring = pool.rings[ALL_GROUPS]
    assert ring.earliest_release(10.0, PRO) == Release(90_000.0, is_daily=True)

    pool.hold([1], PRO, 60.0)
    assert ring.earliest_release(10.0, PRO) == Release(60.0, is_daily=False)


def test_turns_by_model_see_holds():
    pool = pool_of((0, 1, 2), (0, 1, 2))
    pool.hold([1, 2], PRO, 100.0)
    rings = [(pool.rings["group:1"], PRO), (pool.rings["group:2"], PRO)]

    assert [ModelTurns().in_order(rings, 10.0)[0] for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_in_whatever_order_the_rings_say_what_holds_and_cooldowns_say(seed: int):
    chance, now = random.Random(seed), 10.0
    pool = pool_of((0, 2, 4), (0, 1, 2), (1, 1, 2))
    pool.add_ring(frozenset({1, 3}))
    for _ in range(60):
        key_id, scope = chance.randint(1, 8), chance.choice(SCOPES)
        until = chance.choice([now, now + 10.0, now + 20.0, now + 40.0, math.inf])
        match chance.choice(EVENTS):
            case "cool":
                pool.cool(key_id, min(until, now + 50.0), quota_scope=scope)
            case "hold":
                pool.hold([key_id, chance.randint(1, 9)], scope, until)
            case "lift":
                pool.lift([key_id, chance.randint(1, 9)], scope)
            case "pass":
                now += chance.choice([5.0, 10.0, 20.0])
            case "past":
                pool.lift_past(now)
            case "set":
                pool.shift(1000.0)
                now += 1000.0
        check(pool, now)


def test_a_scope_whose_holds_are_past_turns_with_the_others_again():
    pool = snapshot()
    pool.hold([1, 2], PRO, 100.0)
    pool.hold([2], PRO, 150.0)
    ring = pool.rings[ALL_GROUPS]

    pool.lift_past(100.0)
    assert (ring.is_narrowed(PRO), ids(pool, 100.0, PRO)) == (True, [1, 3])
    pool.lift_past(150.0)
    assert (ring.is_narrowed(PRO), bool(pool.cooldowns.holds)) == (False, False)


def test_made_up_names_neither_fill_the_memory_nor_take_a_cooldowns_place():
    pool = snapshot("aa")
    kept = [pool.hold([1], f"held-{number}", math.inf) for number in range(2 * MOST_HELD_SCOPES)]
    for number in range(2 * MOST_SCOPES):
        pool.cool(1, 100.0, quota_scope=f"made-up-{number}")

    assert (kept.count(True), pool.hold([2], "held-0", 50.0)) == (MOST_HELD_SCOPES, True)
    assert len(pool.cooldowns.quota_scopes()) == MOST_SCOPES


def test_a_scope_that_has_to_go_with_its_cooldowns_stays_held():
    pool = snapshot("aa")
    pool.hold([2], "made-up-0", math.inf)
    for number in range(2 * MOST_SCOPES):
        pool.cool(1, 100.0, quota_scope=f"made-up-{number}")

    assert ids(pool, 10.0, "made-up-0") == [1]
    pool.lift([2], "made-up-0")
    assert not pool.rings[ALL_GROUPS].is_narrowed("made-up-0")


def test_a_key_that_is_held_a_thousand_times_leaves_no_thousand_ends():
    pool = snapshot("aa")
    for _ in range(1000):
        pool.hold([1], PRO, 90_000.0)
        pool.lift([1], PRO)
    pool.hold([2], PRO, 80_000.0)

    assert len(pool.rings[ALL_GROUPS]._views[PRO]._cooling) < 200
    assert len(pool.cooldowns.holds._ends) < 200


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_hold_costs_the_same_in_a_large_pool(size: int):
    pool = pool_of((0, 1, size))
    pool.hold([1], PRO, 100.0)

    def hold_and_lift() -> None:
        pool.hold([2], PRO, math.inf)
        pool.lift([2], PRO)

    assert lines_run(hold_and_lift) < 500


def test_a_cooldown_of_a_held_key_is_news():
    pool = snapshot("a")
    pool.hold([1], PRO, math.inf)
    until = START + timedelta(seconds=60)

    assert is_new(NewCooldown(1, PRO, "minute", 429, START, until, ""), pool)


@pytest.mark.django_db
def test_a_key_that_changes_loses_its_holds_and_the_others_keep_theirs():
    groups = [add_group("a"), add_group("b", weight=2)]
    keys = [add_key(group, f"{group.name}{number}") for group in groups for number in range(3)]
    raise_pool_version()
    process, now = Follower(), START.timestamp()
    process.snapshot.hold([key.pk for key in keys], PRO, math.inf)
    process.snapshot.hold([key.pk for key in keys[:2]], "", now + 60)

    change_keys("disable", [keys[0].pk], START)
    ApiKey.objects.filter(pk=keys[1].pk).update(project="another")
    gone, new = keys[5].pk, add_key(groups[0], "new")
    ApiKey.objects.filter(pk=gone).delete()
    raise_pool_version(touched_keys([keys[1].pk, gone, new.pk]))
    assert (process.refresh(), process.takes) == (True, 1)

    held = {key_id for _, key_id, _ in process.snapshot.cooldowns.holds}
    assert held == {key.pk for key in keys[2:5]}
    check(process.snapshot, now)
