"""What was used is counted exactly, per key, model and hour, whatever form the answer took."""

import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.conftest import MakeGateway
from tests.support.fake_gemini import OUTPUT_TOKENS, PROMPT_TOKENS
from tests.support.fake_upstream import Connection, FakeUpstream, HeldStream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import listed_tokens, make_tokens
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.waiting import wait_for

FLASH = "/v1beta/models/gemini-2.5-flash"
CHAT = "/v1beta/openai/chat/completions"
GZIP = [("Accept-Encoding", "gzip")]
FIELDS = "requests", "succeeded", "rate_limited", "client_errors", "upstream_errors", "cancelled"
Script = Callable[[Recorded, Connection], Awaitable[None]]
LIST_USAGE = """
import json
from proxyapp.models import HourlyUsage
names = "key__position", "model", "hour", *{fields}, "prompt_tokens", "output_tokens"
print(json.dumps(list(HourlyUsage.objects.values(*names)), default=str))
"""


def usage(gateway: Gateway) -> list[dict[str, Any]]:
    """Every row, after the gateway has drained."""
    assert gateway.stop() == 0
    done = gateway.manage("shell", "--no-imports", "-c", LIST_USAGE.format(fields=FIELDS))
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def totals(rows: list[dict[str, Any]], *by: str) -> dict[Any, Counter[str]]:
    """Sums by the given columns.

    A test that crosses a full hour has two rows where others have one.
    """
    found: dict[Any, Counter[str]] = {}
    for row in rows:
        sums = found.setdefault(tuple(row[name] for name in by), Counter())
        sums.update(
            {name: row[name] for name in (*FIELDS, "prompt_tokens", "output_tokens") if row[name]}
        )
    return found


def chat(model: str, **fields: Any) -> bytes:
    return json.dumps({"model": model, "messages": [], **fields}).encode()


def native(model: str, method: str, prefix: str = "") -> str:
    return f"{prefix}/v1beta/models/{model}:{method}"


STREAM = {"stream": True, "stream_options": {"include_usage": True}}
# The model says which form it was; each is asked for with headers and a body.
FORMS: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {
    "gemini-json": (native("gemini-json", "generateContent"), [], b"{}"),
    "gemini-gzip": (native("gemini-gzip", "generateContent", "/gzip"), GZIP, b"{}"),
    "gemini-sse": (native("gemini-sse", "streamGenerateContent?alt=sse"), [], b"{}"),
    "gemini-gzip-sse": (
        native("gemini-gzip-sse", "streamGenerateContent?alt=sse", "/gzip"),
        GZIP,
        b"{}",
    ),
    "gemini-array": (native("gemini-array", "streamGenerateContent"), [], b"{}"),
    "gemini-chat": (CHAT, [], chat("gemini-chat")),
    "gemini-long-name": (CHAT, [], chat("models/gemini-long-name")),
    "gemini-chat-stream": (CHAT, [], chat("gemini-chat-stream", **STREAM)),
    "gemini-gzip-chat-stream": (f"/g/gzip{CHAT}", GZIP, chat("gemini-gzip-chat-stream", **STREAM)),
}


