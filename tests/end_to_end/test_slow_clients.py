"""Clients that send or read too slowly to be waited for, and honest ones that are slow."""

import itertools
import json
import time
from collections.abc import Iterator

import pytest

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded, body_of_bytes
from tests.support.gateway import Gateway, group
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.waiting import wait_for

PATIENCE = {
    "HEADER_TIMEOUT_SECONDS": "1",
    "BODY_TIMEOUT_SECONDS": "2",
    "STALL_TIMEOUT_SECONDS": "2",
}
WITHIN_SECONDS = 30  # as a rule it is one or two, and one until somebody looks


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def impatient(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    config = {"groups": [group(["KEY-A"], shared_upstream.url, auth="google")]}
    with Gateway(config, server=request.param, env=PATIENCE) as gateway:
        yield gateway


def dribbled(gateway: Gateway, start: bytes, parts: Iterator[bytes], pause: float = 0.1) -> bytes:
    """What the gateway says while `parts` come one by one, to the end of the connection."""
    due = time.monotonic() + WITHIN_SECONDS
    with RawClient(gateway.url, timeout=pause) as client:
        client.send(start)
        while time.monotonic() < due:
            try:
                return client._socket.recv(65536)
            except TimeoutError:
                client.send(next(parts))
    raise AssertionError("it would have gone on for ever")


@pytest.mark.parametrize(
    "start",
    [b"G", b"GET /echo HTTP/1.1\r\n", b"GET /echo HTTP/1.1\r\nX: "],
    ids=["G", "line", "header"],
)
def test_headers_that_stop_get_a_408(impatient: Gateway, google: FakeUpstream, start: bytes):
    with RawClient(impatient.url) as client:
        client.send(start)
        response = client.read_response()

    assert (response.status, json.loads(response.body)["error"]["code"]) == (408, 408)
    assert google.requests == []


def test_headers_that_come_byte_by_byte_get_a_408(impatient: Gateway, google: FakeUpstream):
    answer = dribbled(impatient, b"GET /echo HTTP/1.1\r\nX: ", itertools.repeat(b"a"))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert google.requests == []


@pytest.mark.parametrize("framing", [("Content-Length", "1000"), ("Transfer-Encoding", "chunked")])
def test_a_body_that_stops_gets_a_408(
    impatient: Gateway, google: FakeUpstream, framing: tuple[str, str]
):
    with RawClient(impatient.url) as client:
        client.send(
            request_bytes("POST", "/v1beta/openai/chat/completions", [framing]) + b"3\r\nabc"
        )
        response = client.read_response()

    assert (response.status, json.loads(response.body)["error"]["type"]) == (
        408,
        "invalid_request_error",
    )
    assert google.requests == []


def test_a_body_that_comes_byte_by_byte_gets_a_408_though_it_never_pauses(
    impatient: Gateway, google: FakeUpstream
):
    start = request_bytes("POST", "/echo", [("Content-Length", "1000")])

    assert dribbled(impatient, start, itertools.repeat(b"a")).startswith(b"HTTP/1.1 408 ")
    assert google.requests == []


def test_a_body_that_takes_long_but_comes_steadily_arrives(
    impatient: Gateway, google: FakeUpstream
):
    start = request_bytes("POST", "/echo", [("Content-Length", "60000")])

    assert dribbled(impatient, start, itertools.repeat(b"a" * 2000)).startswith(b"HTTP/1.1 200 ")
    assert google.last.body_length == 60_000


def test_an_answer_that_takes_long_is_waited_for(impatient: Gateway, google: FakeUpstream):
    """The client has nothing to send and nothing to read: it is not slow."""
    stream = google.held_stream("/v1beta/slow")
    with RawClient(impatient.url) as client:
        client.send(request_bytes("POST", "/v1beta/slow", [], b"{}"))
        assert stream.started.wait(10)
        time.sleep(2.5)
        stream.send_event(1)
        stream.finish()
        response = client.read_response()

    assert (response.is_complete, b"event 1" in response.body) == (True, True)


def test_a_reader_that_stalls_is_cut_off_and_the_upstream_with_it(
    impatient: Gateway, google: FakeUpstream
):
    gone: list[bool] = []

    async def pour(request: Recorded, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                await connection.send(bytes(100_000))
        finally:
            gone.append(True)

    google.on("/v1beta/pour", pour)
    with RawClient(impatient.url) as client:
        client.receive_buffer(65_536)
        client.send(request_bytes("GET", "/v1beta/pour"))
        wait_for(lambda: gone, WITHIN_SECONDS)
    assert gone == [True], "the upstream's request ends once"


def test_a_reader_that_is_slow_but_reads_gets_everything(impatient: Gateway, google: FakeUpstream):
    body = body_of_bytes(12_000_000)
    with RawClient(impatient.url) as client:
        client.receive_buffer(65_536)
        client.send(request_bytes("GET", f"/bytes/{len(body)}"))
        head = b""
        while b"\r\n\r\n" not in head:
            head += client._socket.recv(1)
        since, got = time.monotonic(), bytearray()
        while part := client._socket.recv(65_536):
            got += part
            time.sleep(0.02)
            if len(got) >= len(body):
                break
        assert bytes(got) == body
        assert time.monotonic() - since > 2.5


def test_slow_clients_are_no_news_for_the_log(impatient: Gateway, google: FakeUpstream):
    assert exchange(impatient.url, "GET", "/echo").status == 200
    assert "Traceback" not in impatient.output()
    assert "WARNING" not in impatient.output()
