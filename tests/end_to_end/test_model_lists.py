"""The list of models of a gateway that has several targets, or groups that name models."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from google import genai

from tests.conftest import MakeGateway
from tests.support.fake_gemini import MODELS
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.ports import free_port
from tests.support.waiting import wait_for

GOOGLES, OPENAIS = "/v1beta/models", "/v1beta/openai/models"
GPTS = ["gpt-4o", "gpt-4o-mini", "whisper-1"]
BEARER = {"authorization": "Bearer x"}


async def list_of_openai(request: Recorded, connection: Connection) -> None:
    data = [{"id": name, "object": "model", "owned_by": "other"} for name in GPTS]
    body = json.dumps({"object": "list", "data": data}).encode()
    await connection.answer(200, body, [("Content-Type", "application/json")])


@pytest.fixture
def other() -> Iterator[FakeUpstream]:
    with FakeUpstream(strict=False) as upstream:
        upstream.on("/v1/models", list_of_openai)
        yield upstream


def groups_of(google: FakeUpstream, other_url: str) -> list[dict[str, Any]]:
    return [
        group(
            ["KEY-A", "KEY-B"],
            google.url,
            "google",
            auth="google",
            models=["gemini-2.5-*"],
            aliases={"fast": "gemini-2.5-flash"},
        ),
        group(
            ["KEY-C"],
            f"{other_url}/v1",
            "other",
            auth="bearer",
            models=["gpt-*"],
            aliases={"fast": "gpt-4o-mini"},
        ),
    ]


def listed(gateway: Gateway, path: str, **options: Any) -> httpx.Response:
    return httpx.get(gateway.url + path, timeout=30, trust_env=False, **options)


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_both_dialects_have_what_the_groups_have(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(groups=groups_of(upstream, other.url), server=server)

    google, openais = listed(gateway, GOOGLES), listed(gateway, OPENAIS, headers=BEARER)
    usual = listed(gateway, "/v1/models", headers=BEARER)

    names = ["gemini-2.5-flash", "gemini-2.5-pro", "gpt-4o", "gpt-4o-mini", "fast"]
    models = google.json()["models"]
    assert [each["name"] for each in models] == [f"models/{name}" for name in names]
    assert models[-1]["displayName"] == "fast (gemini-2.5-flash, gpt-4o-mini)"
    ids = [each["id"].removeprefix("models/") for each in openais.json()["data"]]
    assert ids == names
    assert usual.json() == openais.json()
    assert "x-gateway-incomplete" not in google.headers
    assert [request.path for request in other.requests] == ["/v1/models"] * 2  # a dialect each


def test_each_target_is_asked_once_a_minute(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream, other.url))

    answers = {listed(gateway, GOOGLES).content for _ in range(20)}

    assert len(answers) == 1
    assert len(other.requests) == 1
    assert len([each for each in upstream.requests if each.path == GOOGLES]) == 1
    assert {"KEY-A", "KEY-B"} >= set(upstream.picked())


def test_pages_go_on_where_the_last_one_ended(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream, other.url))
    client = genai.Client(api_key="x", http_options={"base_url": gateway.url})

    paged = [model.name for model in client.models.list(config={"page_size": 2})]

    assert len(paged) == len(set(paged)) == 5
    forged = listed(gateway, f"{GOOGLES}?pageToken=zzz")
    assert forged.status_code == 400
    assert "pageToken" in forged.json()["error"]["message"]
    assert listed(gateway, f"{GOOGLES}?pageSize=x").status_code == 400


def test_one_target_that_fails_leaves_the_others_list(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    gateway = make_gateway(groups=groups_of(upstream, away))

    answer = listed(gateway, GOOGLES)

    assert answer.status_code == 200
    assert "models/gemini-2.5-pro" in answer.text
    assert answer.headers["x-gateway-incomplete"] == "1 of 2 targets gave no list"


def test_when_no_target_gives_a_list_that_is_the_answer(make_gateway: MakeGateway) -> None:
    away = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    gateway = make_gateway(
        groups=[group(["KEY-A"], url, url, models=["a*"], auth="google") for url in away]
    )

    answer = listed(gateway, OPENAIS, headers=BEARER)

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_failed"


def test_a_token_sees_what_it_may_use(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream, other.url))
    terms: dict[str, dict[str, Any]] = {
        "pro": {"models": ["gemini-2.5-pro"]},
        "mini": {"models": ["gpt-4o-mini"]},
        "google": {"groups": ["google"]},
    }
    tokens = make_tokens(gateway, terms)
    wait_for(lambda: listed(gateway, GOOGLES).status_code == 401)

    names = {
        name: [
            each["name"].removeprefix("models/")
            for each in listed(gateway, GOOGLES, headers={"x-goog-api-key": token}).json()["models"]
        ]
        for name, token in tokens.items()
    }

    assert names == {
        "pro": ["gemini-2.5-pro"],
        "mini": ["gpt-4o-mini", "fast"],
        "google": ["gemini-2.5-flash", "gemini-2.5-pro", "fast"],
    }


def test_a_gateway_of_one_target_passes_the_list_as_it_is(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    same = [group([f"KEY-{name}"], upstream.url, name, auth="google") for name in "AB"]
    gateway = make_gateway(groups=same)

    google = listed(gateway, f"{GOOGLES}?pageSize=2")
    openais = listed(gateway, "/v1/models", headers=BEARER)

    assert google.json()["nextPageToken"] == "2"
    assert [each["id"] for each in openais.json()["data"]] == [f"models/{each}" for each in MODELS]
    assert [request.query for request in upstream.requests] == ["pageSize=2", ""]


def test_the_openai_sdk_lists_and_gets_an_alias(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream, other.url))
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x")

    assert "fast" in [model.id for model in client.models.list()]


def test_a_change_of_a_group_is_seen_at_once(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream, other.url))
    assert "whisper-1" not in listed(gateway, GOOGLES).text

    change = (
        "from proxyapp.models import Group; from proxyapp.pool.cursor import raise_pool_version"
    )
    change += "; Group.objects.filter(name='other').update(models=[]); raise_pool_version()"
    assert gateway.manage("shell", "--no-imports", "-c", change).returncode == 0

    wait_for(lambda: "whisper-1" in listed(gateway, GOOGLES).text)


async def models_of_anthropic(request: Recorded, connection: Connection) -> None:
    if not request.value("anthropic-version"):
        await connection.answer(400, b'{"type": "error"}')
        return
    data = [{"type": "model", "id": "claude-x", "display_name": "Claude X"}]
    body = json.dumps({"data": data, "has_more": False}).encode()
    await connection.answer(200, body, [("Content-Type", "application/json")])


async def message_of_anthropic(request: Recorded, connection: Connection) -> None:
    body = json.dumps({"type": "message", "content": [{"type": "text", "text": "hi"}]}).encode()
    await connection.answer(200, body, [("Content-Type", "application/json")])


def test_anthropics_models_stand_beside_googles(
    make_gateway: MakeGateway, upstream: FakeUpstream, other: FakeUpstream
) -> None:
    other.on("/v1/models", models_of_anthropic)
    other.on("/v1/messages", message_of_anthropic)
    google = groups_of(upstream, other.url)[0]
    claude = group(["KEY-C"], other.url, "claude", auth="x-api-key", models=["claude-*"])
    gateway = make_gateway(groups=[google, claude])
    asking = {"x-api-key": "any", "anthropic-version": "2023-06-01"}

    theirs = listed(gateway, "/v1/models", headers=asking).json()
    openais = listed(gateway, "/v1/models", headers=BEARER).json()
    message = httpx.post(
        f"{gateway.url}/v1/messages",
        json={"model": "claude-x", "messages": []},
        headers=asking,
        trust_env=False,
    )

    assert {"claude-x", "fast"} < {each["id"] for each in theirs["data"]}
    assert "claude-x" in [each["id"] for each in openais["data"]]
    assert message.json()["content"][0]["text"] == "hi"
    assert other.requests[-1].key == "KEY-C"
