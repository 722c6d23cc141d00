"""What a 429 does under the policy `daily`: to the key, to the client, and to the database."""

import json
import re
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_requests import GENERATE, ask, states
from tests.support.raw_client import exchange
from tests.support.waiting import wait_for

CHAT = "/v1beta/openai/chat/completions"
KEYS = ["KEY-A", "KEY-B", "KEY-C"]


def test_the_next_key_is_tried_and_the_client_sees_only_200s(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(KEYS)
    upstream.exhausted("KEY-B")

    answers = [ask(gateway).status_code for _ in range(6)]

    assert answers == [200] * 6
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-C", "KEY-A", "KEY-C", "KEY-A", "KEY-C"]
    cooling = settled(gateway, 6)[1]
    assert (cooling["state"], cooling["rate_limited"], cooling["requests"]) == ("cooling", 1, 1)
    assert [(c["model"], c["reason"]) for c in cooling["cooldowns"]] == [(None, "daily")]
    until = datetime.fromisoformat(cooling["cooldowns"][0]["until"])
    assert (until.hour, until.minute, until.second) == (7, 0, 0), "10:00 in Moscow"
    assert timedelta() < until - datetime.now(UTC) <= timedelta(days=1)
    assert (
        gateway.output().count(
            f"of group default is out until {until:%Y-%m-%d} 07:00:00 UTC (daily)"
        )
        == 1
    )


@pytest.mark.parametrize("path", [GENERATE, CHAT])
def test_when_all_are_spent_the_first_client_is_told_what_all_are_told(
    make_gateway, upstream, path
):
    gateway = make_gateway(KEYS)
    for key in KEYS:
        upstream.exhausted(key)

    answers = [ask(gateway, path), ask(gateway, path)]
    gateway.kill()
    gateway.start()
    answers.append(ask(gateway, path))

    assert len(upstream.requests) == 3
    for answer in answers:
        seconds = int(answer.headers["retry-after"])
        assert (answer.status_code, 0 < seconds <= 86400) == (429, True)
        assert answer.headers["x-should-retry"] == "false"
        error = answer.json()["error"]
        assert "RESOURCE_EXHAUSTED" in answer.text
        assert re.search(r"The first one is back at \S+ 07:00:00 UTC, in ", error["message"])
        said = error["message"]
        if path == GENERATE:
            retry, debug = error["details"]
            assert retry["retryDelay"] == f"{seconds}s"
            said = debug["detail"]
        else:
            assert set(error) == {"code", "message", "type", "param"}
        assert "exceeded your current quota" in said, "the upstream's own words"
    assert states(gateway) == ["cooling"] * 3


def test_a_gateway_without_keys_says_how_to_add_one(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(["YOUR_GEMINI_API_KEY_1"])

    answer = ask(gateway)

    assert (answer.status_code, upstream.requests) == (503, [])
    assert "Add one in config.yaml" in answer.json()["error"]["message"]
    assert "retry-after" in answer.headers
    assert "placeholder" in gateway.output()


def test_cooldowns_and_order_survive_a_kill(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(KEYS)
    upstream.exhausted("KEY-B")
    ask(gateway)
    ask(gateway)
    wait_for(lambda: gateway.keys()[2]["requests"] == 1)

    gateway.kill()
    upstream.recover("KEY-B")
    gateway.start()
    ask(gateway)

    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-C", "KEY-A"]
    assert states(gateway) == ["available", "cooling", "available"]


def test_order_survives_a_restart(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(KEYS)
    for _ in range(4):
        ask(gateway)

    assert gateway.stop() == 0
    gateway.start()
    ask(gateway)

    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-C", "KEY-A", "KEY-B"]


def test_the_event_is_in_the_database_before_the_next_key_is_tried(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(KEYS[:2])
    upstream.exhausted("KEY-A")
    seen: list[str] = []

    async def look(request, connection):
        seen.append(gateway.manage("keys", "list", "--json").stdout)
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    upstream.exhausted("KEY-A")
    ask(gateway, "/v1beta/models")  # KEY-A is refused, KEY-B answers
    upstream.on("/look", look)

    assert httpx.get(gateway.url + "/look", trust_env=False).status_code == 200
    assert json.loads(seen[0])[0]["state"] == "cooling"


def test_released_keys_come_back_within_a_second(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(KEYS[:1])
    upstream.exhausted("KEY-A")
    assert ask(gateway).status_code == 429
    upstream.recover("KEY-A")

    assert gateway.manage("keys", "release").returncode == 0
    released_at = time.monotonic()
    wait_for(lambda: ask(gateway).status_code == 200)

    assert time.monotonic() - released_at < 1.5


def test_a_key_is_used_again_at_its_reset_without_a_restart(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    """The reset is set to the next full second but two, in the zone of the test."""
    reset = datetime.now(UTC) + timedelta(seconds=6)
    env = {"RATE_LIMIT_RESET_TIME": reset.strftime("%H:%M:%S"), "RATE_LIMIT_RESET_TZ": "UTC"}
    gateway = make_gateway(KEYS[:1], env=env)
    upstream.exhausted("KEY-A")
    assert ask(gateway).status_code == 429, "the gateway took too long to start"
    upstream.recover("KEY-A")
    assert ask(gateway).status_code == 429

    wait_for(lambda: ask(gateway).status_code == 200)

    assert datetime.now(UTC) >= reset.replace(microsecond=0)


def test_nothing_is_retried_that_may_have_been_acted_on(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(KEYS)

    async def die(request, connection):
        connection.abort()

    upstream.on("/die", die)
    answer = httpx.post(gateway.url + "/die", content=b"x", trust_env=False)

    assert (answer.status_code, len(upstream.requests)) == (502, 1)
    assert states(gateway) == ["available"] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_other_refusals_are_relayed_once_and_burn_no_key(shared_gateway, shared_upstream, status):
    shared_upstream.reset()

    answer = httpx.get(f"{shared_gateway.url}/status/{status}", trust_env=False)

    assert (answer.status_code, len(shared_upstream.requests)) == (status, 1)
    assert states(shared_gateway) == ["available"] * 3


@pytest.fixture(scope="module")
def shared_upstream():
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def shared_gateway(shared_upstream):
    with Gateway({"groups": [group(KEYS, shared_upstream.url, auth="google")]}) as gateway:
        yield gateway


def test_a_429_with_the_key_in_its_body_reaches_client_and_database_masked(make_gateway, upstream):
    secret = "AIzaSy-a-key-that-leaks-0123456789"
    gateway = make_gateway([secret])
    body = (
        b'{"error": {"code": 429, "message": "Consumer api_key:%s has no quota"}}' % secret.encode()
    )

    async def leak(request, connection):
        await connection.send(
            b"HTTP/1.1 429 Too Many\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    upstream.on("/leak", leak)
    answer = exchange(gateway.url, "GET", "/leak")

    assert answer.status == 429
    assert secret.encode() not in answer.body
    assert "AIza…6789".encode() in answer.body
    gateway.stop()
    assert secret not in gateway.output()
    database = gateway.directory / "db.sqlite3"
    if database.exists():
        assert excerpts(database) == [body.decode().replace(secret, "AIza…6789")]


def test_a_long_refusal_with_the_key_in_it_is_relayed_whole(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    secret = "AIzaSy-a-key-that-leaks-0123456789"
    gateway = make_gateway([secret])
    body = secret.encode() + b"x" * 500_000

    async def leak(request, connection):
        await connection.send(
            b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    upstream.on("/leak", leak)
    answer = exchange(gateway.url, "GET", "/leak")

    assert (answer.status, answer.is_complete) == (403, True)
    assert answer.body == "AIza…6789".encode() + b"x" * 500_000


def excerpts(database) -> list[str]:
    with sqlite3.connect(database) as connection:
        return [row[0] for row in connection.execute("SELECT excerpt FROM proxyapp_ratelimitevent")]


def test_keys_of_one_group_only_are_used_under_its_prefix(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    groups = [
        group(["KEY-A", "KEY-B"], upstream.url, "One", auth="google"),
        group(["KEY-C"], upstream.url, "Two", auth="google"),
    ]
    gateway = make_gateway(groups=groups)

    for path in ["", "/g/Two", "", "/g/Two", "", ""]:
        assert ask(gateway, path + GENERATE).status_code == 200

    assert upstream.picked() == ["KEY-A", "KEY-C", "KEY-B", "KEY-C", "KEY-C", "KEY-A"]
    assert all(request.target == GENERATE.encode() for request in upstream.requests)
    assert ask(gateway, "/g/three" + GENERATE).status_code == 404


def test_a_storm_costs_each_key_few_requests_and_the_clients_nothing(make_gateway, upstream):
    keys = [f"KEY-{number}" for number in range(20)]
    gateway = make_gateway(keys)
    for key in keys[:-1]:
        upstream.exhausted(key)

    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: ask(gateway).status_code, range(100)))

    assert answers == [200] * 100
    assert sum(key["rate_limited"] for key in settled(gateway, 100)) <= 19 * 3
    assert states(gateway) == ["cooling"] * 19 + ["available"]


def settled(gateway: Gateway, succeeded: int) -> list[dict[str, Any]]:
    wait_for(
        lambda: sum(key["requests"] - key["rate_limited"] for key in gateway.keys()) == succeeded
    )
    return gateway.keys()


def test_sigterm_lets_a_stream_finish(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(KEYS)
    stream = upstream.held_stream("/held")
    with httpx.stream("GET", gateway.url + "/held", trust_env=False, timeout=30) as answer:
        chunks = answer.iter_raw()
        stream.send_event(1)
        first = next(chunks)
        gateway.signal(signal.SIGTERM)
        wait_for(lambda: not accepts(gateway))
        stream.send_event(2)
        stream.finish()
        rest = b"".join(chunks)

    assert b"1" in first
    assert b"2" in rest
    assert gateway.wait() == 0
    gateway.start()
    assert sum(key["requests"] for key in gateway.keys()) == 1


def accepts(gateway: Gateway) -> bool:
    try:
        httpx.get(gateway.url + "/healthz", trust_env=False, timeout=5)
    except httpx.TransportError:
        return False
    return True
