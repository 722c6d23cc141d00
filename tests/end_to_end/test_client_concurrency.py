"""A client token has so many requests under way at a time, however they end."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.fake_live import FakeLive
from tests.support.fake_upstream import FakeUpstream, HeldStream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import listed_tokens, make_tokens
from tests.support.live_clients import begun, with_token
from tests.support.raw_client import RawClient, request_bytes
from tests.support.waiting import wait_for

PATH = "/v1beta/models/gemini-2.5-pro:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(
    request: pytest.FixtureRequest, upstream: FakeUpstream, live: FakeLive
) -> Iterator[Gateway]:
    groups = [group(["KEY-A"], upstream.url, "main"), group(["KEY-L"], live.url, "live")]
    with Gateway({"groups": groups}, server=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def tokens(gateway: Gateway) -> dict[str, str]:
    terms = {"groups": ["main"], "max_concurrent": 1}
    made = make_tokens(gateway, {"one": terms, "live": {"groups": ["live"], "max_concurrent": 1}})
    wait_for(lambda: httpx.post(gateway.url + PATH, json={}).status_code == 401)
    return made


@pytest.fixture(autouse=True)
def fresh(upstream: FakeUpstream) -> None:
    upstream.reset()


def ask(gateway: Gateway, token: str) -> httpx.Response:
    return httpx.post(gateway.url + PATH, json={}, headers={"x-goog-api-key": token})


def begin(gateway: Gateway, upstream: FakeUpstream, token: str) -> tuple[RawClient, HeldStream]:
    stream = upstream.held_stream(STREAM)
    client = RawClient(gateway.url)
    client.send(request_bytes("POST", STREAM, [("x-goog-api-key", token)], b"{}"))
    stream.send_event(1)
    while b"event 1" not in client.read_line():
        pass
    return client, stream


ENDS: dict[str, Callable[[RawClient, HeldStream], None]] = {
    "ends": lambda _, stream: stream.finish(),
    "breaks off": lambda _, stream: stream.die(),
    "loses its client": lambda client, _: client.reset(),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_place_of_a_stream_is_free_when_it_has_ended(
    gateway: Gateway, upstream: FakeUpstream, tokens: dict[str, str], end: str
):
    client, stream = begin(gateway, upstream, tokens["one"])
    refused = ask(gateway, tokens["one"])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "1 request under way" in refused.json()["error"]["message"]

    ENDS[end](client, stream)
    wait_for(lambda: ask(gateway, tokens["one"]).status_code == 200)
    client.close()


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_of_the_upstream_leaves_no_place_taken(
    gateway: Gateway, upstream: FakeUpstream, tokens: dict[str, str], status: int
):
    upstream.refuse("KEY-A", status=status, times=1)
    first = ask(gateway, tokens["one"])
    second = ask(gateway, tokens["one"])

    assert first.status_code >= 400
    assert "under way" not in second.text


def test_a_live_session_has_a_place_until_it_ends(
    gateway: Gateway, live: FakeLive, tokens: dict[str, str]
):
    with begun(gateway, **with_token(tokens["live"])):
        assert ask(gateway, tokens["live"]).status_code == 429

    wait_for(lambda: "under way" not in ask(gateway, tokens["live"]).text)


def test_the_commands_tell_of_it(gateway: Gateway, tokens: dict[str, str]):
    assert listed_tokens(gateway)["one"]["max_concurrent"] == 1
