"""Client tokens as clients and operators meet them: two workers, under each server."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.conftest import MakeGateway
from tests.support.fake_gemini import MODELS, OUTPUT_TOKENS, PROMPT_TOKENS, TEXT
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import listed_tokens, make_tokens
from tests.support.raw_client import RawClient
from tests.support.reliability_figures import note
from tests.support.waiting import wait_for

MODEL = "gemini-2.5-flash"
NATIVE = f"/v1beta/models/{MODEL}:generateContent"
CHAT = "/v1beta/openai/chat/completions"
A_DAY_OF_THREE = 3 * (PROMPT_TOKENS + OUTPUT_TOKENS)
TERMS: dict[str, dict[str, Any]] = {
    "free": {},
    "counted": {},
    "limited": {"requests_per_day": 60},
    "tight": {"requests_per_minute": 1},
    "spender": {"tokens_per_day": A_DAY_OF_THREE},
    "to be revoked": {},
    "one group": {"groups": ["second"]},
    "two groups": {"groups": ["default", "second"]},
    "no group": {"groups": []},
    "flash": {"models": ["gemini-2.5-flash*"]},
}


class Closed:
    """A gateway with two workers and tokens.

    Each request has a connection of its own, so that both get some.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.tokens = make_tokens(gateway, TERMS)
        wait_for(lambda: all(self.ask(None).status_code == 401 for _ in range(12)))
        wait_for(lambda: all(self.ask("free").status_code == 200 for _ in range(10)))

    def ask(
        self, name: str | None, path: str = NATIVE, body: Any = None, method: str = "POST"
    ) -> httpx.Response:
        headers = {} if name is None else {"x-goog-api-key": self.tokens[name]}
        content = {} if body is None and method != "GET" else body
        return httpx.request(
            method,
            self.gateway.url + path,
            headers=headers,
            json=content,
            timeout=30,
            trust_env=False,
        )


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def closed(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Closed]:
    groups = [
        group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google"),
        group(["KEY-C"], shared_upstream.url, "second", auth="google", weight=2),
        group(["KEY-D"], shared_upstream.url, "third", auth="google"),
    ]
    with Gateway({"groups": groups}, server=request.param, args=["--workers", "2"]) as gateway:
        yield Closed(gateway)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error


# Who is let in.


def test_without_a_token_the_answer_is_401_in_the_shape_of_the_path(
    closed: Closed, google: FakeUpstream
) -> None:
    native, chat = closed.ask(None), closed.ask(None, CHAT, {"model": MODEL})

    assert (native.status_code, native.headers["www-authenticate"]) == (401, "Bearer")
    assert (error_of(native)["code"], error_of(native)["status"]) == (401, "UNAUTHENTICATED")
    assert chat.status_code == 401
    assert (error_of(chat)["type"], error_of(chat)["code"]) == (
        "authentication_error",
        "invalid_api_key",
    )
    assert google.requests == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/admin/login/"])
def test_the_gateways_own_pages_want_none(closed: Closed, path: str) -> None:
    assert closed.ask(None, path, method="GET").status_code == 200


@pytest.mark.parametrize("place", ["authorization", "x-goog-api-key", "x-api-key", "key"])
def test_a_token_is_good_in_every_place_and_never_goes_on(
    closed: Closed, google: FakeUpstream, place: str
) -> None:
    token = closed.tokens["free"]
    value = f"Bearer {token}" if place == "authorization" else token
    sent = (
        {"params": {"key": token, "alt": "json"}} if place == "key" else {"headers": {place: value}}
    )

    answer = httpx.post(closed.gateway.url + NATIVE, json={}, trust_env=False, **sent)  # type: ignore[arg-type]

    assert answer.status_code == 200
    assert token.encode() not in b" ".join(
        [google.last.target, *itertools.chain(*google.last.headers)]
    )


def test_a_strangers_body_is_not_read(closed: Closed, google: FakeUpstream) -> None:
    with RawClient(closed.gateway.url) as client:
        client.send(
            f"POST {NATIVE} HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n".encode()
            + b"{" * 1000
        )
        answer = client.read_response()

    assert answer.status == 401
    assert google.requests == []


