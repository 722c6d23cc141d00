"""A Live session whose model is an alias: the setup that is sent names the model itself."""

import json
from collections.abc import Iterator

import pytest

from tests.support.fake_live import MODEL, FakeLive, Script
from tests.support.gateway import Gateway, group
from tests.support.live_clients import READY, end_of, opened

REAL = MODEL.removeprefix("models/")


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(live: FakeLive) -> Iterator[Gateway]:
    groups = [
        group(["KEY-A", "KEY-B"], live.url, "talks", models=[REAL], aliases={"talk": REAL}),
        group(["KEY-C"], live.url, "writes", models=["text-*"]),
    ]
    with Gateway({"groups": groups}) as server:
        yield server


def test_the_setup_names_what_the_alias_stands_for_with_each_key(
    gateway: Gateway, live: FakeLive
) -> None:
    live.scripts["KEY-A"] = Script(status=429)
    setup = '{"setup": {"model": "models/talk", "tools": [{"model": "talk"}]}}'
    for _ in range(2):
        with opened(gateway) as socket:
            socket.send(setup)
            assert socket.recv(15) == READY

    sent = [session.messages[0] for session in live.sessions if session.messages]
    assert {session.key for session in live.sessions if session.messages} == {"KEY-B"}
    assert {str(message) for message in sent} == {setup.replace("models/talk", f"models/{REAL}")}


def test_a_model_that_nobody_has_ends_the_session_with_the_reason(gateway: Gateway) -> None:
    with opened(gateway) as socket:
        socket.send(json.dumps({"setup": {"model": "models/other"}}))
        _, reason = end_of(socket)

    assert "No group has the model 'other'" in reason
