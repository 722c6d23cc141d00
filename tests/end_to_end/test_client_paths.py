"""Clients find Gemini's API at the address that people type, and what it has not costs no key."""

import json
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.proxies import HttpProxy
from tests.support.waiting import wait_for

SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
BEARER = {"authorization": "Bearer any"}
GOOGLES = {"x-goog-api-key": "any"}
QUESTION = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}


def ask(gateway: Gateway, method: str, path: str, **more: Any) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.request(method, gateway.url + path, **more)


@SERVERS
@pytest.mark.parametrize(
    "front", ["/v1", "/openai/v1", "/openai", "/api/v1", "", "//v1", "/g/default/v1"]
)
def test_an_openai_client_is_answered(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, front: str
) -> None:
    gateway = make_gateway(["KEY-A"], server=server)

    answer = ask(gateway, "POST", f"{front}/chat/completions", json=QUESTION, headers=BEARER)

    assert answer.status_code == 200
    assert answer.json()["object"] == "chat.completion"
    assert upstream.last.path == "/v1beta/openai/chat/completions"
    assert upstream.last.value("authorization") == "Bearer KEY-A"
    assert upstream.last.value("x-goog-api-key") == ""


def test_models_are_listed_in_the_words_of_the_credential(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"])

    assert ask(gateway, "GET", "/v1/models", headers=BEARER).json()["object"] == "list"
    assert upstream.last.path == "/v1beta/openai/models"
    for headers, query in ((GOOGLES, ""), ({}, ""), ({}, "?key=any"), (BEARER, "?key=any")):
        answer = ask(gateway, "GET", f"/v1/models{query}", headers=headers)
        assert "models" in answer.json()
        assert (upstream.last.target, upstream.last.value("x-goog-api-key")) == (
            b"/v1/models",
            "KEY-A",
        )


@SERVERS
@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/models", "/v1beta/models"),
        ("/v1beta/v1beta/models", "/v1beta/models"),
        ("//v1beta/models", "/v1beta/models"),
    ],
)
def test_a_native_path_loses_what_is_doubled(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, path: str, arrives: str
) -> None:
    gateway = make_gateway(["KEY-A"], server=server)
    rest = "/gemini-2.5-flash:generateContent?a=%20"
    body = {"contents": [{"parts": [{"text": "hi"}]}]}

    assert ask(gateway, "POST", path + rest, json=body, headers=GOOGLES).status_code == 200
    assert upstream.last.target.decode() == arrives + rest


@pytest.mark.parametrize("fields", [{"rewrite_paths": False}, {"auth": "bearer"}])
def test_who_asks_for_it_or_speaks_otherwise_than_google_gets_every_path(
    make_gateway: MakeGateway, upstream: FakeUpstream, fields: dict[str, Any]
) -> None:
    gateway = make_gateway(["KEY-A"], **fields)

    for path in (
        *("/v1/chat/completions", "/chat/completions", "/models", "//v1beta/models"),
        *("/v1/messages", "/v1/responses", "/v1", "/x"),
    ):
        ask(gateway, "POST", path, json=QUESTION, headers=BEARER)
        assert upstream.last.target.decode() == path