def test_a_revoked_token_is_refused_by_every_process_within_a_second(closed: Closed) -> None:
    name = "to be revoked"
    assert {closed.ask(name).status_code for _ in range(8)} == {200}
    stop, seen = threading.Event(), []

    def keep_asking() -> None:
        while not stop.is_set():
            seen.append((time.monotonic(), closed.ask(name).status_code))

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(keep_asking) for _ in range(2)]
        done = closed.gateway.manage("tokens", "revoke", name)
        revoked_at = time.monotonic()
        wait_for(lambda: all(status != 200 for _, status in seen[-12:]))
        stop.set()
        for one in asking:
            one.result(30)

    assert done.returncode == 0, done.stderr
    assert {status for _, status in seen[-12:]} <= {401, 429}
    last = max(at for at, status in seen if status == 200)
    note(f"last answer to a revoked token: {last - revoked_at:+.2f} s after `tokens revoke` ended")
    assert last < revoked_at + 1.5  # one second, and what a busy machine adds
    assert closed.ask("free").status_code == 200, (
        "a good token of the same address is not slowed down"
    )


# What they may use.


def test_a_token_for_some_groups_uses_their_keys_in_turn(
    closed: Closed, google: FakeUpstream
) -> None:
    assert {closed.ask("one group").status_code for _ in range(4)} == {200}
    assert set(google.picked()) == {"KEY-C"}
    google.reset()
    assert {closed.ask("two groups").status_code for _ in range(32)} == {200}
    counts = Counter(google.picked())
    assert set(counts) == {"KEY-A", "KEY-B", "KEY-C"}
    assert abs(counts["KEY-A"] - 8) <= 2  # two workers, a lap each
    assert abs(counts["KEY-C"] - 16) <= 2


def test_other_groups_are_403_whether_or_not_they_exist(
    closed: Closed, google: FakeUpstream
) -> None:
    other, none = (
        closed.ask("one group", "/g/third" + NATIVE),
        closed.ask("one group", "/g/none" + NATIVE),
    )
    assert (other.status_code, none.status_code) == (403, 403)
    assert error_of(other)["message"].replace("third", "X") == error_of(none)["message"].replace(
        "none", "X"
    )
    assert error_of(other)["status"] == "PERMISSION_DENIED"
    assert closed.ask("one group", "/g/second" + NATIVE).status_code == 200
    assert closed.ask("no group").status_code == 403
    assert closed.ask("free", "/g/none" + NATIVE).status_code == 404


def test_a_token_for_some_models_gets_no_other(closed: Closed, google: FakeUpstream) -> None:
    statuses = [
        closed.ask("flash", NATIVE).status_code,
        closed.ask("flash", CHAT, {"model": MODEL}).status_code,
        closed.ask("flash", "/v1beta/models", method="GET").status_code,
        closed.ask("flash", "/v1beta/models/gemini-2.5-pro:generateContent").status_code,
        closed.ask("flash", CHAT, {"model": "gemini-2.5-pro"}).status_code,
        closed.ask("flash", CHAT, {}).status_code,
    ]
    assert statuses == [200, 200, 200, 403, 403, 403]
    assert len(google.requests) == 3


# Limits.


def test_a_limit_is_exact_over_all_processes_and_its_refusals_cool_no_key(
    closed: Closed, google: FakeUpstream
) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: closed.ask("limited"), range(90)))

    assert Counter(answer.status_code for answer in answers) == {200: 60, 429: 30}
    assert len(google.requests) == 60
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert "60 requests a day" in error_of(refused)["message"]
    assert int(refused.headers["retry-after"]) == pytest.approx(
        86_400 - time.time() % 86_400, abs=30
    )
    assert refused.headers["x-should-retry"] == "false"
    assert closed.ask(None, "/readyz", method="GET").json()["keys"]["available"] == 4


def test_the_429_of_a_limit_has_the_shape_of_the_path(closed: Closed) -> None:
    answers = [
        closed.ask("tight", CHAT, {"model": MODEL}),
        closed.ask("tight", CHAT, {"model": MODEL}),
    ]
    answers += [closed.ask("tight"), closed.ask("tight")]  # a new minute may begin in between
    chat, native = answers[1], answers[3]
    if chat.status_code == 200:
        chat = closed.ask("tight", CHAT, {"model": MODEL})
    assert (error_of(chat)["type"], error_of(chat)["code"]) == (
        "rate_limit_error",
        "rate_limit_exceeded",
    )
    assert error_of(native)["status"] == "RESOURCE_EXHAUSTED"
    assert error_of(native)["details"][0]["retryDelay"] == native.headers["retry-after"] + "s"


