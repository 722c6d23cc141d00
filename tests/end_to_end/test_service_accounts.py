"""Requests with service accounts: what happens when tokens are refused, or cannot be had."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.fake_providers import TOKENS, VERTEX, FakeProviders
from tests.support.gateway import Gateway
from tests.support.service_accounts import TARGET, account, write_account
from tests.support.waiting import wait_for

PATH = "/v1beta/models/gemini-2.5-flash:generateContent"
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


@pytest.fixture
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


def gateway_of(
    providers: FakeProviders, *names: str, policy: str = "quota_aware", **options: Any
) -> Gateway:
    """With a service account of each name, of one project. The one named `lost` has an endpoint
    where nobody listens.
    """
    keys = [
        {"service_account": f"{name}.json", "name": name, "location": "europe-west4"}
        for name in names
    ]
    made = Gateway(
        {
            "groups": [
                {
                    "name": "vertex",
                    "target_url": TARGET,
                    "rate_limit_policy": policy,
                    "api_keys": keys,
                    **providers.way(),
                }
            ]
        },
        **options,
    )
    for name in names:
        endpoint = {"token_uri": "http://127.0.0.1:1/token"} if name == "lost" else {}
        write_account(made.directory / f"{name}.json", account(name, **endpoint))
    return made


def ask(gateway: Gateway) -> httpx.Response:
    return httpx.post(gateway.url + PATH, json=CONTENTS, timeout=30, trust_env=False)


def states(gateway: Gateway) -> dict[str, str]:
    return {key["name"]: key["state"] for key in gateway.keys()}


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_token_that_was_withdrawn_is_replaced_and_no_client_notices(providers, server):
    with gateway_of(providers, "robot", server=server) as gateway:
        assert ask(gateway).status_code == 200
        providers.tokens.clear()

        answers = [ask(gateway).status_code for _ in range(3)]

        assert answers == [200] * 3
        assert providers.minted == 2
        assert states(gateway) == {"robot": "available"}


def test_an_account_that_is_refused_is_invalid_and_the_next_one_answers(providers):
    with gateway_of(providers, "stranger", "robot") as gateway:
        answers = [ask(gateway).status_code for _ in range(4)]

        assert answers == [200] * 4
        wait_for(lambda: states(gateway) == {"stranger": "invalid", "robot": "available"})
        tested = json.loads(gateway.manage("keys", "test", "--json").stdout)
        assert "invalid_grant" in tested[0]["message"]
        assert tested[1]["message"] == "works"
        for told in (gateway.output(), json.dumps(tested)):
            assert "PRIVATE KEY" not in told
            assert "ya29." not in told


def test_while_the_endpoint_of_one_account_is_away_the_next_one_answers(providers):
    with gateway_of(providers, "lost", "robot") as gateway:
        answers = [ask(gateway).status_code for _ in range(4)]

        assert answers == [200] * 4
        assert len(providers.of(VERTEX)) == 4
        out = {key["name"]: [one["reason"] for one in key["cooldowns"]] for key in gateway.keys()}
        assert out == {"lost": ["server"], "robot": []}


@pytest.mark.parametrize("name", ["stranger", "lost"])
def test_under_daily_an_account_without_a_token_is_passed_over_and_not_lost(providers, name):
    with gateway_of(providers, name, "robot", policy="daily") as gateway:
        assert [ask(gateway).status_code for _ in range(4)] == [200] * 4

        assert states(gateway) == {name: "cooling", "robot": "available"}
        listed = {key["name"]: key["cooldowns"] for key in gateway.keys()}
        assert listed["robot"] == []
        (cooldown,) = listed[name]
        assert cooldown["model"] is None
        assert cooldown["reason"] == ("unproven" if name == "stranger" else "server")
        assert "Service account: " in said_of(gateway)


def said_of(gateway: Gateway) -> str:
    """Of the last refusal, as operators read it."""
    shell = "from proxyapp.models import RateLimitEvent as E; print(E.objects.get().excerpt)"
    done = gateway.manage("shell", "--no-imports", "-c", shell)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_while_no_token_can_be_had_clients_are_told_so_and_no_account_is_lost(providers):
    providers.refusals[TOKENS] = (400, {"error": "temporarily_unavailable"})
    with gateway_of(providers, "robot") as gateway:
        answer = ask(gateway)

        assert answer.status_code == 503
        assert "temporarily_unavailable" in answer.text
        assert states(gateway)["robot"] in ("available", "cooling")
        assert providers.of(VERTEX) == []


def test_a_token_in_an_answer_is_masked(providers):
    with gateway_of(providers, "robot") as gateway:
        ask(gateway)
        (token,) = providers.tokens
        echo = {"error": {"code": 400, "message": f"no {token}", "status": "INVALID_ARGUMENT"}}
        providers.refusals[VERTEX] = (400, echo)

        answer = ask(gateway)

        assert answer.status_code == 400
        assert token not in answer.text
        assert "service account 4567" in answer.text


def test_a_file_that_others_can_read_is_named_at_the_start(providers):
    made = gateway_of(providers, "robot")
    (made.directory / "robot.json").chmod(0o644)
    with made as gateway:
        assert f"can read or change the private key {gateway.directory}/robot.json" in (
            gateway.output()
        )


def test_a_file_that_is_gone_stops_the_start_in_one_line(providers):
    made = gateway_of(providers, "robot")
    (made.directory / "robot.json").unlink()
    try:
        made.launch()
        assert made.wait() == 1
        assert "groups[0].api_keys[0].service_account: cannot be read" in made.output()
        assert "Traceback" not in made.output()
    finally:
        made.close()
