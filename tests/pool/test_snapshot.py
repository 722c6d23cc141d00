"""Choosing keys from a snapshot: pure, in memory, exact in time."""

import pytest

from proxyapp.pool.cooldowns import Cooldowns, Release
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring_names import ALL_GROUPS, ring_name
from proxyapp.pool.snapshot import Snapshot, build
from tests.support.lines_run import lines_run
from tests.support.snapshots import group, snapshot


def chosen(pool: Snapshot, start: int, now: float, ring: str = ALL_GROUPS) -> int | None:
    index = pool.rings[ring].choose(start, now)
    return None if index is None else pool.rings[ring].keys[index].id


def test_the_next_available_key_is_chosen_around_the_end():
    pool = snapshot("adia", {1: 50.0})

    assert [chosen(pool, start, 10.0) for start in range(4)] == [4, 4, 4, 4]
    assert [chosen(pool, start, 50.0) for start in range(4)] == [1, 4, 4, 4]


def test_a_key_is_back_at_the_very_instant_of_its_release():
    pool = snapshot()
    pool.cool(2, 100.0)

    assert chosen(pool, 1, 99.999) == 3
    assert chosen(pool, 1, 100.0) == 2


def test_a_longer_cooldown_wins_and_a_shorter_one_changes_nothing():
    pool = snapshot()
    pool.cool(2, 100.0)
    pool.cool(2, 200.0)
    pool.cool(2, 50.0)

    assert chosen(pool, 1, 150.0) == 3
    assert chosen(pool, 1, 200.0) == 2
    assert list(pool.rings[ALL_GROUPS].available(200.0)) == [0, 1, 2]


def test_a_cooldown_holds_in_the_ring_of_the_group_too():
    pool = snapshot()
    pool.cool(3, 100.0)

    assert chosen(pool, 0, 10.0, "group:2") is None
    assert chosen(pool, 0, 100.0, "group:2") == 3


def test_nothing_is_chosen_when_all_are_out_and_the_earliest_release_is_told():
    pool = snapshot("aai", {1: 70.0})
    pool.cool(2, 60.0)
    ring = pool.rings[ALL_GROUPS]

    assert chosen(pool, 0, 10.0) is None
    assert ring.earliest_release(10.0) == Release(60.0, is_daily=False)
    pool.cool(2, 90.0)
    assert ring.earliest_release(10.0) == Release(70.0, is_daily=False)
    assert ring.earliest_release(100.0) is None


def test_peeking_agrees_with_choosing():
    pool = snapshot("adaia", {1: 50.0, 5: 70.0})
    ring = pool.rings[ALL_GROUPS]

    for now in (10.0, 50.0, 60.0, 70.0):
        chosen = [ring.choose(start, now) for start in range(5)]
        assert [ring.peek(start) for start in range(5)] == chosen


def test_states_are_counted_without_a_look_at_each_key():
    few, many = snapshot("aadaiaa"), snapshot("a" * 5_000)
    for pool in (few, many):
        pool.cool(1, 50.0)
        pool.cool(2, 60.0, quota_scope="one-model")
        pool.cool(3, 60.0)

    assert few.key_states(10.0) == {"available": 4, "cooling": 1, "disabled": 1, "invalid": 1}
    assert few.key_states(50.0) == {"available": 5, "cooling": 0, "disabled": 1, "invalid": 1}
    assert many.key_states(10.0) == {"available": 4_998, "cooling": 2}
    assert lines_run(lambda: many.key_states(10.0)) < 100


@pytest.mark.parametrize(
    ("target", "auth", "refused_two", "resolved"),
    [
        ("https://generativelanguage.googleapis.com", "auto", False, "google"),
        ("https://googleapis.com.evil.example", "auto", False, "both"),
        ("https://evilgoogleapis.com", "auto", False, "both"),
        ("https://api.example", "auto", False, "both"),
        ("https://api.example", "auto", True, "google"),
        ("https://api.example", "both", True, "google"),
        ("https://api.example", "bearer", True, "bearer"),
    ],
)
def test_auto_means_one_credential_for_google_and_two_elsewhere(
    target, auth, refused_two, resolved
):
    assert (
        group(1, "g", target_url=target, auth=auth, has_single_credential=refused_two).auth
        == resolved
    )


def test_a_target_is_taken_apart_once():
    made = group(1, "g", target_url="https://up.example:8443/v1beta/openai/")

    assert (made.host, made.prefix, str(made.url)) == (
        b"up.example:8443",
        b"/v1beta/openai",
        "https://up.example:8443",
    )


def test_group_names_are_found_whatever_their_case():
    pool = snapshot()

    assert pool.ring("two") is pool.ring("Two") is pool.rings["group:2"]
    assert pool.ring("three") is None


def test_a_ring_of_several_groups_has_their_keys_only_and_shares_their_cooldowns():
    groups = [group(1, "One"), group(2, "Two"), group(3, "Three", weight=2)]
    owners = {1: 0, 2: 0, 4: 1, 9: 2}
    keys = [PoolKey(n, groups[its], f"K{n}", "…", "active") for n, its in owners.items()]
    pool = build(1, groups, keys, Cooldowns())
    pool.add_ring(frozenset({2, 3}))
    pool.add_ring(frozenset({2, 3}))

    ring = pool.ring_of_groups(frozenset({2, 3}), None)
    pool.cool(4, 100.0)

    assert ring
    assert (ring.name, ring.key_ids) == ("groups:2,3", (4, 9, 9))
    assert chosen(pool, 0, 10.0, "groups:2,3") == 9
    assert chosen(pool, 0, 100.0, "groups:2,3") == 4
    assert pool.ring_of_groups(frozenset({2}), None) is pool.rings["group:2"]
    assert pool.ring_of_groups(frozenset({2}), "two") is pool.rings["group:2"]
    assert pool.ring_of_groups(frozenset({2}), "one") is None
    assert pool.ring_of_groups(frozenset(), None) is None


def test_the_name_of_a_ring_fits_its_column():
    assert len(ring_name(range(1000))) < 120
    assert ring_name(range(1000)) != ring_name(range(1001))
