"""A 200 that is none: told from its start, however it is cut into pieces."""

import json
from pathlib import Path

import pytest

from proxyapp.provider.answer_start import (
    MOST_HELD_BYTES,
    MOST_LOOKS,
    AnswerStart,
    Start,
    begins_well,
)
from proxyapp.provider.generating import is_generating

DATA = Path(__file__).parents[1] / "data"
EVENTS, JSON = b"text/event-stream", b"application/json; charset=UTF-8"
REFUSAL = b'{"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}}'
ANSWER = b'{"candidates": [{"content": {"parts": [{"text": "an \\"error\\": {} of mine"}]}}]}'


def start_of(body: bytes, content_type: bytes = EVENTS, size: int = 0) -> tuple[Start, bytes]:
    """`size`: of the pieces; 0: in one."""
    start = AnswerStart(content_type)
    pieces = [body[at : at + size] for at in range(0, len(body), size)] if size else [body]
    for piece in pieces:
        found = start.feed(piece, is_complete=False)
        if found is not Start.UNDECIDED:
            return found, start.error
    return start.feed(b"", is_complete=True), start.error


@pytest.mark.parametrize("size", [0, 1, 2, 7, 40])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"data: " + REFUSAL + b"\n\n", REFUSAL),
        (b"data:" + REFUSAL + b"\n\ndata: [DONE]\n\n", REFUSAL),
        (b": a comment\n\nretry: 500\n\ndata: " + REFUSAL + b"\n\n", REFUSAL),
        (b"event: ping\ndata: {}\n\ndata: " + REFUSAL + b"\n\n", REFUSAL),
        (b"event: error\ndata: overloaded\n\ndata: [DONE]\n\n", b"overloaded"),
        (b"id: 1\nevent: error\ndata: " + REFUSAL + b"\n\n", REFUSAL),
        (b"data: [" + REFUSAL + b"]\n\n", REFUSAL),
        (b": wait\n\n" + REFUSAL, REFUSAL),
        (b"data: " + REFUSAL, REFUSAL),
    ],
)
def test_a_stream_whose_first_event_is_an_error_is_none(body, error, size, line_end):
    assert start_of(body.replace(b"\n", line_end), EVENTS, size) == (Start.ERROR, error)


@pytest.mark.parametrize("size", [0, 1, 13])
@pytest.mark.parametrize("content_type", [EVENTS, JSON, b""])
@pytest.mark.parametrize("body", [REFUSAL, b"[" + REFUSAL + b"]", b"\n [\n" + REFUSAL + b"\n]\n"])
def test_an_error_object_in_place_of_the_answer_is_none(body, content_type, size):
    assert start_of(body, content_type, size) == (Start.ERROR, REFUSAL)


@pytest.mark.parametrize("size", [0, 1, 100])
@pytest.mark.parametrize(
    "name", ["stream_200_first_event_is_429", "stream_200_starts_with_bare_503"]
)
def test_the_recorded_ones_are_found(name, size):
    found, error = start_of((DATA / f"{name}.sse.txt").read_bytes(), EVENTS, size)

    assert found is Start.ERROR
    assert json.loads(error)["error"]["code"] in (429, 503)


@pytest.mark.parametrize("size", [0, 1, 9])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (EVENTS, b"data: " + ANSWER + b"\n\n"),
        (EVENTS, b": x\n\ndata: " + ANSWER + b"\n\ndata: " + REFUSAL + b"\n\n"),
        (EVENTS, b'data: {"choices": [], "error": null}\n\n'),
        (EVENTS, b'event: interaction.created\ndata: {"id": "1"}\n\ndata: ' + REFUSAL),
        (EVENTS, b"data: plain words\n\n"),
        (JSON, ANSWER),
        (JSON, b"[" + ANSWER + b",\r\n" + REFUSAL + b"]"),
        (JSON, b'{"promptFeedback": {"blockReason": "SAFETY"}}'),
        (JSON, b'{"candidates": [{"finishReason": "SAFETY"}]}'),
        (JSON, b'{"id": "r", "object": "response", "status": "completed", "error": null}'),
        (JSON, b'{"name": "operations/1", "done": true, "error": {"code": 8}}'),
        (JSON, b"[]"),
        (JSON, b"{}"),
        (JSON, b"no JSON at all"),
        (b"application/x-protobuf", REFUSAL),
        (b"text/plain", REFUSAL),
    ],
)
def test_an_answer_stays_one(content_type, body, size):
    assert start_of(body, content_type, size) == (Start.GOOD, b"")


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        b'{"id": "chatcmpl-1", "object": "chat.completion", "choices": []}',
        b'data: {"id": "chatcmpl-1", "choices": []}\n\n',
        b"[" + ANSWER,
    ],
)
def test_nearly_every_answer_is_one_at_a_glance(body):
    assert begins_well(body, is_complete=True)


