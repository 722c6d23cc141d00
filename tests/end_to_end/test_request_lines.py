"""What the log says of requests, and what answers say of keys, if settings ask for it."""

import json
from typing import Any

import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.gateway_database import rows
from tests.support.quota_gateway import native
from tests.support.raw_client import exchange
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

ASKED = b'{"contents": []}'
SECRET = "gk-" + "s" * 43
KEYS = [{"key": "KEY-A", "name": "first"}, {"key": "KEY-B", "name": "other"}]


def lines_of(gateway: Gateway, request_id: str) -> list[dict[str, Any]]:
    """The log's objects: each line is one."""
    lines = [line for line in gateway.output().splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines]
    return [each for each in told if each.get("request_id") == request_id]


@pytest.mark.parametrize(("server", "workers"), [("daphne", "1"), ("uvicorn", "2")])
def test_a_line_a_request_as_json(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, workers: str
) -> None:
    env = {"ACCESS_LOG": "true", "LOG_FORMAT": "json", "LOG_LEVEL": "WARNING"}
    gateway = make_gateway(
        KEYS, server=server, args=["--workers", workers], env=env, rate_limit_policy="quota_aware"
    )
    upstream.exhausted("KEY-A", "429_free_rpd_25_short_delay")
    path = f"{native()}?key={SECRET}"
    exchange(gateway.url, "POST", native(f"m-{SECRET}"), [], ASKED)
    ids = [f"mine-{number}" for number in range(4)]
    for each in ids:
        exchange(gateway.url, "POST", path, [("x-request-id", each)], ASKED)
    wait_for(lambda: all(lines_of(gateway, each) for each in ids))
    assert all(len(lines_of(gateway, each)) == 1 for each in ids)
    told = [lines_of(gateway, each)[0] for each in ids]
    assert {each["status"] for each in told} == {200}
    assert {each["endpoint"] for each in told} == {"generate"}
    kinds = {each["verdict"] for line in told for each in line["attempts"]}
    assert kinds == {"day", "succeeded"}
    assert gateway.stop() == 0
    for secret in (SECRET, "KEY-A", "KEY-B"):
        assert secret not in gateway.output()


def test_what_is_not_written_yet_is_at_the_end(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(KEYS, env={"ACCESS_LOG": "true"})
    for number in range(20):
        exchange(gateway.url, "POST", native(), [("x-request-id", f"last-{number}")], ASKED)
    assert gateway.stop() == 0
    assert gateway.output().count("gateway.requests: request_id=last-") == 20


def test_no_line_is_written_unless_it_is_asked_for(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(KEYS)
    answer = exchange(gateway.url, "POST", native(), [], ASKED)
    assert not answer.values("x-gateway-key")
    assert gateway.stop() == 0
    assert "gateway.requests" not in gateway.output()


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_answers_name_the_key_and_events_the_request(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    env = {"ANSWER_HEADERS": "true"}
    gateway = make_gateway(KEYS, server=server, env=env, rate_limit_policy="quota_aware")
    upstream.exhausted("KEY-A", "429_free_rpd_25_short_delay")
    answers = [exchange(gateway.url, "POST", native(), [], ASKED) for _ in range(2)]
    tried = next(each for each in answers if each.values("x-gateway-attempts") == ["2"])
    assert tried.values("x-gateway-key") == ["other"]
    assert tried.values("x-gateway-model") == ["gemini-2.5-flash"]
    assert tried.values("x-gateway-group") != []
    (found,) = rows(gateway, "SELECT request_id FROM proxyapp_ratelimitevent")
    assert [found[0]] == tried.values("x-request-id")
    assert f"(day), request {found[0]}" in gateway.output()
    upstream.exhausted("KEY-B", "429_free_rpd_25_short_delay")
    refused = exchange(gateway.url, "POST", native(), [], ASKED)
    assert (refused.status, refused.values("x-gateway-attempts")) == (429, ["1"])
