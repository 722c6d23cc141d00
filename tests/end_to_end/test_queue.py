"""QUEUE_SECONDS: requests that wait for a key that comes free."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.quota_gateway import ask, native
from tests.support.waiting import wait_for


def limited(
    make_gateway: MakeGateway, upstream: FakeUpstream, *, queue: str, delay: str
) -> Gateway:
    """One key, whose first answer is a limit that lasts `delay` seconds."""
    gateway = make_gateway(["KEY-A"], rate_limit_policy="quota_aware", env={"QUEUE_SECONDS": queue})
    upstream.refuse("KEY-A", body=b"{}", headers=[("Retry-After", delay)], times=1)
    return gateway


def test_a_request_waits_for_the_key_that_comes_free_in_time(make_gateway, upstream):
    gateway = limited(make_gateway, upstream, queue="10", delay="2")

    began = time.monotonic()
    answer = ask(gateway)

    assert answer.status_code == 200
    assert 1.5 < time.monotonic() - began < 8
    assert upstream.picked() == ["KEY-A", "KEY-A"]


def test_a_request_fails_at_once_when_no_key_comes_free_in_time(make_gateway, upstream):
    gateway = limited(make_gateway, upstream, queue="5", delay="30")

    began = time.monotonic()
    answers = [ask(gateway).status_code for _ in range(2)]

    assert answers == [429, 429]
    assert time.monotonic() - began < 4


def test_all_who_wait_are_served(make_gateway, upstream):
    gateway = limited(make_gateway, upstream, queue="20", delay="3")

    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(lambda _: ask(gateway).status_code, range(6)))

    assert answers == [200] * 6


def test_one_who_leaves_loses_the_place_and_the_next_is_served(make_gateway, upstream):
    gateway = limited(make_gateway, upstream, queue="20", delay="2")
    answers: list[int] = []
    with pytest.raises(httpx.TimeoutException):
        impatient(gateway)

    patient = threading.Thread(target=lambda: answers.append(ask(gateway).status_code))
    patient.start()
    patient.join(15)

    assert answers == [200]
    assert [request.query for request in upstream.requests] == ["impatient", ""]


def impatient(gateway: Gateway) -> Any:
    return httpx.post(
        gateway.url + native() + "?impatient", json={"contents": []}, timeout=0.7, trust_env=False
    )


def test_a_release_by_an_operator_ends_the_wait(make_gateway, upstream):
    gateway = limited(make_gateway, upstream, queue="40", delay="30")
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(gateway).status_code))

    waiting.start()
    wait_for(lambda: bool(gateway.keys()[0]["cooldowns"]))
    began = time.monotonic()
    assert gateway.manage("keys", "release").returncode == 0
    waiting.join(20)

    assert (answers, time.monotonic() - began < 15) == ([200], True)


def test_without_the_setting_nobody_waits(make_gateway, upstream):
    gateway = limited(make_gateway, upstream, queue="0", delay="1")

    assert ask(gateway).status_code == 429
