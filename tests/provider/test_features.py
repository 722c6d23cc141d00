import json

import pytest

from proxyapp.provider.features import (
    feature_of_quota,
    feature_of_request,
    feature_scope,
    plain_scope,
)
from proxyapp.provider.request_size import estimated_llm_tokens


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        ({"tools": [{"google_search": {}}]}, "google_search"),
        ({"tools": [{"googleSearch": {}}]}, "google_search"),
        ({"tools": [{"type": "google_search"}]}, "google_search"),
        ({"tools": [{"type": "web_search_preview"}]}, "google_search"),
        ({"web_search_options": {}}, "google_search"),
        ({"tools": [{"urlContext": {}}]}, "url_context"),
        ({"tools": [{"codeExecution": {}}, {"googleSearch": {}}]}, "google_search"),
        ({"cachedContent": "cachedContents/1"}, "cached_content"),
        ({"tools": [{"functionDeclarations": [{"name": "google_search"}]}]}, ""),
        ({"contents": [{"parts": [{"text": 'say {"google_search": {}}'}]}]}, ""),
        ({"contents": [{"parts": [{"text": "google_search"}]}]}, ""),
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_request_says_which_feature_it_uses(body, feature, separators):
    assert feature_of_request(json.dumps(body, separators=separators).encode()) == feature


@pytest.mark.parametrize(
    ("words", "feature"),
    [
        ("GenerateRequestsPerDayPerProjectPerModel-FreeTier requests", ""),
        ("generativelanguage.googleapis.com/generate_content_free_tier_input_token_count", ""),
        ("GoogleSearchRequestsPerDayPerProject", "google_search"),
        ("generativelanguage.googleapis.com/search_grounding_requests", "google_search"),
        ("TotalCachedContentStorageTokensPerModelFreeTier", "cached_content"),
        ("generativelanguage.googleapis.com/batch_enqueued_tokens", "batch"),
        ("file_storage_bytes", "file_search"),
        ("GenerateImagesPerMinutePerProject", "image"),
    ],
)
def test_a_quota_says_which_feature_it_is_of(words, feature):
    assert feature_of_quota(words) == feature


def test_a_features_scope_is_its_models_with_its_name():
    assert feature_scope("m", "google_search") == "m+google_search"
    assert feature_scope("m", "") == "m"
    assert plain_scope("m+google_search") == plain_scope("m") == "m"


def test_the_size_is_that_of_the_text():
    text = json.dumps({"contents": [{"parts": [{"text": "word " * 8_000}]}]}).encode()
    image = json.dumps({"inlineData": {"mimeType": "image/png", "data": "A" * 400_000}}).encode()

    assert estimated_llm_tokens(text, len(text)) == pytest.approx(10_000, rel=0.01)
    assert estimated_llm_tokens(image, len(image)) < 50


def test_of_a_long_body_with_inline_data_nothing_is_known():
    ends = b'{"data": "' + b"A" * 3000 + b"\n" + b"A" * 3000 + b'"}'

    assert estimated_llm_tokens(ends, 5_000_000) == 0
    assert estimated_llm_tokens(b"word " * 1000 + b"\n" + b"word " * 1000, 4_000_000) == 1_000_000
