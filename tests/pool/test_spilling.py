"""The next priority answers once the first has used a part of its day."""

from collections import Counter

import pytest

from proxyapp.pool.day_use import DayUse
from tests.support.chosen_keys import (
    AT,
    answering,
    answering_apart,
    keys,
    pool_with,
    projects,
    rotor_of,
)


class Used:
    """As the test says, and counted."""

    def __init__(self, **used: float) -> None:
        self.used = used
        self.asked = 0
        self.today = DayUse(self._of)

    def _of(self, key, model, now):
        self.asked += 1
        return self.used.get(key.project, 0.0) if model == "m" else 0.0


def free_and_paid(**more):
    return pool_with(
        projects("free", "free2", spill_after=0.9), projects("paid", "paid", priority=1, **more)
    )


def test_the_next_priority_answers_when_the_part_is_used():
    pool, used = free_and_paid(), Used(free=0.8, free2=0.9)
    rotor = rotor_of(pool, used.today)

    assert set(answering(rotor, 4)) == {1, 2}
    used.used["free"] = 0.9
    assert answering(rotor, 4, now=AT + 1) == [3, 4, 3, 4]
    assert set(answering(rotor, 4, model="other", now=AT + 1)) == {1, 2}


def test_the_first_comes_back_when_nothing_else_is_left():
    pool = free_and_paid()
    rotor = rotor_of(pool, Used(free=0.95, free2=0.95).today)

    pool.cool(3, 100.0)
    assert answering(rotor, 2) == [4, 4]
    pool.cool(4, 100.0)
    assert set(answering(rotor, 4)) == {1, 2}


def test_the_first_comes_back_with_the_day():
    pool, used = free_and_paid(), Used(free=0.95, free2=0.95)
    rotor = rotor_of(pool, used.today)
    assert answering(rotor, 1) == [3]

    used.used.update(free=0.0, free2=0.0)

    assert set(answering(rotor, 4, now=AT + 1)) == {1, 2}


def test_it_is_looked_at_twice_a_second():
    pool, used = free_and_paid(), Used(free=0.95, free2=0.95)
    rotor = rotor_of(pool, used.today)
    answering(rotor, 100)
    asked = used.asked

    answering(rotor, 100, now=AT + 0.4)
    assert used.asked == asked
    answering(rotor, 100, now=AT + 0.6)
    assert used.asked == 2 * asked


def test_a_clock_that_was_set_back_is_no_reason_to_wait():
    pool, used = free_and_paid(), Used(free=0.95, free2=0.95)
    rotor = rotor_of(pool, used.today)
    answering(rotor, 1)

    used.used.update(free=0.0, free2=0.0)

    assert set(answering(rotor, 4, now=AT - 5)) == {1, 2}


@pytest.mark.parametrize("used", [Used().today, Used(free=1.0).today, DayUse()])
def test_without_known_limits_it_goes_on_at_refusal(used):
    pool = free_and_paid()
    rotor = rotor_of(pool, used)

    assert set(answering(rotor, 4)) == {1, 2}
    pool.cool(1, 100.0)
    pool.cool(2, 100.0)
    assert set(answering(rotor, 4)) == {3, 4}


def test_a_priority_is_passed_over_once_all_of_its_groups_are():
    pool = pool_with(
        projects("free", spill_after=0.5), projects("other"), projects("paid", priority=1)
    )

    assert set(answering(rotor_of(pool, Used(free=0.9, other=0.9).today), 4)) == {1, 2}


def test_each_priority_has_its_own_part():
    pool = pool_with(
        projects("a", spill_after=0.5),
        projects("b", priority=1, spill_after=0.8),
        projects("c", priority=2),
    )
    used = Used(a=0.6, b=0.7)
    rotor = rotor_of(pool, used.today)

    assert answering(rotor, 2) == [2, 2]
    used.used["b"] = 0.8
    assert answering(rotor, 2, now=AT + 1) == [3, 3]
    pool.cool(3, 100.0)
    assert answering(rotor, 2, now=AT + 1) == [1, 1]


def test_a_model_that_some_are_out_for_spills_too():
    pool = free_and_paid()
    pool.cool(1, 100.0, quota_scope="m")
    rotor = rotor_of(pool, Used(free=0.95, free2=0.95).today)

    assert answering_apart(rotor, 4) == [3, 4, 3, 4]


def test_requests_that_leave_a_group_out_spill_too():
    pool = pool_with(
        projects("free", spill_after=0.5),
        projects("broken", priority=1),
        projects("paid", priority=1),
    )
    rotor = rotor_of(pool, Used(free=0.9).today)

    assert rotor.pick_outside("m", AT, {2}) == pool.keys[3]


def test_the_next_priority_goes_by_its_strategy():
    own = {"strategy": "fill_first", "has_own_strategy": True}
    pool, used = free_and_paid(**own), Used(free=0.95, free2=0.95)

    assert Counter(answering(rotor_of(pool, used.today), 10)) == {3: 5, 4: 5}


def test_keys_of_their_own_priority_are_what_a_group_spills_to():
    pool = pool_with(keys({"project": "free"}, {"own_priority": 1}, spill_after=0.5))

    assert answering(rotor_of(pool, Used(free=0.6).today), 2) == [2, 2]


def test_a_large_priority_is_asked_by_sample():
    pool = pool_with(
        keys(*({"project": "free"} for _ in range(10_000)), spill_after=0.9),
        keys({}, priority=1),
    )
    used = Used(free=0.95)

    assert answering(rotor_of(pool, used.today), 2) == [10_001] * 2
    assert used.asked < 200
