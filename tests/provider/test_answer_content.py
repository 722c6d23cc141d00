"""Which answers are empty, told from as much of them as has come."""

import json
from typing import Any

import pytest

from proxyapp.provider.answer_content import reader_of
from proxyapp.provider.answer_start import MOST_HELD_BYTES, Start

NATIVE = b"/v1beta/models/m:generateContent"
STREAM = b"/v1beta/models/m:streamGenerateContent"
CHAT = b"/v1beta/openai/chat/completions"


def candidate(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = {"role": "model", **({"parts": list(parts)} if parts else {})}
    return {"candidates": [{"content": content, "index": 0, **fields}], "usageMetadata": {}}


def choice(message: dict[str, Any], finish_reason: Any = "stop", *, name: str = "message") -> Any:
    return {"choices": [{"index": 0, name: message, "finish_reason": finish_reason}]}


def found(path: bytes, body: bytes) -> Start:
    reader = reader_of(path)
    assert reader is not None
    return reader.feed(body, is_complete=True)


def events(*objects: Any, end: bytes = b"") -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(each).encode() for each in objects) + end


@pytest.mark.parametrize(
    "answer",
    [
        candidate(finishReason="STOP"),
        candidate(),
        candidate(finishReason="FINISH_REASON_UNSPECIFIED"),
        candidate({"text": ""}, finishReason="STOP"),
        candidate({"text": "", "thoughtSignature": "abc"}, finishReason="STOP"),
        {"candidates": [{"finishReason": "STOP"}], "modelVersion": "m"},
        {"candidates": [], "usageMetadata": {"promptTokenCount": 3}},
        {"usageMetadata": {}, "promptFeedback": {"safetyRatings": []}},
    ],
)
def test_an_answer_that_ends_well_and_says_nothing_is_empty(answer):
    body = json.dumps(answer, indent=2).encode()

    assert found(NATIVE, body) is Start.EMPTY
    assert found(STREAM, b"[" + body + b"\n,\r\n" + body + b"]\n") is Start.EMPTY
    assert found(STREAM, events(answer, answer)) is Start.EMPTY


@pytest.mark.parametrize(
    "answer",
    [
        candidate({"text": "Hi"}, finishReason="STOP"),
        candidate({"functionCall": {"name": "f", "args": {}}}, finishReason="STOP"),
        candidate({"inlineData": {"data": "AA=="}}),
        candidate({"thought": True, "text": "Hm"}),
        candidate(finishReason="SAFETY"),
        candidate(finishReason="MAX_TOKENS"),
        candidate(finishReason="MALFORMED_FUNCTION_CALL"),
        candidate(finishReason="A_REASON_OF_NEXT_YEAR"),
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        {"error": {"code": 500}},
        ["no object"],
    ],
)
def test_what_says_something_or_was_kept_from_it_is_none(answer):
    body = json.dumps(answer).encode()

    assert found(NATIVE, body) is Start.GOOD
    assert found(STREAM, events(candidate(), answer)) is Start.GOOD
    assert found(STREAM, b"[%b, %b]" % (json.dumps(candidate()).encode(), body)) is Start.GOOD


@pytest.mark.parametrize(
    ("answer", "start"),
    [
        (choice({"role": "assistant", "content": ""}), Start.EMPTY),
        (choice({"role": "assistant", "content": None, "refusal": None}), Start.EMPTY),
        (choice({"role": "assistant", "content": [], "tool_calls": []}, None), Start.EMPTY),
        ({"choices": []}, Start.EMPTY),
        (choice({"content": "Hi"}), Start.GOOD),
        (choice({"content": None, "tool_calls": [{"id": "1"}]}), Start.GOOD),
        (choice({"content": None, "refusal": "No."}), Start.GOOD),
        (choice({"content": ""}, "content_filter"), Start.GOOD),
        (choice({"content": ""}, "length"), Start.GOOD),
        (choice({"content": None}, "tool_calls"), Start.GOOD),
        ({"choices": [{"text": "Hi", "finish_reason": "stop"}]}, Start.GOOD),
        ({"error": {"message": "x"}}, Start.GOOD),
    ],
)
def test_openais_shape_is_read_as_well(answer, start):
    assert found(CHAT, json.dumps(answer).encode()) is start
    stream = json.loads(json.dumps(answer).replace('"message": {', '"delta": {'))
    last = choice({}, "stop", name="delta")
    usage = {"choices": [], "usage": {"total_tokens": 3}}
    assert found(CHAT, events(stream, last, usage, end=b"data: [DONE]\n\n")) is start


def test_a_stream_is_decided_by_its_first_word_and_by_its_end():
    reader = reader_of(STREAM)
    assert reader is not None
    empty, word = events(candidate()), events(candidate({"text": "Hi"}))

    assert reader.feed(b": wait\n\n", is_complete=False) is Start.UNDECIDED
    assert reader.feed(empty, is_complete=False) is Start.UNDECIDED
    assert reader.feed(word[:-20], is_complete=False) is Start.UNDECIDED
    assert reader.feed(word[-20:], is_complete=False) is Start.GOOD


def test_an_array_is_decided_as_it_comes():
    reader = reader_of(STREAM)
    assert reader is not None
    word = json.dumps(candidate({"text": "Hi"})).encode()

    assert reader.feed(b"[" + word[:9], is_complete=False) is Start.UNDECIDED
    assert reader.feed(word[9:] + b"\n,", is_complete=False) is Start.GOOD


@pytest.mark.parametrize(
    "body", [b"no JSON", b"{", b'{"candidates": [', b"data: {\n\n", b"\xff\xfe", b"[" * 5000]
)
def test_what_cannot_be_read_is_relayed(body):
    assert found(STREAM, body) is Start.GOOD


def test_what_is_too_long_to_be_held_is_relayed():
    reader = reader_of(STREAM)
    assert reader is not None

    assert reader.feed(b" " * (MOST_HELD_BYTES + 1), is_complete=False) is Start.GOOD


@pytest.mark.parametrize(
    ("path", "is_read"),
    [
        (NATIVE, True),
        (b"/v1beta/models/m%3AgenerateContent", True),
        (CHAT, True),
        (b"/v1beta/models/m:embedContent", False),
        (b"/v1beta/models/m:countTokens", False),
        (b"/v1beta/openai/embeddings", False),
        (b"/v1beta/interactions", False),
    ],
)
def test_only_calls_for_a_models_words_are_read(path, is_read):
    assert (reader_of(path) is not None) is is_read
