"""What clients saw is counted by the minute, whatever happened at the upstreams meanwhile."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from proxyapp.models import LATENCY_BOUNDS_MS
from tests.conftest import MakeGateway
from tests.support.fake_gemini import OUTPUT_TOKENS, PROMPT_TOKENS
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.ports import free_port
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.waiting import wait_for

PATH = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
NO_COUNTS = {"id", "minute", "cost_micros", "unpriced_tokens"}
LIST_MINUTES = """
import json
from proxyapp.models import MinuteUsage
print(json.dumps(list(MinuteUsage.objects.values()), default=str))
"""


def stored(gateway: Gateway) -> tuple[Counter[str], list[int]]:
    """Sums of all minutes, without zeros and costs: the counts, and the latencies by bucket."""
    done = gateway.manage("shell", "--no-imports", "-c", LIST_MINUTES)
    assert done.returncode == 0, done.stderr
    sums: Counter[str] = Counter()
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    for row in rows:
        sums.update({name: value for name, value in row.items() if name not in NO_COUNTS})
    latency = [sums.pop(f"latency_{number}", 0) for number in range(len(LATENCY_BOUNDS_MS) + 1)]
    return +sums, latency


def counted(gateway: Gateway) -> tuple[Counter[str], list[int]]:
    """After the gateway has drained."""
    assert gateway.stop() == 0
    return stored(gateway)


def ask(gateway: Gateway) -> int:
    return exchange(gateway.url, "POST", PATH, [], b"{}").status


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_client_sees_one_good_answer_where_the_first_key_was_refused(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"], server=server)
    upstream.exhausted("KEY-A")
    assert ask(gateway) == 200
    counts, latency = counted(gateway)
    attempts = Counter(requests=2, succeeded=1, rate_limited=1)
    tokens = Counter(prompt_tokens=PROMPT_TOKENS, output_tokens=OUTPUT_TOKENS)
    assert counts == attempts + tokens + Counter(answered=1, answered_well=1, seen_ok=1)
    assert sum(latency) == 1


def test_the_wait_for_an_answer_includes_the_keys_that_were_refused_before(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    async def slow_refusal(request: Recorded, connection: Connection) -> None:
        if request.key == "KEY-A":
            await asyncio.sleep(0.35)
            await connection.answer(429, b"{}", [])
        else:
            await connection.answer(200, b"{}", [])

    upstream.on("/v1beta", slow_refusal)
    gateway = make_gateway(["KEY-A", "KEY-B"])
    assert [ask(gateway), ask(gateway)] == [200, 200]
    _, latency = counted(gateway)
    slow_from = LATENCY_BOUNDS_MS.index(300) + 1
    assert sum(latency) == 2
    assert sum(latency[slow_from:]) >= 1


def test_whoever_finds_all_keys_spent_counts_as_without_a_key(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"])
    upstream.exhausted("KEY-A")
    assert [ask(gateway), ask(gateway)] == [429, 429]
    counts, latency = counted(gateway)
    assert counts == Counter(requests=1, rate_limited=1, answered=2, no_key=2, seen_no_key=2)
    assert sum(latency) == 0


def test_answers_of_the_gateways_own_are_written_though_no_attempt_follows(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"])
    upstream.exhausted("KEY-A")
    assert ask(gateway) == 429
    attempt = Counter(requests=1, rate_limited=1)
    wait_for(lambda: stored(gateway)[0] == attempt + Counter(answered=1, no_key=1, seen_no_key=1))
    assert ask(gateway) == 429
    wait_for(lambda: stored(gateway)[0] == attempt + Counter(answered=2, no_key=2, seen_no_key=2))


def test_a_proxy_that_fails_is_what_the_client_sees(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"], proxy_url=f"http://127.0.0.1:{free_port()}")
    assert ask(gateway) == 502
    counts, _ = counted(gateway)
    seen = Counter(answered=1, proxy_failed=1, seen_upstream=1)
    assert counts == Counter(requests=1, upstream_errors=1) + seen


def test_a_client_that_leaves_before_its_answer_saw_none(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    async def wait(request: Recorded, connection: Connection) -> None:
        await connection.gone.wait()
        connection.close()

    upstream.on("/v1beta", wait)
    gateway = make_gateway(["KEY-A"])
    with RawClient(gateway.url) as client:
        client.send(request_bytes("POST", PATH, [], b"{}"))
        upstream.wait_for(1)
    upstream.wait_for_connections(0)
    counts, _ = counted(gateway)
    assert counts == Counter(requests=1, cancelled=1, seen_left=1)


def test_a_stream_counts_as_answered_when_it_begins(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    stream = upstream.held_stream(STREAM)
    gateway = make_gateway(["KEY-A"])
    with RawClient(gateway.url) as client:
        client.send(request_bytes("POST", STREAM, [], b"{}"))
        assert stream.started.wait(10)
        wait_for(lambda: stored(gateway)[0] == Counter(answered=1, answered_well=1))
