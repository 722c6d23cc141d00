"""Who gets a Live session, and how many."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.fake_live import LIVE, SETUP, FakeLive
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.live_clients import READY, begun, end_of, opened, with_token
from tests.support.waiting import wait_for

TERMS: dict[str, dict[str, Any]] = {
    "any": {},
    "one": {"live_sessions": 1},
    "once": {"requests_per_day": 1},
    "flash": {"models": ["gemini-2.5-flash"]},
    "spare": {"groups": ["spare"]},
    "few": {"tokens_per_day": 100},
}


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, live: FakeLive) -> Iterator[Gateway]:
    groups = [group(["KEY-A"], live.url, "main"), group(["KEY-B"], live.url, "spare")]
    with Gateway({"groups": groups}, server=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def tokens(gateway: Gateway) -> dict[str, str]:
    made = make_tokens(gateway, TERMS)
    wait_for(lambda: status_of(gateway, None) == 401)
    return made


def status_of(gateway: Gateway, token: str | None) -> int:
    """Of the handshake; 101 if it is accepted."""
    try:
        with opened(gateway, **with_token(token) if token else {}):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize("place", ["header", "bearer", "query"])
def test_a_token_lets_in_wherever_clients_put_it(
    gateway: Gateway, live: FakeLive, tokens: dict[str, str], place: str
):
    token = tokens["any"]
    headers = {
        "header": {"x-goog-api-key": token},
        "bearer": {"Authorization": f"Bearer {token}"},
        "query": {},
    }[place]
    path = f"/{LIVE}?key={token}" if place == "query" else LIVE

    with begun(gateway, path, additional_headers=headers):
        seen = live.sessions[-1]

    assert token not in str(seen)
    assert token not in gateway.output()
    assert seen.key in ("KEY-A", "KEY-B")


def test_a_client_without_a_good_token_is_refused_before_the_upgrade(
    gateway: Gateway, tokens: dict[str, str]
):
    with pytest.raises(InvalidStatus) as refused:
        opened(gateway, additional_headers={"x-goog-api-key": "gk-" + "x" * 43})

    response = refused.value.response
    assert response.status_code == 401
    assert json.loads(response.body)["error"]["status"] == "UNAUTHENTICATED"


def test_a_token_has_so_many_sessions_at_a_time(
    gateway: Gateway, live: FakeLive, tokens: dict[str, str]
):
    token = tokens["one"]
    with begun(gateway, **with_token(token)):
        with pytest.raises(InvalidStatus) as refused:
            opened(gateway, **with_token(token))
        assert refused.value.response.status_code == 429
        assert "1 Live session" in json.loads(refused.value.response.body)["error"]["message"]
        assert status_of(gateway, tokens["any"]) == 101
    wait_for(lambda: status_of(gateway, token) == 101)


def test_a_session_is_one_request_of_its_token(gateway: Gateway, tokens: dict[str, str]):
    token = tokens["once"]
    with begun(gateway, **with_token(token)) as socket:
        for _ in range(3):
            socket.send("more")
            assert socket.recv(15) == "more"

    assert status_of(gateway, token) == 429


def test_a_token_for_some_models_may_set_up_those_only(gateway: Gateway, tokens: dict[str, str]):
    setups = {
        SETUP: (1008, "may not use the model"),
        "{}": (1008, "does not say which"),
        json.dumps({"setup": {"model": "models/gemini-2.5-flash"}}): None,
        '{"setup": {"model": "models/gemini-2.5-flash"}, "setup": {"model": "models/other"}}': (
            1008,
            "may not use the model",
        ),
    }
    for setup, refusal in setups.items():
        with opened(gateway, **with_token(tokens["flash"])) as socket:
            socket.send(setup)
            if refusal is None:
                assert socket.recv(15) == READY
                continue
            code, reason = end_of(socket)
            assert (code, refusal[1] in reason) == (refusal[0], True), (setup, reason)


@pytest.mark.parametrize("place", ["setup", "session"])
def test_a_second_setup_is_for_those_models_too(
    gateway: Gateway, tokens: dict[str, str], place: str
):
    allowed = json.dumps({"setup": {"model": "models/gemini-2.5-flash"}})
    with opened(gateway, **with_token(tokens["flash"])) as socket:
        socket.send(allowed)
        assert socket.recv(15) == READY
        socket.send("a model is spoken of")
        assert socket.recv(15) == "a model is spoken of"
        socket.send(json.dumps({place: {"model": "models/other"}}))
        code, reason = end_of(socket)

    assert code == 1008
    assert "may not use the model 'other'" in reason


def test_a_token_for_a_group_gets_its_keys(
    gateway: Gateway, live: FakeLive, tokens: dict[str, str]
):
    live.sessions.clear()
    for _ in range(2):
        with begun(gateway, **with_token(tokens["spare"])):
            pass
    with opened(gateway, f"/g/main{LIVE}", **with_token(tokens["spare"])) as socket:
        socket.send(SETUP)
        assert end_of(socket)[0] == 1008

    assert live.keys() == ["KEY-B", "KEY-B"]


def test_used_up_tokens_of_the_day_end_a_session(gateway: Gateway, tokens: dict[str, str]):
    turn = {"usageMetadata": {"promptTokenCount": 40, "responseTokenCount": 25}}
    with begun(gateway, **with_token(tokens["few"])) as socket:
        for _ in range(2):
            socket.send(json.dumps({"send": json.dumps(turn)}))

        code, reason = end_of(socket)

    assert code == 1008
    assert "100 tokens a day" in reason
    assert status_of(gateway, tokens["few"]) == 429


def test_a_session_ends_with_its_token(gateway: Gateway, tokens: dict[str, str]):
    with begun(gateway, **with_token(tokens["any"])) as socket:
        gateway.manage("tokens", "revoke", "any")

        assert end_of(socket, 30) == (1008, "This client token was revoked.")


def test_a_page_of_another_site_gets_no_session_without_a_token(live: FakeLive):
    with Gateway({"groups": [group(["KEY-A"], live.url)]}) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            opened(gateway, origin="https://elsewhere.example")
        assert refused.value.response.status_code == 403
        with begun(gateway, origin="http://localhost:3000"):
            assert live.sessions[-1].messages[0] == SETUP


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_process_has_so_many_sessions(live: FakeLive, server: str):
    config = {"groups": [group(["KEY-A"], live.url)]}
    with Gateway(config, server=server, env={"LIVE_SESSIONS": "2"}) as gateway:
        with begun(gateway), begun(gateway):
            assert status_of(gateway, None) == 503
        wait_for(lambda: status_of(gateway, None) == 101)


def test_usage_is_counted_turn_by_turn_and_the_attempt_once(live: FakeLive):
    turn = {"usageMetadata": {"promptTokenCount": 40, "responseTokenCount": 25}}
    with Gateway({"groups": [group(["KEY-A"], live.url)]}) as gateway, begun(gateway) as socket:
        for data in (json.dumps(turn), json.dumps(turn)):
            socket.send(json.dumps({"send": data}))
            assert json.loads(socket.recv(15)) == turn
        socket.send("usageMetadata" + "x" * 100_000)
        socket.recv(15)

        def counted() -> list[int]:
            [key] = gateway.keys()
            return [key["requests"], key["prompt_tokens"], key["output_tokens"]]

        wait_for(lambda: counted() == [1, 80, 50])


def test_a_tokens_sessions_are_counted_over_all_processes(live: FakeLive) -> None:
    groups = [group(["KEY-A"], live.url, "main")]
    with Gateway({"groups": groups}, args=["--workers", "2"]) as gateway:
        token = make_tokens(gateway, {"two": {"live_sessions": 2}})["two"]
        wait_for(lambda: {status_of(gateway, None) for _ in range(8)} == {401})
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(begun(gateway, **with_token(token)))
            assert [status_of(gateway, token) for _ in range(6)] == [429] * 6
        wait_for(lambda: status_of(gateway, token) == 101)
