"""What a client may not use is refused, and counted under what it asked for."""

import json
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import rows
from tests.support.gateway_tokens import listed_tokens, make_tokens
from tests.support.waiting import wait_for

FLASH = "/v1beta/models/gemini-2.5-flash:generateContent"
PRO = "/v1beta/models/gemini-2.5-pro:generateContent"
CHAT = "/v1beta/openai/chat/completions"
COUNTED = (
    "SELECT model, sum(requests), sum(refused), sum(not_allowed) FROM proxyapp_tokenusage"
    " GROUP BY model"
)


def ask(gateway: Gateway, token: str, path: str, **body: Any) -> int:
    headers = {"x-goog-api-key": token} if token else {}
    return httpx.post(
        gateway.url + path, headers=headers, json=body, trust_env=False, timeout=30
    ).status_code


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(
    request: pytest.FixtureRequest, make_gateway: MakeGateway, upstream: FakeUpstream
) -> Gateway:
    groups = [group([f"KEY-{name}"], upstream.url, name, auth="google") for name in ("a", "b")]
    return make_gateway(groups=groups, server=request.param)


def test_a_request_for_a_model_or_a_group_that_is_not_allowed_counts(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    terms = {"groups": ["a"], "models": ["gemini-2.5-flash"]}
    tokens = make_tokens(gateway, {"app": terms, "other": {}})
    wait_for(lambda: ask(gateway, "", FLASH) == 401)
    before = len(upstream.requests)

    asked: list[tuple[str, dict[str, Any], int]] = [
        (FLASH, {}, 200),
        (PRO, {}, 403),
        (CHAT, {"model": "gemini-2.5-pro"}, 403),
        (CHAT, {"model": "gemini-2.5-flash", "fallbacks": ["gpt-\u0000\n4"]}, 403),
        (f"/g/b{FLASH}", {}, 403),
        ("/v1beta/unheard-of", {}, 403),
    ]
    for path, body, status in asked:
        assert ask(gateway, tokens["app"], path, **body) == status, path
    assert gateway.stop() == 0

    assert sorted((row[0], *map(int, row[1:])) for row in rows(gateway, COUNTED)) == [
        ("/g/b", 0, 0, 1),
        ("gemini-2.5-flash", 1, 0, 0),
        ("gemini-2.5-pro", 0, 0, 2),
        ("gpt-\ufffd\ufffd4", 0, 0, 1),
        ("others", 0, 0, 1),
    ]
    row = listed_tokens(gateway)["app"]
    assert (row["requests"], row["refused"], row["not_allowed"]) == (1, 5, 5)
    assert (row["today"]["refused"], listed_tokens(gateway)["other"]["refused"]) == (5, 0)
    assert len(upstream.requests) == before + 1


def test_endless_names_are_counted_together(gateway: Gateway) -> None:
    tokens = make_tokens(gateway, {"app": {"models": ["gemini-2.5-flash"]}})
    wait_for(lambda: ask(gateway, "", FLASH) == 401)

    for number in range(40):
        path = f"/v1beta/models/made-up-{number}-{'x' * 300}:generateContent"
        assert ask(gateway, tokens["app"], path) == 403
    assert ask(gateway, tokens["app"], FLASH) == 200
    assert gateway.stop() == 0

    counted = {model: (sent, held) for model, sent, _, held in rows(gateway, COUNTED)}
    assert counted.pop("gemini-2.5-flash") == (1, 0)
    assert sum(held for _, held in counted.values()) == 40
    assert len(counted) == 17
    assert max(map(len, counted)) == 100
    assert json.loads(gateway.manage("tokens", "list", "--json").stdout)[0]["refused"] == 40
