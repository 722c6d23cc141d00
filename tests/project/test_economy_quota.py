"""What limits that are kept make of a simulated hour, beside other gateways' rules."""

import pytest

from bench.economy_quota import QuotaFigures, compared, targets
from bench.economy_world import HOUR


@pytest.fixture(scope="module")
def figures() -> dict[str, QuotaFigures]:
    return {each.name: each for each in compared(HOUR)}


def test_all_of_the_quota_is_answered_and_no_limit_refuses_twice(
    figures: dict[str, QuotaFigures],
) -> None:
    assert [(each.name, each.met) for each in targets(list(figures.values()))] == [
        ("Of the quota, at worst", True),
        ("Refusals after the first of each limit", True),
        ("Refusals of configured limits", True),
    ]


@pytest.mark.parametrize("where", ["one process", "four processes", "two nodes"])
def test_limits_are_learned_from_one_refusal_each(
    figures: dict[str, QuotaFigures], where: str
) -> None:
    learned = figures[f"learns its limits, {where}"]
    assert learned.answered == learned.quota
    assert 0 < learned.refused <= 2 * 3 * HOUR.projects


def test_rules_that_know_no_limits_are_refused_again_and_again(
    figures: dict[str, QuotaFigures],
) -> None:
    for name in ("three strikes, a probe an hour", "60 s for key and model", "headers only"):
        assert figures[name].after_first > 100
