"""Requests that ask for more than a key gives: tools, size, money. They cost no other request a
key.
"""

import json
from typing import Any

import httpx
import pytest

from tests.support.fake_gemini import DATA
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
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

SEARCH: dict[str, Any] = {"tools": [{"google_search": {}}]}
FIVE = [f"KEY-{letter}" for letter in "ABCDE"]
HELP_ONLY = (DATA / "429_help_only.json").read_bytes()
TOO_MANY_TOKENS = (DATA / "429_free_tpm_250000.json").read_bytes()


def post(gateway: Gateway, body: dict[str, Any], path: str = native()) -> httpx.Response:
    content = {"contents": [{"parts": [{"text": "hi"}]}], **body}
    return httpx.post(gateway.url + path, json=content, timeout=30, trust_env=False)


def prompt(llm_tokens: int) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": "word" * llm_tokens}]}]}


def refuse_where(
    upstream: FakeUpstream, keys: list[str], word: bytes, body: bytes, status: int = 429
) -> None:
    """Requests with the word, or with at least so many bytes; the keys answer all others."""

    async def answer(request: Recorded, connection: Connection) -> None:
        is_asked_for = word in request.body or (word.isdigit() and request.body_length > int(word))
        if is_asked_for and (request.key or "") in keys:
            await connection.answer(status, body)
            return
        await connection.answer(200, b'{"candidates": [{"content": {"parts": [{"text": "x"}]}}]}')

    upstream.on("/v1beta/", answer)


def exceeded(quota_id: str, value: str = "5", metric: str = "x") -> bytes:
    quota = {"quotaId": quota_id, "quotaValue": value, "quotaMetric": metric}
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [quota]}
    error = {"code": 429, "message": "Exceeded.", "status": "RESOURCE_EXHAUSTED"}
    return json.dumps({"error": {**error, "details": [failure]}}).encode()


# Features.


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (HELP_ONLY, "unknown_limit"),
        (exceeded("GroundingRequestsPerDayPerProject"), "day"),
        (exceeded("SearchQueriesPerMinutePerProject", "0"), "no_quota"),
    ],
)
def test_search_that_free_keys_have_no_quota_for_costs_plain_requests_nothing(
    make_gateway, upstream, body, kind
):
    gateway = aware(make_gateway, FIVE)
    refuse_where(upstream, FIVE[:4], b"google_search", body)

    searches = [post(gateway, SEARCH).status_code for _ in range(4)]
    upstream.requests.clear()
    plain = [post(gateway, {}).status_code for _ in range(10)]

    assert plain == [200] * 10
    assert set(upstream.picked()) == set(FIVE)
    assert searches[-1] == 200
    assert cooldowns(gateway) == [[(f"{FLASH}+google_search", kind)]] * 4 + [[]]


def test_a_request_with_a_feature_goes_to_a_key_that_has_it(make_gateway, upstream):
    gateway = aware(make_gateway, FIVE)
    refuse_where(upstream, FIVE[:4], b"google_search", exceeded("GroundingRequestsPerDay"))
    post(gateway, SEARCH)
    upstream.requests.clear()

    assert [post(gateway, SEARCH).status_code for _ in range(5)] == [200] * 5
    assert set(upstream.picked()) == {"KEY-E"}


