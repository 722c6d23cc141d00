"""On to the next key, how often, and what the client gets when none answers."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.ports import free_port
from tests.support.quota_gateway import CHAT, FLASH, PRO, ask, aware, cooldowns, native
from tests.support.waiting import wait_for

KEYS = ["KEY-A", "KEY-B", "KEY-C", "KEY-D"]


@pytest.mark.parametrize(
    ("status", "body"), [(503, "503_high_demand"), (500, "500_internal"), (499, "499_cancelled")]
)
def test_a_server_error_is_tried_on_another_key_and_cools_none(
    make_gateway, upstream, status, body
):
    gateway = aware(make_gateway, KEYS)
    upstream.refuse("KEY-A", status=status, body=body)

    began = time.monotonic()
    answer = ask(gateway)

    assert answer.status_code == 200
    assert time.monotonic() - began > 0.12, "it backs off"
    assert upstream.picked() == ["KEY-A", "KEY-B"]
    assert cooldowns(gateway) == [[]] * 4


def test_an_outage_costs_three_tries_and_its_answer_is_the_clients(make_gateway, upstream):
    gateway = aware(make_gateway, KEYS)
    for key in KEYS:
        upstream.refuse(key, status=503, body="503_high_demand")

    began = time.monotonic()
    answer = ask(gateway)

    assert (answer.status_code, "high demand" in answer.json()["error"]["message"]) == (503, True)
    assert (upstream.picked(), "retry-after" in answer.headers) == (
        ["KEY-A", "KEY-B", "KEY-C"],
        False,
    )
    assert 0.6 < time.monotonic() - began < 5
    assert [key["state"] for key in gateway.keys()] == ["available"] * 4


def test_a_single_key_is_not_asked_again_after_a_server_error(make_gateway, upstream):
    gateway = aware(make_gateway, ["KEY-A"])
    upstream.refuse("KEY-A", status=503, body="503_high_demand")

    assert ask(gateway).status_code == 503
    assert upstream.picked() == ["KEY-A"]


@pytest.mark.parametrize(
    "path",
    ["/upload/v1beta/files", "/v1beta/cachedContents", native(method="batchGenerateContent")],
)
def test_what_would_be_made_twice_is_not_sent_again_after_a_server_error(
    make_gateway, upstream, path
):
    gateway = aware(make_gateway, KEYS)
    upstream.refuse("KEY-A", status=500, body="500_internal")

    assert ask(gateway, path).status_code == 500
    assert upstream.picked() == ["KEY-A"]


def test_the_number_of_keys_that_a_request_tries_is_bounded(make_gateway, upstream):
    gateway = make_gateway(KEYS, rate_limit_policy="quota_aware", env={"MAX_ATTEMPTS": "2"})
    for key in KEYS:
        upstream.refuse(key, body="429_free_tpm_250000")

    first = ask(gateway)

    assert (first.status_code, first.headers["retry-after"]) == (429, "1"), "other keys may be free"
    assert upstream.picked() == ["KEY-A", "KEY-B"]


def test_an_upstream_that_cannot_be_reached_sends_requests_to_another_group(make_gateway, upstream):
    gateway = make_gateway(groups=two_groups(upstream, f"http://127.0.0.1:{free_port()}"))

    answers = [ask(gateway).status_code for _ in range(4)]

    assert answers == [200] * 4
    assert upstream.picked() == ["KEY-B"] * 4


def test_a_region_that_is_refused_sends_requests_to_another_group(make_gateway, upstream):
    gateway = make_gateway(groups=two_groups(upstream, upstream.url))
    upstream.refuse("KEY-A", status=400, body="400_location")

    assert [ask(gateway).status_code for _ in range(4)] == [200] * 4
    assert cooldowns(gateway) == [[], []]


def two_groups(upstream: FakeUpstream, first_target: str) -> list[dict[str, Any]]:
    common = {"auth": "google", "rate_limit_policy": "quota_aware"}
    return [
        group(["KEY-A"], first_target, "first", **common),
        group(["KEY-B"], upstream.url, "second", **common),
    ]


def test_the_upstreams_last_word_reaches_the_client_when_the_next_key_cannot_be_asked(
    make_gateway, upstream
):
    first, second = two_groups(upstream, upstream.url)
    gateway = make_gateway(
        groups=[first, second | {"target_url": f"http://127.0.0.1:{free_port()}"}]
    )
    upstream.refuse("KEY-A", body="429_free_tpm_250000")

    refused = ask(gateway)

    assert (refused.status_code, refused.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")


# Out of keys.


@pytest.mark.parametrize("path", [native(), CHAT])
def test_a_minute_limit_on_every_key_names_the_earliest_release(make_gateway, upstream, path):
    gateway = aware(make_gateway, KEYS[:2])
    for key in KEYS[:2]:
        upstream.refuse(key, body="429_free_tpm_250000")

    refused, waiting = ask(gateway, path), ask(gateway, path)

    assert (refused.status_code, waiting.status_code) == (429, 429)
    for answer in (refused, waiting):
        assert 20 <= int(answer.headers["retry-after"]) <= 31
        assert "x-should-retry" not in answer.headers
    error = waiting.json()["error"]
    if path == CHAT:
        assert error["code"] == "RESOURCE_EXHAUSTED"
    else:
        assert error["details"][0]["retryDelay"] == f"{waiting.headers['retry-after']}s"
    assert FLASH in error["message"]


def test_a_long_wait_that_is_no_days_limit_is_told_as_a_minute(make_gateway, upstream):
    gateway = aware(make_gateway, ["KEY-A"])
    upstream.refuse("KEY-A", body=b"{}", headers=[("Retry-After", "900")])

    ask(gateway)

    assert ask(gateway).headers["retry-after"] == "60"


def test_clients_are_told_not_to_try_again_when_every_key_is_out_for_the_day(
    make_gateway, upstream
):
    gateway = aware(make_gateway, KEYS[:2])
    for key in KEYS[:2]:
        upstream.refuse(key, body="429_free_rpd_20_short_delay", model=FLASH)

    refused, waiting = ask(gateway), ask(gateway)

    assert (refused.status_code, waiting.status_code) == (429, 429)
    assert [answer.headers["x-should-retry"] for answer in (refused, waiting)] == ["false", "false"]
    assert int(waiting.headers["retry-after"]) <= 86_400
    assert ask(gateway, native(PRO)).status_code == 200


# Back from a day's cooldown.


def test_a_key_that_comes_back_is_tried_by_one_request_at_a_time(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = aware(make_gateway, ["KEY-A"])
    upstream.refuse("KEY-A", body="429_free_rpd_20_short_delay", times=1)
    ask(gateway)
    end_the_day(gateway)
    upstream.refuse("KEY-A", body="429_free_rpd_20_short_delay")

    with ThreadPoolExecutor(6) as clients:
        answers = sorted(clients.map(lambda _: ask(gateway).status_code, range(6)))

    assert set(answers) == {429}
    assert upstream.picked().count("KEY-A") == 2, "the first, and one probe"


def end_the_day(gateway: Gateway) -> None:
    script = (
        "from datetime import timedelta; from django.utils import timezone;from proxyapp.models"
        " import RateLimitEvent as E;from proxyapp.pool.cursor import raise_pool_version as"
        " r;E.objects.update(occurred_at=timezone.now()-timedelta(hours=1),"
        " cooling_until=timezone.now()); r()"
    )
    assert gateway.manage("shell", "-c", script).returncode == 0
    wait_for(lambda: httpx.get(gateway.url + "/readyz", trust_env=False).status_code == 200)
    # The bound within which every process knows; nothing outside tells that it does.
    time.sleep(1.1)