def test_tokens_are_read_from_every_form_of_answer(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    # OpenAI's paths are told from their start, behind the prefix of the group's target.
    packed = group(["KEY-B"], f"{upstream.url}/gzip", "gzip", auth="google")
    gateway = make_gateway(groups=[group(["KEY-A"], upstream.url, auth="google"), packed])
    for path, headers, body in [*FORMS.values(), *FORMS.values()]:
        assert exchange(gateway.url, "POST", path, headers, body).status == 200
    expected = Counter(
        requests=2, succeeded=2, prompt_tokens=2 * PROMPT_TOKENS, output_tokens=2 * OUTPUT_TOKENS
    )
    assert totals(usage(gateway), "model") == {(model,): expected for model in FORMS}


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_usage_is_exact_after_sigterm(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B", "KEY-C"], server=server)

    def client() -> None:
        with RawClient(gateway.url) as connection:
            for _ in range(15):
                assert (
                    connection.request("POST", f"{FLASH}:generateContent", [], b"{}").status == 200
                )

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    each = Counter(
        requests=20,
        succeeded=20,
        prompt_tokens=20 * PROMPT_TOKENS,
        output_tokens=20 * OUTPUT_TOKENS,
    )
    assert totals(usage(gateway), "key__position") == {(0,): each, (1,): each, (2,): each}


def test_every_attempt_counts_for_its_key_with_its_outcome(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    """Model names that the upstream refused are not kept: a client could name endless ones."""
    gateway = make_gateway(["KEY-A", "KEY-B"])
    upstream.exhausted("KEY-A")
    statuses = [
        exchange(gateway.url, "POST", path, [], b"{}").status
        for path in (
            f"{FLASH}:generateContent",
            "/v1beta/models/nope:generateContent",
            "/status/500",
        )
    ]
    assert statuses == [200, 404, 500]
    assert totals(usage(gateway), "key__position", "model") == {
        (0, "gemini-2.5-flash"): Counter(requests=1, rate_limited=1),
        (1, "gemini-2.5-flash"): Counter(
            requests=1, succeeded=1, prompt_tokens=PROMPT_TOKENS, output_tokens=OUTPUT_TOKENS
        ),
        (1, ""): Counter(requests=2, client_errors=1, upstream_errors=1),
    }


def test_a_broken_stream_and_one_that_was_left_count_once_with_what_they_cost(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway()
    path = f"{FLASH}:streamGenerateContent"
    with RawClient(gateway.url) as client:
        broken = upstream.held_stream(path)
        begin(client, path, broken, 4)
        broken.die()
        client.read_to_the_end()
    with RawClient(gateway.url) as client:
        left = upstream.held_stream(path)
        begin(client, path, left, 5)
    assert left.client_gone.wait(5)
    (sums,) = totals(usage(gateway), "model").values()
    assert sums == Counter(
        requests=2,
        upstream_errors=1,
        cancelled=1,
        prompt_tokens=2 * PROMPT_TOKENS,
        output_tokens=4 + 5,
    )


def begin(client: RawClient, path: str, stream: HeldStream, number: int) -> None:
    """Until the event of that number has arrived."""
    client.send(request_bytes("POST", path, [("Content-Length", "0")]))
    stream.send_event(number)
    while b"event %d" % number not in client.read_line():
        pass


def test_the_totals_of_keys_list_are_those_of_the_usage(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"])
    upstream.exhausted("KEY-A")
    for _ in range(3):
        exchange(gateway.url, "POST", f"{FLASH}:generateContent", [], b"{}")
    assert gateway.stop() == 0
    first, second = gateway.keys()
    assert (first["requests"], first["rate_limited"], first["prompt_tokens"]) == (1, 1, 0)
    assert (second["requests"], second["prompt_tokens"]) == (3, 3 * PROMPT_TOKENS)
    assert second["output_tokens"] == 3 * OUTPUT_TOKENS
    assert second["last_used_at"]


GEMINI = {
    "usageMetadata": {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 7,
        "toolUsePromptTokenCount": 5,
        "totalTokenCount": 132,
    }
}
INTERACTION = {
    "usage": {
        "total_input_tokens": 100,
        "total_cached_tokens": 40,
        "total_output_tokens": 20,
        "total_thought_tokens": 7,
        "total_tool_use_tokens": 5,
    }
}
RESPONSE = {
    "usage": {
        "input_tokens": 105,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 27,
        "output_tokens_details": {"reasoning_tokens": 7},
    }
}
ANTHROPIC_STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":65,'
    b'"cache_read_input_tokens":40,"output_tokens":1}}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":27}}\n\n'
)
EVENTS, JSON_TYPE = b"text/event-stream", b"application/json"
# By path: what is answered, and how many LLM tokens are told as thoughts and as a tool's.
SHAPES = {
    native("shape-gemini", "generateContent"): (json.dumps(GEMINI).encode(), JSON_TYPE, 7, 5),
    "/v1beta/interactions": (json.dumps(INTERACTION).encode(), JSON_TYPE, 7, 5),
    "/v1/responses": (json.dumps(RESPONSE).encode(), JSON_TYPE, 7, 0),
    "/v1/messages": (ANTHROPIC_STREAM, EVENTS, 0, 0),
}


def told(body: bytes, content_type: bytes) -> Script:
    async def answer(_: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
        await connection.send(head % (content_type, len(body)) + body)

    return answer


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_cached_thoughts_and_tool_use_are_counted_in_each_shape(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    plain = group(["KEY-A"], upstream.url, auth="bearer", rewrite_paths=False)
    gateway = make_gateway(groups=[plain], server=server)
    tokens = make_tokens(gateway, {"client": {"tokens_per_day": 10_000}})
    headers = [("x-api-key", tokens["client"]), ("Content-Type", "application/json")]
    known = "/v1beta/openai/models"
    wait_for(lambda: exchange(gateway.url, "GET", known, [], b"").status == 401)
    for path, (body, content_type, _, _) in SHAPES.items():
        upstream.on(path, told(body, content_type))
        assert exchange(gateway.url, "POST", path, headers, b'{"model":"m"}').status == 200
    assert gateway.stop() == 0

    (key,) = gateway.keys()
    expected = {
        "prompt_tokens": 4 * 105,
        "output_tokens": 4 * 27,
        "cached_tokens": 4 * 40,
        "thought_tokens": sum(shape[2] for shape in SHAPES.values()),
        "tool_use_tokens": sum(shape[3] for shape in SHAPES.values()),
    }
    assert {name: key[name] for name in expected} == expected
    row = listed_tokens(gateway)["client"]
    assert {name: row[name] for name in expected} == expected
    assert {name: row["today"][name] for name in expected} == expected
