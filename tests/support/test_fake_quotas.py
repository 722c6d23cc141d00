"""Quotas as Google counts them, with a clock that the tests set."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.fake_gemini import recorded_error
from tests.support.fake_quotas import PACIFIC, Limits, Quotas, Refusal, day_of, spelled

MODEL = "gemini-2.5-flash"
NOON = datetime(2026, 7, 1, 12, tzinfo=PACIFIC).timestamp()
HOUR = 3600.0


def quotas(per_minute: int = 1000, per_day: int = 1000, **projects: str) -> Quotas:
    return Quotas({MODEL: Limits(per_minute, per_day)}, projects)


def refused(counting: Quotas, key: str = "K", now: float = NOON) -> Refusal:
    refusal = counting.ask(key, MODEL, now)
    assert refusal
    return refusal


def used(counting: Quotas, count: int, key: str = "K", now: float = NOON) -> Quotas:
    for _ in range(count):
        assert counting.ask(key, MODEL, now) is None
    return counting


def quota_ids(refusal: Refusal) -> list[str]:
    return [violation["quotaId"] for violation in detail(refusal, "QuotaFailure")["violations"]]


def detail(refusal: Refusal, kind: str) -> Any:
    return next(
        part for part in refusal.body["error"]["details"] if part["@type"].endswith(f".{kind}")
    )


# What counts.


def test_a_minute_has_so_many_requests_and_no_more() -> None:
    counting = used(quotas(per_minute=2), 2)
    assert refused(counting).is_minute


def test_a_request_leaves_the_minute_after_sixty_seconds() -> None:
    counting = used(used(quotas(per_minute=2), 1, now=NOON), 1, now=NOON + 20)
    assert counting.ask("K", MODEL, NOON + 59.9)
    assert counting.ask("K", MODEL, NOON + 60) is None
    assert refused(counting, now=NOON + 60).retry_seconds == 20


def test_the_stated_delay_lasts_until_the_oldest_request_leaves() -> None:
    counting = used(quotas(per_minute=1), 1)
    assert refused(counting, now=NOON + 26.4).retry_seconds == pytest.approx(33.6)


def test_a_day_has_so_many_requests_however_long_one_waits() -> None:
    counting = used(quotas(per_day=3), 3)
    refusal = refused(counting, now=NOON + 11 * HOUR)
    assert (refusal.is_day, refusal.is_minute, refusal.reset_seconds) == (True, False, HOUR)


def test_a_day_ends_at_midnight_in_california() -> None:
    counting = used(quotas(per_day=1), 1)
    assert counting.ask("K", MODEL, NOON + 12 * HOUR - 0.1)
    assert counting.ask("K", MODEL, NOON + 12 * HOUR) is None


@pytest.mark.parametrize(
    ("year", "month", "day", "hours"),
    [(2026, 3, 8, 23), (2026, 11, 1, 25), (2026, 1, 15, 24), (2026, 7, 15, 24)],
)
def test_a_day_is_as_long_as_the_clocks_in_california_say(
    year: int, month: int, day: int, hours: int
) -> None:
    start, end = day_of(datetime(year, month, day, 15, tzinfo=PACIFIC).timestamp())
    assert (start, end - start) == (
        datetime(year, month, day, tzinfo=PACIFIC).timestamp(),
        hours * HOUR,
    )


def test_midnight_belongs_to_the_new_day() -> None:
    midnight = datetime(2026, 7, 2, tzinfo=PACIFIC).timestamp()
    assert day_of(midnight)[0] == midnight


def test_a_minute_reaches_over_midnight() -> None:
    midnight = NOON + 12 * HOUR
    counting = used(quotas(per_minute=1), 1, now=midnight - 10)
    assert refused(counting, now=midnight + 10).retry_seconds == 40


def test_the_keys_of_one_project_share_its_quota() -> None:
    counting = used(quotas(per_day=1, A="P", B="P"), 1, key="A")
    assert counting.ask("B", MODEL, NOON)


def test_a_key_without_a_project_is_its_own() -> None:
    counting = used(quotas(per_day=1, A="P"), 1, key="A")
    assert counting.ask("B", MODEL, NOON) is None
    assert counting.ask("C", MODEL, NOON) is None


def test_each_model_has_a_quota_of_its_own() -> None:
    limits = Limits(1, 1)
    counting = Quotas({"one": limits, "two": limits}, {})
    assert counting.ask("K", "one", NOON) is None
    assert counting.ask("K", "two", NOON) is None
    assert counting.ask("K", "one", NOON)


def test_a_model_without_limits_is_unlimited() -> None:
    counting = quotas(per_minute=1)
    assert [counting.ask("K", "other", NOON) for _ in range(100)] == [None] * 100


def test_a_refused_request_does_not_count() -> None:
    counting = used(quotas(per_minute=1, per_day=2), 1)
    assert all(counting.ask("K", MODEL, NOON + second) for second in range(60))
    assert counting.ask("K", MODEL, NOON + 60) is None


# What a simulator reads.


def test_answers_and_refusals_are_counted_by_project_and_model() -> None:
    counting = used(used(quotas(per_day=2, A="P", B="P"), 1, key="A"), 1, key="B")
    refused(counting, "B")
    counting.ask("C", "other", NOON)
    assert counting.answered == {("P", MODEL): 2, ("C", "other"): 1}
    assert counting.refused == {("P", MODEL): 1}


def test_what_remains_of_today() -> None:
    counting = used(quotas(per_day=5, A="P"), 2, key="A")
    assert counting.remaining_today("P", MODEL, NOON) == 3
    assert counting.remaining_today("Q", MODEL, NOON) == 5
    assert counting.remaining_today("P", "other", NOON) is None


def test_what_remains_is_the_whole_limit_after_midnight() -> None:
    counting = used(quotas(per_day=5), 2)
    assert counting.remaining_today("K", MODEL, NOON + 12 * HOUR) == 5
    assert counting.remaining_today("K", MODEL, NOON) == 3


# How it is said.


def test_a_refusal_for_a_day_reads_as_the_recorded_one() -> None:
    model = "gemini-2.5-flash-lite"
    counting = Quotas({model: Limits(100, 20)}, {})
    now = NOON + 60 - 51.606482
    asked = [counting.ask("K", model, now) for _ in range(21)]
    assert asked[:20] == [None] * 20
    recorded = recorded_error("429_free_rpd_20_short_delay")
    error = recorded["error"]
    error["message"] = error["message"].replace("51.606482386s", "51.606482s")
    assert asked[20]
    assert (asked[20].status, asked[20].body) == (429, recorded)


def test_a_model_without_quota_is_refused_as_the_recorded_one() -> None:
    model = "gemini-2.0-flash"
    refusal = Quotas({model: Limits(0, 0)}, {}).ask("K", model, NOON + 60 - 10.689924)
    recorded = recorded_error("429_free_limit0_3_violations")
    error = recorded["error"]
    error["message"] = error["message"].replace("10.689924287s", "10.689924s")
    assert refusal
    assert refusal.has_no_quota
    assert refusal.body == recorded


@pytest.mark.parametrize("limits", [Limits(0, 5), Limits(5, 0)])
def test_one_limit_of_zero_is_no_quota_at_all(limits: Limits) -> None:
    refusal = Quotas({MODEL: limits}, {}).ask("K", MODEL, NOON)
    assert refusal
    assert refusal.has_no_quota
    assert "limit: 0," in refusal.body["error"]["message"]
    assert "limit: 5," not in refusal.body["error"]["message"]


def test_a_refusal_for_a_minute_names_its_limit_and_a_delay_without_its_fraction() -> None:
    refusal = refused(used(quotas(per_minute=10), 10), now=NOON + 26.4)
    assert quota_ids(refusal) == ["GenerateRequestsPerMinutePerProjectPerModel-FreeTier"]
    assert detail(refusal, "QuotaFailure")["violations"][0]["quotaValue"] == "10"
    assert detail(refusal, "RetryInfo")["retryDelay"] == "33s"
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    assert refusal.body["error"]["message"].endswith(
        f"\n* Quota exceeded for metric: {metric}, limit: 10, model: {MODEL}\nPlease retry in"
        " 33.6s."
    )


def test_both_quotas_are_named_with_a_delay_that_suits_neither() -> None:
    refusal = refused(used(quotas(per_minute=2, per_day=2), 2), now=NOON + 55)
    assert quota_ids(refusal) == [
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ]
    assert detail(refusal, "RetryInfo")["retryDelay"] == "5s"
    assert refusal.body["error"]["message"].count("* Quota exceeded") == 2


def test_the_interactions_name_the_day_and_the_real_delay() -> None:
    refusal = refused(used(quotas(per_day=10), 10), now=NOON + 11 * HOUR + 872)
    error = refusal.interactions_body["error"]
    recorded = recorded_error("interactions_429_rpd_45m28s")["error"]
    assert error == {
        **recorded,
        "message": recorded["message"].replace("gemini-3.8-flash-tts", MODEL),
    }


def test_the_interactions_name_the_minute() -> None:
    refusal = refused(used(quotas(per_minute=5), 5), now=NOON + 48.5)
    message = refusal.interactions_body["error"]["message"]
    assert "(limit: 5 requests per minute on Free Tier). Please retry in 11s " in message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (33.6, "33.6s"),
        (17.156209832, "17.15621s"),
        (0.6505, "650.5ms"),
        (0.0, "0s"),
        (60.0, "1m0s"),
        (59.9999999, "1m0s"),
        (2728, "45m28s"),
        (61986, "17h13m6s"),
        (39043.651927, "10h50m43.651927s"),
    ],
)
def test_delays_are_spelled_as_google_spells_them(seconds: float, text: str) -> None:
    assert spelled(seconds) == text
