"""The error that an answer of status 200 can end in, found while the answer passes."""

import json

import pytest

from proxyapp.provider.stream_error import KEPT_BYTES, LONGEST_BYTES, ErrorTail

CONTENT = (
    b'data: {"candidates": [{"content": {"parts": [{"text": "Plan:\\n1. Run it"}],"role": "model"},'
    b'"index": 0}],"usageMetadata": {"promptTokenCount": 22786,"totalTokenCount": 22824},'
    b'"modelVersion": "m"}\r\n\r\n'
)
OVERLOAD = b"""{
  "error": {
    "code": 503,
    "message": "This model is currently experiencing high demand. Please try again later.",
    "status": "UNAVAILABLE"
  }
}
"""
QUOTA = (
    b'{"error": {"code": 429, "message": "Quota exceeded: \\u2026", '
    b'"status": "RESOURCE_EXHAUSTED"}}'
)
INTERACTION = (
    b'{"event_type": "error", "error": {"code": "rate_limit_exceeded", '
    b'"message": "100 requests per day"}}'
)
CALLED = {
    "functionCall": {
        "name": "report",
        "args": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}},
    }
}
ARRAY = b'[{\n  "candidates": [\n    {}\n  ]\n}\n,\r\n'


def error_of(*chunks: bytes) -> bytes:
    tail = ErrorTail()
    for chunk in chunks:
        tail.feed(chunk)
    return tail.error()


def content_with(part: object, indent: int | None = None) -> bytes:
    return json.dumps(
        {"candidates": [{"content": {"parts": [part], "role": "model"}}]}, indent=indent
    ).encode()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n", b"\n\ndata: [DONE]\n\n", b"\n]\n"])
@pytest.mark.parametrize("error", [OVERLOAD.strip(), QUOTA])
def test_a_bare_object_at_the_end_of_a_stream_is_its_error(error, end):
    assert error_of(CONTENT, CONTENT, error + end) == error


def test_a_bare_object_is_its_error_wherever_the_chunks_end():
    text = CONTENT + OVERLOAD

    assert {error_of(text[:at], text[at:]) for at in range(len(text))} == {OVERLOAD.strip()}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000, 100_000])
@pytest.mark.parametrize("before", [0, 1, 100, 500])
def test_an_error_is_found_behind_content_of_any_length_in_chunks_of_any_size(size, before):
    text = CONTENT * before + OVERLOAD

    assert error_of(*(text[at : at + size] for at in range(0, len(text), size))) == OVERLOAD.strip()


@pytest.mark.parametrize(
    "text",
    [
        QUOTA,
        b"[" + QUOTA + b"]",
        b"[\n  " + QUOTA + b"\n]\n",
        ARRAY + QUOTA + b"\n]",
        ARRAY + QUOTA + b"\n]\r\n",
        ARRAY + QUOTA,
        ARRAY.removesuffix(b"\r\n") + QUOTA + b"]",
    ],
)
def test_the_last_element_of_an_array_can_be_its_error(text):
    assert error_of(text) == QUOTA


@pytest.mark.parametrize(
    "text",
    [
        b"data: " + QUOTA,
        b"data:" + QUOTA + b"\n\n",
        b"data: " + QUOTA + b"\r\n\r\n",
        b"data: [" + QUOTA + b"]\n\n",
        b"data: " + QUOTA + b"\n\ndata: [DONE]\n\n",
        b"data: " + QUOTA + b"\n\n" + CONTENT * 3,
        b"data: " + QUOTA + b"\n\n" + b"data: " + content_with(CALLED) + b"\n\n",
    ],
)
def test_an_event_can_be_the_error_also_when_others_follow(text):
    assert error_of(CONTENT, text) == QUOTA


@pytest.mark.parametrize(
    "end", [b"", b"\n\nevent: done\ndata: [DONE]\n\n", b'\n\ndata: {"event_type": "x"}\n\n']
)
def test_an_interaction_says_error_in_an_event(end):
    created = (
        b'event: interaction.created\ndata: {"event_type": "interaction.created", '
        b'"error": null}\n\n'
    )

    assert error_of(created, b"event: error\ndata: " + INTERACTION + end) == INTERACTION


def test_of_several_errors_the_last_counts():
    assert error_of(b"data: " + QUOTA + b"\n\ndata: " + INTERACTION + b"\n\n") == INTERACTION
    assert error_of(b"data: " + QUOTA + b"\n\n" + OVERLOAD) == OVERLOAD.strip()
    assert error_of(QUOTA + b"\n" + OVERLOAD) == OVERLOAD.strip()


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "part",
    [
        CALLED,
        {"functionResponse": {"response": {"results": [{"error": {"code": 429}}]}}},
        {"text": QUOTA.decode()},
        {"text": "\n" + OVERLOAD.decode()},
        {"text": "\ndata: " + QUOTA.decode() + "\n"},
    ],
)
def test_what_a_model_or_a_tool_says_about_errors_is_content(part, indent):
    content = content_with(part, indent)
    texts = [content, b"[" + content + b"\n,\r\n" + content + b"\n]", b"data: " + content + b"\n\n"]

    assert [error_of(text[:at]) for text in texts for at in range(len(text))] == [b""] * sum(
        map(len, texts)
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        CONTENT,
        b"data: [DONE]\n\n",
        b'data: {"error": null}\n\n',
        b'data: {"error": {}}\n\n',
        b'data: {"error": "code"}\n\n',
        b'data: {"error": {"code": 429}\n\n',
        b'data: {"error": {"code": 429}} {}\n\n',
        b'data: {"error": {"a": ' + b"[" * 9000 + b"]}}\n\n",
        b': {"error": {"code": 429}}\n\n',
        b'{"error": {"a": ' + b"[" * 9000,
        b'{"error": {}}',
        b'{"error": {"code": 429}',
        b'{"error": {"code": 429}}\n{}',
        QUOTA + b"\n\n" + CONTENT,
        b"]" + QUOTA,
        b'{"error": {"code": 3, "message": "failed"}, "name": "files/abc", "state": "FAILED"}',
        b'{"name": "operations/abc", "done": true, "error": {"code": 3, "message": "failed"}}',
        b'data: {"type": "response.failed", "response": {"error": {"code": "x"}}}\n\n',
    ],
)
def test_an_answer_that_ends_well_has_no_error(text):
    assert error_of(text) == b""


def test_a_long_line_cut_at_its_start_is_not_taken_for_an_error():
    assert error_of(b"A" * LONGEST_BYTES + QUOTA) == b""
    assert error_of(b"A" * LONGEST_BYTES + QUOTA.ljust(KEPT_BYTES)) == b""


def test_an_error_behind_a_line_cut_at_its_start_is_found():
    assert error_of(b"data: " + content_with("A" * 2 * LONGEST_BYTES) + b"\n\n", QUOTA) == QUOTA


def test_letters_cut_by_chunks_arrive_whole():
    error = '{"error": {"message": "Квота исчерпана…"}}'.encode()

    assert error_of(*(error[at : at + 1] for at in range(len(error)))) == error


@pytest.mark.parametrize("size", [1, 300, LONGEST_BYTES - 1, LONGEST_BYTES, 1 << 20])
def test_an_endless_answer_costs_little_memory(size):
    tail = ErrorTail()

    for _ in range(3 * LONGEST_BYTES // size + 3):
        tail.feed(b"x" * size)

    assert KEPT_BYTES <= len(tail._text) < LONGEST_BYTES
