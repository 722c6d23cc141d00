"""The policy `quota_aware` through the whole gateway.

What a refusal does to keys, clients and the database.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.fake_gemini import DATA
from tests.support.fake_upstream import Connection, Recorded
from tests.support.gateway import Gateway, group
from tests.support.quota_gateway import (
    ALL_OF_TWO,
    CHAT,
    FLASH,
    PRO,
    ask,
    aware,
    cooldowns,
    keyed,
    native,
)
from tests.support.waiting import wait_for


def until_of(gateway: Gateway, index: int = 0) -> datetime:
    return datetime.fromisoformat(gateway.keys()[index]["cooldowns"][0]["until"])


def test_a_minute_limit_takes_out_one_model_for_the_stated_delay(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_free_tpm_250000", model=FLASH)

    before = datetime.now(UTC)
    answers = [ask(gateway).status_code for _ in range(3)]
    others = [ask(gateway, native(PRO)).status_code for _ in range(2)]

    assert answers + others == [200] * 5
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-B", "KEY-B", "KEY-B", "KEY-A"]
    assert cooldowns(gateway) == [[(FLASH, "minute")], []]
    assert timedelta(seconds=25) < until_of(gateway) - before < timedelta(seconds=32)
    assert [key["state"] for key in gateway.keys()] == ["available", "available"]


def test_a_day_limit_lasts_until_midnight_pacific_whatever_delay_it_states(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_free_rpd_25_short_delay")

    assert ask(gateway).status_code == 200
    assert cooldowns(gateway) == [[(FLASH, "day")], []]
    until = until_of(gateway)
    assert (until.hour, until.minute) in {(7, 0), (8, 0)}, "midnight Pacific"


def test_keys_of_one_project_share_its_limits(make_gateway, upstream):
    gateway = aware(
        make_gateway, [keyed("KEY-A", "one"), keyed("KEY-B", "one"), keyed("KEY-C", "two")]
    )
    upstream.refuse("KEY-A", body="429_free_rpd_250_short_delay", model=PRO)

    answers = [ask(gateway, native(PRO)).status_code for _ in range(3)]

    assert answers == [200] * 3
    assert upstream.picked() == ["KEY-A", "KEY-C", "KEY-C", "KEY-C"]
    assert cooldowns(gateway) == [[(PRO, "day")], [(PRO, "day")], []]


def test_releasing_a_key_releases_its_project(make_gateway, upstream):
    gateway = aware(make_gateway, [keyed("KEY-A", "one"), keyed("KEY-B", "one")])
    upstream.refuse("KEY-A", body="429_free_rpd_250_short_delay", times=1)
    assert ask(gateway).status_code == 429

    assert gateway.manage("keys", "release", "key-b").returncode == 0

    wait_for(lambda: ask(gateway).status_code == 200)
    assert cooldowns(gateway) == [[], []]


def test_a_model_without_quota_is_out_and_the_others_stay(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_free_limit0_4_violations", model=PRO)

    assert [ask(gateway, native(PRO)).status_code, ask(gateway, native(PRO)).status_code] == [
        200,
        200,
    ]
    assert cooldowns(gateway) == [[(PRO, "no_quota")], []]


def test_a_project_without_money_is_out_for_every_model(make_gateway, upstream):
    gateway = aware(
        make_gateway, [keyed("KEY-A", "one"), keyed("KEY-B", "one"), keyed("KEY-C", "two")]
    )
    upstream.refuse("KEY-A", body="429_prepay_depleted")

    assert [ask(gateway).status_code, ask(gateway, native(PRO)).status_code] == [200, 200]
    assert [key["state"] for key in gateway.keys()] == ["cooling", "cooling", "available"]
    assert cooldowns(gateway)[1] == [(None, "billing")]


@pytest.mark.parametrize("path", [native(), CHAT])
def test_a_dead_key_is_invalid_at_once_until_an_operator_enables_it(make_gateway, upstream, path):
    gateway = aware(make_gateway)
    upstream.keys = {"KEY-B"}

    answers = [ask(gateway, path).status_code for _ in range(4)]

    assert answers == [200] * 4
    assert upstream.picked().count("KEY-A") == 2, "the request's, and the gateway's own question"
    assert [key["state"] for key in gateway.keys()] == ["invalid", "available"]
    upstream.keys = None
    assert gateway.manage("keys", "enable", "1").returncode == 0
    wait_for(lambda: ask(gateway, path).status_code == 200 and "KEY-A" in upstream.picked()[6:])


def test_a_dead_key_of_a_disabled_pool_is_told_to_the_client(make_gateway, upstream):
    gateway = aware(make_gateway, ["KEY-A"])
    upstream.keys = {"KEY-B"}

    first, second = ask(gateway), ask(gateway)

    assert (first.status_code, first.json()["error"]["message"]) == (
        400,
        "API key not valid. Please pass a valid API key.",
    )
    assert second.status_code == 503


def test_a_test_puts_a_dead_key_back_that_works_again(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.keys = {"KEY-B"}
    ask(gateway)
    upstream.keys = None

    done = gateway.manage("keys", "test")

    assert (done.returncode, "enabled again" in done.stdout) == (0, True)
    assert [key["state"] for key in gateway.keys()] == ["available", "available"]
    assert [request.target for request in upstream.requests[-2:]] == [
        b"/v1beta/models?pageSize=1"
    ] * 2


def test_a_key_that_may_not_use_a_model_is_out_for_it_once_another_key_may(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", status=403, body="403_caller_no_permission", model=PRO)

    assert [ask(gateway, native(PRO)).status_code for _ in range(2)] == [200, 200]
    assert cooldowns(gateway) == [[(PRO, "model_for_key")], []]
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-B"]


def test_a_request_that_no_key_may_make_costs_no_key_its_model(make_gateway, upstream):
    gateway = aware(make_gateway)
    for key in ALL_OF_TWO:
        upstream.refuse(key, status=403, body="403_caller_no_permission")

    refused = ask(gateway)

    assert (refused.status_code, refused.json()["error"]["message"]) == (
        403,
        "The caller does not have permission",
    )
    assert cooldowns(gateway) == [[], []]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "interactions_400_legacy_schema"),
        (404, "404_model_not_found"),
        (403, "403_file_other_key"),
        (400, "400_location"),
    ],
)
def test_what_is_no_keys_fault_is_relayed_at_once_and_once(make_gateway, upstream, status, body):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", status=status, body=body)

    answer = ask(gateway)

    assert (answer.status_code, answer.json()) == (
        status,
        json.loads((DATA / f"{body}.json").read_text()),
    )
    assert upstream.picked() == ["KEY-A"]
    assert ([key["state"] for key in gateway.keys()], cooldowns(gateway)) == (
        ["available"] * 2,
        [[], []],
    )


def test_limits_without_a_window_are_waited_for_longer_each_time_until_a_success(
    make_gateway, upstream
):
    gateway = aware(make_gateway, ["KEY-A"])
    upstream.refuse("KEY-A", body="429_exceeded_no_details")

    waits = []
    for _ in range(2):
        before = datetime.now(UTC)
        assert ask(gateway).status_code == 429
        waits.append((until_of(gateway) - before).total_seconds())
        expire_cooldowns(gateway)

    assert waits == [pytest.approx(30, abs=5), pytest.approx(60, abs=5)]
    upstream.recover("KEY-A")
    wait_for(lambda: ask(gateway).status_code == 200)
    upstream.refuse("KEY-A", body="429_exceeded_no_details")
    before = datetime.now(UTC)
    assert ask(gateway).status_code == 429
    assert (until_of(gateway) - before).total_seconds() == pytest.approx(30, abs=5)


def expire_cooldowns(gateway: Gateway) -> None:
    """As if the time had passed: moves what is out into the past, and tells the gateway."""
    script = (
        "from django.db.models import F; from datetime import timedelta;"
        "from proxyapp.models import RateLimitEvent as E; from django.utils import timezone;"
        "from proxyapp.pool.cursor import raise_pool_version as r;"
        "[E.objects.filter(pk=e.pk).update(occurred_at=e.occurred_at-(e.cooling_until-timezone.now()),"
        " cooling_until=timezone.now()) for e in E.objects.active(timezone.now())]; r()"
    )
    done = gateway.manage("shell", "-c", script)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: not any(key["cooldowns"] for key in gateway.keys()))
    # The bound within which every process knows; nothing outside tells that it does.
    time.sleep(1.1)


@pytest.mark.parametrize(
    "path", [native(method="streamGenerateContent") + "?alt=sse", "/v1beta/interactions"]
)
def test_an_error_at_the_end_of_a_stream_is_relayed_and_counts_for_the_next_request(
    make_gateway, upstream, path
):
    gateway = aware(make_gateway)
    is_event = "interactions" in path
    name = "interactions_429_rpd_event_in_200_stream" if is_event else "429_free_tpm_250000"
    upstream.break_streams("KEY-A", name, form="event" if is_event else "tail")
    body = {"model": FLASH, "stream": True, "input": "hi", "contents": []}

    streams = [
        httpx.post(gateway.url + path, json=body, timeout=30, trust_env=False) for _ in range(3)
    ]

    assert [stream.status_code for stream in streams] == [200] * 3
    assert ["rate" in stream.text.lower() or "quota" in stream.text for stream in streams] == [
        True,
        False,
        False,
    ]
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-B"]
    [[(model, kind)], nothing] = cooldowns(gateway)
    assert (model, kind, nothing) == (FLASH, "day" if is_event else "minute", [])


def test_a_file_that_ends_like_an_error_is_none(make_gateway, upstream):
    gateway = aware(make_gateway)
    error = json.loads((DATA / "429_free_tpm_250000.json").read_text())

    async def download(request: Recorded, connection: Connection) -> None:
        await connection.answer(200, b'{"line": 1}\n' + json.dumps(error).encode() + b"\n")

    upstream.on("/v1beta/files/abc:download", download)

    assert (
        httpx.get(gateway.url + "/v1beta/files/abc:download?alt=media", trust_env=False).status_code
        == 200
    )
    assert cooldowns(gateway) == [[], []]


def test_the_event_says_what_the_provider_said_without_the_key(make_gateway, upstream):
    gateway = aware(make_gateway, ["AIzaSyTheSecretKeyOfThisTest0123456789ab", "KEY-B"])
    key = "AIzaSyTheSecretKeyOfThisTest0123456789ab"
    body = json.loads((DATA / "429_paid_rpd_250_5h.json").read_text())
    body["error"]["message"] += f" Consumer 'api_key:{key}'."
    upstream.refuse(key, body=json.dumps(body).encode())

    assert ask(gateway).status_code == 200
    event = rows(gateway)[0]
    assert (event["kind"], event["model"], event["http_status"]) == ("day", FLASH, 429)
    assert (event["quota_id"], event["quota_limit"]) == (
        "GenerateRequestsPerDayPerProjectPerModel",
        "250",
    )
    assert event["stated_delay_seconds"] == pytest.approx(18237.77, abs=0.1)
    assert "AIza…89ab" in event["excerpt"]
    assert key not in event["excerpt"] + gateway.output()


def rows(gateway: Gateway) -> list[dict[str, Any]]:
    """The events, oldest first."""
    script = (
        "import json; from proxyapp.models import RateLimitEvent as E;"
        "print(json.dumps(list(E.objects.order_by('id').values('kind', 'model', 'project', "
        "'http_status', 'quota_id',"
        " 'quota_limit', 'stated_delay_seconds', 'excerpt', 'cooling_until')), default=str))"
    )
    done = gateway.manage("shell", "--no-imports", "-c", script)
    listed: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return listed


def test_a_relayed_refusal_never_carries_the_key(make_gateway, upstream):
    key = "AIzaSyTheSecretKeyOfThisTest0123456789ab"
    gateway = aware(make_gateway, [key])
    said = (DATA / "403_consumer_suspended_2024.json").read_text().replace("REDACTED_API_KEY", key)
    upstream.refuse(key, status=403, body=said.encode())

    refused = ask(gateway)

    assert (refused.status_code, key in refused.text, "AIza…89ab" in refused.text) == (
        403,
        False,
        True,
    )
    assert key not in json.dumps(rows(gateway)) + json.dumps(gateway.keys())


@pytest.mark.parametrize(
    ("header", "low", "high"), [("17", 16, 18.5), ("date", 50, 62), ("86400000", 86_000, 86_401)]
)
def test_a_retry_after_of_another_provider_is_obeyed(make_gateway, upstream, header, low, high):
    gateway = aware(make_gateway)
    in_a_minute = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    stated = in_a_minute if header == "date" else header
    upstream.refuse(
        "KEY-A", body=b'{"error": {"message": "Slow down."}}', headers=[("Retry-After", stated)]
    )

    before = datetime.now(UTC)
    assert ask(gateway).status_code == 200
    after = datetime.now(UTC)
    until = until_of(gateway)
    assert low <= (until - before).total_seconds()
    assert (until - after).total_seconds() <= high


def test_the_openai_body_names_the_model(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_free_tpm_250000", model=PRO)

    assert [ask(gateway, CHAT, model=PRO).status_code, ask(gateway, CHAT).status_code] == [200, 200]
    assert cooldowns(gateway) == [[(PRO, "minute")], []]


def test_a_quota_of_an_endpoint_says_nothing_of_models(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_batches_list_help_only", times=1)

    listed = httpx.get(gateway.url + "/v1beta/batches", timeout=30, trust_env=False)

    assert (listed.status_code, listed.json()) == (200, {})
    assert cooldowns(gateway) == [[("/batches", "unknown_limit")], []]
    assert [ask(gateway).status_code for _ in range(2)] == [200, 200]
    assert set(upstream.picked()[2:]) == {"KEY-A", "KEY-B"}


def test_listing_models_works_with_a_key_whose_model_is_spent(make_gateway, upstream):
    gateway = aware(make_gateway, ["KEY-A"])
    upstream.refuse("KEY-A", body="429_free_rpd_20_short_delay", model=PRO)
    assert ask(gateway, native(PRO)).status_code == 429

    listed = httpx.get(gateway.url + "/v1beta/models", timeout=30, trust_env=False)

    assert listed.status_code == 200


def test_a_restart_forgets_no_cooldown_of_a_model(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_free_rpd_20_short_delay", model=PRO)
    ask(gateway, native(PRO))

    gateway.kill()
    gateway.start()
    answers = [ask(gateway, native(PRO)).status_code for _ in range(3)]

    assert answers == [200] * 3
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-B", "KEY-B", "KEY-B"]


def test_what_one_worker_learns_the_other_knows_within_a_second(make_gateway, upstream):
    gateway = make_gateway(ALL_OF_TWO, rate_limit_policy="quota_aware", args=["--workers", "2"])
    upstream.refuse("KEY-A", body="429_free_rpd_20_short_delay", model=PRO)
    while not cooldowns(gateway)[0]:
        assert ask(gateway, native(PRO)).status_code == 200
    time.sleep(1.0)
    seen = len(upstream.picked())

    answers = [ask(gateway, native(PRO)).status_code for _ in range(30)]

    assert answers == [200] * 30
    assert upstream.picked()[seen:] == ["KEY-B"] * 30


def test_daily_stays_as_it_was(make_gateway, upstream):
    gateway = make_gateway(ALL_OF_TWO)
    upstream.refuse("KEY-A", status=503, body="503_high_demand", times=1)

    assert [ask(gateway).status_code for _ in range(2)] == [503, 200]
    upstream.refuse("KEY-A", body="429_free_tpm_250000", model=FLASH)
    assert ask(gateway).status_code == 200
    assert cooldowns(gateway) == [[(None, "daily")], []]


def test_groups_of_both_policies_serve_one_ring(make_gateway, upstream):
    def part(name: str, key: str, policy: str) -> Mapping[str, Any]:
        return group([key], upstream.url, name, auth="google", rate_limit_policy=policy)

    gateway = make_gateway(
        groups=[part("aware", "KEY-A", "quota_aware"), part("plain", "KEY-B", "daily")]
    )
    for key in ALL_OF_TWO:
        upstream.refuse(key, body="429_free_tpm_250000", times=1)

    assert ask(gateway).status_code == 429
    assert cooldowns(gateway) == [[(FLASH, "minute")], [(None, "daily")]]
