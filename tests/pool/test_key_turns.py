"""Keys with a priority and a weight of their own."""

from collections import Counter
from itertools import chain, groupby

import pytest

from tests.support.chosen_keys import answering, keys, pool_with, rotor_of


def longest_row(picked: list[int]) -> int:
    return max(len(list(row)) for _, row in groupby(picked))


def test_a_key_of_a_lower_priority_answers_when_no_other_can():
    pool = pool_with(keys({}, {"own_priority": 2}, {}), keys({}, priority=1))
    rotor = rotor_of(pool)

    assert answering(rotor, 4) == [1, 3, 1, 3]
    pool.cool(1, 100.0)
    pool.cool(3, 100.0)
    assert answering(rotor, 2) == [4, 4]
    pool.cool(4, 100.0)
    assert answering(rotor, 2) == [2, 2]


def test_in_the_ring_of_its_group_too():
    pool = pool_with(keys({"own_priority": 1}, {}, {}))
    rotor = rotor_of(pool, ring="group:1")

    assert answering(rotor, 4) == [2, 3, 2, 3]


def test_a_key_may_come_before_its_group():
    pool = pool_with(keys({}, {"own_priority": 0}, priority=5))

    assert answering(rotor_of(pool), 2) == [2, 2]


@pytest.mark.parametrize("ring", ["", "group:1"])
def test_weighted_turns_are_the_keys_weights(ring):
    pool = pool_with(keys({"weight": 5}, {"weight": 2}, {}, {}, strategy="weighted"))

    picked = answering(rotor_of(pool, ring=ring), 900)

    assert Counter(picked) == {1: 500, 2: 200, 3: 100, 4: 100}
    assert longest_row(picked) <= 3


def test_a_key_has_its_weight_times_its_groups():
    pool = pool_with(
        keys({"weight": 3}, {}, weight=2, strategy="weighted"), keys({"weight": 9}, weight=1)
    )

    assert Counter(answering(rotor_of(pool), 900)) == {1: 600, 2: 200, 3: 100}


def test_a_heavy_key_does_not_answer_ten_times_in_a_row():
    pool = pool_with(keys({"weight": 10}, *([{}] * 20), strategy="weighted"))
    picked = answering(rotor_of(pool), 3000)

    assert Counter(picked)[1] == 1000
    assert longest_row(picked) == 1


@pytest.mark.parametrize("strategy", ["round_robin", "least_used", "fill_first"])
def test_by_another_strategy_weights_say_nothing(strategy):
    pool = pool_with(keys({"weight": 5}, {}, {}, strategy=strategy))

    assert pool.rings[""].key_ids == (1, 2, 3)


def test_a_heavy_key_is_out_as_a_whole_and_counted_once():
    pool = pool_with(keys({"weight": 4}, {}, strategy="weighted"))
    assert pool.key_states(10.0)["available"] == 2

    pool.cool(1, 100.0)

    assert answering(rotor_of(pool), 3) == [2, 2, 2]
    states = pool.key_states(10.0)
    assert (states["available"], states["cooling"]) == (1, 1)
    assert Counter(answering(rotor_of(pool), 500, now=100.0)) == {1: 400, 2: 100}


def test_each_turn_of_a_ring_is_that_of_its_key():
    """The keys of one class may stand in pieces, the last of which begins anew."""
    pool = pool_with(
        keys(*({"weight": number % 4 + 1} for number in range(11)), weight=3, strategy="weighted"),
        keys({}, {"own_priority": 3}, weight=2),
    )
    for ring in pool.rings.values():
        found = {key_id: ring.line.indices(pool.keys[key_id]) for key_id in pool.keys}
        assert sorted(chain.from_iterable(found.values())) == list(range(len(ring)))
        for key_id, indices in found.items():
            assert {ring.key_ids[index] for index in indices} <= {key_id}