def test_tokens_a_day_are_those_of_all_processes(closed: Closed) -> None:
    assert [closed.ask("spender").status_code for _ in range(3)] == [200] * 3
    answers: list[httpx.Response] = []

    def are_all_refused() -> bool:
        answers[:] = [closed.ask("spender") for _ in range(6)]
        return all(answer.status_code == 429 for answer in answers)

    wait_for(are_all_refused)
    assert f"{A_DAY_OF_THREE} tokens a day" in error_of(answers[-1])["message"]


# SDKs.


def test_the_openai_sdk_with_a_token(closed: Closed) -> None:
    def client(key: str) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{closed.gateway.url}/v1beta/openai/", api_key=key, max_retries=0, timeout=15
        )

    with client(closed.tokens["free"]) as sdk:
        stream = sdk.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}], stream=True
        )
        assert (
            "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
            == TEXT
        )
    with client("sk-something-else") as sdk, pytest.raises(openai.AuthenticationError) as refused:
        sdk.models.list()
    assert refused.value.code == "invalid_api_key"


def test_the_genai_sdk_with_a_token(closed: Closed) -> None:
    options = types.HttpOptions(base_url=closed.gateway.url, timeout=15_000)
    with genai.Client(api_key=closed.tokens["flash"], http_options=options) as sdk:
        assert sdk.models.generate_content(model=MODEL, contents="x").text == TEXT
        assert [model.name for model in sdk.models.list()] == [f"models/{name}" for name in MODELS]
        with pytest.raises(errors.ClientError) as refused:
            sdk.models.generate_content(model="gemini-2.5-pro", contents="x")
    assert (refused.value.code, refused.value.status) == (403, "PERMISSION_DENIED")


# Usage.


def test_usage_is_exact_by_token_and_model_whatever_it_took(
    closed: Closed, google: FakeUpstream
) -> None:
    google.exhausted("KEY-C")
    statuses = Counter(closed.ask("counted").status_code for _ in range(10))
    statuses[closed.ask("counted", "/v1beta/models/nope:generateContent").status_code] += 1
    assert statuses == {200: 10, 404: 1}
    google.recover("KEY-C")

    rows = wait_for_usage(closed.gateway, "counted", 11)
    row, limited = rows["counted"], rows["limited"]
    assert (row["succeeded"], row["refused"]) == (10, 0)
    assert (row["prompt_tokens"], row["output_tokens"]) == (10 * PROMPT_TOKENS, 10 * OUTPUT_TOKENS)
    assert row["last_used_at"] is not None
    assert (limited["requests"], limited["refused"]) == (60, 30), "of the test of limits"
    closed.gateway.manage("keys", "release")


def wait_for_usage(gateway: Gateway, name: str, requests: int) -> dict[str, dict[str, Any]]:
    """It is written within a second."""
    for _ in range(10):
        rows = listed_tokens(gateway)
        if rows[name]["requests"] >= requests:
            break
    assert rows[name]["requests"] == requests
    return rows


# Who may do without.


def test_with_allow_anonymous_a_token_is_optional_but_a_bad_one_is_refused(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(env={"ALLOW_ANONYMOUS": "true"})
    tokens = make_tokens(gateway, {"good": {}, "over": {"expires_at": "2026-01-01T00:00:00+00:00"}})

    def ask(key: str | None) -> int:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return httpx.post(
            gateway.url + NATIVE, headers=headers, json={}, trust_env=False
        ).status_code

    wait_for(lambda: ask(tokens["over"]) == 401)
    assert [ask(key) for key in (None, "any", tokens["good"], "gk-" + "x" * 43)] == [
        200,
        200,
        200,
        401,
    ]


def test_pages_of_other_sites_do_not_spend_the_keys(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway()
    own = {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}

    answers = [
        httpx.post(gateway.url + NATIVE, headers=h, json={}, trust_env=False)
        for h in (own, foreign, {})
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 200]
    assert len(upstream.requests) == 2
