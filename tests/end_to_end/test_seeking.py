"""Names that nobody here knows: looked for at each project, but not again and again, and not in any
number. Nothing is held against a key that does not have them.
"""

import functools
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.waiting import wait_for

KEYS = tuple(f"KEY-{letter}" for letter in "ABCD")
FLASH = "/v1beta/models/gemini-2.5-flash:generateContent"
DEAD = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}
DEAD["error"]["details"] = [
    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
]


class Seeking:
    """A gateway with keys of four projects, and who asks it."""

    def __init__(self, gateway: Gateway, upstream: FakeUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> httpx.Response:
        headers = {"x-goog-api-key": token} if token else {}
        url = self.gateway.url + path
        return httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)

    def get(self, name: str, token: str = "") -> int:
        return self.ask("GET", f"/v1beta/{name}", token=token).status_code

    def call(self, name: str) -> httpx.Response:
        parts = [{"fileData": {"fileUri": name}}] if name else [{"text": "hi"}]
        return self.ask("POST", FLASH, {"contents": [{"parts": parts}]})

    def wait_for_tokens(self, tokens: dict[str, str]) -> None:
        wait_for(lambda: self.ask("GET", "/v1beta/models").status_code == 401)
        for token in tokens.values():
            wait_for(functools.partial(self.lets_in, token))

    def lets_in(self, token: str) -> bool:
        return self.ask("GET", "/v1beta/models", token=token).status_code == 200

    def plant(self, key: str, name: str) -> None:
        self.upstream.resources.store.plant(key, name)

    def strangers(self) -> Counter[str]:
        return Counter(touch.key for touch in self.upstream.resources.store.strangers)

    def states(self) -> dict[str, str]:
        return {row["name"]: row["state"] for row in self.gateway.keys()}

    def manage(self, action: str, key: str) -> None:
        (row,) = (row for row in self.gateway.keys() if row["name"] == key.lower())
        assert self.gateway.manage("keys", action, str(row["id"])).returncode == 0


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    projects = dict.fromkeys(KEYS)
    keys = {key: key for key in projects}
    with FakeUpstream(strict=True, keys=keys, projects=keys) as running:
        yield running


def started(upstream: FakeUpstream, policy: str, server: str = "uvicorn") -> Gateway:
    keys = [{"key": key, "name": key.lower()} for key in KEYS]
    one = group(keys, upstream.url, "g", auth="google", rate_limit_policy=policy)
    return Gateway({"groups": [one]}, server=server)


@pytest.fixture(params=["daily", "quota_aware"])
def seeking(request: pytest.FixtureRequest, upstream: FakeUpstream) -> Iterator[Seeking]:
    with started(upstream, request.param) as gateway:
        yield Seeking(gateway, upstream)


@pytest.fixture
def one(upstream: FakeUpstream) -> Iterator[Seeking]:
    with started(upstream, "quota_aware", "daphne") as gateway:
        yield Seeking(gateway, upstream)


def test_what_nobody_has_is_looked_for_once_in_a_while(seeking: Seeking) -> None:
    answers = [seeking.ask("GET", "/v1beta/files/nobodys") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert "files/nobodys was looked for a moment ago" in answers[-1].json()["error"]["message"]
    assert seeking.strangers() == dict.fromkeys(KEYS, 1)
    assert set(seeking.states().values()) == {"available"}


def test_each_client_looks_for_itself(one: Seeking) -> None:
    tokens = make_tokens(one.gateway, {name: {"shared_resources": True} for name in ("a", "b")})
    one.wait_for_tokens(tokens)

    assert [one.get("files/nobodys", token) for token in tokens.values()] == [403, 403]
    assert one.strangers() == dict.fromkeys(KEYS, 2)


def test_what_is_made_after_that_is_known_at_once(one: Seeking) -> None:
    assert one.get("files/report") == 403
    made = one.ask("POST", "/v1beta/files", {"file": {"name": "files/report"}})

    assert made.status_code == 200
    assert one.get("files/report") == 200
    assert one.strangers() == dict.fromkeys(KEYS, 1)


def test_a_key_that_is_enabled_after_that_is_asked_and_no_other(one: Seeking) -> None:
    one.manage("disable", KEYS[3])
    wait_for(lambda: one.ask("GET", "/readyz").json()["keys"]["available"] == 3)
    one.plant(KEYS[3], "files/hidden")
    assert one.get("files/hidden") == 403
    one.manage("enable", KEYS[3])

    wait_for(lambda: one.get("files/hidden") == 200, seconds=5)
    assert one.strangers() == dict.fromkeys(KEYS[:3], 1)


def test_who_makes_names_up_uses_up_no_quota_and_others_are_not_touched(one: Seeking) -> None:
    tokens = make_tokens(
        one.gateway, {name: {"shared_resources": True} for name in ("bad", "good")}
    )
    one.wait_for_tokens(tokens)
    bodies = [
        {"contents": [{"parts": [{"fileData": {"fileUri": f"files/made-up-{number}"}}]}]}
        for number in range(150)
    ]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda body: one.ask("POST", FLASH, body, tokens["bad"]), bodies))

    assert {answer.status_code for answer in answers} == {403, 429}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert "was not made here" in refused[0].json()["error"]["message"]
    assert max(one.strangers().values()) <= 15
    assert set(one.states().values()) == {"available"}
    one.plant(KEYS[2], "files/there")
    assert one.get("files/there", tokens["good"]) == 200
    plain = {"contents": [{"parts": [{"text": "hi"}]}]}
    assert one.ask("POST", FLASH, plain, tokens["bad"]).status_code == 200


def test_many_that_are_there_are_all_found_at_once(one: Seeking) -> None:
    names = [f"files/planted-{number}" for number in range(120)]
    for number, name in enumerate(names):
        one.plant(KEYS[number % len(KEYS)], name)
    with ThreadPoolExecutor(40) as pool:
        assert list(pool.map(one.get, names)) == [200] * len(names)
        asked = one.strangers()
        assert list(pool.map(one.get, names)) == [200] * len(names)

    assert one.strangers() == asked


@pytest.mark.parametrize("status", [400, 403])
def test_a_dead_key_does_not_end_the_search_nor_is_another_held_for_dead(
    seeking: Seeking, status: int
) -> None:
    for number, key in enumerate(KEYS[1:]):
        seeking.plant(key, f"files/planted-{number}")
    seeking.upstream.refuse(KEYS[0], status=status, body=json.dumps(DEAD).encode())
    names = [f"files/planted-{number}" for number in range(3)]

    assert [seeking.get(name) for name in names] == [200] * 3
    for _ in range(len(KEYS)):
        answer = seeking.ask("GET", f"/v1beta/files/nobodys-{_}")
        assert answer.status_code == 403
        assert "API key" not in answer.text
    states = seeking.states()
    assert states.pop("key-a") in ("available", "invalid")
    assert set(states.values()) == {"available"}
