"""Cooldowns of single models: who may be picked for what, in memory, exact in time."""

import math
import random

import pytest

from proxyapp.pool.cooldowns import MOST_SCOPES, Cooldowns, Release
from proxyapp.pool.cursor import Lease
from proxyapp.pool.ring import Ring, new_ring
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot, build
from tests.support.snapshots import snapshot

PRO, FLASH = "gemini-2.5-pro", "gemini-2.5-flash"


def ring_of(pool: Snapshot) -> Ring:
    return pool.rings[ALL_GROUPS]


def ids(ring: Ring, now: float, quota_scope: str) -> list[int]:
    return [ring.key_ids[index] for index in ring.available(now, quota_scope)]


def test_a_key_that_is_out_for_one_model_serves_the_others():
    pool = snapshot()
    pool.cool(2, 100.0, quota_scope=PRO)

    ring = ring_of(pool)
    assert (ids(ring, 10.0, PRO), ids(ring, 10.0, FLASH), ids(ring, 10.0, "/models")) == (
        [1, 3],
        [1, 2, 3],
        [1, 2, 3],
    )
    assert ids(ring, 100.0, PRO) == [1, 2, 3]


def test_a_key_that_is_out_for_all_models_is_out_for_each():
    pool = snapshot()
    pool.cool(1, 200.0, quota_scope=PRO)
    pool.cool(2, 100.0)

    ring = ring_of(pool)
    assert (ids(ring, 10.0, PRO), ids(ring, 10.0, FLASH)) == ([3], [1, 3])
    assert (ids(ring, 100.0, PRO), ids(ring, 100.0, FLASH)) == ([2, 3], [1, 2, 3])


def test_the_longer_of_a_models_and_the_keys_own_cooldown_counts():
    pool = snapshot()
    pool.cool(1, 100.0, quota_scope=PRO)
    pool.cool(1, 50.0)
    pool.cool(2, 50.0, quota_scope=PRO)
    pool.cool(2, 100.0)

    ring = ring_of(pool)
    assert [ids(ring, now, PRO) for now in (10.0, 50.0, 99.0, 100.0)] == [[3], [3], [3], [1, 2, 3]]
    assert [ids(snapshot_copy(pool), now, FLASH) for now in (50.0, 100.0)] == [[1, 3], [1, 2, 3]]


def snapshot_copy(pool: Snapshot) -> Ring:
    """The ring as a reload of the same cooldowns builds it."""
    ring = ring_of(pool)
    return new_ring(ring.name, ring.line, pool.keys, pool.cooldowns)


def test_a_reload_builds_what_the_cooldowns_made_one_by_one():
    chance = random.Random(4)
    for _ in range(50):
        pool = snapshot("aaaaaa")
        for _ in range(12):
            pool.cool(
                chance.randint(1, 6),
                chance.choice([20.0, 40.0, 60.0]),
                quota_scope=chance.choice(["", PRO, FLASH]),
            )
        for now in (10.0, 20.0, 45.0, 60.0):
            for quota_scope in (PRO, FLASH, "other"):
                free = [key for key in range(1, 7) if pool.cooldowns.until(key, quota_scope) <= now]
                assert ids(snapshot_copy(pool), now, quota_scope) == free
                assert ids(ring_of(pool), now, quota_scope) == free


@pytest.mark.parametrize(
    ("quota_scope", "first"),
    [(PRO, Release(95.0, is_daily=True)), (FLASH, Release(90.0, is_daily=False))],
)
def test_the_earliest_release_is_that_of_the_model(quota_scope: str, first: Release):
    pool = snapshot("aa")
    pool.cool(1, 90.0)
    pool.cool(2, 300.0)
    pool.cool(1, 95.0, quota_scope=PRO, is_daily=True)
    pool.cool(2, 400.0, quota_scope=PRO)

    assert ring_of(pool).earliest_release(10.0, quota_scope) == first


def test_a_dead_key_has_no_release():
    pool = snapshot("a")
    pool.cool(1, math.inf, is_daily=True)

    assert (ids(ring_of(pool), 1e12, PRO), ring_of(pool).earliest_release(10.0, PRO)) == ([], None)


def test_turns_of_a_narrowed_model_cost_the_others_nothing():
    pool = snapshot("aaaa")
    pool.cool(2, 100.0, quota_scope=PRO)
    rotor = Rotor(ring_of(pool))
    rotor.add(Lease(0, 100, 0))

    mixed: list[tuple[str, int]] = []
    for _ in range(8):
        apart, pick = rotor.pick_apart(PRO, 10.0), rotor.pick(10.0)
        assert apart is not None
        assert pick is not None
        mixed += [("pro", apart.id), ("any", pick.key.id)]

    assert [key for kind, key in mixed if kind == "any"] == [1, 2, 3, 4] * 2
    assert [key for kind, key in mixed if kind == "pro"] == [1, 3, 4, 1, 3, 4, 1, 3]


