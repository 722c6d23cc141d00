"""`/metrics`, asked of a gateway that serves."""

import os
import signal
from collections.abc import Iterator

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import MakeGateway
from tests.support.database_away import Away
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.quota_gateway import ask
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

KEYS = ["KEY-A-secret-of-one", "KEY-B-secret-of-two"]
TOKEN = "token-for-prometheus"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest) -> Iterator[tuple[Gateway, FakeUpstream]]:
    with (
        FakeUpstream() as upstream,
        Gateway(
            {"groups": [group(KEYS, upstream.url, "main", rate_limit_policy="quota_aware")]},
            env={"METRICS_TOKEN": TOKEN},
            server=request.param,
        ) as running,
    ):
        yield running, upstream


def read(gateway: Gateway, **headers: str) -> httpx.Response:
    return httpx.get(f"{gateway.url}/metrics", headers=headers, trust_env=False, timeout=20)


def samples(gateway: Gateway) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(read(gateway).text)
        for sample in family.samples
    }


def total(gateway: Gateway, name: str) -> float:
    return sum(count for (each, _), count in samples(gateway).items() if each == name)


def value(gateway: Gateway, name: str, **labels: str) -> float:
    return samples(gateway).get((name, frozenset(labels.items())), 0.0)


def test_it_tells_which_requests_came_to_what(gateway):
    running, upstream = gateway
    upstream.refuse(KEYS[0], body=b"{}", headers=[("Retry-After", "60")], times=1)

    assert [ask(running).status_code for _ in range(3)] == [200, 200, 200]

    assert total(running, "gateway_requests_total") == 3
    assert total(running, "gateway_attempts_total") == len(upstream.picked())
    assert total(running, "gateway_keys") == 2
    found = samples(running)
    verdicts = {dict(labels).get("verdict") for name, labels in found if "attempts" in name}
    assert {"succeeded", "unknown_limit"} <= verdicts
    assert found["gateway_database_up", frozenset()] == 1
    assert found["gateway_processes", frozenset()] == 1
    assert found["gateway_requests_in_flight", frozenset()] == 0
    assert any(name == "gateway_llm_tokens_total" for name, _ in found)
    assert any(name == "gateway_time_to_first_byte_seconds_bucket" for name, _ in found)


def test_it_says_no_key_and_no_token(gateway):
    running, _ = gateway
    text = read(running).text

    assert not [secret for secret in (*KEYS, TOKEN, "KEY-A", "KEY-B") if secret in text]


def test_it_speaks_openmetrics_to_who_asks_for_it(gateway):
    running, _ = gateway
    plain, open_metrics = read(running), read(running, Accept=OPENMETRICS)

    assert plain.headers["content-type"].startswith("text/plain")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


def test_strangers_get_nothing_without_the_token(gateway):
    running, upstream = gateway
    before = len(upstream.requests)

    stranger = read(running, **{"X-Forwarded-For": "127.0.0.1"})
    known = read(running, **{"X-Forwarded-For": "8.8.8.8", "Authorization": f"Bearer {TOKEN}"})

    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, "Bearer")
    assert "gateway_" not in stranger.text
    assert known.status_code == 200
    assert httpx.post(f"{running.url}/metrics", trust_env=False).status_code == 405
    assert httpx.head(f"{running.url}/metrics", trust_env=False).status_code == 200
    assert len(upstream.requests) == before


def test_off_it_says_so(make_gateway: MakeGateway):
    off = make_gateway(["KEY-A"], env={"METRICS": "false"})

    assert read(off).status_code == 404
    assert not list((off.directory / "var").glob("metrics.*"))


def test_without_a_token_strangers_find_nothing(make_gateway: MakeGateway):
    assert read(make_gateway(["KEY-A"]), Forwarded="for=8.8.8.8").status_code == 404


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_workers_answer_for_all_and_no_count_goes_back_when_one_is_killed(
    server: str, upstream: FakeUpstream
):
    config = {"groups": [group(["KEY-A", "KEY-B"], upstream.url, "main")]}
    with Gateway(config, server=server, args=("--workers", "4")) as running:
        for _ in range(24):
            assert ask(running).status_code == 200

        def counted() -> float:
            return total(running, "gateway_requests_total")

        wait_for(lambda: counted() == 24)
        wait_for(lambda: value(running, "gateway_processes") == 4)
        workers = psutil.Process(running.pid).children()
        for worker in workers[:2]:
            os.kill(worker.pid, signal.SIGKILL)
        assert counted() == 24

        wait_for(lambda: value(running, "gateway_processes") == 4)
        for _ in range(6):
            assert counted() == 24
        assert ask(running).status_code == 200
        wait_for(lambda: counted() == 25)


def test_it_answers_while_the_database_is_away(make_gateway: MakeGateway):
    running = make_gateway(["KEY-A"], env={"SQLITE_TIMEOUT_SECONDS": "1"})
    assert ask(running).status_code == 200
    database = Away(running)
    database.take()
    try:
        wait_for(lambda: value(running, "gateway_database_up") == 0, 40)
        assert ask(running).status_code == 200
        assert total(running, "gateway_requests_total") == 2
    finally:
        database.bring_back()


def test_it_tells_who_stood_in_the_queue(make_gateway: MakeGateway, upstream: FakeUpstream):
    running = make_gateway(["KEY-A"], rate_limit_policy="quota_aware", env={"QUEUE_SECONDS": "10"})
    upstream.refuse("KEY-A", body=b"{}", headers=[("Retry-After", "1")], times=1)

    assert ask(running).status_code == 200

    assert value(running, "gateway_queue_length") == 0
    assert value(running, "gateway_queue_wait_seconds_count") == 1
    assert 0.2 < value(running, "gateway_queue_wait_seconds_sum") < 8
