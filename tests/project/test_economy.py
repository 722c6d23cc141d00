"""What the policies make of the quotas.

The pool, the rotation and the verdicts run in simulated hours around midnight.
"""

import copy
import random
from datetime import timedelta

import pytest

from bench.economy import AWARE, DAILY
from bench.economy_day import Gateway, compared
from bench.economy_figures import DayFigures
from bench.economy_world import MIDNIGHT, Room, World, arrivals
from tests.support.fake_quotas import Limits, Quotas

LIMITS = {"flash": Limits(10, 60), "lite": Limits(15, 200), "pro": Limits(5, 12)}
# Two days' quotas, an hour for each: the minutes are narrow, too.
WORLD = World(
    LIMITS,
    (MIDNIGHT - timedelta(hours=1)).timestamp(),
    timedelta(hours=2).total_seconds(),
    projects=6,
    burst_share=0.5,
)
ENDS_OF_DAYS = 2 * WORLD.projects * len(LIMITS)


@pytest.fixture(scope="module")
def figures(everything: list[DayFigures]) -> dict[tuple[float, str], DayFigures]:
    return {
        (each.load, each.policy): each
        for each in everything
        if not each.is_even and not each.hostile
    }


@pytest.fixture(scope="module")
def beside_hostile(everything: list[DayFigures]) -> dict[str, DayFigures]:
    return {each.policy: each for each in everything if each.hostile}


@pytest.fixture(scope="module")
def everything() -> list[DayFigures]:
    return compared(WORLD, (0.8, 2.0), (AWARE, DAILY))


@pytest.mark.parametrize("load", [0.8, 2.0])
def test_no_request_goes_without_an_answer_that_a_project_could_give(figures, load):
    assert figures[load, AWARE].missed_share <= 0.001


def test_requests_that_the_quotas_suffice_for_are_answered(figures):
    assert figures[0.8, AWARE].answered / figures[0.8, AWARE].offered >= 0.999


def test_twice_the_quotas_use_them_up_on_both_days(figures):
    overload = figures[2.0, AWARE]

    assert overload.answered == overload.quota == 2 * WORLD.projects * (60 + 200 + 12)


def test_refusals_are_hardly_more_than_what_tells_that_a_days_quota_is_used_up(figures):
    """Once for every project, model and day.

    Minutes run out where few projects are left for everybody.
    """
    assert figures[0.8, AWARE].refused <= ENDS_OF_DAYS / 4
    assert ENDS_OF_DAYS <= figures[2.0, AWARE].refused <= 2.5 * ENDS_OF_DAYS


def test_quota_aware_answers_more_than_daily_under_overload(figures):
    assert figures[2.0, AWARE].answered > 2 * figures[2.0, DAILY].answered
    assert figures[2.0, DAILY].missed_share > 0.1, "what is missed is seen"


def test_every_refusal_is_judged_and_nothing_else(figures):
    assert [each.judged for each in figures.values()] == [each.refused for each in figures.values()]
    assert figures[2.0, AWARE].judge_seconds > 0


def test_hostile_requests_are_a_twentieth_and_none_is_answered(beside_hostile):
    for each in beside_hostile.values():
        assert each.hostile / (each.hostile + each.offered) == pytest.approx(0.05, abs=0.001)
        assert each.judged == each.refused > 0
        assert each.answered <= each.offered


def test_requests_that_no_key_can_answer_cost_the_honest_ones_nothing(beside_hostile):
    aware = beside_hostile[AWARE]

    assert aware.answered / aware.offered >= 0.99


def test_who_could_answer_is_whom_the_quotas_would_let():
    quotas = Quotas(LIMITS, WORLD.owners)
    gateway, room, chance = Gateway(WORLD, AWARE, quotas), Room(WORLD, quotas), random.Random(1)
    seen = set()
    for now, model, _ in arrivals(WORLD, 2.0, seed=2):
        if key := gateway.answer(model, now):
            room.note(key.project, model, now)
        if chance.random() < 0.02:
            asked = copy.deepcopy(quotas)
            could = any(asked.ask(key, model, now) is None for key in WORLD.owners)
            seen.add(could)
            assert room.is_left(model, now) == could
    assert seen == {True, False}
