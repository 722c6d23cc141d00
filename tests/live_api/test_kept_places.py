"""A Live session is one of the requests that its key may have under way, as long as it lasts."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.fake_live import SETUP, FakeLive
from tests.support.gateway import Gateway, group
from tests.support.live_clients import READY, begun, end_of, opened
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, live: FakeLive) -> Iterator[Gateway]:
    limited = group(["KEY-A"], live.url, "main") | {"max_concurrent": 1}
    with Gateway({"groups": [limited]}, server=request.param) as server:
        yield server


def test_the_place_is_free_when_the_session_has_ended(gateway: Gateway):
    with begun(gateway), opened(gateway) as second:
        second.send(SETUP)
        _, why = end_of(second)
        assert "under way" in why

    wait_for(lambda: begins(gateway))


def begins(gateway: Gateway) -> bool:
    with opened(gateway) as socket:
        socket.send(SETUP)
        with suppress(ConnectionClosed):
            return bool(socket.recv(15) == READY)
    return False
