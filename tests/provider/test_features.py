import json

import pytest

from proxyapp.provider.features import (
    feature_of_quota,
    feature_scope,
    features_of_request,
    plain_scope,
)
from proxyapp.provider.request_size import MOST_BYTES, estimated_llm_tokens


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        ({"tools": [{"google_search": {}}]}, "google_search"),
        ({"tools": [{"googleSearch": {}}]}, "google_search"),
        ({"tools": [{"type": "google_search"}]}, "google_search"),
        ({"tools": [{"type": "web_search_preview"}]}, "google_search"),
        ({"web_search_options": {}}, "google_search"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "google_search"),
        ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "image"),
        ({"modalities": ["text", "audio"]}, "audio"),
        ({"generationConfig": {"responseModalities": ["TEXT"]}}, ""),
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
    used = features_of_request(json.dumps(body, separators=separators).encode())

    assert next(iter(used), "") == feature


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
        ("BatchEmbedContentsRequestsPerMinutePerProjectPerModel", ""),
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

    assert estimated_llm_tokens(text) == pytest.approx(10_000, rel=0.01)
    assert estimated_llm_tokens(image) < 50


@pytest.mark.parametrize("form", [{"ensure_ascii": True}, {"ensure_ascii": False}, {"indent": 8}])
def test_the_size_is_the_same_however_the_text_is_written(form):
    text = json.dumps({"contents": [{"parts": [{"text": "слово " * 4_000}]}]}, **form).encode()

    assert estimated_llm_tokens(text) == pytest.approx(6_000, rel=0.01)


def test_of_a_body_that_is_longer_than_any_prompt_nothing_is_known():
    assert estimated_llm_tokens(b"x" * (MOST_BYTES + 1)) == 0
    assert estimated_llm_tokens(b"x" * 4_000_000) == 1_000_000
