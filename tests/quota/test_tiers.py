"""The table of published limits that the package carries."""

import pytest

from proxyapp.quota.tiers import TABLE, limits_of_tier
from proxyapp.vocabulary.choices import Tier
from proxyapp.vocabulary.limits import contradictions, limits_problems


@pytest.mark.parametrize("tier", Tier)
def test_each_tier_that_may_be_named_has_limits(tier: Tier) -> None:
    limits = limits_of_tier(tier)

    assert limits["gemini-2.5-pro"]["requests_per_minute"]
    assert list(limits_problems(limits)) == []
    assert list(contradictions(limits)) == []


def test_the_table_says_where_it_is_from_and_when() -> None:
    text = TABLE.read_text()

    assert "https://ai.google.dev/gemini-api/docs/rate-limits" in text
    assert "2025-09-05" in text


def test_a_tier_that_is_not_known_has_none() -> None:
    assert limits_of_tier("") == limits_of_tier("gold") == {}
