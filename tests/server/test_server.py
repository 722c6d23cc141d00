"""Daphne's server as a proxy needs it, driven over real sockets."""

import hashlib
import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import certificates, forked_process
from tests.support.gateway import ROOT
from tests.support.ports import free_port
from tests.support.raw_client import BROKEN_OFF, RawClient, RawResponse, exchange
from tests.support.toy_server import EVENT
from tests.support.websocket_flood import flood, masked_frame

MAX_BODY_BYTES = 3 * 1024 * 1024


class ToyServer:
    def __init__(
        self,
        scheme: str = "http",
        drain_seconds: float = 10,
        patience_seconds: float = 60,
    ) -> None:
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._directory = tempfile.TemporaryDirectory()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        arguments = [self.port, MAX_BODY_BYTES, drain_seconds, patience_seconds]
        command = ["-m", "tests.support.toy_server", *map(str, arguments)]
        if scheme == "https":
            certificates.write(Path(self._directory.name))
            command.append(self._directory.name)
        self.process = forked_process.start(command, cwd=ROOT, env=os.environ, stdout=self._output)
        eventually(lambda: "listening" in self.output())

    def output(self) -> str:
        return os.pread(self._output.fileno(), 1 << 20, 0).decode()

    def report(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(exchange(self.url, "GET", "/report").body)
        return seen

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        eventually(self.refuses_connections)

    def refuses_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except ConnectionRefusedError:
            return True
        return False

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._output.close()
        self._directory.cleanup()


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    due = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < due, "it did not come true in time"
        time.sleep(0.02)


@pytest.fixture(scope="module", params=["http", "https"])
def toy(request: pytest.FixtureRequest) -> Iterator[ToyServer]:
    server = ToyServer(request.param)
    yield server
    server.close()


@pytest.fixture(params=["http", "https"])
def own_toy(request: pytest.FixtureRequest) -> Iterator[Callable[..., ToyServer]]:
    servers = []

    def make(**options: Any) -> ToyServer:
        servers.append(ToyServer(request.param, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def client(toy: ToyServer) -> Iterator[RawClient]:
    with RawClient(toy.url) as client:
        yield client


def seen(response: RawResponse) -> dict[str, Any]:
    assert response.status == 200, response
    what: dict[str, Any] = json.loads(response.body)
    return what


def error(response: RawResponse) -> dict[str, Any]:
    assert response.values("content-type") == ["application/json"]
    what: dict[str, Any] = json.loads(response.body)["error"]
    return what


# What arrives at the application.


@pytest.mark.parametrize(
    ("target", "raw_path", "query", "path"),
    [
        ("/a%2Fb//c:gen?x=1&y=&z+", "/a%2Fb//c:gen", "x=1&y=&z+", "/a/b//c:gen"),
        ("/bad%zz%4", "/bad%zz%4", "", "/bad%zz%4"),
        ("/caf\xe9?q=\xe9", "/caf\xe9", "q=\xe9", "/caf�"),
        ("http://other.test/abs?q=1", "/abs", "q=1", "/abs"),
        ("HTTPS://other.test", "/", "", "/"),
        ("/p?", "/p", "", "/p"),
        ("*", "*", "", "*"),
    ],
)
def test_a_target_arrives_byte_for_byte(
    client: RawClient, target: str, raw_path: str, query: str, path: str
) -> None:
    what = seen(client.request("OPTIONS", target))

    assert (what["raw_path"], what["query"], what["path"], what["target"]) == (
        raw_path,
        query,
        path,
        target,
    )


@pytest.mark.parametrize("method", ["GET", "DELETE", "PROPFIND", "x-custom"])
def test_any_method_arrives(client: RawClient, method: str) -> None:
    assert seen(client.request(method, "/echo"))["method"] == method


def test_headers_arrive_in_order_with_repeats_and_underscores(client: RawClient) -> None:
    headers = [
        ("X-One", "1"),
        ("x_under", "u"),
        ("X-One", "2"),
        ("X-Latin", "\xe9"),
        ("X-Empty", ""),
    ]

    what = seen(client.request("GET", "/echo", headers))

    assert what["headers"][1:] == [
        ["x-one", "1"],
        ["x_under", "u"],
        ["x-one", "2"],
        ["x-latin", "\xe9"],
        ["x-empty", ""],
    ]


def test_the_authority_of_an_absolute_target_replaces_the_host(client: RawClient) -> None:
    assert seen(client.request("GET", "http://other.test:81/"))["headers"] == [
        ["host", "other.test:81"]
    ]


def test_a_header_of_32_kilobytes_arrives(client: RawClient) -> None:
    what = seen(client.request("GET", "/echo", [("X-Long", "v" * 32768)]))

    assert what["headers"][1] == ["x-long", "v" * 32768]


@pytest.mark.parametrize("length", [0, 1, 65536, 262144, 262145, MAX_BODY_BYTES])
def test_a_body_arrives_identical(client: RawClient, length: int) -> None:
    body = os.urandom(length)

    what = seen(client.request("POST", "/echo", body=body))

    assert what["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_chunked_body_arrives_identical(client: RawClient) -> None:
    parts = [os.urandom(size) for size in (1, 70000, 3)]
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in parts:
        client.send(b"%x;ext=1\r\n%b\r\n" % (len(part), part))
    client.send(b"0\r\nTrailer: x\r\n\r\n")

    what = seen(client.read_response())

    assert what["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_request_that_comes_byte_by_byte_is_the_same_request(client: RawClient) -> None:
    for byte in (
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n"
        b"0\r\n\r\n"
    ):
        client.send(bytes([byte]))

    assert seen(client.read_response())["sha256"] == hashlib.sha256(b"abc").hexdigest()


def test_the_body_is_asked_for_with_100_continue(client: RawClient) -> None:
    client.send(
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    assert client.read_line() + client.read_line() == b"HTTP/1.1 100 Continue\r\n\r\n"

    client.send(b"ok")

    assert seen(client.read_response())["length"] == 2


def test_pipelined_requests_are_answered_in_order(client: RawClient) -> None:
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(300)))

    paths = [seen(client.read_response())["path"] for _ in range(300)]

    assert paths == [f"/{number}" for number in range(300)]


def test_http_1_0_gets_an_answer_that_ends_with_the_connection(client: RawClient) -> None:
    client.send(b"GET /events?1 HTTP/1.0\r\n\r\n")

    response = client.read_response()

    assert response.values("transfer-encoding") == []
    assert response.body == EVENT


# What is refused.


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
        (
            (
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
                b"\r\n0\r\n\r\n"
            ),
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX-Evil: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET evil HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"v" * 65536 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 600 + b"\r\n", 431),
    ],
)
def test_a_malformed_request_gets_a_json_error_and_a_closed_connection(
    client: RawClient, request_bytes: bytes, status: int
) -> None:
    client.send(request_bytes)

    response = client.read_response()

    assert (response.status, error(response)["code"]) == (status, status)
    assert client.read_to_the_end() == b""


def test_an_openai_path_gets_openais_shape(client: RawClient) -> None:
    client.send(b"POST /v1beta/openai/x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")

    assert error(client.read_response())["type"] == "invalid_request_error"


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(client: RawClient) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    client.send(head % (MAX_BODY_BYTES + 1))

    response = client.read_response()

    assert (response.status, response.informational, error(response)["code"]) == (413, [], 413)


def test_a_client_that_sends_a_too_large_body_whole_still_reads_the_413(client: RawClient) -> None:
    response = client.request("POST", "/echo", body=bytes(10 * MAX_BODY_BYTES))

    assert error(response)["code"] == 413


def test_a_chunked_body_is_refused_once_it_is_too_large(client: RawClient) -> None:
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"%x\r\n%b\r\n" % (2 * MAX_BODY_BYTES, bytes(2 * MAX_BODY_BYTES)))

    assert error(client.read_response())["code"] == 413


def test_a_body_that_stops_half_way_is_a_disconnect_and_no_error(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy()
    with RawClient(toy.url) as client:
        client.request("GET", "/status?200")  # nothing unread is left, which would be a reset
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")

    eventually(lambda: toy.report()["log"] == ["the body broke off"])
    assert "Traceback" not in toy.output()


@pytest.fixture(scope="module")
def impatient_toy() -> Iterator[ToyServer]:
    server = ToyServer(patience_seconds=0.5)
    yield server
    server.close()


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /echo HTTP/1.1\r\nHost:",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
    ],
    ids=["headers", "body"],
)
def test_a_request_that_does_not_go_on_gets_a_408(
    impatient_toy: ToyServer, beginning: bytes
) -> None:
    with RawClient(impatient_toy.url) as client:
        client.send(beginning)

        assert error(client.read_response())["code"] == 408


