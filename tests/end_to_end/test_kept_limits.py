"""Limits that the gateway keeps before the provider would refuse."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_quotas import Limits, Quotas
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import group
from tests.support.quota_gateway import FLASH, PRO, ask, aware, keyed, native

SERVERS = ("daphne", "uvicorn")
BODY = {"contents": [{"parts": [{"text": "hi"}]}]}
KEYS = [keyed(f"KEY-{number}", f"project-{number // 2}") for number in range(6)]
OWNERS = {key["key"]: key["project"] for key in KEYS}


def limited(upstream: FakeUpstream, per_minute: int = 3, per_day: int = 5) -> Quotas:
    upstream.quotas = Quotas({FLASH: Limits(per_minute, per_day)}, OWNERS)
    return upstream.quotas


async def storm(url: str, count: int, model: str = FLASH) -> Counter[int]:
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        asked = (client.post(url + native(model), json=BODY) for _ in range(count))
        return Counter(answer.status_code for answer in await asyncio.gather(*asked))


@pytest.mark.parametrize("server", SERVERS)
def test_no_project_is_asked_for_more_than_its_minute(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    quotas = limited(upstream, 3, 100)
    gateway = aware(make_gateway, KEYS, limits={FLASH: {"requests_per_minute": 3}}, server=server)
    found = asyncio.run(storm(gateway.url, 15))
    assert found == {200: 9, 429: 6}
    assert not quotas.refused
    assert set(quotas.answered.values()) == {3}
    refused = ask(gateway)
    assert 1 <= int(refused.headers["retry-after"]) <= 62
    assert "3 requests a minute (group default)" in refused.text
    assert asyncio.run(storm(gateway.url, 3, PRO)) == {200: 3}
    assert [key["state"] for key in gateway.keys()] == ["available"] * 6


def test_a_day_is_kept_over_restarts_and_counts_what_was_used_before_it_was_known(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    quotas = limited(upstream, 100, 4)
    gateway = aware(make_gateway, KEYS)
    assert asyncio.run(storm(gateway.url, 6)) == {200: 6}
    gateway.stop()
    text = gateway.config_path.read_text()
    gateway.config_path.write_text(
        text.replace("groups:\n- ", f"groups:\n- limits: {{{FLASH}: {{requests_per_day: 4}}}}\n  ")
    )
    gateway.start()
    assert asyncio.run(storm(gateway.url, 4)) == {200: 4}
    gateway.stop()
    gateway.start()
    found = asyncio.run(storm(gateway.url, 8))
    assert found == {200: 2, 429: 6}
    assert not quotas.refused
    assert "4 requests a day (group default)" in ask(gateway).text


@pytest.mark.parametrize("server", SERVERS)
def test_two_processes_keep_one_limit(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    quotas = limited(upstream, 100, 20)
    gateway = aware(
        make_gateway,
        KEYS,
        limits={FLASH: {"requests_per_day": 20}},
        server=server,
        args=["--workers", "2"],
        env={"QUEUE_SECONDS": "10"},
    )
    found = asyncio.run(storm(gateway.url, 80))
    assert found[200] == 60
    assert not quotas.refused


class Counted:
    """Answers each request after a while. `most`: how many were under way at a time."""

    def __init__(self, upstream: FakeUpstream, seconds: float) -> None:
        self.most = self._now = 0
        self._seconds = seconds
        upstream.on("/v1beta", self._answer)

    async def _answer(self, request: Recorded, connection: Connection) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._seconds)
        self._now -= 1
        await connection.answer(200, b'{"candidates": [{"content": {"parts": [{"text": "hi"}]}}]}')


@pytest.mark.parametrize("server", SERVERS)
def test_as_many_requests_as_allowed_are_under_way_and_the_next_waits_in_the_queue(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    counted = Counted(upstream, 0.2)
    gateway = aware(
        make_gateway, KEYS, max_concurrent=2, server=server, env={"QUEUE_SECONDS": "30"}
    )
    assert asyncio.run(storm(gateway.url, 12)) == {200: 12}
    assert counted.most == 2


def test_who_may_not_wait_is_told_that_as_many_are_under_way(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    Counted(upstream, 1.0)
    gateway = aware(make_gateway, KEYS[:1], max_concurrent=1)
    assert ask(gateway).status_code == 200
    assert asyncio.run(storm(gateway.url, 3)) == {200: 1, 429: 2}
    assert ask(gateway).status_code == 200


def test_where_a_large_group_is_full_another_one_answers(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    """Of more keys than are passed over one by one."""
    many = [f"KEY-{number:04}-of-the-large-group" for number in range(600)]
    groups = [
        group(many, upstream.url, "large", auth="google", max_concurrent=1),
        group(["KEY-SMALL"], upstream.url, "small", auth="google", priority=1),
    ]
    Counted(upstream, 1.0)
    gateway = make_gateway(groups=groups)
    assert ask(gateway).status_code == 200
    found = asyncio.run(storm(gateway.url, 4))
    assert found == {200: 4}
    picked = Counter(key == "KEY-SMALL" for key in upstream.picked()[1:])
    assert picked == {True: 3, False: 1}


@pytest.mark.parametrize("server", SERVERS)
def test_the_first_requests_of_many_keys_wait_for_their_shares(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    many = [f"KEY-{number:05}-without-a-project" for number in range(3000)]
    limits = {"*": {"requests_per_minute": 1000, "requests_per_day": 1000}}
    gateway = aware(make_gateway, many, limits=limits, server=server)
    assert ask(gateway).status_code == 200
    assert asyncio.run(storm(gateway.url, 60)) == {200: 60}


def test_requests_that_are_wrong_take_nothing_from_others(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    async def answer(request: Recorded, connection: Connection) -> None:
        is_wrong = b"WRONG" in request.body
        body = b'{"error": {"code": 400, "message": "Invalid", "status": "INVALID_ARGUMENT"}}'
        await connection.answer(400 if is_wrong else 200, body if is_wrong else b"{}")

    upstream.on("/v1beta", answer)
    limits = {
        "*": {
            "requests_per_minute": 3,
            "requests_per_day": 3,
            "input_tokens_per_minute": 30_000,
            "tokens_per_day": 30_000,
        }
    }
    gateway = aware(make_gateway, KEYS[:2], limits=limits)
    wrong = {"contents": [{"parts": [{"text": "WRONG " * 15_000}]}]}
    for _ in range(6):
        answered = httpx.post(gateway.url + native(), json=wrong, timeout=30, trust_env=False)
        assert answered.status_code == 400
    assert ask(gateway).status_code == 200