def test_a_model_that_is_spent_is_so_for_its_features_too(make_gateway, upstream):
    gateway = aware(make_gateway)
    refuse_where(upstream, ["KEY-A"], b"google_search", HELP_ONLY)
    assert post(gateway, SEARCH).status_code == 200
    day = exceeded("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    refuse_where(upstream, ["KEY-B"], b"contents", day)
    assert post(gateway, {}).status_code == 200
    upstream.requests.clear()

    assert post(gateway, SEARCH).status_code in (429, 503)
    assert upstream.picked() == []
    assert post(gateway, {}).status_code == 200


def test_a_quota_of_the_model_itself_counts_for_all_of_its_requests(make_gateway, upstream):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", body="429_free_rpd_20_short_delay")

    assert post(gateway, SEARCH).status_code == 200
    assert cooldowns(gateway) == [[(FLASH, "day")], []]


def test_a_feature_that_two_projects_refuse_is_asked_of_no_third(make_gateway, upstream):
    keys = [keyed(name, f"p{number // 2}") for number, name in enumerate(FIVE)]
    gateway = aware(make_gateway, keys)
    refuse_where(upstream, FIVE, b"google_search", HELP_ONLY)

    refused = post(gateway, SEARCH)

    assert (refused.status_code, refused.content) == (429, HELP_ONLY)
    assert upstream.picked() == ["KEY-A", "KEY-C"]


def test_after_a_restart_a_feature_is_still_out(make_gateway, upstream):
    gateway = aware(make_gateway)
    refuse_where(upstream, ["KEY-A"], b"google_search", exceeded("GroundingRequestsPerDay"))
    post(gateway, SEARCH)
    gateway.kill()
    gateway.start()
    upstream.requests.clear()

    assert [post(gateway, SEARCH).status_code for _ in range(3)] == [200] * 3
    assert [post(gateway, {}).status_code for _ in range(2)] == [200] * 2
    assert upstream.picked()[:3] == ["KEY-B"] * 3
    assert "KEY-A" in upstream.picked()[3:]


def test_under_daily_a_features_quota_takes_out_the_feature(make_gateway, upstream):
    gateway = make_gateway(ALL_OF_TWO)
    refuse_where(upstream, ["KEY-A"], b"google_search", exceeded("GroundingRequestsPerDay"))

    assert [post(gateway, SEARCH).status_code for _ in range(2)] == [200] * 2
    assert cooldowns(gateway) == [[(f"{FLASH}+google_search", "daily")], []]
    upstream.requests.clear()
    assert [post(gateway, {}).status_code for _ in range(4)] == [200] * 4
    assert set(upstream.picked()) == set(ALL_OF_TWO)


# Sizes.


@pytest.mark.parametrize("policy", ["quota_aware", "daily"])
def test_a_prompt_above_the_limit_that_is_named_is_asked_of_one_key(make_gateway, upstream, policy):
    gateway = make_gateway(FIVE, rate_limit_policy=policy)
    refuse_where(upstream, FIVE, b"1000000", TOO_MANY_TOKENS)

    refused = post(gateway, prompt(280_000))

    assert (refused.status_code, refused.content) == (429, TOO_MANY_TOKENS)
    assert upstream.picked() == ["KEY-A"]
    assert cooldowns(gateway) == [[]] * 5


@pytest.mark.parametrize("policy", ["quota_aware", "daily"])
@pytest.mark.parametrize(
    "body", [TOO_MANY_TOKENS, exceeded("GenerateContentInputTokensPerModelPerMinute", "")]
)
def test_a_large_prompt_that_two_projects_refuse_is_asked_of_no_third(
    make_gateway, upstream, policy, body
):
    keys = [keyed(name, f"p{number // 2}") for number, name in enumerate(FIVE)]
    gateway = make_gateway(keys, rate_limit_policy=policy)
    refuse_where(upstream, FIVE, b"500000", body)

    assert post(gateway, prompt(150_000)).status_code == 429
    assert upstream.picked() == ["KEY-A", "KEY-C"]
    assert cooldowns(gateway) == [[]] * 5


def test_a_large_prompt_that_another_key_answers_met_a_busy_project(make_gateway, upstream):
    gateway = aware(make_gateway)
    refuse_where(upstream, ["KEY-A"], b"500000", TOO_MANY_TOKENS)

    assert post(gateway, prompt(150_000)).status_code == 200
    assert cooldowns(gateway) == [[(FLASH, "minute")], []]


def test_a_small_prompt_goes_over_all_keys_as_ever(make_gateway, upstream):
    gateway = aware(make_gateway, FIVE)
    refuse_where(upstream, FIVE[:4], b"contents", TOO_MANY_TOKENS)

    assert post(gateway, {}).status_code == 200
    assert cooldowns(gateway) == [[(FLASH, "minute")]] * 4 + [[]]


# Money.

NO_MONEY = b'{"error": {"message": "Insufficient credits.", "code": 402}}'
CAN_AFFORD = (
    b'{"error": {"code": 402, "message": "This request requires more credits, or fewer max_tokens.'
    b' You requested up to 65536 tokens, but can only afford 1200."}}'
)


def test_a_request_that_asks_for_too_much_money_costs_no_key_anything(make_gateway, upstream):
    gateway = aware(make_gateway)
    refuse_where(upstream, ALL_OF_TWO, b"max_tokens", CAN_AFFORD, 402)

    refused = post(gateway, {"model": FLASH, "max_tokens": 65536}, CHAT)

    assert (refused.status_code, refused.content) == (402, CAN_AFFORD)
    assert upstream.picked() == ALL_OF_TWO
    assert cooldowns(gateway) == [[], []]


def test_much_output_that_nobody_pays_for_costs_no_key_anything(make_gateway, upstream):
    gateway = aware(make_gateway)
    refuse_where(upstream, ALL_OF_TWO, b"max_tokens", NO_MONEY, 402)

    assert post(gateway, {"model": FLASH, "max_tokens": 65536}, CHAT).status_code == 402
    assert cooldowns(gateway) == [[], []]
    assert [ask(gateway).status_code for _ in range(4)] == [200] * 4


def test_money_is_a_models_until_a_second_model_is_refused_for_it(make_gateway, upstream):
    gateway = aware(make_gateway, [keyed("KEY-A", "p"), keyed("KEY-B", "p"), "KEY-C"])
    upstream.refuse("KEY-A", status=402, body=NO_MONEY)
    upstream.refuse("KEY-B", status=402, body=NO_MONEY)

    assert ask(gateway).status_code == 200
    assert cooldowns(gateway) == [[(FLASH, "model_billing")]] * 2 + [[]]
    wait_for(lambda: ask(gateway, native(PRO)).status_code == 200 and cooldowns(gateway)[0][1:])
    assert [(None, "billing") in each for each in cooldowns(gateway)] == [True, True, False]


def test_money_that_is_spent_too_fast_takes_the_project_out_for_minutes(make_gateway, upstream):
    gateway = aware(make_gateway, [keyed("KEY-A", "p"), keyed("KEY-B", "p"), "KEY-C"])
    upstream.refuse("KEY-A", body="429_spend_based_rate_limit")

    assert [ask(gateway).status_code, ask(gateway, native(PRO)).status_code] == [200, 200]
    assert upstream.picked() == ["KEY-A", "KEY-C", "KEY-C"]
    assert cooldowns(gateway) == [[(None, "spend")]] * 2 + [[]]


# Permission.


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, "401_api_keys_not_supported"), (404, "404_publisher_model_no_access")],
)
def test_a_model_that_the_keys_project_may_not_use_is_out_once_another_key_answers(
    make_gateway, upstream, status, body
):
    gateway = aware(make_gateway)
    upstream.refuse("KEY-A", status=status, body=body, model=PRO)

    assert [ask(gateway, native(PRO)).status_code for _ in range(2)] == [200, 200]
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-B"]
    assert cooldowns(gateway) == [[(PRO, "model_for_key")], []]


