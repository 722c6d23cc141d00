"""`retry_empty_answers`: another key is asked when a model answers with nothing."""

import gzip
import json
import time

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.quota_gateway import CHAT, ask, aware, native
from tests.support.waiting import wait_for

KEYS = ["KEY-A", "KEY-B", "KEY-C"]
EVENTS, JSON = [("Content-Type", "text/event-stream")], [("Content-Type", "application/json")]
STREAM = native(method="streamGenerateContent") + "?alt=sse"
EMPTY = json.dumps(
    {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}
).encode()
BLOCKED = json.dumps({"promptFeedback": {"blockReason": "SAFETY"}}).encode()
CHAT_EMPTY = b'{"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}]}'
CHAT_EVENT = b'data: {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}\n\n'
EMPTY_ANSWERS = [
    (native(), JSON, EMPTY),
    (native(), [*JSON, ("Content-Encoding", "gzip")], gzip.compress(EMPTY)),
    (STREAM, EVENTS, b"data: " + EMPTY + b"\r\n\r\n"),
    (native(method="streamGenerateContent"), JSON, b"[" + EMPTY + b"\n]"),
    (CHAT, JSON, CHAT_EMPTY),
    (CHAT, EVENTS, CHAT_EVENT + b"data: [DONE]\n\n"),
]


def empty(upstream: FakeUpstream, key: str, body: bytes = EMPTY, headers=JSON) -> None:
    upstream.refuse(key, status=200, body=body, headers=headers)


@pytest.mark.parametrize(("server", "policy"), [("daphne", "daily"), ("uvicorn", "quota_aware")])
def test_the_next_key_answers_what_one_had_nothing_to_say_to(
    make_gateway, upstream, server, policy
):
    gateway = make_gateway(KEYS[:2], retry_empty_answers=1, rate_limit_policy=policy, server=server)
    for path, headers, body in EMPTY_ANSWERS:
        upstream.reset()
        empty(upstream, "KEY-A", body, headers)
        empty(upstream, "KEY-A", body, headers)

        answers = [ask(gateway, path) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert not any(answer.content in (body, EMPTY) for answer in answers), path
        assert upstream.picked().count("KEY-B") == 2, path
        assert upstream.picked().count("KEY-A") >= 1, path
    assert [key["state"] for key in gateway.keys()] == ["available"] * 2


def test_without_the_option_an_empty_answer_is_relayed(make_gateway, upstream):
    gateway = aware(make_gateway, KEYS)
    empty(upstream, "KEY-A")

    assert ask(gateway).content == EMPTY
    assert upstream.picked() == ["KEY-A"]


@pytest.mark.parametrize(("number", "asked"), [(1, 2), (2, 3), (5, 3)])
def test_when_all_are_empty_the_last_is_relayed_as_it_is(make_gateway, upstream, number, asked):
    gateway = aware(make_gateway, KEYS, retry_empty_answers=number)
    for key in KEYS:
        empty(upstream, key, EMPTY + b" " * KEYS.index(key), [*JSON, ("X-Key", key[-1])])

    answer = ask(gateway)

    assert (answer.status_code, answer.headers["x-key"]) == (200, KEYS[asked - 1][-1])
    assert answer.content == EMPTY + b" " * (asked - 1)
    assert upstream.picked() == KEYS[:asked]
    wait_for(lambda: [key["requests"] for key in gateway.keys()] == [1] * asked + [0] * (3 - asked))
    assert [key["errors"] for key in gateway.keys()] == [0] * 3


@pytest.mark.parametrize(
    ("status", "body"),
    [(429, "429_free_tpm_250000"), (503, "503_high_demand"), (400, "400_location")],
)
def test_an_empty_answer_is_more_than_the_refusals_of_others(make_gateway, upstream, status, body):
    gateway = aware(make_gateway, KEYS, retry_empty_answers=5)
    empty(upstream, "KEY-A")
    for key in KEYS[1:]:
        upstream.refuse(key, status=status, body=body)

    answer = ask(gateway)

    assert (answer.status_code, answer.content) == (200, EMPTY)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (native(), BLOCKED),
        (native(), EMPTY.replace(b"STOP", b"SAFETY")),
        (native(), EMPTY.replace(b"STOP", b"MAX_TOKENS")),
        (native(method="countTokens"), EMPTY),
        ("/v1beta/cachedContents", EMPTY),
        (CHAT, CHAT_EMPTY.replace(b'"stop"', b'"length"')),
    ],
)
def test_what_was_kept_from_saying_anything_is_an_answer(make_gateway, upstream, path, body):
    gateway = aware(make_gateway, KEYS, retry_empty_answers=5)
    empty(upstream, "KEY-A", body)

    assert ask(gateway, path).content == body
    assert upstream.picked() == ["KEY-A"]


def test_a_stream_is_not_held_for_longer_than_two_seconds(make_gateway, upstream):
    gateway = aware(make_gateway, KEYS, retry_empty_answers=5)
    stream = upstream.held_stream(native(method="streamGenerateContent"))
    began = time.monotonic()
    with httpx.stream("POST", gateway.url + STREAM, json={}, trust_env=False) as answer:
        stream.send(b"data: " + EMPTY + b"\n\n")
        first = next(answer.iter_raw())
        waited = time.monotonic() - began
        stream.finish()

    assert (answer.status_code, first) == (200, b"data: " + EMPTY + b"\n\n")
    assert 1.5 < waited < 4


def test_the_first_word_ends_the_wait(make_gateway, upstream):
    gateway = aware(make_gateway, KEYS, retry_empty_answers=5)
    stream = upstream.held_stream(native(method="streamGenerateContent"))
    word = b'data: {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}\n\n'
    with httpx.stream("POST", gateway.url + STREAM, json={}, trust_env=False) as answer:
        stream.send(word)
        began = time.monotonic()
        first = next(answer.iter_raw())
        assert time.monotonic() - began < 1
        stream.finish()

    assert first == word
