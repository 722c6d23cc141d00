"""What a client says after its setup is held to what holds for the setup."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from tests.support.fake_live import LIVE, SETUP, FakeLive, Script
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.live_clients import READY, begun, end_of, opened, with_token
from tests.support.waiting import wait_for

URI = "https://generativelanguage.googleapis.com/v1beta/files/abc"
REMEMBER = """
from proxyapp.models import ApiKey, ClientToken
from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.rows import write_resources
import time
client = ClientToken.objects.get(name="maker").id
changes = []
for key in ApiKey.objects.order_by("id"):
    name = "files/abc" if key.name == "of two" else "files/" + key.name
    made = KnownResource(name, key.id, key.name, "", key.group_id, client, time.time() + 600)
    changes.append(ResourceChange(made, time.time()))
other = ClientToken.objects.get(name="other").id
until = time.time() + 600
token = KnownResource("auth_tokens/ours", key.id, key.name, "", key.group_id, other, until)
write_resources([*changes, ResourceChange(token, time.time())])
"""


def naming(uri: str = URI, field: str = "fileUri", outer: str = "clientContent") -> str:
    parts = [{"text": "what is this"}, {"fileData": {field: uri}}]
    return json.dumps({outer: {"turns": [{"role": "user", "parts": parts}]}})


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_left(live: FakeLive) -> None:
    live.sessions.clear()
    live.scripts.clear()


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, live: FakeLive) -> Iterator[Gateway]:
    of_one = group([{"key": "KEY-A", "name": "one"}], live.url, "one", auth="google")
    of_two = group([{"key": "KEY-C", "name": "of two"}], live.url, "two", auth="google")
    with Gateway({"groups": [of_one, of_two]}, server=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def tokens(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """The options of a client with each."""
    terms: dict[str, dict[str, Any]] = {"maker": {}, "other": {}, "single": {"live_sessions": 1}}
    terms["seer"] = {"shared_resources": True}
    terms["limited"] = {"models": ["gemini-live-*"], "shared_resources": True}
    made = make_tokens(gateway, terms)
    wait_for(lambda: is_refused(gateway))
    assert gateway.manage("shell", "--no-imports", "-c", REMEMBER).returncode == 0
    return {name: with_token(token) for name, token in made.items()}


def is_refused(gateway: Gateway) -> bool:
    try:
        opened(gateway).close()
    except InvalidStatus as error:
        return error.response.status_code == 401
    return False


def padded(text: str, length: int) -> str:
    return json.dumps({"padding": "x" * length})[:-1] + ", " + text[1:]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param(naming(), "files/abc was not found", id="content"),
        pytest.param(naming(field="file_uri"), "files/abc was not found", id="snake"),
        pytest.param(naming("files/abc"), "files/abc was not found", id="name"),
        pytest.param(naming(outer="realtimeInput"), "was not found", id="realtime"),
        pytest.param(naming(outer="toolResponse"), "was not found", id="tool"),
        pytest.param(naming().encode(), "was not found", id="bytes"),
        pytest.param(naming().replace("fileUri", r"file\u0055ri"), "was not found", id="escaped"),
        pytest.param(naming().replace("files/", r"fi\u006ces\/"), "was not found", id="letters"),
        pytest.param(naming().replace('"', "'"), "not strict JSON", id="single quotes"),
        pytest.param(naming().replace('"fileUri"', "fileUri"), "not strict JSON", id="no quotes"),
        pytest.param(naming()[:-1] + "/**/}", "not strict JSON", id="comment"),
        pytest.param(padded(naming(), 3 << 20), "was not found", id="long"),
        pytest.param(padded(naming().replace('"', "'"), 3 << 20), "not strict", id="long, lenient"),
        pytest.param(naming("files/unknown"), "files/unknown was not found", id="unknown"),
    ],
)  # fmt: skip
def test_another_clients_file_ends_the_session(
    gateway: Gateway,
    live: FakeLive,
    tokens: dict[str, dict[str, Any]],
    message: str | bytes,
    words: str,
) -> None:
    with begun(gateway, "/g/two" + LIVE, **tokens["other"]) as socket:
        socket.send("before")
        assert socket.recv(15) == "before"
        socket.send(message)

        code, reason = end_of(socket)
    assert (code, words in reason) == (1008, True)
    assert live.wait_closed().messages == [SETUP, "before"]
    assert [key["state"] for key in gateway.keys()] == ["available", "available"]


def test_it_is_so_before_the_upstreams_first_word(
    gateway: Gateway, live: FakeLive, tokens: dict[str, dict[str, Any]]
) -> None:
    live.scripts["KEY-C"] = Script(is_silent=True)
    with opened(gateway, "/g/two" + LIVE, **tokens["other"]) as socket:
        socket.send(SETUP)
        socket.send(naming())

        assert end_of(socket)[0] == 1008


def setting_up(model: str) -> str:
    return json.dumps({"setup": {"model": f"models/{model}"}})


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param(setting_up("other"), "may not use the model", id="short"),
        pytest.param(padded(setting_up("other"), 200_000), "may not use the model", id="long"),
        pytest.param(
            padded(setting_up("other").replace("model", r"mo\u0064el", 1), 200_000),
            "may not use the model",
            id="escaped",
        ),
        pytest.param(padded(setting_up("other"), 3 << 20), "is not read", id="too long"),
        pytest.param(padded(setting_up("other"), 3 << 20).encode(), "is not read", id="bytes"),
    ],
)
def test_a_later_setup_names_no_model_that_its_client_may_not_use(
    gateway: Gateway,
    live: FakeLive,
    tokens: dict[str, dict[str, Any]],
    message: str | bytes,
    words: str,
) -> None:
    with begun(gateway, **tokens["limited"]) as socket:
        for passing in (setting_up("gemini-live-2.5"), "x" * (3 << 20), '{"n": "\\u00e9"}'):
            socket.send(passing)
            assert socket.recv(15) == passing
        socket.send(message)

        code, reason = end_of(socket)
    assert (code, words in reason) == (1008, True)
    assert len(live.wait_closed().messages) == 4


def test_what_is_long_before_the_upstreams_first_word_comes_in_its_order(
    gateway: Gateway, live: FakeLive, tokens: dict[str, dict[str, Any]]
) -> None:
    messages = [SETUP, "one", "x" * 200_000, "two", "y" * (2 << 20), "three"]
    with opened(gateway, **tokens["other"]) as socket:
        for message in messages:
            socket.send(message)

        assert [socket.recv(15) for _ in messages] == [READY, *messages[1:]]
    assert live.wait_closed().messages == messages


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize(
    "messages", [[SETUP, naming()], [naming().replace("{", '{"setup": {}, ', 1)]]
)
def test_it_is_so_with_an_ephemeral_token_that_was_made_here(
    gateway: Gateway, live: FakeLive, messages: list[str]
) -> None:
    with opened(gateway, LIVE + "?access_token=auth_tokens/ours") as socket:
        for message in messages:
            socket.send(message)

        assert end_of(socket)[0] == 1008
    assert all(naming()[1:] not in str(seen.messages) for seen in live.sessions)


@pytest.mark.parametrize("who", ["maker", "seer"])
def test_who_may_name_it_does(
    gateway: Gateway, tokens: dict[str, dict[str, Any]], who: str
) -> None:
    with begun(gateway, "/g/two" + LIVE, **tokens[who]) as socket:
        for message in (naming(), padded(naming(), 1 << 20)):
            socket.send(message)
            assert "turnComplete" in str(socket.recv(15))


def test_a_file_of_another_project_is_told_from_and_costs_no_key(
    gateway: Gateway, live: FakeLive, tokens: dict[str, dict[str, Any]]
) -> None:
    with on_key(gateway, live, "KEY-A", tokens["maker"]) as socket:
        socket.send(naming())

        code, reason = end_of(socket)
    assert code == 1008
    assert "files/abc belongs to the key 'of two', which this session does not use" in reason
    assert [key["state"] for key in gateway.keys()] == ["available", "available"]


def on_key(gateway: Gateway, live: FakeLive, key: str, options: dict[str, Any]) -> ClientConnection:
    while True:
        socket = begun(gateway, **options)
        if live.sessions[-1].key == key:
            return socket
        socket.close()


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({"realtimeInput": {"audio": {"data": os.urandom(4800).hex()}}}),
        "{'lenient': 'but names nothing'}",
        json.dumps({"note": 'a quote " and a \\ in it'}),
        os.urandom(100_000).hex(),
        "",
    ],
)
def test_what_names_nothing_passes(
    gateway: Gateway, tokens: dict[str, dict[str, Any]], message: str | bytes
) -> None:
    with begun(gateway, **tokens["other"]) as socket:
        socket.send(message)

        assert socket.recv(15) == message


def test_who_has_sent_too_much_before_a_refusal_has_the_place_back(
    gateway: Gateway, live: FakeLive, tokens: dict[str, dict[str, Any]]
) -> None:
    live.scripts["KEY-C"] = Script(close=(1008, "models/nope is not found"))
    path = "/g/two" + LIVE
    socket = opened(gateway, path, **tokens["single"])
    for message in (SETUP, "x" * 600_000, "x" * 600_000, "x"):
        socket.send(message)
    assert end_of(socket) == (1008, "models/nope is not found")

    live.scripts.clear()
    wait_for(lambda: answers(gateway, path, tokens["single"]))


def answers(gateway: Gateway, path: str, options: dict[str, Any]) -> bool:
    try:
        socket = opened(gateway, path, **options)
    except InvalidStatus:
        return False
    with socket:
        socket.send(SETUP)
        return socket.recv(15) == READY
