"""A group whose streams are asked for their usage: it is counted, and no client notices."""

import gzip
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.conftest import MakeGateway
from tests.support.fake_gemini import OUTPUT_TOKENS, PROMPT_TOKENS
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.raw_client import exchange

CHAT = "/v1beta/openai/chat/completions"
JSON = [("Content-Type", "application/json")]
STREAM: dict[str, Any] = {"model": "gemini-2.5-flash", "messages": [], "stream": True}
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":8}}\n\n'
DONE = b"data: [DONE]\n\n"
KEY = "AIzaSy-a-key-of-the-usual-length-0123"
Script = Callable[[Recorded, Connection], Awaitable[None]]


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(
    request: pytest.FixtureRequest, make_gateway: MakeGateway, upstream: FakeUpstream
) -> Gateway:
    def of(name: str, **more: Any) -> dict[str, Any]:
        return group([f"{KEY}-{name}"], upstream.url, name, auth="google", **more)

    return make_gateway(groups=[of("asks", include_usage=True), of("plain")], server=request.param)


def chunks(gateway: Gateway, name: str, **more: Any) -> list[ChatCompletionChunk]:
    base = f"{gateway.url}/g/{name}/v1beta/openai/"
    with openai.OpenAI(base_url=base, api_key="any", max_retries=0, timeout=15) as sdk:
        return list(
            sdk.chat.completions.create(
                model="gemini-2.5-flash",
                messages=[{"role": "user", "content": "Count to three."}],
                stream=True,
                **more,
            )
        )


def counted(gateway: Gateway) -> dict[str, tuple[int, int]]:
    """By group, when the gateway has stopped."""
    assert gateway.stop() == 0
    return {row["group"]: (row["prompt_tokens"], row["output_tokens"]) for row in gateway.keys()}


def asked(body: dict[str, Any], gateway: Gateway, path: str = CHAT) -> tuple[int, bytes]:
    answer = exchange(gateway.url, "POST", f"/g/asks{path}", JSON, json.dumps(body).encode())
    return answer.status, answer.body


def in_pieces(*pieces: bytes, headers: bytes = b"") -> Script:
    """Chunked, each piece by itself."""

    async def answer(_: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%b\r\n"
        await connection.send(head % (headers + b"Transfer-Encoding: chunked\r\n"))
        for piece in pieces:
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await connection.send(b"0\r\n\r\n")

    return answer


def test_an_sdk_that_did_not_ask_gets_the_same_stream_and_it_is_counted(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    found, plain = chunks(gateway, "asks"), chunks(gateway, "plain")
    sent, unchanged = upstream.requests

    assert found == plain
    assert all(chunk.usage is None for chunk in found)
    assert sent.value("content-length") == str(len(sent.body))
    assert json.loads(sent.body) == {
        **json.loads(unchanged.body),
        "stream_options": {"include_usage": True},
    }
    assert counted(gateway) == {"asks": (PROMPT_TOKENS, OUTPUT_TOKENS), "plain": (0, 0)}


def test_an_sdk_that_asks_gets_its_usage(gateway: Gateway, upstream: FakeUpstream) -> None:
    asking: dict[str, Any] = {"stream_options": {"include_usage": True}}

    last = chunks(gateway, "asks", **asking)[-1]

    assert last.usage
    assert last.usage.total_tokens == PROMPT_TOKENS + OUTPUT_TOKENS
    assert upstream.last.body.count(b"stream_options") == 1
    assert counted(gateway)["asks"] == (PROMPT_TOKENS, OUTPUT_TOKENS)


def test_what_is_no_stream_of_a_chat_is_sent_as_it_is(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    bodies: list[Any] = [
        {**STREAM, "stream": False},
        {**STREAM, "stream_options": {}},
        {**STREAM, "stream": "true"},
        {**STREAM, "messages": [{"role": "user", "content": "x" * (1 << 20)}]},
    ]
    for body in bodies:
        asked(body, gateway)
        digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
        assert upstream.last.body_sha256 == digest
    embedded = {"model": "gemini-embedding-001", "input": "x", "stream": True}
    assert asked(embedded, gateway, "/v1beta/openai/embeddings")[0] == 200
    assert json.loads(upstream.last.body) == embedded


def test_a_long_conversation_is_asked_for_too(gateway: Gateway, upstream: FakeUpstream) -> None:
    body = {"messages": [{"role": "user", "content": "some words " * 40_000}], **STREAM}

    status, text = asked(body, gateway)

    assert (status, b'"usage"' in text) == (200, False)
    assert json.loads(upstream.last.body)["stream_options"] == {"include_usage": True}
    assert counted(gateway)["asks"] == (PROMPT_TOKENS, OUTPUT_TOKENS)


def test_the_event_goes_wherever_the_network_cuts_it(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    stream = WORD + USAGE + DONE
    for size in (1, 7, 40, 100, len(stream)):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        upstream.on(CHAT, in_pieces(*pieces))
        assert asked(STREAM, gateway) == (200, WORD + DONE), size
    assert upstream.last.values("accept-encoding") == ["identity"]
    assert counted(gateway)["asks"] == (5 * 7, 5 * 8)


def test_a_stream_that_comes_packed_all_the_same_passes_unpacked(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    packed = gzip.compress(WORD + USAGE + DONE)
    upstream.on(CHAT, in_pieces(packed[:30], packed[30:], headers=b"Content-Encoding: gzip\r\n"))

    assert asked(STREAM, gateway) == (200, WORD + DONE)
    assert counted(gateway)["asks"] == (7, 8)


def test_a_length_that_no_longer_holds_is_not_sent_on(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    async def sized(_: Recorded, connection: Connection) -> None:
        body = WORD + USAGE + DONE
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
        await connection.send(head % len(body) + body)

    upstream.on(CHAT, sized)

    assert asked(STREAM, gateway) == (200, WORD + DONE)


def test_an_error_instead_of_a_stream_is_relayed(gateway: Gateway, upstream: FakeUpstream) -> None:
    error = b'{"error": {"code": 400, "message": "no", "usage": {"prompt_tokens": 1}}}'
    upstream.refuse(f"{KEY}-asks", status=400, body=error, headers=JSON)

    status, text = asked(STREAM, gateway)

    assert (status, json.loads(text)["error"]["message"]) == (400, "no")
