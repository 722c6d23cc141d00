"""Token counts, found while an answer passes."""

import gzip
import json
import zlib

import pytest

from proxyapp.provider.llm_tokens import LlmTokenCounter, LlmTokens

GEMINI = {
    "usageMetadata": {
        "promptTokenCount": 7,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 15,
    }
}
OPENAI = {
    "usage": {
        "prompt_tokens": 7,
        "completion_tokens": 8,
        "total_tokens": 15,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
}
EXPECTED = LlmTokens(7, 8, thoughts=3)


def count(*chunks: bytes, encoding: bytes = b"") -> LlmTokens:
    counter = LlmTokenCounter(encoding)
    for chunk in chunks:
        counter.feed(chunk)
    return counter.llm_tokens()


@pytest.mark.parametrize("usage", [GEMINI, OPENAI])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_tells_its_tokens(usage, indent):
    assert (
        count(
            json.dumps({"candidates": ["x"], **usage, "modelVersion": "m"}, indent=indent).encode()
        )
        == EXPECTED
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 50])
def test_chunks_may_end_anywhere(size):
    text = json.dumps({"a": "b" * 99, **GEMINI, "z": "y" * 99}).encode()

    assert count(*(text[at : at + size] for at in range(0, len(text), size))) == EXPECTED


def test_the_last_event_of_a_stream_counts():
    first = json.dumps(
        {"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1}}
    ).encode()

    assert (
        count(b"data: " + first + b"\n\n", b"data: " + json.dumps(GEMINI).encode() + b"\n\n")
        == EXPECTED
    )


def test_a_chat_stream_says_null_before_it_says_the_numbers():
    last = b'data: {"choices":[],"usage":%b}\n\n' % json.dumps(OPENAI["usage"]).encode()
    null = b'data: {"choices":[{"delta":{"content":"x"}}],"usage":null}\n\n'

    assert count(null, null, last, null, b"data: [DONE]\n\n") == EXPECTED


def test_text_that_talks_about_usage_is_not_taken_for_it():
    text = json.dumps({"text": json.dumps(OPENAI)}).encode()

    assert count(text) == LlmTokens()
    assert count(json.dumps(GEMINI).encode()[:-1] + b"," + text[1:]) == EXPECTED


@pytest.mark.parametrize(
    ("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)]
)
def test_compressed_answers_are_read_too(encoding, pack):
    packed = pack(json.dumps({"a": "b" * 5000, **GEMINI}).encode())

    assert count(packed[:40], packed[40:], encoding=encoding) == EXPECTED


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (b"", b""),
        (b"not gzip", b"gzip"),
        (b'{"usageMetadata": {"promptTokenCount": ', b""),
        (b'{"usageMetadata": {"promptTokenCount": "7"}}', b""),
        (b'{"usageMetadata": {"promptTokenCount": -7}}', b""),
        (json.dumps(GEMINI).encode(), b"br"),
        (b'"usage": {"a": ' + b"[" * 5000, b""),
    ],
)
def test_an_answer_that_tells_nothing_counts_nothing(text, encoding):
    assert count(text, encoding=encoding) == LlmTokens()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [(b"", bytes), (b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"br", bytes)],
)
def test_an_answer_that_can_be_read_tells_the_error_it_ends_in(encoding, pack):
    error = b'{"error": {"code": 503}}'
    packed = pack(b"data: " + json.dumps(GEMINI).encode() + b"\r\n\r\n" + error)
    counter = LlmTokenCounter(encoding)

    for at in range(len(packed)):
        counter.feed(packed[at : at + 1])

    assert (counter.error(), counter.llm_tokens()) == (
        (b"", LlmTokens()) if encoding == b"br" else (error, EXPECTED)
    )


def test_a_decompression_bomb_costs_no_memory():
    bomb = gzip.compress(b"\0" * 50_000_000)
    counter = LlmTokenCounter(b"gzip")

    counter.feed(bomb)

    assert counter.llm_tokens() == LlmTokens()
    assert counter.error() == b""
    assert len(counter._tail) < 100
