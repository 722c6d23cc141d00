"""Strategies from the config file and the environment to the upstream."""

from collections import Counter

import pytest

from tests.support.fake_quotas import Limits, Quotas
from tests.support.gateway import group as group_of
from tests.support.quota_gateway import FLASH, ask, keyed

POLICY = {"auth": "google", "rate_limit_policy": "quota_aware"}
KEYS = [keyed("KEY-A", "red"), keyed("KEY-B", "blue"), keyed("KEY-C", "red")]


@pytest.mark.parametrize("lease", ["0", "1"])
def test_one_project_is_drained_before_the_next(make_gateway, upstream, lease):
    gateway = make_gateway(KEYS, strategy="fill_first", env={"ROTATION_LEASE": lease}, **POLICY)

    assert [ask(gateway).status_code for _ in range(4)] == [200] * 4
    assert upstream.picked() == ["KEY-A", "KEY-C"] * 2


@pytest.mark.parametrize("lease", ["0", "1"])
def test_the_setting_holds_for_groups_without_a_strategy(make_gateway, upstream, lease):
    env = {"ROTATION_STRATEGY": "least_used", "ROTATION_LEASE": lease}
    own = group_of(["KEY-D"], upstream.url, "own", strategy="round_robin", **POLICY)
    gateway = make_gateway(groups=[group_of(KEYS, upstream.url, **POLICY), own], env=env)

    assert [ask(gateway).status_code for _ in range(16)] == [200] * 16
    assert Counter(upstream.picked()) == {"KEY-A": 3, "KEY-C": 3, "KEY-B": 6, "KEY-D": 4}


def test_a_weighted_key_answers_as_often_as_it_says(make_gateway, upstream):
    keys = [{"key": "KEY-A", "weight": 3}, "KEY-B"]
    gateway = make_gateway(keys, strategy="weighted", **POLICY)

    assert [ask(gateway).status_code for _ in range(8)] == [200] * 8
    assert Counter(upstream.picked()) == {"KEY-A": 6, "KEY-B": 2}


def test_a_project_that_refuses_is_followed_by_the_next(make_gateway, upstream):
    gateway = make_gateway(KEYS, strategy="fill_first", **POLICY)
    owners = {each["key"]: each["project"] for each in KEYS}
    upstream.quotas = Quotas({FLASH: Limits(100, 4)}, owners)

    assert [ask(gateway).status_code for _ in range(8)] == [200] * 8
    assert Counter(upstream.picked()[:4]) == {"KEY-A": 2, "KEY-C": 2}
    assert upstream.picked()[5:] == ["KEY-B"] * 4


def test_an_unknown_setting_is_refused_in_one_line(make_gateway):
    with pytest.raises(Exception, match="ROTATION_STRATEGY"):
        make_gateway(KEYS, env={"ROTATION_STRATEGY": "fastest"})


def test_projects_with_different_limits_are_used_up_together(make_gateway, upstream):
    keys = [
        {"key": "KEY-A", "limits": {"*": {"requests_per_day": 20}}},
        {"key": "KEY-B", "limits": {"*": {"requests_per_day": 60}}},
    ]
    gateway = make_gateway(keys, strategy="least_used", **POLICY)

    assert [ask(gateway).status_code for _ in range(40)] == [200] * 40
    counted = Counter(upstream.picked())
    assert counted["KEY-A"] == pytest.approx(10, abs=2)
    assert counted["KEY-B"] == pytest.approx(30, abs=2)


def test_the_next_priority_answers_once_a_part_of_the_day_is_used(make_gateway, upstream):
    limits = {"*": {"requests_per_day": 1000}}
    free = group_of(["KEY-A"], upstream.url, "free", limits=limits, spill={"after": 0.02}, **POLICY)
    gateway = make_gateway(
        groups=[free, group_of(["KEY-B"], upstream.url, "paid", priority=1, **POLICY)]
    )

    for _ in range(900):
        assert ask(gateway).status_code == 200
        picked = upstream.picked()
        if picked.count("KEY-A") >= 20 and picked[-5:] == ["KEY-B"] * 5:
            break

    assert 20 <= picked.count("KEY-A") < 800
    assert [ask(gateway).status_code for _ in range(5)] == [200] * 5
    assert upstream.picked()[-5:] == ["KEY-B"] * 5
