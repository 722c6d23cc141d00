"""An application that answers without ASGI's messages, in both gears and behind both servers."""

import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import forked_process
from tests.support.direct_server import EVENT, PIECE, PIECES
from tests.support.gateway import ROOT
from tests.support.ports import free_port
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.waiting import wait_for

SERVERS = ["daphne", "uvicorn"]
GEARS = pytest.mark.parametrize("gear", ["1", "2"])


class DirectServer:
    def __init__(self, server: str, drain_seconds: float = 10) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        command = ["-m", "tests.support.direct_server", server, str(port), str(drain_seconds)]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "gateway.settings"}
        self.process = forked_process.start(command, cwd=ROOT, env=environment, stdout=self._output)
        wait_for(lambda: "listening" in self.output(), 30)

    def output(self) -> str:
        return os.pread(self._output.fileno(), 1 << 20, 0).decode()

    def said(self, text: str) -> int:
        return self.output().count(text)

    def tasks(self) -> int:
        report: dict[str, Any] = json.loads(exchange(self.url, "GET", "/report").body)
        return int(report["tasks"])

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._output.close()


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[DirectServer]:
    running = DirectServer(request.param)
    yield running
    running.close()


def holding(server: DirectServer, target: str) -> RawClient:
    """A client whose answer has begun."""
    client = RawClient(server.url)
    client.send(request_bytes("GET", target))
    while client.read_line() != EVENT.splitlines(keepends=True)[0]:
        pass
    return client


@GEARS
@pytest.mark.parametrize("page", ["fails", "fails_soon", "too_long"])
def test_an_error_before_the_answer_is_a_500_logged_and_the_connections_last(
    server: DirectServer, page: str, gear: str
) -> None:
    logged = server.said("The application failed")
    with RawClient(server.url) as client:
        response = client.request("GET", f"/{page}?{gear}")
        assert client.read_to_the_end() == b""
    assert response.status == 500 if page != "too_long" else not response.is_complete
    assert b"secret" not in response.body
    wait_for(lambda: server.said("The application failed") == logged + 1)


@GEARS
def test_an_error_in_the_answer_breaks_it_off(server: DirectServer, gear: str) -> None:
    logged = server.said("the toy broke")
    response = exchange(server.url, "GET", f"/fails_later?{gear}")
    assert (response.body, response.is_complete) == (EVENT, False)
    wait_for(lambda: server.said("the toy broke") > logged)


@GEARS
def test_nothing_is_answered_behind_an_error(server: DirectServer, gear: str) -> None:
    with RawClient(server.url) as client:
        one = request_bytes("GET", f"/fails?{gear}")
        client.send(one + request_bytes("GET", "/once") * 3)
        assert client.read_response().status == 500
        assert client.read_to_the_end() == b""


@GEARS
def test_many_requests_at_once_are_answered_one_after_the_other(
    server: DirectServer, gear: str
) -> None:
    with RawClient(server.url) as client:
        client.send(request_bytes("GET", f"/once?{gear}") * 1500)
        for _ in range(1500):
            response = client.read_response()
            assert (response.status, response.body) == (200, b"ok")


@GEARS
def test_what_is_asked_behind_a_stalled_answer_waits_for_it(
    server: DirectServer, gear: str
) -> None:
    over = server.said("the flood is over")
    with RawClient(server.url) as client:
        client.send(request_bytes("GET", f"/flood?{gear}") + request_bytes("GET", "/once") * 2)
        time.sleep(0.3)
        assert server.said("the flood is over") == over, "nobody reads, and it is sent"
        assert len(client.read_response().body) == len(PIECE) * PIECES
        assert [client.read_response().body for _ in range(2)] == [b"ok"] * 2
    assert server.said("the flood is over") == over + 1


@GEARS
@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset])
def test_whose_client_leaves_ends_and_cleans_up(
    server: DirectServer, gear: str, leave: Any
) -> None:
    tasks, left = server.tasks(), server.said("cleaned up")
    clients = [holding(server, f"/hold?{gear}") for _ in range(20)]
    for client in clients:
        leave(client)
    wait_for(lambda: server.said("cleaned up") == left + 20)
    wait_for(lambda: server.tasks() <= tasks)


@GEARS
@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset])
def test_whose_client_leaves_before_the_answer_ends(
    server: DirectServer, gear: str, leave: Any
) -> None:
    asked, left = server.said("asked"), server.said("nobody waits")
    clients = [RawClient(server.url) for _ in range(20)]
    for client in clients:
        client.send(request_bytes("GET", f"/silent?{gear}"))
    wait_for(lambda: server.said("asked") == asked + 20)
    for client in clients:
        leave(client)
    wait_for(lambda: server.said("nobody waits") == left + 20)


@GEARS
def test_whose_client_leaves_while_it_waits_for_a_reader_ends(
    server: DirectServer, gear: str
) -> None:
    tasks = server.tasks()
    clients = [RawClient(server.url) for _ in range(5)]
    for client in clients:
        client.send(request_bytes("GET", f"/flood?{gear}"))
    time.sleep(0.2)
    for client in clients:
        client.reset()
    wait_for(lambda: server.tasks() <= tasks)


@GEARS
@pytest.mark.parametrize("name", SERVERS)
def test_a_drain_lets_answers_end_and_cuts_those_that_do_not(name: str, gear: str) -> None:
    server = DirectServer(name, drain_seconds=1.5)
    try:
        ending = holding(server, f"/events?{gear}")
        endless = [holding(server, f"/hold?{gear}") for _ in range(3)]
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert ending.read_to_the_end().endswith(b"0\r\n\r\n")
        assert time.monotonic() - began < 1.4, "it waited for others"
        for client in endless:
            assert b"0\r\n\r\n" not in client.read_to_the_end()
        assert server.process.wait(10) == 0
        assert time.monotonic() - began > 1.4, "not all of the time was given"
        assert server.said("cleaned up") == 3
        assert server.output().rstrip().endswith("flushed")
    finally:
        server.close()


@pytest.mark.parametrize("name", SERVERS)
def test_a_websocket_that_does_not_answer_its_end_holds_up_no_shutdown(name: str) -> None:
    running = DirectServer(name, drain_seconds=2)
    handshake = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    try:
        with RawClient(running.url) as client:
            client.send(request_bytes("GET", "/ws", handshake))
            assert b" 101 " in client.read_line()
            running.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert running.process.wait(10) == 0
            assert time.monotonic() - began < 3.5
        assert running.said("flushed") == 1
    finally:
        running.close()
