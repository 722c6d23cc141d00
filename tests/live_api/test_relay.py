"""A Live session through a real gateway, over TLS to the upstream: what passes, and how it ends."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.certificates import authority, server_context
from tests.support.fake_live import INVALID, LIVE, MODEL, QUOTA_WORDS, SETUP, FakeLive, Script
from tests.support.gateway import Gateway, group
from tests.support.live_clients import READY, begun, end_of, opened


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive(tls=server_context()) as server:
        yield server


def secured(keys: list[str], live: FakeLive, **more: str) -> dict[str, Any]:
    return group(keys, live.url, "main", ca_certificates=authority(), **more)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, live: FakeLive) -> Iterator[Gateway]:
    config = {"groups": [secured(["KEY-A", "KEY-B"], live, auth="google")]}
    with Gateway(config, server=request.param) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_left(live: FakeLive) -> None:
    live.sessions.clear()
    live.scripts.clear()
    live.refused.clear()


@pytest.mark.parametrize(
    "path",
    [
        LIVE,
        f"/{LIVE}?key=anything",
        f"/g/main{LIVE}",
        f"/g/main/{LIVE}",
        LIVE.replace("v1beta", "v1alpha"),
        LIVE.replace("Content", "Music"),
        "/v1beta/interactions/live",
    ],
)
def test_a_session_gets_a_key_as_a_header_and_the_rest_of_its_path(
    gateway: Gateway, live: FakeLive, path: str
):
    with begun(gateway, path):
        seen = live.sessions[-1]

    assert seen.key in ("KEY-A", "KEY-B")
    assert dict(seen.headers)["x-goog-api-key"] == seen.key
    assert seen.path == "/" + path.partition("?")[0].removeprefix("/g/main").lstrip("/")
    assert "key" not in seen.query
    assert seen.messages == [SETUP]


def test_sessions_take_turns(gateway: Gateway, live: FakeLive):
    for _ in range(4):
        with begun(gateway):
            pass

    assert sorted(live.keys()) == ["KEY-A", "KEY-A", "KEY-B", "KEY-B"]


@pytest.mark.parametrize("message", ["wörds", "", b"\0\xff", b"", "x" * 70_000, os.urandom(70_000)])
def test_messages_pass_both_ways_as_they_are(
    gateway: Gateway, live: FakeLive, message: str | bytes
):
    with begun(gateway) as socket:
        socket.send(message)

        assert socket.recv(15) == message
        assert live.sessions[-1].messages[1:] == [message]


def test_twenty_megabytes_pass_as_one_message(gateway: Gateway):
    message = os.urandom(20 << 20)
    with begun(gateway) as socket:
        socket.send(message)

        assert socket.recv(60) == message


def test_a_message_in_fragments_is_one_message(gateway: Gateway, live: FakeLive):
    with begun(gateway) as socket:
        socket.send(["one ", "two ", "three"])

        assert socket.recv(15) == "one two three"


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, ""), (1001, "bye"), (1007, "Request contains an invalid argument."), (1008, "no"),
     (1009, "much"), (1011, "Internal error encountered."), (1012, ""), (1013, "later"),
     (3000, "own"), (4999, "ö" * 61)],
)  # fmt: skip
def test_the_upstreams_close_reaches_the_client(gateway: Gateway, code: int, reason: str):
    with begun(gateway) as socket:
        socket.send(json.dumps({"close": [code, reason]}))

        assert end_of(socket) == (code, reason)


def test_a_connection_that_breaks_is_an_error_of_the_upstreams(gateway: Gateway):
    with begun(gateway) as socket:
        socket.send(json.dumps({"drop": True}))

        assert end_of(socket) == (1011, "The connection to the upstream was lost.")


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1001, ""), (4001, "mine")])
def test_the_clients_close_reaches_the_upstream(
    gateway: Gateway, live: FakeLive, code: int, reason: str
):
    with begun(gateway) as socket:
        socket.close(code, reason)

    assert live.wait_closed().closed == (code, reason)


def test_a_client_that_is_gone_ends_its_session(gateway: Gateway, live: FakeLive):
    socket = begun(gateway)
    socket.socket.close()

    assert live.wait_closed().closed is not None


def test_what_a_client_sends_before_the_answer_is_not_lost(gateway: Gateway, live: FakeLive):
    with opened(gateway) as socket:
        for message in (SETUP, "one", b"two", "three"):
            socket.send(message)

        assert [socket.recv(15) for _ in range(4)] == [READY, "one", b"two", "three"]


@pytest.mark.parametrize("first", ["{}", "no json", b"\xff\xfe", '{"clientContent": {}}'])
def test_the_upstream_judges_a_client_that_sends_before_its_setup(
    gateway: Gateway, live: FakeLive, first: str | bytes
):
    with opened(gateway) as socket:
        socket.send(first)

        assert end_of(socket) == (1007, "The first message has to be a setup.")
    assert live.sessions[-1].messages == [first]
    assert len(live.sessions) == 1
    assert {key["state"] for key in gateway.keys()} == {"available"}


@pytest.mark.parametrize(
    "path", ["/ws/other", "/ws/admin/other/", LIVE + "x", "/v1beta/models", "/g/none/ws/x"]
)
def test_other_sockets_are_refused(gateway: Gateway, path: str):
    with pytest.raises(InvalidStatus, match="403"):
        opened(gateway, path)


def test_an_unknown_group_is_told(gateway: Gateway):
    with opened(gateway, f"/g/nobody{LIVE}") as socket:
        socket.send(SETUP)

        assert end_of(socket) == (1008, "There is no group 'nobody'.")


# The next key.


QUOTA = json.dumps({"error": {"code": 429, "message": QUOTA_WORDS}})
REFUSALS = {
    "upgrade 429": Script(status=429, body=QUOTA),
    "upgrade 503": Script(status=503, body="{}"),
    "upgrade 400": Script(status=400, body=json.dumps({"error": INVALID}), is_dead=True),
    "quota close": Script(close=(1011, QUOTA_WORDS)),
    "internal close": Script(close=(1011, "Internal error encountered.")),
    "no words": Script(close=(1011, "")),
    "dead key": Script(close=(1007, "API key not valid."), is_dead=True),
}


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
@pytest.mark.parametrize("policy", ["daily", "quota_aware"])
@pytest.mark.parametrize("name", REFUSALS)
def test_another_key_answers_and_the_client_does_not_notice(
    live: FakeLive, server: str, policy: str, name: str
):
    config = {
        "groups": [secured(["KEY-A", "KEY-B"], live, auth="google", rate_limit_policy=policy)]
    }
    with Gateway(config, server=server) as gateway:
        live.scripts["KEY-A"] = REFUSALS[name]
        for _ in range(2):
            with begun(gateway) as socket:
                socket.send("hello")
                assert socket.recv(15) == "hello"
            assert live.sessions[-1].messages == [SETUP, "hello"]

        of_first = gateway.keys()[0]
    is_quotas = name in ("upgrade 429", "quota close")
    assert bool(of_first["cooldowns"]) == is_quotas
    is_condemned = name in ("dead key", "upgrade 400") and policy == "quota_aware"
    assert (of_first["state"] == "invalid") == is_condemned


def test_the_model_is_what_a_quota_counts_for(live: FakeLive):
    config = {
        "groups": [
            secured(["KEY-A", "KEY-B"], live, auth="google", rate_limit_policy="quota_aware")
        ]
    }
    live.scripts["KEY-A"] = Script(close=(1011, "You exceeded your current quota."))
    with Gateway(config) as gateway:
        with begun(gateway), begun(gateway):
            pass
        cooldowns = [each for key in gateway.keys() for each in key["cooldowns"]]

    assert [each["model"] for each in cooldowns] == [MODEL.removeprefix("models/")]
