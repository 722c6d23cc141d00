"""What is so now of the pool."""

import time

from proxyapp.metrics.present import KeysNow, highest
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import build
from tests.support.snapshots import group


def test_keys_count_by_group_and_state_also_where_there_are_none():
    main, spare = group(1, "main"), group(2, "spare")
    keys = [
        PoolKey(1, main, "K1", "…", "active"),
        PoolKey(2, main, "K2", "…", "active"),
        PoolKey(3, main, "K3", "…", "disabled"),
        PoolKey(4, main, "", "…", "active", is_readable=False),
    ]
    snapshot = build(1, [main, spare], keys, Cooldowns())
    snapshot.cool(2, time.time() + 60)
    snapshot.cool(1, time.time() + 60, quota_scope="gemini-2.5-pro")

    found = KeysNow.of(snapshot).by_group_and_state()

    assert {state: count for (name, state), count in found.items() if name == "main"} == {
        "available": 1,
        "cooling": 1,
        "disabled": 1,
        "invalid": 0,
        "unreadable": 1,
    }
    assert found["spare", "available"] == 0


def test_of_a_quota_the_most_counts_that_any_process_knows():
    place = ("p1", "flash", "requests_per_day")

    assert highest([[(*place, 3, 250)], [(*place, 9, 250)], []]) == [(*place, 9, 250)]
