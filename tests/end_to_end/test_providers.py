"""The examples of docs/PROVIDERS.md work as they stand, in front of strict fakes."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
import yaml
from google import genai

from tests.support.documented_requests import run_block
from tests.support.fake_http import empty_list
from tests.support.fake_providers import (
    ANTHROPIC,
    AZURE,
    EXPRESS,
    OPENAI,
    OPENROUTER,
    OUTPUT,
    PROMPT,
    VERTEX,
    FakeProviders,
    credentials_in,
)
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.service_accounts import account, write_account
from tests.support.snippets import blocks
from tests.support.waiting import wait_for

DOC = "docs/PROVIDERS.md"
EXAMPLES = {
    group["name"]: group
    for block in blocks("yaml", of=DOC)
    for group in yaml.safe_load(block.text)["groups"]
}
KEYS = {
    OPENAI: ("OPENAI_API_KEY", "sk-proj-0a1b2c3d4e5f6g7h8i9j"),
    ANTHROPIC: ("ANTHROPIC_API_KEY", "sk-ant-api03-0a1b2c3d4e5f6g7h"),
    OPENROUTER: ("OPENROUTER_API_KEY", "sk-or-v1-0a1b2c3d4e5f6g7h8i9j"),
    AZURE: ("AZURE_OPENAI_API_KEY", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    EXPRESS: ("VERTEX_API_KEY", "AQ.0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"),
}
LOCAL_KEY = "local-0a1b2c3d4e5f6g7h"
REQUESTS = blocks("sh", of=DOC)
HELLO = [{"role": "user", "content": "Hello"}]
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
# Of clients that show the token of a gateway, wherever their SDK puts it.
SHOWN = {"x-goog-api-key": "mine", "authorization": "Bearer mine", "x-api-key": "mine"}


@pytest.fixture(scope="module")
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        running.keys = {host: key for host, (_, key) in KEYS.items()}
        yield running


@pytest.fixture(scope="module")
def local() -> Iterator[FakeUpstream]:
    with FakeUpstream(strict=False) as server:
        server.on("/v1/chat/completions", empty_list)
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(
    request: pytest.FixtureRequest, providers: FakeProviders, local: FakeUpstream
) -> Iterator[Gateway]:
    groups: list[dict[str, Any]] = [
        {**example, **(providers.way() if "https" in example["target_url"] else {})}
        for example in EXAMPLES.values()
    ]
    groups[-1]["target_url"] = groups[-1]["target_url"].replace("127.0.0.1:8000", local.host)
    environment = dict(KEYS.values()) | {"LOCAL_API_KEY": LOCAL_KEY}
    running = Gateway({"groups": groups}, server=request.param, env=environment)
    write_account(running.directory / "vertex.json", account())
    with running:
        yield running


def post(gateway: Gateway, path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(
        gateway.url + path, json=body, headers=SHOWN | headers, timeout=30, trust_env=False
    )


def counted(gateway: Gateway, name: str) -> tuple[int, int]:
    (key,) = [key for key in gateway.keys() if key["group"] == name]
    return key["prompt_tokens"], key["output_tokens"]


@pytest.mark.parametrize("block", REQUESTS, ids=lambda block: block.place)
def test_the_request_that_is_shown_is_answered(block, gateway):
    done = run_block(block.text, gateway.url)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_every_provider_has_its_example():
    assert list(EXAMPLES) == [
        "openai", "anthropic", "openrouter", "azure", "express", "vertex", "local",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("openai", "/v1/chat/completions", {"model": "gpt-4o-mini", "messages": HELLO}),
        ("openrouter", "/v1/chat/completions", {"model": "openai/gpt-4o-mini", "messages": HELLO}),
        (
            "azure",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            {"messages": HELLO},
        ),
        ("anthropic", "/v1/messages", {"model": "claude-sonnet-4-5", "messages": HELLO}),
        ("express", "/v1beta/models/gemini-2.5-flash:generateContent", CONTENTS),
        ("express", "/v1/publishers/google/models/gemini-2.5-flash:generateContent", CONTENTS),
        ("express", "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent", CONTENTS),
        ("vertex", "/v1beta/models/gemini-2.5-flash:generateContent", CONTENTS),
        (
            "vertex",
            "/v1beta1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent",
            CONTENTS,
        ),
        ("vertex", "/v1/chat/completions", {"model": "google/gemini-2.5-flash", "messages": HELLO}),
    ],
)
def test_a_request_reaches_each_as_it_wants_it_and_is_counted(gateway, name, path, body):
    before = counted(gateway, name)

    answer = post(gateway, f"/g/{name}{path}", body, **{"anthropic-version": "2023-06-01"})

    assert answer.status_code == 200, answer.text
    assert "Hello." in answer.text
    after = before[0] + PROMPT, before[1] + OUTPUT
    wait_for(lambda: counted(gateway, name) == after)


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        (
            "openai",
            "/v1/chat/completions",
            {"model": "m", "messages": HELLO, "stream_options": {"include_usage": True}},
        ),
        ("anthropic", "/v1/messages", {"model": "claude-sonnet-4-5", "messages": HELLO}),
        ("vertex", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", CONTENTS),
    ],
)
def test_a_stream_comes_whole_and_is_counted(gateway, name, path, body):
    before = counted(gateway, name)

    answer = post(
        gateway, f"/g/{name}{path}", {**body, "stream": True}, **{"anthropic-version": "2023-06-01"}
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream"
    after = before[0] + PROMPT, before[1] + OUTPUT
    wait_for(lambda: counted(gateway, name) == after)


def test_anthropics_own_headers_pass_untouched(gateway, providers):
    beta = {"anthropic-version": "2023-06-01", "anthropic-beta": "files-api-2025-04-14,x"}

    post(gateway, "/g/anthropic/v1/messages", {"model": "m", "messages": HELLO}, **beta)

    asked = providers.of(ANTHROPIC)[-1]
    assert {name: asked.value(name) for name in beta} == beta
    assert credentials_in(asked) == {"x-api-key": KEYS[ANTHROPIC][1]}


def test_without_the_version_the_provider_says_so_itself_and_no_key_is_blamed(gateway):
    answer = post(gateway, "/g/anthropic/v1/messages", {"model": "m", "messages": HELLO})

    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "anthropic-version: header is required",
    )
    assert all(key["state"] == "available" for key in gateway.keys())


def test_a_server_of_ones_own_gets_the_key_as_a_bearer_token(gateway, local):
    post(gateway, "/g/local/v1/chat/completions", {"model": "gemini-x", "messages": HELLO})

    assert local.last.target == b"/v1/chat/completions"
    assert credentials_in(local.last) == {"authorization": f"Bearer {LOCAL_KEY}"}


def test_a_service_account_shows_a_token_alone_and_one_token_serves_many(gateway, providers):
    path = "/g/vertex/v1beta/models/gemini-2.5-flash:generateContent"
    post(gateway, path, CONTENTS)
    minted = providers.minted

    for _ in range(3):
        assert post(gateway, path, CONTENTS).status_code == 200

    assert providers.minted == minted
    assert credentials_in(providers.of(VERTEX)[-1]).keys() == {"authorization"}


def test_the_test_of_keys_asks_each_what_wants_the_key_there(gateway, local):
    local.on("/v1/models", empty_list)

    done = gateway.manage("keys", "test", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["message"] for row in json.loads(done.stdout)] == ["works"] * len(EXAMPLES)


def test_the_openai_sdk(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/g/openai/v1", api_key="mine") as client:
        found = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}]
        )

    assert found.choices[0].message.content == "Hello."


def test_the_sdk_for_azure(gateway, providers):
    with openai.AzureOpenAI(
        azure_endpoint=f"{gateway.url}/g/azure", api_version="2024-10-21", api_key="mine"
    ) as client:
        found = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )

    assert found.choices[0].message.content == "Hello."
    assert credentials_in(providers.of(AZURE)[-1]) == {"api-key": KEYS[AZURE][1]}


@pytest.mark.parametrize("is_vertex", [True, False])
def test_googles_sdk_for_an_express_key(gateway, is_vertex):
    client = genai.Client(
        vertexai=is_vertex, api_key="mine", http_options={"base_url": f"{gateway.url}/g/express"}
    )

    found = client.models.generate_content(model="gemini-2.5-flash", contents="Hello")

    assert found.text == "Hello."


def test_nothing_secret_is_said(gateway):
    said = gateway.output() + gateway.manage("keys", "list").stdout
    for secret in (*(key for _, key in KEYS.values()), "ya29.", "BEGIN PRIVATE KEY", LOCAL_KEY):
        assert secret not in said
