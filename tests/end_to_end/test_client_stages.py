"""A client that goes away leaves nothing behind, at any stage.

No upstream request stays, no socket, and no place in a queue.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.waiting import wait_for

PATH = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
ASKED = request_bytes("POST", PATH, [], b"{}")
LEAVE: list[Callable[[RawClient], None]] = [RawClient.close, RawClient.reset]
UNHEARD = {
    "before a byte": b"",
    "in an empty line": b"\r",
    "in the request line": b"POST /v1be",
    "in the headers": b"POST /v1beta/x HTTP/1.1\r\nHost: a\r\nX-",
    "before the body": b"POST /v1beta/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    "in the body": b"POST /v1beta/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
    "in a body on disk": (
        b"POST /v1beta/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + bytes(2_000_000)
    ),
    "in a chunk": (
        b"POST /v1beta/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
    ),
    "in the trailers": (
        b"POST /v1beta/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n"
    ),
    "in a refusal": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    """One key, and a queue for those that find it cooling."""
    config = {
        "groups": [
            group(["KEY-A"], shared_upstream.url, auth="google", rate_limit_policy="quota_aware")
        ]
    }
    with Gateway(config, server=request.param, env={"QUEUE_SECONDS": "60"}) as running:
        exchange(running.url, "GET", "/echo")
        yield running


def sockets(gateway: Gateway, upstream: FakeUpstream) -> int:
    """Connections of clients and to the upstream, and none to the database."""
    connections = psutil.Process(gateway.pid).net_connections("tcp")
    open_ones = [one for one in connections if one.status not in ("LISTEN", "TIME_WAIT")]
    return sum(
        one.laddr.port == gateway.port or one.raddr[1:] == (upstream.port,) for one in open_ones
    )


def wait_until_quiet(gateway: Gateway, upstream: FakeUpstream) -> None:
    """The clients' connections are gone, and upstream no more than the one that is kept."""
    wait_for(lambda: sockets(gateway, upstream) <= upstream.connections_open <= 1)


@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("sent", UNHEARD.values(), ids=UNHEARD)
def test_who_leaves_before_the_request_is_whole_was_never_heard_of_upstream(
    gateway: Gateway, google: FakeUpstream, sent: bytes, leave: Callable[[RawClient], None]
) -> None:
    client = RawClient(gateway.url)
    client.send(sent)
    leave(client)

    wait_until_quiet(gateway, google)
    assert exchange(gateway.url, "GET", "/echo").status == 200
    assert [request.path for request in google.requests] == ["/echo"]


@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize(
    "stage", ["before the head", "after the head", "in the body", "with unread data"]
)
def test_who_leaves_an_answer_ends_the_upstreams_request(
    gateway: Gateway, google: FakeUpstream, stage: str, leave: Callable[[RawClient], None]
) -> None:
    gone: list[str] = []

    async def answer(request: Recorded, connection: Connection) -> None:
        try:
            if stage != "before the head":
                await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            if stage == "in the body":
                await connection.send(b"abc")
            if stage == "with unread data":
                await connection.send(bytes(1_000_000))
            await connection.gone.wait()
        finally:  # sending may be what finds out
            gone.append(stage)
            connection.close()

    google.on(PATH, answer)
    client = RawClient(gateway.url)
    client.send(ASKED)
    google.wait_for(1)
    if stage == "in the body":
        while client.read_line() != b"\r\n":
            pass
        assert client._stream.read(3) == b"abc"
    leave(client)

    wait_for(lambda: gone)
    wait_until_quiet(gateway, google)
    assert google.picked() == ["KEY-A"]


def test_who_leaves_the_queue_is_not_served_and_lets_the_next_one_in(
    gateway: Gateway, google: FakeUpstream
) -> None:
    google.refuse("KEY-A", body=b"{}", headers=[("Retry-After", "3")])
    leavers = [RawClient(gateway.url) for _ in range(5)]
    for client in leavers:
        client.send(ASKED)
    google.wait_for(1)
    for client in leavers:
        client.close()
    wait_for(lambda: sockets(gateway, google) <= google.connections_open)
    google.recover("KEY-A")
    before = len(google.requests)
    with RawClient(gateway.url) as stayer:
        stayer.send(ASKED)
        assert stayer.read_response().status == 200
    assert len(google.requests) == before + 1
    wait_until_quiet(gateway, google)


def test_a_reset_that_comes_with_data_closes_the_socket_at_once(
    gateway: Gateway, google: FakeUpstream
) -> None:
    before = socket_files(gateway)
    for sent in [*UNHEARD.values()] * 3:
        client = RawClient(gateway.url)
        client.send(sent)
        client.reset()

    wait_for(lambda: socket_files(gateway) <= before)
    assert google.requests == []


def socket_files(gateway: Gateway) -> int:
    """Those too that the kernel no longer knows as connections."""
    found = 0
    for file in Path(f"/proc/{gateway.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += "socket" in os.readlink(file)
    return found


def test_none_of_them_was_an_error(gateway: Gateway, google: FakeUpstream) -> None:
    health = json.loads(exchange(gateway.url, "GET", "/readyz").body)

    assert (health["status"], health["keys"]["available"]) == ("ok", 1)
    assert "Traceback" not in gateway.output()
    assert "ERROR" not in gateway.output()
