"""A success that is none: nothing has reached the client, so the next key answers."""

import gzip
import json
import time

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_gemini import DATA, event
from tests.support.fake_upstream import FakeUpstream
from tests.support.quota_gateway import CHAT, ask, aware, cooldowns, native

EVENTS = [("Content-Type", "text/event-stream")]
JSON = [("Content-Type", "application/json")]
PAGE = [("Content-Type", "text/html")]
STREAM = native(method="streamGenerateContent") + "?alt=sse"
LIMIT = {
    "error": {
        "code": 429,
        "message": "Resource has been exhausted.",
        "status": "RESOURCE_EXHAUSTED",
    }
}
BUSY = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
EVENT = b"data: " + json.dumps(LIMIT).encode() + b"\n\n"
FALSE_ANSWERS = [
    (STREAM, EVENTS, EVENT),
    (STREAM, EVENTS, b": wait\n\n" + EVENT),
    (STREAM, EVENTS, json.dumps(BUSY, indent=2).encode()),
    (STREAM, EVENTS, (DATA / "stream_200_first_event_is_429.sse.txt").read_bytes()),
    (STREAM, EVENTS, (DATA / "stream_200_starts_with_bare_503.sse.txt").read_bytes()),
    (native(method="streamGenerateContent"), JSON, json.dumps([BUSY]).encode()),
    (native(), JSON, json.dumps(LIMIT).encode()),
    (native(), JSON, b""),
    (native(), PAGE, b"<!DOCTYPE html><title>Sorry</title>"),
    (native(method="embedContent"), JSON, json.dumps(BUSY).encode()),
    (
        CHAT,
        EVENTS,
        b'event: error\ndata: {"error": {"message": "x", "code": 503}}\n\ndata: [DONE]\n\n',
    ),
    (CHAT, JSON, json.dumps([LIMIT]).encode()),
    ("/v1beta/openai/embeddings", JSON, b""),
    ("/v1beta/interactions", JSON, json.dumps(BUSY).encode()),
]

OTHERS = ("/v1beta/openai/embeddings", "/v1beta/interactions")  # the fake upstream has no answer


def falsely(upstream: FakeUpstream, key: str, body: bytes, headers: list[tuple[str, str]]) -> None:
    upstream.refuse(key, status=200, body=body, headers=headers)


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
@pytest.mark.parametrize("policy", ["daily", "quota_aware"])
def test_the_next_key_answers_when_a_200_is_an_error(
    make_gateway: MakeGateway, upstream: FakeUpstream, policy: str, server: str
):
    """A group for each case, so that none meets what is left of another."""
    terms = {"target_url": upstream.url, "auth": "google", "rate_limit_policy": policy}
    numbers = range(len(FALSE_ANSWERS))
    groups = [{"name": f"g{n}", "api_keys": [f"KEY-A{n}", f"KEY-B{n}"], **terms} for n in numbers]
    gateway = make_gateway(groups=groups, server=server)
    for number, (path, headers, body) in enumerate(FALSE_ANSWERS):
        falsely(upstream, f"KEY-A{number}", body, headers)
        if path in OTHERS:
            falsely(upstream, f"KEY-B{number}", b'{"data": []}', JSON)

        answer = ask(gateway, f"/g/g{number}{path}")

        asked = [key for key in upstream.picked() if key.endswith(f"{number}")]
        assert (answer.status_code, b'"error"' in answer.content) == (200, False), (path, body)
        assert asked[-2:] == [f"KEY-A{number}", f"KEY-B{number}"], (path, body)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (EVENTS, EVENT, 429),
        (EVENTS, b"data: " + json.dumps(BUSY).encode() + b"\n\n", 503),
        (JSON, json.dumps(BUSY).encode(), 503),
        (JSON, b"", 502),
        (PAGE, b"<!DOCTYPE html><title>Sorry</title>", 502),
    ],
)
def test_without_another_key_the_client_gets_the_status_that_the_body_names(
    make_gateway, upstream, headers, body, status
):
    gateway = aware(make_gateway, ["KEY-A"])
    falsely(upstream, "KEY-A", body, headers)

    answer = ask(gateway, STREAM)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]["code"] == status


