"""Clients of the Live API in front of a gateway, with nothing between them and the wire."""

from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.fake_live import LIVE, SETUP
from tests.support.gateway import Gateway

READY = b'{"setupComplete": {}}'


def opened(gateway: Gateway, path: str = LIVE, **options: Any) -> ClientConnection:
    """A session of which nothing is said yet."""
    url = gateway.url.replace("http", "ws", 1) + path
    raw: dict[str, Any] = {"max_size": None, "proxy": None, "compression": None}
    return connect(url, legacy=True, **(raw | options))


def with_token(token: str) -> dict[str, Any]:
    """Among `options`."""
    return {"additional_headers": {"x-goog-api-key": token}}


def begun(gateway: Gateway, path: str = LIVE, **options: Any) -> ClientConnection:
    """A session that is set up."""
    socket = opened(gateway, path, **options)
    socket.send(SETUP)
    assert socket.recv(15) == READY
    return socket


def end_of(socket: ClientConnection, seconds: float = 15) -> tuple[int, str]:
    """With what the gateway closes it, whatever comes before."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(seconds)
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""