def test_a_narrowed_model_goes_on_where_the_rotation_stands():
    pool = snapshot("aaaa")
    rotor = Rotor(ring_of(pool))
    rotor.add(Lease(0, 100, 0))
    rotor.pick(10.0)
    pool.cool(1, 100.0, quota_scope=PRO)

    apart = [rotor.pick_apart(PRO, 10.0) for _ in range(4)]

    assert [key and key.id for key in apart] == [2, 3, 4, 2]


def test_of_more_models_than_a_provider_has_the_latest_have_room():
    pool = snapshot("a")
    for number in range(2 * MOST_SCOPES):
        pool.cool(1, 100.0, quota_scope=f"made-up-{number}")

    assert len(pool.cooldowns.quota_scopes()) == MOST_SCOPES
    assert ids(ring_of(pool), 10.0, "made-up-0") == [1]
    assert ids(ring_of(pool), 10.0, f"made-up-{2 * MOST_SCOPES - 1}") == []


def test_names_that_clients_make_up_do_not_push_out_models_that_have_answered():
    pool = build(1, [], [], Cooldowns(real={PRO}))
    pool.cool(1, 100.0, quota_scope=PRO)
    for number in range(2 * MOST_SCOPES):
        pool.cool(1, 100.0, quota_scope=f"made-up-{number}")
    pool.cool(1, 100.0, quota_scope=f"{PRO}+google_search")
    for number in range(2 * MOST_SCOPES):
        pool.cool(1, 100.0, quota_scope=f"other-{number}")

    assert len(pool.cooldowns.quota_scopes()) == MOST_SCOPES
    assert pool.cooldowns.of_scope(PRO) == pool.cooldowns.of_scope(f"{PRO}+google_search")


# Features.

SEARCH = f"{FLASH}+google_search"


def test_a_feature_that_is_out_leaves_the_model():
    pool = snapshot()
    pool.cool(2, 100.0, quota_scope=SEARCH)

    ring = ring_of(pool)
    assert (ids(ring, 10.0, SEARCH), ids(ring, 10.0, FLASH), ids(ring, 10.0, f"{PRO}+x")) == (
        [1, 3],
        [1, 2, 3],
        [1, 2, 3],
    )
    assert (ring.is_narrowed(SEARCH), ring.is_narrowed(FLASH)) == (True, False)
    assert ids(ring, 100.0, SEARCH) == [1, 2, 3]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_holds_for_a_model_holds_for_its_features(is_first: bool):
    pool = snapshot("aaaa")
    cooled = [(2, 50.0, SEARCH), (1, 100.0, FLASH), (2, 80.0, FLASH), (3, 40.0, "")]
    for key_id, until, scope in cooled if is_first else cooled[::-1]:
        pool.cool(key_id, until, quota_scope=scope)

    ring = ring_of(pool)
    assert ids(ring, 10.0, SEARCH) == [4]
    assert ids(ring, 60.0, SEARCH) == [3, 4]
    assert ids(ring, 90.0, SEARCH) == [2, 3, 4]
    assert ids(ring, 100.0, SEARCH) == [1, 2, 3, 4]


def test_a_feature_without_cooldowns_of_its_own_has_those_of_its_model():
    pool = snapshot("aa")
    pool.cool(1, 90.0, quota_scope=FLASH, is_daily=True)
    pool.cool(2, 95.0, quota_scope=FLASH)

    ring = ring_of(pool)
    assert (ids(ring, 10.0, SEARCH), ring.is_narrowed(SEARCH)) == ([], True)
    assert ring.earliest_release(10.0, SEARCH) == Release(90.0, is_daily=True)


def test_features_too_are_after_a_reload_as_they_were_made_one_by_one():
    chance = random.Random(5)
    for _ in range(100):
        pool = snapshot("aaaaaa")
        for _ in range(14):
            pool.cool(
                chance.randint(1, 6),
                chance.choice([20.0, 40.0, 60.0]),
                quota_scope=chance.choice(["", PRO, FLASH, SEARCH, f"{FLASH}+image"]),
            )
        for now in (10.0, 20.0, 45.0, 60.0):
            for scope in (PRO, FLASH, SEARCH, f"{FLASH}+image", f"{PRO}+image"):
                free = [key for key in range(1, 7) if pool.cooldowns.until(key, scope) <= now]
                assert ids(snapshot_copy(pool), now, scope) == free
                assert ids(ring_of(pool), now, scope) == free
