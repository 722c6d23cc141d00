"""Who answers where a group has a strategy, and how often."""

from collections import Counter
from time import perf_counter

import pytest

from proxyapp.pool.day_use import DayUse, model_of
from tests.support.chosen_keys import (
    answering,
    answering_apart,
    keys,
    pool_with,
    projects,
    rotor_of,
)

DAY = 1000.0


class TestFillFirst:
    def test_a_project_is_drained_before_the_next_and_its_keys_take_turns(self):
        pool = pool_with(projects("red", "blue", "red", "", strategy="fill_first"))
        rotor = rotor_of(pool)

        assert answering(rotor, 4) == [1, 3, 1, 3]
        pool.cool(1, DAY, quota_scope="m")
        assert answering_apart(rotor, 2) == [3, 3]
        pool.cool(3, DAY, quota_scope="m")
        assert answering_apart(rotor, 2) == [2, 2]
        pool.cool(2, DAY, quota_scope="m")
        assert answering_apart(rotor, 2) == [4, 4]
        assert answering(rotor, 2, model="other") == [1, 3]

    def test_groups_without_their_own_are_drained_as_one(self):
        shared = {"strategy": "fill_first"}
        pool = pool_with(projects("red", "blue", **shared), projects("red", **shared))

        assert answering(rotor_of(pool), 4) == [1, 3, 1, 3]

    def test_groups_with_their_own_keep_their_turns(self):
        own = {"strategy": "fill_first", "has_own_strategy": True}
        pool = pool_with(
            projects("red", "blue", **own), projects("red", "green", **own), keys({}, {})
        )

        assert answering(rotor_of(pool), 6) == [1, 1, 3, 3, 5, 6]

    def test_keys_that_were_tried_are_passed(self):
        pool = pool_with(projects("red", "red", "blue", "blue", strategy="fill_first"))
        rotor = rotor_of(pool)

        assert answering(rotor, 2, passed={1}) == [2, 2]
        assert answering(rotor, 2, passed={1, 2}) == [3, 4]
        assert len(answering(rotor, 1, passed={1, 2, 3, 4})) == 1


class TestLeastUsed:
    def test_projects_are_used_up_together(self):
        """Their limits are 100, 200 and 700 requests; the last has two keys."""
        limits = {"red": 100, "blue": 200, "green": 700}
        used = Counter[str]()
        pool = pool_with(projects("red", "blue", "green", "green", strategy="least_used"))
        rotor = rotor_of(
            pool, DayUse(lambda key, model, now: used[key.project] / limits[key.project])
        )
        for _ in range(500):
            used[pool.keys[answering(rotor, 1)[0]].project] += 1

        assert [used[name] for name in limits] == pytest.approx([50, 100, 350], abs=1)

    def test_without_limits_projects_answer_equally_often(self):
        pool = pool_with(projects("red", "red", "red", "blue", strategy="least_used"))

        picked = Counter(answering(rotor_of(pool), 600))

        assert picked[4] == 300
        assert [picked[number] for number in (1, 2, 3)] == pytest.approx([100] * 3, abs=2)

    def test_each_model_is_counted_apart(self):
        pool = pool_with(projects("red", "blue", strategy="least_used"))
        use = DayUse()
        use.install({"m": {"red": 5}})

        assert answering(rotor_of(pool, use), 5) == [2] * 5
        assert set(answering(rotor_of(pool, use), 2, model="other")) == {1, 2}

    def test_whose_limit_is_not_known_comes_first(self):
        pool = pool_with(projects("red", "blue", strategy="least_used"))
        use = DayUse(lambda key, model, now: 0.1 if key.project == "red" else 0.0)

        assert answering(rotor_of(pool, use), 3) == [2, 2, 2]

    def test_keys_that_were_tried_are_passed(self):
        pool = pool_with(projects("red", "blue", "green", strategy="least_used"))
        use = DayUse(lambda key, model, now: {"red": 0.1, "blue": 0.2, "green": 0.3}[key.project])

        assert answering(rotor_of(pool, use), 1, passed={1}) == [2]

    def test_a_groups_weight_is_its_share_of_the_turns(self):
        own = {"strategy": "least_used", "has_own_strategy": True}
        pool = pool_with(keys({}, {}, weight=3, **own), keys({}, {}, **own))

        picked = Counter(answering(rotor_of(pool), 800))

        assert picked == {1: 300, 2: 300, 3: 100, 4: 100}

    def test_a_pick_among_ten_thousand_keys_is_quick(self):
        """A loose bound, so that a look at all of them is seen: it would take milliseconds."""
        pool = pool_with(keys(*({} for _ in range(10_000)), strategy="least_used"))
        rotor = rotor_of(pool)
        began = perf_counter()
        answering(rotor, 1000)

        assert (perf_counter() - began) / 1000 < 0.0005


def test_a_model_is_what_is_counted_by_day():
    assert [model_of(each) for each in ("pro", "pro+search", "/files", "x:y", "")] == [
        "pro", "pro", "", "", "",
    ]  # fmt: skip
