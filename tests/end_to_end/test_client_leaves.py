"""A client that goes away stops what was done for it.

The upstream's connection ends, and the key is counted once.
"""

import threading
from collections.abc import Callable

import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, exchange, request_bytes

STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
WITHIN_SECONDS = 1.0
LEAVE: list[Callable[[RawClient], None]] = [RawClient.close, RawClient.reset]


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(["KEY-A"], server=request.param)


def outcomes(gateway: Gateway) -> tuple[int, int]:
    """Requests and errors of the one key, after all was written."""
    assert gateway.stop() == 0
    (key,) = gateway.keys()
    return key["requests"], key["errors"]


@pytest.mark.parametrize("leave", LEAVE)
def test_leaving_a_stream_ends_the_upstreams_connection(
    gateway: Gateway, upstream: FakeUpstream, leave: Callable[[RawClient], None]
) -> None:
    stream = upstream.held_stream(STREAM)
    client = RawClient(gateway.url)
    client.send(request_bytes("POST", STREAM, [], b"{}"))
    stream.send_event(1)
    while b"event 1" not in client.read_line():
        pass
    leave(client)
    assert stream.client_gone.wait(WITHIN_SECONDS)
    upstream.wait_for_connections(0, WITHIN_SECONDS)
    assert outcomes(gateway) == (1, 0)
    assert upstream.picked() == ["KEY-A"]


@pytest.mark.parametrize("leave", LEAVE)
def test_leaving_before_the_answer_ends_the_upstreams_connection(
    gateway: Gateway, upstream: FakeUpstream, leave: Callable[[RawClient], None]
) -> None:
    gone = threading.Event()

    async def wait(request: Recorded, connection: Connection) -> None:
        await connection.gone.wait()
        gone.set()
        connection.close()

    upstream.on("/v1beta", wait)
    client = RawClient(gateway.url)
    client.send(request_bytes("POST", STREAM, [], b"{}"))
    upstream.wait_for(1)
    leave(client)
    assert gone.wait(WITHIN_SECONDS)
    assert outcomes(gateway) == (1, 0)
    assert upstream.picked() == ["KEY-A"]


def test_a_client_that_stops_reading_holds_the_upstream_back_and_may_still_leave(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    """The gateway keeps no answer in memory: an unread one waits at the upstream.

    64 MB cannot hide on the way.
    """
    sent = 0
    is_gone = threading.Event()
    is_stuck = threading.Event()

    async def pour(request: Recorded, connection: Connection) -> None:
        nonlocal sent
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        connection.writer.transport.set_write_buffer_limits(0)
        is_stuck.set()
        try:
            while sent < 64_000_000:
                await connection.send(b"x" * 100_000)
                sent += 100_000
        except ConnectionError:
            pass
        finally:
            is_gone.set()
            connection.abort()

    upstream.on("/v1beta", pour)
    client = RawClient(gateway.url)
    client.receive_buffer(65_536)
    client.send(request_bytes("GET", "/v1beta/endless"))
    assert client.read_line().startswith(b"HTTP/1.1 200")
    assert is_stuck.wait(5)
    assert not is_gone.wait(2), f"{sent} bytes went somewhere"
    client.reset()
    assert is_gone.wait(2 * WITHIN_SECONDS)
    assert outcomes(gateway) == (1, 0)


def test_a_client_that_leaves_does_not_disturb_the_others(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    left, kept = upstream.held_stream(STREAM), upstream.held_stream(STREAM)
    with RawClient(gateway.url) as leaver, RawClient(gateway.url) as stayer:
        leaver.send(request_bytes("POST", STREAM, [], b"{}"))
        assert left.started.wait(5)
        stayer.send(request_bytes("POST", STREAM, [], b"{}"))
        assert kept.started.wait(5)
        leaver.close()
        assert left.client_gone.wait(WITHIN_SECONDS)
        kept.send_event(7)
        kept.finish()
        response = stayer.read_response()
    assert (response.is_complete, b"event 7" in response.body) == (True, True)


def test_clients_that_leave_use_up_no_connections(gateway: Gateway, upstream: FakeUpstream) -> None:
    for _ in range(30):
        stream = upstream.held_stream(STREAM)
        client = RawClient(gateway.url)
        client.send(request_bytes("POST", STREAM, [], b"{}"))
        assert stream.started.wait(5)
        client.close()
    upstream.wait_for_connections(0, 5)
    assert exchange(gateway.url, "GET", "/echo").status == 200