# Names.


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "gemini-2.5-pro", "model": "gemini-2.5-flash", "messages": []}',
        b'{"model": "gemini-2.5-pro", "\\u006dodel": "gemini-2.5-flash", "messages": []}',
        b'{"model": "gemini-2.5-pro", "MODEL": "gemini-2.5-flash", "messages": []}',
        b'{"model": "gemini-2.5-pro", "y": "' + b"a" * (1 << 20) + b'", '
        b'"model": "gemini-2.5-flash"}',
    ],
)
def test_a_body_with_two_readings_is_booked_on_no_model(make_gateway, upstream, body):
    gateway = aware(make_gateway)
    for key in ALL_OF_TWO:
        upstream.refuse(key, body=exceeded("RequestsPerDay"), times=1)

    httpx.post(gateway.url + CHAT, content=body, timeout=30, trust_env=False)

    assert cooldowns(gateway) == [[("/chat", "day")]] * 2
    upstream.requests.clear()
    assert [ask(gateway, CHAT, model=model).status_code for model in (PRO, FLASH) * 2] == [200] * 4
    assert set(upstream.picked()) == set(ALL_OF_TWO)


@pytest.mark.parametrize("filler", [0, 1 << 20])
def test_a_model_inside_of_something_else_is_no_second_reading(make_gateway, upstream, filler):
    body = b'{"x": {"model": "%b"}, "y": "%b", "model": "%b"}' % (
        PRO.encode(),
        b"a" * filler,
        FLASH.encode(),
    )
    gateway = aware(make_gateway)
    for key in ALL_OF_TWO:
        upstream.refuse(key, body=exceeded("RequestsPerDay"), times=1)

    httpx.post(gateway.url + CHAT, content=body, timeout=30, trust_env=False)

    assert cooldowns(gateway) == [[(FLASH, "day")]] * 2
