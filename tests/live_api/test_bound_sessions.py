"""Sessions that go on from another one, and those with a credential of their own."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from tests.support.fake_live import LIVE, MODEL, QUOTA_WORDS, SETUP, FakeLive, Script
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.live_clients import READY, begun, end_of, opened, with_token
from tests.support.service_accounts import account, write_account
from tests.support.waiting import wait_for

CONSTRAINED = LIVE.replace("v1beta", "v1alpha") + "Constrained"
EPHEMERAL = "auth_tokens/1a2b3c"
HANDLE = "Cig0ZGZiNmI2Mi1hYmNk"
SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
REMEMBER = """
from proxyapp.models import ApiKey, ClientToken
from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.rows import write_resources
import time
key = ApiKey.objects.order_by("id").last()
client = ClientToken.objects.get(name="maker").id
made = KnownResource(%r, key.id, "K", "", key.group_id, client, time.time() + 600)
write_resources([ResourceChange(made, time.time())])
"""


@pytest.fixture
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


def config_of(live: FakeLive) -> dict[str, Any]:
    one = group(["KEY-A", "KEY-B"], live.url, "one", auth="google")
    return {"groups": [one, group(["KEY-C"], live.url, "two", auth="google")]}


def told(socket: ClientConnection, handle: str) -> None:
    """The upstream gives the session a handle."""
    update = json.dumps({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})
    socket.send(json.dumps({"send": update}))
    assert socket.recv(15) == update


def resumed(gateway: Gateway, handle: str, **options: Any) -> ClientConnection:
    socket = opened(gateway, **options)
    setup = {"model": MODEL, "sessionResumption": {"handle": handle}}
    socket.send(json.dumps({"setup": setup}))
    return socket


@SERVERS
def test_a_session_that_goes_on_goes_to_its_key(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway:
        with begun(gateway) as socket:
            told(socket, HANDLE)
            told(socket, HANDLE + "2")
        for handle in (HANDLE, HANDLE + "2", HANDLE + "2"):
            with resumed(gateway, handle) as socket:
                assert socket.recv(15) == READY
        gateway.stop()
        gateway.start()
        with resumed(gateway, HANDLE) as socket:
            assert socket.recv(15) == READY

    assert len(live.keys()) == 5
    assert len(set(live.keys())) == 1


def test_a_session_whose_key_is_out_is_told_so(live: FakeLive):
    with Gateway(config_of(live)) as gateway:
        with begun(gateway) as socket:
            told(socket, HANDLE)
            socket.send(json.dumps({"close": [1011, QUOTA_WORDS]}))
            end_of(socket)
        wait_for(lambda: any(key["cooldowns"] for key in gateway.keys()))
        with resumed(gateway, HANDLE) as socket:
            code, reason = end_of(socket)

    assert code == 1011
    assert "belongs to the key" in reason
    assert len(live.sessions) == 1


def test_a_handle_that_nobody_knows_is_the_upstreams_to_judge(live: FakeLive):
    live.scripts = {key: Script(close=(1008, "no handle")) for key in ("KEY-A", "KEY-B", "KEY-C")}
    with Gateway(config_of(live)) as gateway, resumed(gateway, "elsewhere") as socket:
        assert end_of(socket) == (1008, "no handle")


@SERVERS
def test_a_handle_is_its_clients_own(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway:
        tokens = make_tokens(gateway, {"maker": {}, "other": {}})
        wait_for(lambda: is_refused(gateway, LIVE))
        with begun(gateway, **with_token(tokens["maker"])) as socket:
            told(socket, HANDLE)
        with resumed(gateway, HANDLE, **with_token(tokens["other"])) as socket:
            code, reason = end_of(socket)
        with resumed(gateway, HANDLE, **with_token(tokens["maker"])) as socket:
            assert socket.recv(15) == READY

    assert code == 1008
    assert "not of this client" in reason
    assert HANDLE not in reason


@SERVERS
def test_a_setup_goes_to_the_key_of_what_it_names_and_names_nothing_of_anothers(
    live: FakeLive, server: str
):
    named = "fileSearchStores/notes"
    setup = {"model": MODEL, "tools": [{"fileSearch": {"fileSearchStoreNames": [named]}}]}
    strict = json.dumps({"setup": setup})
    with Gateway(config_of(live), server=server) as gateway:
        tokens = make_tokens(gateway, {"maker": {}, "other": {}})
        wait_for(lambda: is_refused(gateway, LIVE))
        done = gateway.manage("shell", "--no-imports", "-c", REMEMBER % named)
        assert done.returncode == 0, done.stderr
        for text, words in ((strict, "was not found"), (strict.replace('"', "'"), "strict JSON")):
            with opened(gateway, **with_token(tokens["other"])) as socket:
                socket.send(text)
                code, reason = end_of(socket)
                assert code in (1007, 1008)
                assert words in reason
        assert live.keys() == []
        for _ in range(3):
            with opened(gateway, **with_token(tokens["maker"])) as socket:
                socket.send(strict)
                assert socket.recv(15) == READY

    assert live.keys() == ["KEY-C"] * 3


class TokenEndpoint(BaseHTTPRequestHandler):
    """Gives every service account the same token."""

    def do_POST(self) -> None:
        body = json.dumps({"access_token": "ya29.minted", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@SERVERS
def test_a_service_account_shows_its_token(live: FakeLive, server: str):
    endpoint = HTTPServer(("127.0.0.1", 0), TokenEndpoint)
    thread = threading.Thread(target=endpoint.serve_forever, daemon=True)
    thread.start()
    made = account("robot", token_uri=f"http://127.0.0.1:{endpoint.server_port}/token")
    config = {"groups": [group([{"service_account": "robot.json"}], live.url)]}
    gateway = Gateway(config, server=server)
    write_account(gateway.directory / "robot.json", made)
    with gateway, begun(gateway) as socket:
        socket.send("hello")
        assert socket.recv(15) == "hello"

    assert live.keys() == ["Bearer ya29.minted"]
    assert made["private_key"][40:80] not in str(live.sessions)
    endpoint.shutdown()
    thread.join(10)


def test_a_file_that_a_setup_names_is_its_clients_own(live: FakeLive):
    parts = [
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}}
    ]
    setup = {"setup": {"model": MODEL, "systemInstruction": {"parts": parts}}}
    with Gateway(config_of(live)) as gateway:
        tokens = make_tokens(gateway, {"maker": {}, "other": {}})
        wait_for(lambda: is_refused(gateway, LIVE))
        assert gateway.manage("shell", "-c", REMEMBER % "files/abc").returncode == 0
        with opened(gateway, **with_token(tokens["other"])) as socket:
            socket.send(json.dumps(setup))
            assert end_of(socket)[0] == 1008
        for _ in range(2):
            with opened(gateway, **with_token(tokens["maker"])) as socket:
                socket.send(json.dumps(setup))
                assert socket.recv(15) == READY

    assert live.keys() == ["KEY-C", "KEY-C"]


# Ephemeral tokens.


def is_refused(gateway: Gateway, path: str, **options: Any) -> bool:
    try:
        opened(gateway, path, **options).close()
    except InvalidStatus as error:
        return error.response.status_code == 401
    return False


@SERVERS
@pytest.mark.parametrize("place", ["query", "header"])
def test_an_ephemeral_token_passes_alone(live: FakeLive, server: str, place: str):
    path, options = CONSTRAINED, dict[str, Any]()
    if place == "query":
        path += f"?access_token={EPHEMERAL}&key=any"
    else:
        options["additional_headers"] = {"Authorization": f"Token {EPHEMERAL}"}
    with Gateway(config_of(live), server=server) as gateway:
        for _ in range(2):
            with begun(gateway, path, **options) as socket:
                socket.send("hello")
                assert socket.recv(15) == "hello"
        assert {key["requests"] for key in gateway.keys()} == {0}

    shown = {"query": EPHEMERAL, "header": f"Token {EPHEMERAL}"}[place]
    assert live.keys() == [shown, shown]
    assert "key=any" not in live.sessions[0].query


@pytest.mark.parametrize(
    "script", [Script(status=429, body=json.dumps({"error": {"message": QUOTA_WORDS}})),
               Script(close=(1011, QUOTA_WORDS))]
)  # fmt: skip
def test_what_an_ephemeral_token_is_refused_costs_no_key(live: FakeLive, script: Script):
    live.scripts[EPHEMERAL] = script
    path = f"{CONSTRAINED}?access_token={EPHEMERAL}"
    with Gateway(config_of(live)) as gateway, opened(gateway, path) as socket:
        socket.send(SETUP)

        assert end_of(socket) == (1011, QUOTA_WORDS)
        assert not any(key["cooldowns"] for key in gateway.keys())
    assert len(live.sessions) + len(live.refused) == 1


def test_an_ephemeral_token_lets_in_whose_token_made_it(live: FakeLive):
    path = f"{CONSTRAINED}?access_token={EPHEMERAL}"
    with Gateway(config_of(live)) as gateway:
        tokens = make_tokens(gateway, {"maker": {"live_sessions": 1}})
        wait_for(lambda: is_refused(gateway, LIVE))
        assert is_refused(gateway, path)
        with begun(gateway, path, **with_token(tokens["maker"])):
            assert live.keys() == [EPHEMERAL]

        done = gateway.manage("shell", "--no-imports", "-c", REMEMBER % EPHEMERAL)
        assert done.returncode == 0, done.stderr
        wait_for(lambda: not is_refused(gateway, path))
        time.sleep(0.2)
        with begun(gateway, path):
            with pytest.raises(InvalidStatus, match="429"):
                opened(gateway, path)
            assert is_refused(gateway, path.replace("1a2b3c", "guessed"))

        gateway.manage("tokens", "revoke", "maker")
        wait_for(lambda: is_refused(gateway, path))