def test_headers_that_trickle_in_have_no_more_time_than_others(impatient_toy: ToyServer) -> None:
    with RawClient(impatient_toy.url, timeout=0.1) as client:
        client.send(b"GET /echo HTTP/1.1\r\n")
        due = time.monotonic() + 5
        line = b""
        while not line and time.monotonic() < due:
            client.send(b"X: y\r\n")
            with suppress(TimeoutError):
                line = client._socket.recv(65536)

    assert line.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_without_a_word(impatient_toy: ToyServer) -> None:
    with RawClient(impatient_toy.url) as client:
        client.request("GET", "/early")

        assert client.read_to_the_end() == b""


def test_a_reader_that_stalls_for_too_long_is_cut_off(impatient_toy: ToyServer) -> None:
    with RawClient(impatient_toy.url) as client:
        client.send(b"GET /flood?800 HTTP/1.1\r\nHost: a\r\n\r\n")
        connections = psutil.Process(impatient_toy.process.pid).net_connections
        eventually(lambda: len(connections()) == 2)

        eventually(lambda: len(connections()) == 1)
    assert impatient_toy.process.poll() is None


# What arrives at the client.


def test_nothing_is_invented_in_an_answer(client: RawClient) -> None:
    response = client.request("GET", "/status?200")

    assert response.headers == [("X-One", "1"), ("X-One", "2"), ("Transfer-Encoding", "chunked")]
    assert response.body == b"body"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_no_framing(client: RawClient, status: int) -> None:
    response = client.request("GET", f"/status?{status}")

    assert (response.status, response.headers) == (status, [("X-One", "1"), ("X-One", "2")])
    assert client.request("GET", "/status?200").body == b"body"


