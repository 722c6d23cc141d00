"""No form of asking switches a limit by LLM tokens off."""

import gzip
import json
import threading
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.gateway_tokens import listed_tokens, make_tokens
from tests.support.raw_client import RawClient, request_bytes
from tests.support.waiting import wait_for

NATIVE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
CHAT = "/v1beta/openai/chat/completions"
EMBED = "/v1beta/models/gemini-embedding-001:embedContent"
COUNT = "/v1beta/models/gemini-2.5-flash:countTokens"
WORDS = "some words and more " * 200  # 1,000 LLM tokens
TOLD: dict[str, Any] = {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1}}
JSON, EVENTS = ("Content-Type", "application/json"), ("Content-Type", "text/event-stream")
PACKED = [JSON, ("Content-Encoding", "gzip")]
PROTO = ("Content-Type", "application/x-protobuf")
LIMIT = 900

Case = tuple[str, dict[str, str], Any, bytes, list[tuple[str, str]]]


def native(text: str = WORDS, **more: Any) -> bytes:
    return json.dumps({"candidates": [{"content": {"parts": [{"text": text}]}}], **more}).encode()


def prompt(text: str = WORDS) -> dict[str, Any]:
    return {"model": "gemini-2.5-flash", "contents": [{"parts": [{"text": text}]}]}


def chat_stream() -> bytes:
    events = [{"choices": [{"delta": {"content": word}}]} for word in WORDS.split()]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


# What is answered, and so whether the limit is used up by one request.
CASES: dict[str, Case] = {
    "no usage": (NATIVE, {}, {}, native(), [JSON]),
    "fields": (NATIVE + "?fields=candidates", {}, {}, native(), [JSON]),
    "$fields": (NATIVE + "?%24fields=*", {}, {}, native(**TOLD), [JSON]),
    "mask": (NATIVE, {"X-Goog-FieldMask": "candidates"}, {}, native(**TOLD), [JSON]),
    "proto": (NATIVE + "?alt=proto", {}, {}, b"\x0a\x8f" + WORDS.encode(), [PROTO]),
    "packed": (NATIVE, {"Accept-Encoding": "gzip"}, {}, gzip.compress(native()), PACKED),
    "chat stream": (CHAT, {}, {"model": "x", "stream": True}, chat_stream(), [EVENTS]),
    "prompt": (NATIVE, {}, prompt(), native("yes"), [JSON]),
    "embedding": (EMBED, {}, prompt(), b'{"embedding": {"values": [0.1]}}', [JSON]),
    "batch": (
        "/batch",
        {},
        [prompt()] * 50,
        native(**TOLD) * 50,
        [("Content-Type", "multipart/mixed")],
    ),
    "batches": (NATIVE.replace("gen", "batchGen"), {}, prompt(), b'{"name": "batches/1"}', [JSON]),
}
FREE: dict[str, Case] = {
    "told": (NATIVE, {}, prompt(), native(**TOLD), [JSON]),
    "counting": (COUNT, {}, prompt(), b'{"totalTokens": 1000}', [JSON]),
    "listing": ("/v1beta/models", {}, None, native(), [JSON]),
    "embedding numbers": (EMBED, {}, prompt("x"), b'{"values": [%b1]}' % (b"0.1, " * 2000), [JSON]),
    "file": ("/upload/v1beta/files", {}, prompt(), b'{"file": {}}', [JSON]),
    "picture": (NATIVE, {}, prompt("x"), b'{"data": "%b"}' % (b"iVBORw0K" * 90_000), [JSON]),
    "refused": (NATIVE, {}, prompt(), b'{"error": {"message": "no"}}', [JSON]),
}


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(["KEY-A"], server=request.param)


def ask(gateway: Gateway, token: str, case: Case) -> httpx.Response:
    path, headers, body, _, _ = case
    return httpx.request(
        "GET" if body is None else "POST",
        gateway.url + path,
        headers={"x-goog-api-key": token, **headers},
        json=body,
        timeout=30,
        trust_env=False,
    )


def test_every_form_of_an_answer_uses_the_limit_up(gateway: Gateway, upstream: FakeUpstream):
    cases = CASES | FREE
    tokens = make_tokens(gateway, {name: {"tokens_per_day": LIMIT} for name in cases})
    wait_for(lambda: ask(gateway, "", FREE["listing"]).status_code == 401)

    for name, case in cases.items():
        status = 400 if name == "refused" else 200
        upstream.refuse("KEY-A", status=status, body=case[3], headers=case[4])
        first = ask(gateway, tokens[name], case)
        second = ask(gateway, tokens[name], case)

        assert first.status_code == status, (name, first.text[:200])
        assert second.status_code == (429 if name in CASES else status), name


def test_a_client_that_leaves_pays_for_what_came(gateway: Gateway, upstream: FakeUpstream):
    tokens = make_tokens(gateway, {"leaver": {"tokens_per_day": LIMIT}})
    wait_for(lambda: ask(gateway, "", FREE["listing"]).status_code == 401)
    stream = upstream.held_stream(STREAM)
    key = [("x-goog-api-key", tokens["leaver"]), ("Content-Type", "application/json")]

    with RawClient(gateway.url) as client:
        client.send(request_bytes("POST", STREAM, key, b"{}"))
        assert stream.started.wait(10)
        stream.send(b"data: " + native() + b"\r\n\r\n")
        while b"some words" not in client.read_line():
            pass
    assert stream.client_gone.wait(10)

    wait_for(lambda: ask(gateway, tokens["leaver"], CASES["no usage"]).status_code == 429)
    wait_for(lambda: listed_tokens(gateway)["leaver"]["today"]["output_tokens"] >= LIMIT)


def test_who_leaves_before_the_answer_pays_for_the_request(
    gateway: Gateway, upstream: FakeUpstream
):
    tokens = make_tokens(gateway, {"hasty": {"tokens_per_day": LIMIT}})
    wait_for(lambda: ask(gateway, "", FREE["listing"]).status_code == 401)
    arrived = threading.Event()

    async def say_nothing(request: Any, connection: Any) -> None:
        arrived.set()
        await connection.gone.wait()

    upstream.on(NATIVE, say_nothing)
    with RawClient(gateway.url) as client:
        key = [("x-goog-api-key", tokens["hasty"]), ("Content-Type", "application/json")]
        client.send(request_bytes("POST", NATIVE, key, json.dumps(prompt()).encode()))
        assert arrived.wait(10)

    wait_for(lambda: ask(gateway, tokens["hasty"], FREE["listing"]).status_code == 429)
