"""Several groups behind one address: a request goes to those that have its model."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from google import genai

from tests.support.fake_gemini import PROMPT_TOKENS, TEXT
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import listed_tokens, make_tokens
from tests.support.quota_gateway import CHAT, FLASH, PRO, ask, native
from tests.support.waiting import wait_for

AWARE = {"auth": "google", "rate_limit_policy": "quota_aware"}
EMBEDDING = "gemini-embedding-001"


def groups_of(upstream: FakeUpstream) -> list[dict[str, Any]]:
    return [
        group(
            ["KEY-A", "KEY-B"],
            upstream.url,
            "flash",
            models=["gemini-2.5-flash*"],
            aliases={"fast": FLASH, "either": FLASH},
            **AWARE,
        ),
        group(
            ["KEY-C"],
            upstream.url,
            "all of gemini",
            models=["gemini-*"],
            aliases={"smart": PRO, "either": PRO, "embed": EMBEDDING},
            fallbacks={PRO: ["fast"]},
            **AWARE,
        ),
    ]


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def both(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    config = {"groups": groups_of(shared_upstream)}
    with Gateway(config, server=request.param, args=["--workers", "2"]) as gateway:
        yield gateway


@pytest.fixture
def up(shared_upstream: FakeUpstream) -> Iterator[FakeUpstream]:
    shared_upstream.reset()
    yield shared_upstream
    shared_upstream.reset()


def post(gateway: Gateway, path: str, body: Any, **options: Any) -> httpx.Response:
    return httpx.post(gateway.url + path, json=body, timeout=30, trust_env=False, **options)


def test_each_key_that_has_the_model_gets_its_share(both: Gateway, up: FakeUpstream) -> None:
    for model in (FLASH, PRO, FLASH):
        assert [ask(both, native(model)).status_code for _ in range(30)] == [200] * 30

    by_model = Counter(
        (request.path.split("/")[-1].split(":")[0], request.key) for request in up.requests
    )
    assert by_model[PRO, "KEY-C"] == 30
    flash = [by_model[FLASH, key] for key in ("KEY-A", "KEY-B", "KEY-C")]
    assert sum(flash) == 60
    assert max(flash) - min(flash) <= 2 * 2  # a lap a process


def test_an_alias_is_sent_as_the_model_that_it_stands_for(both: Gateway, up: FakeUpstream) -> None:
    chat = post(both, CHAT, {"messages": [], "tools": [{"model": "fast"}], "model": "fast"})
    call = ask(both, native("fast"))
    encoded = ask(both, "/v1beta/models/fast%3AgenerateContent")
    got = httpx.get(both.url + "/v1beta/models/fast", trust_env=False)

    assert [each.status_code for each in (chat, call, encoded, got)] == [200] * 4
    assert got.json()["name"] == f"models/{FLASH}"
    assert up.requests[0].json() == {"messages": [], "tools": [{"model": "fast"}], "model": FLASH}
    assert f"/{FLASH}" in up.requests[1].path
    assert f"/{FLASH}" in up.requests[2].path
    assert {request.key for request in up.requests} <= {"KEY-A", "KEY-B"}
    assert "x-gateway-model" not in chat.headers


def test_the_body_is_else_the_same_bytes(both: Gateway, up: FakeUpstream) -> None:
    body = b'{ "messages":[{"content":"\\u00e9 \xc3\xa9"}] ,"model" : "fast",\n"n":1.50}'
    headers = {"content-type": "application/json"}

    answer = httpx.post(both.url + CHAT, content=body, headers=headers, trust_env=False)

    assert answer.status_code == 200
    assert up.requests[-1].body == body.replace(b'"fast"', b'"%b"' % FLASH.encode())


def test_a_long_body_is_rewritten_too(both: Gateway, up: FakeUpstream) -> None:
    for length in (200_000, 12_000_000):
        body = json.dumps({"messages": ["y" * length], "model": "models/fast"}).encode()
        headers = {"content-type": "application/json"}

        url = f"{both.url}/v1beta/openai/echo"
        answer = httpx.post(url, content=body, headers=headers, timeout=30, trust_env=False)

        sent = body.replace(b"/fast", b"/%b" % FLASH.encode())
        assert answer.json()["body_sha256"] == hashlib.sha256(sent).hexdigest()


def test_one_alias_of_two_models_goes_round_their_keys(both: Gateway, up: FakeUpstream) -> None:
    with httpx.Client(trust_env=False) as client:  # one connection: one process
        answers = [client.post(both.url + native("either"), json={}) for _ in range(30)]

    assert {answer.status_code for answer in answers} == {200}
    asked = Counter((request.path.rpartition("/")[2], request.key) for request in up.requests)
    flash, pro = f"{FLASH}:generateContent", f"{PRO}:generateContent"
    assert asked == {(flash, "KEY-A"): 10, (flash, "KEY-B"): 10, (pro, "KEY-C"): 10}


def test_usage_and_cooldowns_are_of_the_real_model(
    make_gateway: Any, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream))
    token = make_tokens(gateway, {"app": {}})["app"]
    headers = {"x-goog-api-key": token}
    upstream.refuse("KEY-A", body="429_free_rpm_10_msg_without_model", model=FLASH)
    wait_for(lambda: ask(gateway, native("fast"), headers=headers).status_code == 200)
    ask(gateway, native("fast"), headers=headers)

    key = next(each for each in gateway.keys() if each["cooldowns"])
    assert [cooldown["model"] for cooldown in key["cooldowns"]] == [FLASH]
    wait_for(lambda: sum(k["requests"] for k in gateway.keys()) >= 3)
    usage = gateway.manage("keys", "list", "--json", "--model", FLASH)
    assert all("fast" not in json.dumps(row["models"]) for row in json.loads(usage.stdout))
    assert listed_tokens(gateway)["app"]["prompt_tokens"] >= PROMPT_TOKENS


def test_a_model_that_nobody_has_is_a_404_in_each_dialect(both: Gateway, up: FakeUpstream) -> None:
    google = ask(both, native("gpt-4o"))
    chat = post(both, CHAT, {"model": "gpt-4o", "messages": []})
    in_group = ask(both, "/g/flash" + native(PRO))

    assert [each.status_code for each in (google, chat, in_group)] == [404] * 3
    assert google.json()["error"]["status"] == "NOT_FOUND"
    assert chat.json()["error"]["code"] == "model_not_found"
    assert "gemini-2.5-flash*, either, fast, gemini-*, embed, smart" in google.text
    assert "There are: gemini-2.5-flash*, either, fast." in in_group.text
    assert not up.requests


def test_the_sdks_ask_by_an_alias(both: Gateway, up: FakeUpstream) -> None:
    client = openai.OpenAI(base_url=f"{both.url}/v1", api_key="x")
    google = genai.Client(api_key="x", http_options={"base_url": both.url})

    chat = client.chat.completions.create(model="fast", messages=[{"role": "user", "content": "x"}])
    answer = google.models.generate_content(model="smart", contents="x")
    vectors = google.models.embed_content(model="embed", contents=["x", "y"])

    assert chat.choices[0].message.content == TEXT
    assert answer.text == TEXT
    assert vectors.embeddings
    sent = up.requests[-1]
    assert EMBEDDING in sent.path
    assert 'embed"' not in sent.body.decode()


# Fallbacks.


def spend(upstream: FakeUpstream, *keys: str, model: str = PRO) -> None:
    for key in keys:
        upstream.refuse(key, body="429_free_rpd_250_short_delay", model=model)


def test_a_fallback_answers_when_no_key_is_left_and_says_so(
    make_gateway: Any, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream))
    spend(upstream, "KEY-C")

    first, second = ask(gateway, native(PRO)), ask(gateway, native(PRO))
    chat = post(gateway, CHAT, {"model": PRO, "messages": []})

    assert [each.status_code for each in (first, second, chat)] == [200] * 3
    assert {each.headers["x-gateway-model"] for each in (first, second, chat)} == {FLASH}
    assert upstream.requests[-1].json()["model"] == FLASH
    assert "x-gateway-model" not in ask(gateway, native(FLASH)).headers


def test_an_overloaded_model_falls_back_after_its_retries(
    make_gateway: Any, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream))
    upstream.refuse("KEY-C", status=503, body="503_model_overloaded", model=PRO)

    answer = ask(gateway, native(PRO))

    assert (answer.status_code, answer.headers["x-gateway-model"]) == (200, FLASH)


def test_when_all_fail_the_client_gets_the_first_failure(
    make_gateway: Any, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(groups=groups_of(upstream))
    spend(upstream, "KEY-C")
    spend(upstream, "KEY-A", "KEY-B", model=FLASH)

    answer = ask(gateway, native(PRO))

    assert answer.status_code == 429
    assert f"spent for {PRO}" in answer.text
    assert "x-gateway-model" not in answer.headers


def test_a_token_has_fallbacks_of_its_own_and_none_that_it_may_not_use(
    make_gateway: Any, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"], rate_limit_policy="quota_aware")
    terms: dict[str, dict[str, Any]] = {
        "plain": {},
        "falls": {"fallbacks": {PRO: [FLASH]}},
        "limited": {"fallbacks": {PRO: [FLASH]}, "models": [PRO]},
    }
    tokens = make_tokens(gateway, terms)
    wait_for(lambda: ask(gateway).status_code == 401)
    spend(upstream, "KEY-A")
    upstream.requests.clear()

    answers = {
        name: ask(gateway, native(PRO), model=PRO, headers={"x-goog-api-key": token})
        for name, token in tokens.items()
    }

    assert {name: each.status_code for name, each in answers.items()} == {
        "plain": 429,
        "falls": 200,
        "limited": 429,
    }
    assert answers["falls"].headers["x-gateway-model"] == FLASH
    wait_for(lambda: listed_tokens(gateway)["falls"]["succeeded"] == 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (native(PRO, "batchGenerateContent"), {}),
        ("/v1beta/interactions", {"model": PRO, "input": "x"}),
        (native(PRO), {"cachedContent": "cachedContents/abc"}),
        (native(PRO), {"contents": [{"parts": [{"fileData": {"fileUri": "files/abc"}}]}]}),
    ],
)
def test_what_names_or_makes_a_resource_never_falls_back(
    make_gateway: Any, upstream: FakeUpstream, path: str, body: Any
) -> None:
    gateway = make_gateway(groups=groups_of(upstream))
    spend(upstream, "KEY-C")

    answer = post(gateway, path, body)

    assert answer.status_code >= 400
    assert "x-gateway-model" not in answer.headers
    assert {request.key for request in upstream.requests} == {"KEY-C"}
