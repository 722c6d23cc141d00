"""Groups that come first, and groups that get more turns.

In memory, and from the config file to the upstream.
"""

from collections import Counter

import pytest

from proxyapp.config.file import ConfigError, parse
from proxyapp.pool.cursor import Lease
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot
from tests.support.gateway import group as group_of
from tests.support.ports import free_port
from tests.support.quota_gateway import ask
from tests.support.snapshots import pool_of

PRO = "gemini-2.5-pro"


def picks(pool: Snapshot, count: int, now: float = 10.0) -> list[int]:
    ring = pool.rings[ALL_GROUPS]
    rotor = Rotor(ring)
    rotor.add(Lease(0, 1000 * len(ring), 0))
    return [pick.key.id for _ in range(count) if (pick := rotor.pick(now))]


def test_a_group_of_lower_priority_has_turns_only_when_the_first_has_no_key():
    pool = pool_of((1, 1, 1), (0, 1, 2))

    assert picks(pool, 4) == [2, 3, 2, 3]
    pool.cool(2, 100.0)
    assert picks(pool, 3) == [3, 3, 3]
    pool.cool(3, 100.0)
    assert picks(pool, 2) == [1, 1]
    assert picks(pool, 4, now=100.0) == [2, 3, 2, 3]


def test_a_model_that_is_spent_in_the_first_group_is_answered_by_the_next():
    pool = pool_of((0, 1, 1), (5, 1, 2))
    pool.cool(1, 100.0, quota_scope=PRO)
    rotor = Rotor(pool.rings[ALL_GROUPS])

    apart = [rotor.pick_apart(PRO, 10.0) for _ in range(4)]

    assert [key and key.id for key in apart] == [2, 3, 2, 3]
    assert picks(pool, 2) == [1, 1]


def test_peeking_agrees_with_choosing_over_priorities_and_weights():
    pool = pool_of((1, 2, 2), (0, 3, 1), (1, 1, 1))
    pool.cool(3, 50.0)
    ring = pool.rings[ALL_GROUPS]

    for now in (10.0, 50.0):
        for start in range(len(ring)):
            chosen = ring.choose(start, now)
            assert ring.peek(start) == chosen


def test_a_keys_turns_are_its_groups_weight():
    pool = pool_of((0, 3, 1), (0, 1, 2))

    assert picks(pool, 5) == [1, 2, 3, 1, 1]
    assert Counter(picks(pool, 500)) == {1: 300, 2: 100, 3: 100}


def test_a_key_with_weight_is_out_as_a_whole():
    pool = pool_of((0, 3, 1), (0, 1, 1))
    pool.cool(1, 100.0)

    assert picks(pool, 3) == [2, 2, 2]
    assert Counter(picks(pool, 400, now=100.0)) == {1: 300, 2: 100}


def test_the_ring_of_a_group_knows_neither():
    pool = pool_of((3, 5, 2))

    assert pool.rings["group:1"].key_ids == (1, 2)


@pytest.mark.parametrize(
    ("field", "value"), [("priority", -1), ("priority", 101), ("weight", 0), ("weight", 11)]
)
@pytest.mark.parametrize("kind", [int, str])
def test_a_config_with_another_number_is_refused_with_its_place(field, value, kind):
    text = f"groups: [{{name: a, api_keys: [KEY-A-0123456789], {field}: {kind(value)!r}}}]"

    with pytest.raises(ConfigError) as refused:
        parse(text)

    assert refused.value.problems[0].startswith(f"groups[0].{field}: must be a number from ")


def test_the_config_file_says_who_comes_first_and_who_gets_more(make_gateway, upstream):
    first = group_of(["KEY-A", "KEY-B"], upstream.url, "first", auth="google", priority=0, weight=2)
    second = group_of(["KEY-C"], upstream.url, "second", auth="google", priority=0)
    spare = group_of(["KEY-D"], upstream.url, "spare", auth="google", priority=7)
    gateway = make_gateway(groups=[spare, first, second])

    assert [ask(gateway).status_code for _ in range(10)] == [200] * 10
    assert Counter(upstream.picked()) == {"KEY-A": 4, "KEY-B": 4, "KEY-C": 2}
    exported = gateway.manage("export_config").stdout
    assert ("priority: 7" in exported, exported.count("weight: 2")) == (True, 1)


def test_an_upstream_that_cannot_be_reached_sends_requests_to_the_next_priority(
    make_gateway, upstream
):
    fields = {"auth": "google", "rate_limit_policy": "quota_aware"}
    away = group_of(["KEY-A", "KEY-B"], f"http://127.0.0.1:{free_port()}", "away", **fields)
    gateway = make_gateway(
        groups=[away, group_of(["KEY-C"], upstream.url, "spare", priority=1, **fields)]
    )

    assert [ask(gateway).status_code for _ in range(3)] == [200] * 3
    assert upstream.picked() == ["KEY-C"] * 3