@pytest.mark.parametrize(
    ("body", "is_complete"),
    [
        (REFUSAL, True),
        (b'{"id": "1", "error": {"code": 429}}', True),
        (b'{"id": "1", ', False),
        (b'data: {"id": "1"}\n', False),
        (b"data: [DONE]\n\n", False),
        (b"event: error\ndata: {}\n\n", False),
        (b"<html>", True),
        (b" ", True),
    ],
)
def test_what_may_be_none_is_looked_at_closer(body, is_complete):
    assert not begins_well(body, is_complete=is_complete)


@pytest.mark.parametrize(
    ("content_type", "body", "found"),
    [
        (JSON, b"", Start.EMPTY),
        (b"", b" \r\n ", Start.EMPTY),
        (b"application/x-protobuf", b"", Start.EMPTY),
        (EVENTS, b"data: [DONE]\n\n", Start.EMPTY),
        (b"text/html; charset=utf-8", b"<p>Sign in</p>", Start.PAGE),
        (JSON, b"<!DOCTYPE html><title>Sorry</title>", Start.PAGE),
        (EVENTS, b"\n<html><body>502 Bad Gateway</body></html>", Start.PAGE),
    ],
)
def test_nothing_and_a_web_page_are_no_answers(content_type, body, found):
    assert start_of(body, content_type)[0] is found


def test_comments_alone_decide_nothing_until_the_stream_ends():
    start = AnswerStart(EVENTS)

    assert start.feed(b": waiting\n\n: waiting\n\n", is_complete=False) is Start.UNDECIDED
    assert start.feed(b"", is_complete=True) is Start.GOOD


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"candidates": [{"content": {"parts": [{"inlineData": "' + b"A" * 20_000,
        b'{"candidates": [{"content": ',
        b'[{"candidates"  :',
    ],
)
def test_a_long_first_event_is_an_answer_by_its_first_key(body):
    start = AnswerStart(EVENTS if body.startswith(b"data") else JSON)

    assert start.feed(body, is_complete=False) is Start.GOOD


def test_an_upstream_that_drips_is_looked_at_so_many_times_only():
    start = AnswerStart(JSON)
    found = [start.feed(b" ", is_complete=False) for _ in range(MOST_LOOKS + 1)]

    assert set(found[:-1]) == {Start.UNDECIDED}
    assert found[-1] is Start.GOOD


def test_no_more_is_held_than_the_bound():
    start = AnswerStart(JSON)

    assert start.feed(b'{"x": "' + b"a" * MOST_HELD_BYTES, is_complete=False) is Start.GOOD


@pytest.mark.parametrize(
    "path",
    [
        b"/v1beta/models/gemini-2.5-flash:generateContent",
        b"/v1beta/models/gemini-2.5-flash%3AstreamGenerateContent",
        b"/v1/models/m:embedContent",
        b"/v1beta/openai/chat/completions",
        b"/v1beta/openai/embeddings/",
        b"/v1beta/interactions",
    ],
)
def test_these_requests_are_due_an_answer(path):
    assert is_generating("POST", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", b"/v1beta/operations/1"),
        ("DELETE", b"/v1beta/files/1"),
        ("GET", b"/v1beta/interactions/1"),
        ("POST", b"/v1beta/interactions/1/cancel"),
        ("POST", b"/v1beta/models/m:countTokens"),
        ("POST", b"/v1beta/models/veo:predictLongRunning"),
        ("POST", b"/v1beta/cachedContents"),
        ("POST", b"/generateContent"),
    ],
)
def test_these_may_be_answered_with_nothing(method, path):
    assert not is_generating(method, path)