def test_head_keeps_the_content_length_and_drops_the_body(client: RawClient) -> None:
    length = len(client.request("GET", "/early").body)

    response = client.request("HEAD", "/early")

    assert response.values("content-length") == [str(length)]
    assert client.request("GET", "/early").body == b"no thanks"


def test_the_head_of_an_answer_does_not_wait_for_its_body(client: RawClient) -> None:
    client.send(b"GET /headers_only HTTP/1.1\r\nHost: a\r\n\r\n")

    assert client.read_line() == b"HTTP/1.1 200 OK\r\n"
    assert client.read_line() == b"x-first: yes\r\n"


def test_an_answer_before_the_end_of_the_body_arrives_and_closes(client: RawClient) -> None:
    client.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + bytes(1000))

    response = client.read_response()

    assert (response.status, response.body, response.values("connection")) == (
        401,
        b"no thanks",
        ["close"],
    )
    assert client.read_to_the_end() == b""


def test_connection_close_is_honoured(client: RawClient) -> None:
    response = client.request("GET", "/status?200", [("Connection", "close")])

    assert response.values("connection") == ["close"]
    assert client.read_to_the_end() == b""


def test_an_application_that_fails_first_gives_a_500_without_its_reason(client: RawClient) -> None:
    response = client.request("GET", "/fail_first")

    assert error(response) == {
        "code": 500,
        "message": "The gateway failed to answer.",
        "status": "INTERNAL",
    }


@pytest.mark.parametrize("target", ["/fail_later", "/abort", "/abort?length", "/short"])
def test_an_answer_that_breaks_is_broken_at_once_for_the_client(
    client: RawClient, target: str
) -> None:
    since = time.monotonic()

    response = client.request("GET", target)

    assert not response.is_complete
    assert time.monotonic() - since < 0.5


def test_an_answer_that_would_end_with_the_connection_is_reset_when_it_breaks(
    client: RawClient,
) -> None:
    client.send(b"GET /abort HTTP/1.0\r\n\r\n")

    with pytest.raises(BROKEN_OFF):
        all(iter(lambda: client._socket.recv(65536), b""))


def test_a_header_cannot_smuggle_in_another(client: RawClient) -> None:
    response = client.request("GET", "/inject")

    assert (response.status, response.values("set-cookie")) == (500, [])


