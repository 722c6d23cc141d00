"""Which limits a refusal teaches."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from proxyapp.provider.stated_limits import StatedLimit
from proxyapp.provider.verdict import Verdict, judge
from proxyapp.vocabulary.limits import Meter

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MODEL = "gemini-2.5-flash"
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
TOKENS = "GenerateContentInputTokensPerModelPerMinute-FreeTier"


def violation(quota_id: str, value: str = "10", model: str = MODEL) -> dict[str, Any]:
    dimensions = {"location": "global", "model": model}
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    named = {"quotaMetric": metric, "quotaId": quota_id, "quotaDimensions": dimensions}
    return named | ({"quotaValue": value} if value else {})


def judged(*violations: dict[str, Any], message: str = "Quota exceeded.", **fields) -> Verdict:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": list(violations)}
    ]
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": message, "details": details}
    request: dict[str, Any] = {"status": 429, "model": MODEL, "policy": "quota_aware", **fields}
    found = judge(
        headers=[], body=json.dumps({"error": error}).encode(), path=b"/", now=NOW, **request
    )
    assert found is not None
    return found


def test_the_value_and_the_window_of_each_quota_are_taken() -> None:
    found = judged(violation(MINUTE), violation(DAY, "250"), violation(TOKENS, "250000"))

    assert set(found.stated) == {
        StatedLimit(Meter.REQUESTS_PER_MINUTE, 10, MINUTE),
        StatedLimit(Meter.REQUESTS_PER_DAY, 250, DAY),
        StatedLimit(Meter.INPUT_TOKENS_PER_MINUTE, 250000, TOKENS),
    }


@pytest.mark.parametrize(
    "told",
    [
        violation(DAY, "0"),
        violation(DAY, ""),
        violation(DAY, "2.5"),
        violation(DAY, "-3"),
        violation(DAY, "9" * 14),
        violation(DAY, "10", model="gemini-2.5-pro"),
        violation("GenerateRequestsPerDayPerProject"),
        violation("GenerateRequestsPerHourPerProjectPerModel"),
        violation("GroundingSearchRequestsPerDayPerProjectPerModel"),
        violation("GenerateImagesPerDayPerProjectPerModel"),
        violation("SomethingPerDayPerModel"),
    ],
)
def test_what_is_not_clear_teaches_nothing(told: dict[str, Any]) -> None:
    assert judged(told).stated == ()


def test_words_of_the_message_teach_nothing() -> None:
    echoed = (
        "Quota exceeded for metric:"
        " generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 1,"
        f" model: {MODEL} GenerateRequestsPerDayPerProjectPerModel limit: 1"
    )

    assert judged(violation(DAY, ""), message=echoed).stated == ()
    assert judged(message=echoed).stated == ()


def test_only_a_quota_aware_policy_and_a_request_for_a_model_learn() -> None:
    assert judged(violation(DAY), policy="daily").stated == ()
    assert judged(violation(DAY), model="/batches").stated == ()


def test_of_several_of_one_meter_the_lowest_is_taken() -> None:
    (limit,) = judged(violation(DAY, "250"), violation(DAY, "100")).stated

    assert limit.number == 100
