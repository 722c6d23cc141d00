"""What a refusal may owe to the request: for what it counts, and whether it counts at once."""

import pytest

from proxyapp.provider.doubts import Doubt
from proxyapp.provider.kinds import Kind
from proxyapp.provider.request_use import RequestUse, use_of
from tests.support.refusals import DAILY_RESET, EXCEEDED, MODEL, google, judged, recorded

SEARCH = RequestUse(features=("google_search",))
OF_MODEL = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
TOKENS = "GenerateContentInputTokensPerModelPerMinute-FreeTier"


def exceeded(quota_id, value="5", metric="x"):
    named = [{"quotaMetric": metric, "quotaId": quota_id, "quotaValue": value}]
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": named}
    return google("Exceeded.", 429, "RESOURCE_EXHAUSTED", failure)


@pytest.mark.parametrize(
    ("body", "use", "scope", "doubt"),
    [
        (exceeded("GroundingRequestsPerDay"), SEARCH, f"{MODEL}+google_search", Doubt.NONE),
        (exceeded("GroundingRequestsPerDay"), RequestUse(), f"{MODEL}+google_search", Doubt.NONE),
        (exceeded("ImagesPerMinute"), RequestUse(("image",)), f"{MODEL}+image", Doubt.NONE),
        (exceeded("SomethingPerDay"), SEARCH, f"{MODEL}+google_search", Doubt.NONE),
        (exceeded(OF_MODEL), SEARCH, MODEL, Doubt.NONE),
        (exceeded("SomethingPerDay"), RequestUse(), MODEL, Doubt.NONE),
        (google(EXCEEDED), SEARCH, f"{MODEL}+google_search", Doubt.FEATURE),
        (google(EXCEEDED), RequestUse(), MODEL, Doubt.NONE),
        (
            google("Quota exceeded for quota metric 'Search grounding requests' of service x."),
            RequestUse(),
            f"{MODEL}+google_search",
            Doubt.NONE,
        ),
    ],
)
def test_a_quota_counts_for_no_more_than_it_says(body, use, scope, doubt):
    verdict = judged(body, use=use)

    assert (verdict.model, verdict.doubt, verdict.needs_proof) == (scope, doubt, False)


@pytest.mark.parametrize(
    ("model", "quota"), [("imagen-4.0", "ImagesPerDay"), ("/batches", "BatchRequestsPerDay")]
)
def test_a_quota_of_what_a_model_is_for_is_the_models(model, quota):
    assert judged(exceeded(quota), model=model).model == model


def test_cached_content_that_costs_storage_leaves_the_model():
    message = (
        "TotalCachedContentStorageTokensPerModelFreeTier limit exceeded for model "
        f"{MODEL}: limit=0, requested=36000"
    )

    verdict = judged(google(message), use=RequestUse(("cached_content",)))

    assert (verdict.kind, verdict.model) == (Kind.NO_QUOTA, f"{MODEL}+cached_content")


@pytest.mark.parametrize(
    ("body", "llm_tokens", "kind", "doubt"),
    [
        (exceeded(TOKENS, "250000"), 280_000, Kind.TOO_LARGE, Doubt.NONE),
        (exceeded(TOKENS, "250000"), 260_000, Kind.MINUTE, Doubt.SIZE),
        (exceeded(TOKENS, "250000"), 125_000, Kind.MINUTE, Doubt.SIZE),
        (exceeded(TOKENS, "250000"), 124_000, Kind.MINUTE, Doubt.NONE),
        (exceeded(TOKENS, ""), 20_000, Kind.MINUTE, Doubt.SIZE),
        (exceeded(TOKENS, ""), 19_000, Kind.MINUTE, Doubt.NONE),
        (exceeded(TOKENS, "0"), 280_000, Kind.NO_QUOTA, Doubt.NONE),
        (exceeded(OF_MODEL, "20"), 280_000, Kind.DAY, Doubt.NONE),
        (exceeded("OutputTokensPerMinute", "8000"), 9_000, Kind.MINUTE, Doubt.NONE),
        (google(EXCEEDED), 100_000, Kind.UNKNOWN_LIMIT, Doubt.SIZE),
        (google(EXCEEDED), 90_000, Kind.UNKNOWN_LIMIT, Doubt.NONE),
        (
            google("Request too large on tokens per min (TPM): Limit 30000, Requested 31000."),
            20,
            Kind.TOO_LARGE,
            Doubt.NONE,
        ),
        (
            google("Rate limit on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000."),
            20,
            Kind.MINUTE,
            Doubt.NONE,
        ),
    ],
)
def test_a_limit_is_compared_with_the_requests_size(body, llm_tokens, kind, doubt):
    verdict = judged(body, use=RequestUse(llm_tokens=llm_tokens))

    assert (verdict.kind, verdict.doubt) == (kind, doubt)
    assert verdict.needs_proof == (doubt is Doubt.SIZE)


def test_a_recorded_limit_is_known_to_be_smaller_than_a_prompt():
    body = b'{"contents": [{"parts": [{"text": "%b"}]}]}' % (b"word " * 280_000)

    assert judged(recorded("429_free_tpm_250000"), use=use_of(b"", body)).kind is Kind.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "doubt"),
    [
        (b'{"max_tokens": 65536}', Doubt.MONEY),
        (b'{"generationConfig": {"maxOutputTokens": 2000}}', Doubt.MONEY),
        (b'{"max_tokens": 100}', Doubt.NONE),
    ],
)
def test_a_request_that_asks_for_much_is_not_believed_to_be_refused_for_the_model(body, doubt):
    assert judged(b"", 402, use=use_of(body, body)).doubt is doubt


# Under daily.


@pytest.mark.parametrize(
    ("body", "use", "kind", "model", "doubt"),
    [
        (exceeded(TOKENS, "250000"), RequestUse((), 280_000), Kind.TOO_LARGE, MODEL, Doubt.NONE),
        (exceeded(TOKENS, "250000"), RequestUse((), 200_000), Kind.DAILY, "", Doubt.SIZE),
        (
            exceeded("GroundingRequestsPerDay"),
            SEARCH,
            Kind.DAILY,
            f"{MODEL}+google_search",
            Doubt.NONE,
        ),
        (google(EXCEEDED), SEARCH, Kind.DAILY, "", Doubt.NONE),
        (google(EXCEEDED), RequestUse((), 200_000), Kind.DAILY, "", Doubt.NONE),
        (exceeded(OF_MODEL), SEARCH, Kind.DAILY, "", Doubt.NONE),
    ],
)
def test_daily_believes_what_the_body_says_of_the_request(body, use, kind, model, doubt):
    verdict = judged(body, policy="daily", use=use)

    assert (verdict.kind, verdict.model, verdict.doubt) == (kind, model, doubt)
    assert verdict.until == (None if kind is Kind.TOO_LARGE else DAILY_RESET)