def test_a_client_that_does_not_read_makes_the_application_wait(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy()
    with RawClient(toy.url) as client:
        client.send(b"GET /flood?800 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        client.read_line()
        sent = steady(lambda: toy.report()["flood"])
        rest = client.read_to_the_end()

    assert 0 < sent < 20 * 1024 * 1024  # what the kernel's buffers hold
    assert rest.count(bytes(65536)) == 800


def steady(value: Callable[[], int]) -> int:
    """What `value` is once it stays the same for half a second."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < 0.5:
        now = value()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.05)
    return last


def test_an_application_learns_at_once_that_its_client_left(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy()
    with RawClient(toy.url) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_line()

    eventually(lambda: toy.report()["log"], 1)
    assert toy.report()["log"] == ["the client left"]


# How it ends.


def test_a_stream_in_flight_ends_whole_after_sigterm_and_idle_connections_close_at_once(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy()
    with RawClient(toy.url) as idle, RawClient(toy.url) as streaming:
        idle.request("GET", "/status?200")
        streaming.send(b"GET /events?10 HTTP/1.1\r\nHost: a\r\n\r\n")
        streaming.read_line()

        toy.terminate()

        assert idle.read_to_the_end() == b""
        assert streaming.read_to_the_end().count(EVENT) == 10
    assert toy.process.wait(5) == 0
    assert toy.output().endswith("flushed\n")


@pytest.mark.parametrize("own_toy", ["http"], indirect=True)
def test_connections_that_the_server_has_yet_to_accept_at_sigterm_are_answered(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy()
    toy.report()  # it accepts few at once now, because few came
    toy.process.send_signal(signal.SIGSTOP)
    waiting = [RawClient(toy.url) for _ in range(200)]
    for client in waiting:
        client.send(b"GET /status?200 HTTP/1.1\r\nHost: a\r\n\r\n")
    toy.process.send_signal(signal.SIGTERM)
    toy.process.send_signal(signal.SIGCONT)

    for client in waiting:
        with client:
            assert client.read_response().status == 200
    assert toy.process.wait(5) == 0


def test_a_request_that_is_on_its_way_on_an_idle_connection_at_sigterm_is_answered(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy()
    with RawClient(toy.url) as client:
        client.request("GET", "/status?200")
        toy.terminate()

        answer = client.request("GET", "/status?200")

        assert (answer.status, answer.values("connection")) == (200, ["close"])
    assert toy.process.wait(5) == 0


def test_what_outlasts_the_drain_is_cut_and_the_server_still_flushes(
    own_toy: Callable[..., ToyServer],
) -> None:
    toy = own_toy(drain_seconds=0.5)
    with RawClient(toy.url) as client:
        client.send(b"GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_line()

        toy.terminate()

        assert not client.read_to_the_end().endswith(b"0\r\n\r\n")
    assert toy.process.wait(5) == 0
    assert toy.output().endswith("flushed\n")


def test_a_second_signal_cuts_the_drain_short(own_toy: Callable[..., ToyServer]) -> None:
    toy = own_toy(drain_seconds=30)
    with RawClient(toy.url) as client:
        client.send(b"GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_line()
        toy.terminate()

        def is_cut() -> bool:
            toy.process.send_signal(signal.SIGTERM)
            return "were cut" in toy.output()

        eventually(is_cut, 5)
    assert toy.process.wait(5) == 0
    assert toy.output().endswith("flushed\n")


def test_a_websocket_is_served_and_closed_at_the_end(own_toy: Callable[..., ToyServer]) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    toy = own_toy()
    trust = certificates.client_context() if toy.url.startswith("https") else None
    with connect(f"{toy.url.replace('http', 'ws')}/ws", proxy=None, ssl=trust) as websocket:
        websocket.send("hello")
        assert websocket.recv(5) == "HELLO"

        toy.terminate()

        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert toy.process.wait(5) == 0


def test_a_websocket_whose_answers_are_not_read_is_read_no_further(
    own_toy: Callable[..., ToyServer],
) -> None:
    """Each message is sent back: what waits on either side of the application has an end."""
    toy = own_toy()
    with RawClient(toy.url) as client:
        raw = client._socket
        raw.sendall(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 101")

        taken = flood(raw, masked_frame(bytes(60_000)) * 16)

        grown = psutil.Process(toy.process.pid).memory_info().rss
    assert taken < 30_000_000, taken
    assert grown < 250_000_000, grown
