"""What a client of the live socket can make a gateway hold, and who is put out of it."""

import contextlib
import json
import time

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.conftest import MakeGateway
from tests.support.gateway import Gateway
from tests.support.live_pages import DASHBOARD, OPERATOR, admin_cookie, open_socket, watched
from tests.support.websocket_flood import flood, masked_frame

MIB = 1024 * 1024


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(["KEY-A", "KEY-B"], server=request.param, env=OPERATOR)


def memory(gateway: Gateway) -> int:
    return int(psutil.Process(gateway.pid).memory_info().rss)


def code_of(socket: ClientConnection, seconds: float = 15) -> int:
    """Of the close, whatever comes before it."""
    until = time.monotonic() + seconds
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.recv(max(0.01, until - time.monotonic()))
    assert socket.close_code is not None
    return socket.close_code


def test_a_flood_of_messages_fills_no_memory(gateway: Gateway):
    padded = masked_frame(json.dumps(DASHBOARD).encode().ljust(60_000))
    cookie = admin_cookie(gateway)
    with watched(gateway, cookie) as (socket, _):
        before = memory(gateway)

        taken = flood(socket.socket, padded * 16)

        grown = memory(gateway) - before
        assert grown < 40 * MIB, (grown, taken)
    with watched(gateway, cookie) as (_, first):
        assert len(first["keys"]) == 2


def test_a_message_that_is_too_large_closes_the_socket(gateway: Gateway):
    with open_socket(gateway, admin_cookie(gateway)) as socket:
        socket.send(json.dumps({**DASHBOARD, "more": "x" * 70_000}))

        assert code_of(socket) == 1009


@pytest.mark.parametrize("message", [b"\0", "nonsense", "[" * 60_000, '{"watch": "secrets"}', "[]"])
def test_a_message_that_nobody_expects_closes_the_socket(gateway: Gateway, message: str | bytes):
    with open_socket(gateway, admin_cookie(gateway)) as socket:
        socket.send(message)

        assert code_of(socket) == 4400


def test_a_page_that_talks_without_end_is_closed(gateway: Gateway):
    with open_socket(gateway, admin_cookie(gateway)) as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(100):
                socket.send(json.dumps(DASHBOARD))

        assert code_of(socket) == 4400
