"""Live sessions of pages: what a browser says of itself, and what it is answered."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.support.fake_live import LIVE, SETUP, FakeLive
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.live_clients import READY, begun, opened, with_token
from tests.support.waiting import wait_for

SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
OWN = ["http://localhost:3000", "https://app.example", "tauri://localhost"]
OTHERS = ["https://elsewhere.example", "http://localhost.elsewhere.example", "null"]


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, live: FakeLive) -> Iterator[Gateway]:
    env = {"ALLOWED_ORIGINS": "https://app.example,tauri://localhost"}
    config = {"groups": [group(["KEY-A"], live.url, auth="google")]}
    with Gateway(config, server=request.param, env=env) as server:
        yield server


def status_of(gateway: Gateway, origin: str | None = None, *offered: str) -> tuple[int, str]:
    try:
        subprotocols = [Subprotocol(each) for each in offered] or None
        opened(gateway, origin=origin, subprotocols=subprotocols).close()
    except InvalidStatus as error:
        return error.response.status_code, bytes(error.response.body or b"").decode()
    return 101, ""


@pytest.mark.parametrize("origin", OWN)
def test_a_page_that_may_ask_gets_a_session(gateway: Gateway, origin: str) -> None:
    assert status_of(gateway, origin)[0] == 101


@pytest.mark.parametrize("origin", OTHERS)
def test_a_page_that_may_not_ask_gets_none(gateway: Gateway, origin: str) -> None:
    status, body = status_of(gateway, origin)

    assert status == 403
    assert "ALLOWED_ORIGINS" in body


@SERVERS
def test_with_a_token_any_page_gets_one(live: FakeLive, server: str) -> None:
    with Gateway({"groups": [group(["KEY-A"], live.url)]}, server=server) as gateway:
        token = make_tokens(gateway, {"page": {}})["page"]
        wait_for(lambda: status_of(gateway)[0] == 401)
        for origin in (*OWN, *OTHERS):
            with begun(gateway, f"{LIVE}?key={token}", origin=origin):
                pass
            assert status_of(gateway, origin)[0] == 401


def test_what_is_offered_is_not_chosen_from(gateway: Gateway, live: FakeLive) -> None:
    """Google's API knows no subprotocol."""
    offered = [Subprotocol("realtime"), Subprotocol("task-chat.v2")]
    with opened(gateway, subprotocols=offered) as socket:
        socket.send(SETUP)

        assert socket.recv(15) == READY
        assert socket.subprotocol is None
    assert "realtime" not in str(live.sessions[-1].headers)


@pytest.mark.parametrize(
    "credential",
    [
        "gk-" + "a" * 43,
        "openai-insecure-api-key.sk-hidden",
        "x-goog-api-key.hidden",
        "bearer.hidden",
        "access_token.hidden",
        "AIzaSyhidden",
        "sk-hidden",
    ],
)
def test_a_credential_among_them_is_told_to_be_elsewhere(gateway: Gateway, credential: str) -> None:
    status, body = status_of(gateway, None, "realtime", credential)

    assert status == 400
    assert "send it as ?key=" in body
    for text in (body, gateway.output()):
        assert credential not in text
        assert "hidden" not in text


def test_a_subprotocol_twice_is_no_handshake(gateway: Gateway) -> None:
    status, body = status_of(gateway, None, "hidden", "hidden")

    assert (status, "handshake" in body) == (400, True)
    assert "hidden" not in body + gateway.output()


@SERVERS
def test_a_token_among_them_lets_nobody_in(live: FakeLive, server: str) -> None:
    with Gateway({"groups": [group(["KEY-A"], live.url)]}, server=server) as gateway:
        token = make_tokens(gateway, {"page": {}})["page"]
        wait_for(lambda: status_of(gateway)[0] == 401)

        assert status_of(gateway, None, token)[0] == 400
        with begun(gateway, **with_token(token)):
            pass
