"""What refusals of Anthropic, OpenAI and OpenRouter cost, and what clients see: nothing while
another key can answer.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.refusals import DATA

BODIES = {case["name"]: case for case in json.loads((DATA / "other_providers.json").read_text())}
FIRST, SECOND = "sk-ant-first-0123456789", "sk-ant-second-0123456789"
HELLO = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = b'{"type": "message", "content": [{"type": "text", "text": "Hello."}]}'
OVERLOADED = (
    b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error",'
    b' "message": "Overloaded"}}\n\n'
)
JSON = [("Content-Type", "application/json")]


@pytest.fixture
def provider():
    with FakeUpstream(strict=False) as server:
        yield server


@pytest.fixture
def gateway(make_gateway: MakeGateway, provider: FakeUpstream) -> Gateway:
    fields: dict[str, Any] = {"auth": "x-api-key", "rate_limit_policy": "quota_aware"}
    return make_gateway(groups=[group([FIRST, SECOND], f"{provider.url}/v1", **fields)])


def refuse_first(
    provider: FakeUpstream,
    status: int,
    body: bytes,
    headers: list[tuple[str, str]] | None = None,
    *,
    knows_first: bool = True,
) -> None:
    """The first key's requests, and if it is not known, all that is asked with it."""

    async def answer(request: Recorded, connection: Connection) -> None:
        is_asked = request.method == "POST" or not knows_first
        if request.value("x-api-key") == FIRST and is_asked:
            await connection.answer(status, body, [*(headers or []), *JSON])
        else:
            await connection.answer(200, ANSWER, JSON)

    provider.on("", answer)


def ask(gateway: Gateway, **fields: Any) -> httpx.Response:
    return httpx.post(
        f"{gateway.url}/v1/messages",
        json={**HELLO, **fields},
        headers={"anthropic-version": "2023-06-01"},
        timeout=30,
        trust_env=False,
    )


def body_of(name: str) -> tuple[int, bytes]:
    return BODIES[name]["http_status"], json.dumps(BODIES[name]["body"]).encode()


def test_a_limit_is_waited_for_as_its_headers_say_and_the_next_key_answers(gateway, provider):
    full = (datetime.now(UTC) + timedelta(seconds=50)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = [
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", full),
        ("anthropic-ratelimit-tokens-remaining", "4000"),
        ("anthropic-ratelimit-tokens-reset", "2099-01-01T00:00:00Z"),
    ]
    refuse_first(provider, *body_of("anthropic_429_without_retry_after"), headers)

    answers = [ask(gateway).status_code for _ in range(3)]

    assert answers == [200] * 3
    assert sum(request.value("x-api-key") == FIRST for request in provider.requests) == 1
    (cooldown,) = gateway.keys()[0]["cooldowns"]
    assert cooldown["model"] == "claude-sonnet-4-5"
    until = datetime.fromisoformat(cooldown["until"])
    assert abs(until - datetime.fromisoformat(full)) < timedelta(seconds=3)


def test_a_stream_that_begins_with_an_error_is_asked_for_once_more(gateway, provider):
    stream = [("Content-Type", "text/event-stream")]

    async def answer(request: Recorded, connection: Connection) -> None:
        if request.value("x-api-key") == FIRST:
            await connection.answer(200, OVERLOADED, stream)
        else:
            await connection.answer(200, b'event: x\ndata: {"type": "message_start"}\n\n', stream)

    provider.on("", answer)

    answers = [ask(gateway, stream=True) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("message_start" in answer.text for answer in answers)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("anthropic_529_overloaded", "available"),
        ("anthropic_400_credit", "available"),
        ("openai_429_quota", "cooling"),
        ("openrouter_429_upstream", "available"),
    ],
)
def test_a_refusal_of_one_key_is_not_seen_by_clients(gateway, provider, name, state):
    refuse_first(provider, *body_of(name))

    answers = [ask(gateway).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert [key["state"] for key in gateway.keys()] == [state, "available"]


@pytest.mark.parametrize("name", ["anthropic_401", "anthropic_400_disabled"])
def test_a_dead_key_is_taken_out_once_the_gateways_own_question_says_so(gateway, provider, name):
    refuse_first(provider, *body_of(name), knows_first=False)

    assert [ask(gateway).status_code for _ in range(2)] == [200, 200]

    assert [key["state"] for key in gateway.keys()] == ["invalid", "available"]


@pytest.mark.parametrize("name", ["anthropic_401", "openai_401_key"])
def test_a_client_cannot_have_a_key_condemned(gateway, provider, name):
    """The gateway's own question finds that the key works."""
    refuse_first(provider, *body_of(name))

    ask(gateway)

    assert [key["state"] for key in gateway.keys()] == ["available", "available"]