def test_a_target_that_has_not_the_path_may_be_a_mirror_of_geminis(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"], auth="auto")
    upstream.on("/v1/chat/completions", not_found)
    upstream.on("/v1/embeddings", not_found)
    upstream.on("/v1beta/openai/embeddings", not_found)

    for _ in range(2):
        answer = ask(gateway, "POST", "/v1/chat/completions", json=QUESTION, headers=BEARER)
        assert answer.json()["object"] == "chat.completion"
    missed = ask(gateway, "POST", "/v1/embeddings", json=QUESTION, headers=BEARER)

    assert (missed.status_code, missed.json()) == (404, {"path": "/v1/embeddings"})
    both = ["/v1/chat/completions", "/v1beta/openai/chat/completions"]
    last = ["/v1/embeddings", "/v1beta/openai/embeddings"]
    assert [request.path for request in upstream.requests] == [*both, *both, *last]
    assert [key["state"] for key in gateway.keys()] == ["available"]


def test_a_target_is_not_asked_again_for_the_same_path(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    """However long it is: what is remembered of paths ends somewhere."""
    gateway = make_gateway(["KEY-A"], auth="auto")
    upstream.on("/v1/files", not_found)
    path = f"/v1/files/{'f' * 300}"

    assert ask(gateway, "GET", path, headers=GOOGLES).status_code == 404
    assert [request.path for request in upstream.requests] == [path]


async def not_found(request: Recorded, connection: Connection) -> None:
    body = json.dumps({"path": request.path}).encode()
    await connection.send(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def test_each_group_of_a_ring_gets_the_path_that_it_has(upstream: FakeUpstream) -> None:
    config = {
        "groups": [
            group(["KEY-G"], upstream.url, "google", auth="google"),
            group(["KEY-O"], upstream.url, "other", auth="bearer"),
        ]
    }
    with Gateway(config) as gateway:
        for _ in range(2):
            ask(gateway, "POST", "/v1/chat/completions", json=QUESTION, headers=BEARER)
        assert {(request.key, request.path) for request in upstream.requests} == {
            ("KEY-G", "/v1beta/openai/chat/completions"),
            ("KEY-O", "/v1/chat/completions"),
        }
        upstream.requests.clear()
        for _ in range(4):
            ask(gateway, "POST", "/v1/messages", json=QUESTION, headers={"x-api-key": "any"})
        assert [(request.key, request.path) for request in upstream.requests] == [
            ("KEY-O", "/v1/messages")
        ] * 4


@SERVERS
def test_what_google_has_not_is_answered_without_a_key(server: str) -> None:
    """Its host is reached through a proxy that would answer."""
    with FakeUpstream() as upstream, HttpProxy() as proxy:
        config = {
            "groups": [
                group(
                    ["KEY-A", "KEY-B"],
                    "http://generativelanguage.googleapis.com",
                    proxy_url=proxy.url,
                )
            ]
        }
        with Gateway(config, server=server) as gateway:
            messages = ask(gateway, "POST", "/v1/messages", json=QUESTION)
            assert messages.status_code == 404
            assert messages.json()["type"] == "error"
            assert messages.json()["error"]["type"] == "not_found_error"
            assert "/v1" in messages.json()["error"]["message"]

            for path in ("/v1/responses", "/responses", "/v1beta/openai/responses"):
                told = ask(gateway, "POST", path, json=QUESTION, headers=BEARER)
                assert told.status_code == 404
                assert told.json()["error"]["type"] == "invalid_request_error"
                assert told.json()["error"]["code"] == "unknown_path"
                assert "/v1/chat/completions" in told.json()["error"]["message"]

            stray = ask(gateway, "GET", "/v1bet/models")
            assert (stray.status_code, stray.json()["error"]["status"]) == (404, "NOT_FOUND")
            assert "Did you mean /v1beta/models?" in stray.json()["error"]["message"]
            for path in ("/wp-login.php", "/api/tags", "/v1", "/.well-known/x", "/<script>"):
                assert ask(gateway, "GET", path).status_code == 404, path

            assert (proxy.connections_made, upstream.requests) == (0, [])
            assert [key["requests"] + key["errors"] for key in gateway.keys()] == [0, 0]


def test_a_limit_of_models_holds_on_every_address(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"])
    token = gateway.manage("tokens", "create", "app", "--model", "gemini-2.5-flash").stdout.strip()
    headers = {"authorization": f"Bearer {token}"}
    wait_for(lambda: ask(gateway, "GET", "/v1/models").status_code == 401)

    for front in ("/v1", "/openai/v1", "", "/api/v1"):
        path = f"{front}/chat/completions"
        assert ask(gateway, "POST", path, json=QUESTION, headers=headers).status_code == 200
        other = QUESTION | {"model": "gemini-2.5-pro"}
        refused = ask(gateway, "POST", path, json=other, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    refused = ask(
        gateway, "POST", "/models/gemini-2.5-pro:generateContent", json={}, headers=headers
    )
    assert refused.status_code == 403
    assert json.loads(refused.text)["error"]["status"] == "PERMISSION_DENIED"
