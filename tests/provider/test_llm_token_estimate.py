"""About how many LLM tokens a body is."""

import json
import os
import time
from base64 import b64encode

import pytest

from proxyapp.provider.features import features_of_request
from proxyapp.provider.llm_token_estimate import (
    BYTES_A_LLM_TOKEN,
    MeasuringCounter,
    TextSize,
    costs_llm_tokens,
    estimated_of_request,
    has_field_mask,
    is_embedding,
)
from proxyapp.provider.llm_tokens import LlmTokenCounter, LlmTokens
from proxyapp.provider.request_use import use_of
from tests.support.cpu_time import milliseconds_of

TEXT = "a word " * 400


def estimated(body: bytes, piece: int = 1000) -> int:
    size = TextSize()
    for start in range(0, len(body), piece):
        size.feed(body[start : start + piece])
    return size.llm_tokens()


@pytest.mark.parametrize(
    "answer",
    [
        {"candidates": [{"content": {"parts": [{"text": TEXT}], "role": "model"}}]},
        {"choices": [{"message": {"content": TEXT, "role": "assistant"}}], "model": "m"},
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": {"data": TEXT}}}]}}]},
        {"unknown": {"form": TEXT}},
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000, 100_000])
def test_text_counts_a_quarter_of_its_bytes_wherever_it_stands(answer, piece):
    found = estimated(json.dumps(answer).encode(), piece)

    assert len(TEXT) / BYTES_A_LLM_TOKEN <= found < 1.2 * len(TEXT) / BYTES_A_LLM_TOKEN + 20


@pytest.mark.parametrize("piece", [1, 999, 65536])
def test_data_in_base64_counts_by_its_own_rate(piece):
    data = b64encode(os.urandom(150_000))

    assert 190 < estimated(b'{"inlineData": {"data": "%b"}}' % data, piece) < 230
    assert 190 < estimated(b'{"url": "data:image/png;base64,%b"}' % data, piece) < 230


def test_the_wrapping_of_a_chats_events_counts_little():
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1764000000,
        "model": "gemini-2.5-flash",
        "choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}],
    }

    assert 125 <= estimated((b"data: " + json.dumps(event).encode() + b"\n\n") * 100) < 500


@pytest.mark.parametrize("body", [b'{"a":', b'"data":"', b'"', b"\\", b" ", b"text ", b'"id":"'])
def test_no_body_takes_long(body):
    began_at = time.perf_counter()

    assert estimated_of_request(body * (20_000_000 // len(body))) >= 11_000
    assert time.perf_counter() - began_at < 3


REALISTIC = {
    "text": b'{"messages":[{"role":"user","content":"%b"}]}' % (b"a word or two, \\n" * 60_000),
    "data": b'{"inlineData":{"data":"%b"}}' % (b"QUJD" * 250_000),
    "turns": b"[%b1]" % (b'{"role":"model","parts":[{"text":"%b"}]},' % (b"a word " * 40) * 3000),
    "numbers": b'{"input":[%b1]}' % (b"12345, " * 140_000),
}


@pytest.mark.parametrize("name", REALISTIC)
def test_a_megabyte_is_estimated_and_searched_in_milliseconds(name):
    body = REALISTIC[name]

    assert milliseconds_of(lambda: estimated_of_request(body)) < 30
    assert milliseconds_of(lambda: features_of_request(body)) < 8
    assert milliseconds_of(lambda: use_of(body, b"")) < 12


def test_an_answer_that_says_its_usage_is_not_sized():
    answer = b'{"candidates":[{"content":"%b"}],"usageMetadata":{"promptTokenCount":7}}' % (
        b"a word " * 80
    )

    def cost(counter: type[LlmTokenCounter]) -> float:
        def count() -> None:
            for _ in range(300):
                counting = counter()
                counting.feed(answer)
                assert counting.llm_tokens() == LlmTokens(7, 0)

        return milliseconds_of(count)

    assert cost(MeasuringCounter) < 2.5 * cost(LlmTokenCounter)


@pytest.mark.parametrize(
    ("method", "path", "is_costing"),
    [
        ("POST", b"/v1beta/models/x:generateContent", True),
        ("POST", b"/batch", True),
        ("POST", b"/v1beta/cachedContents", True),
        ("POST", b"/v1beta/models/x:countTokens", False),
        ("POST", b"/v1beta/models/x:%63ountTokens", False),
        ("POST", b"/v1beta/models/x:generateContent#:countTokens", True),
        ("POST", b"/v1beta/models/x:generateContent;:countTokens", True),
        ("POST", b"/v1/messages/count_tokens", False),
        ("POST", b"/upload/v1beta/files", False),
        ("POST", b"/v1/responses/r1/cancel", False),
        ("DELETE", b"/v1beta/files/x", False),
    ],
)
def test_what_asks_no_model_costs_nothing(method, path, is_costing):
    assert costs_llm_tokens(method, path, has_body=method == "POST") is is_costing


def test_a_get_with_a_body_is_no_list():
    assert costs_llm_tokens("GET", b"/v1beta/models/x:generateContent", has_body=True)
    assert not costs_llm_tokens("GET", b"/v1beta/models", has_body=False)


@pytest.mark.parametrize("query", [b"fields=x", b"a=b&$fields=x", b"%66ields=x", b"%24fields=x"])
def test_a_mask_of_fields_is_seen_however_it_is_written(query):
    assert has_field_mask(query, [])
    assert has_field_mask(b"", [(b"x-goog-fieldmask", b"x")])
    assert not has_field_mask(b"alt=sse", [(b"accept", b"x")])


def test_only_embeddings_answer_with_numbers():
    assert is_embedding(b"/v1/embeddings")
    assert not is_embedding(b"/v1/chat/completions")