def test_it_is_judged_and_counted_as_the_status_that_it_names(make_gateway, upstream):
    gateway = aware(make_gateway, ["KEY-A", "KEY-B"])
    minute = json.dumps(json.loads((DATA / "429_free_tpm_250000.json").read_text())).encode()
    falsely(upstream, "KEY-A", b"data: " + minute + b"\n\n", EVENTS)

    assert ask(gateway, STREAM).status_code == 200

    assert [[reason for _, reason in key] for key in cooldowns(gateway)] == [["minute"], []]
    first = gateway.keys()[0]
    assert (first["requests"], first["rate_limited"], first["errors"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (native(), {"promptFeedback": {"blockReason": "SAFETY"}}),
        (native(), {"candidates": [{"finishReason": "SAFETY"}]}),
        (native(), {"candidates": []}),
        ("/v1beta/operations/1", {"name": "operations/1", "done": True, "error": {"code": 8}}),
        ("/v1beta/models/m:countTokens", {"error": {"code": 503, "message": "x"}}),
    ],
)
def test_a_legitimate_answer_stays_one(make_gateway, upstream, path, body):
    gateway = aware(make_gateway)
    falsely(upstream, "KEY-A", json.dumps(body).encode(), JSON)

    answer = ask(gateway, path)

    assert (answer.status_code, answer.json()) == (200, body)
    assert upstream.picked() == ["KEY-A"]


@pytest.mark.parametrize("method", ["DELETE", "GET"])
def test_nothing_is_due_of_a_file(make_gateway, upstream, method):
    gateway = aware(make_gateway)
    falsely(upstream, "KEY-A", b"", JSON)

    answer = httpx.request(method, gateway.url + "/v1beta/files/1", trust_env=False)

    assert (answer.status_code, answer.content, upstream.picked()) == (200, b"", ["KEY-A"])


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_stream_is_relayed_as_it_comes_and_byte_for_byte(make_gateway, upstream, server):
    gateway = aware(make_gateway, server=server)
    held = upstream.held_stream(native(method="streamGenerateContent"))
    held.send_event(1)

    with httpx.stream("POST", gateway.url + STREAM, json={}, trust_env=False) as answer:
        parts = answer.iter_raw()
        first = next(parts)
        held.send_event(2)
        second = next(parts)
        held.finish()
        rest = b"".join(parts)

    assert (first, second, rest) == (
        event("event 1", output_tokens=1),
        event("event 2", output_tokens=2),
        b"",
    )


def test_heartbeats_hold_an_answer_for_two_seconds_at_most(make_gateway, upstream):
    gateway = aware(make_gateway)
    held = upstream.held_stream(native(method="streamGenerateContent"))
    held.send(b": waiting\n\n")
    began = time.monotonic()

    with httpx.stream("POST", gateway.url + STREAM, json={}, trust_env=False) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b": waiting\n\n"
        waited = time.monotonic() - began
        held.send_event(1)
        assert b"event 1" in next(parts)
        held.finish()

    assert 1.5 < waited < 5.0


def test_a_compressed_error_is_found_too(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = aware(make_gateway)
    falsely(upstream, "KEY-A", gzip.compress(EVENT), [*EVENTS, ("Content-Encoding", "gzip")])

    assert ask(gateway, STREAM).status_code == 200
    assert upstream.picked() == ["KEY-A", "KEY-B"]


def test_the_key_never_passes_in_such_an_error(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = aware(make_gateway, ["KEY-A-1234567890-secret"])
    body = json.dumps(BUSY).replace("overloaded", "overloaded for KEY-A-1234567890-secret")
    falsely(upstream, "KEY-A-1234567890-secret", body.encode(), JSON)

    assert "1234567890" not in ask(gateway).text
