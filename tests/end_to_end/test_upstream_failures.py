"""What the client sees when the upstream fails.

The failure of one request is the failure of that one only.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeGateway
from tests.support import certificates
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.ports import free_port
from tests.support.raw_client import RawClient, RawResponse, exchange, request_bytes

NATIVE = "/v1beta/models/gemini-2.5-flash:generateContent"
OPENAI = "/v1beta/openai/chat/completions"
SERVERS = ["daphne", "uvicorn"]


def check_error(response: RawResponse, path: str, status: int) -> str:
    """The error has the shape that the clients of the path parse; returns its message."""
    error: dict[str, Any] = json.loads(response.body)["error"]
    assert response.status == status
    assert response.values("content-type")[0].startswith("application/json")
    if "/openai/" in path:
        assert set(error) == {"message", "type", "param", "code"}
    else:
        assert (error["code"], type(error["status"])) == (status, str)
    assert "KEY-" not in response.body.decode()
    assert "Traceback" not in response.body.decode()
    message: str = error["message"]
    return message


@pytest.mark.parametrize("server", SERVERS)
def test_an_upstream_that_nobody_listens_at_is_a_502(
    make_gateway: MakeGateway, server: str
) -> None:
    gateway = make_gateway(target_url=f"http://127.0.0.1:{free_port()}", server=server)
    for path in (NATIVE, OPENAI):
        assert check_error(exchange(gateway.url, "POST", path, [], b"{}"), path, 502)


def test_an_upstream_with_a_certificate_that_nobody_vouches_for_is_a_502(
    make_gateway: MakeGateway,
) -> None:
    with FakeUpstream(tls=certificates.server_context()) as upstream:
        gateway = make_gateway(target_url=upstream.url)
        assert "certificate" in check_error(
            exchange(gateway.url, "POST", NATIVE, [], b"{}"), NATIVE, 502
        )
        assert upstream.requests == []


def test_a_trusted_certificate_authority_makes_tls_work(
    make_gateway: MakeGateway, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.pem())
    with FakeUpstream(tls=certificates.server_context()) as upstream:
        gateway = make_gateway(
            target_url=upstream.url, env={"UPSTREAM_CA_FILE": str(tmp_path / "ca.pem")}
        )
        for _ in range(2):
            assert exchange(gateway.url, "POST", NATIVE, [], b"{}").status == 200
        assert upstream.last.values("host") == [upstream.host]
        assert upstream.connections_made == 1


@pytest.fixture(params=SERVERS)
def impatient(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(["KEY-A", "KEY-B"], server=request.param, env={"READ_TIMEOUT_SECONDS": "1"})


async def say_nothing(request: Recorded, connection: Connection) -> None:
    await connection.gone.wait()
    connection.close()


def test_a_silent_upstream_is_a_504_and_is_not_asked_twice(
    impatient: Gateway, upstream: FakeUpstream
) -> None:
    upstream.on("/v1beta", say_nothing)
    for count, path in enumerate((NATIVE, OPENAI), 1):
        assert check_error(exchange(impatient.url, "POST", path, [], b"{}"), path, 504)
        assert len(upstream.requests) == count
    upstream.wait_for_connections(0, 3)


def test_a_stream_that_falls_silent_breaks(impatient: Gateway, upstream: FakeUpstream) -> None:
    stream = upstream.held_stream("/v1beta/stream")
    stream.send_event(1)
    response = exchange(impatient.url, "GET", "/v1beta/stream")
    assert (response.is_complete, b"event 1" in response.body) == (False, True)
    assert stream.client_gone.wait(3)


@pytest.mark.parametrize("content_length", [None, 10_000])
def test_an_upstream_that_dies_in_its_answer_breaks_the_clients(
    shared_gateway: Gateway, google: FakeUpstream, content_length: int | None
) -> None:
    stream = google.held_stream("/v1beta/stream", content_length=content_length)
    with RawClient(shared_gateway.url) as client:
        client.send(request_bytes("GET", "/v1beta/stream"))
        stream.send(b"data: 1\n\n")
        while b"data: 1" not in client.read_line():
            pass
        stream.die()
        assert not client.read_to_the_end().endswith(b"0\r\n\r\n")
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", id="in a chunk"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", id="between chunks"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n",
            id="no chunk size",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", id="in a body"),
    ],
)
def test_an_answer_cut_short_is_never_shown_as_whole(
    shared_gateway: Gateway, google: FakeUpstream, answer: bytes
) -> None:
    google.on("/raw", sends(answer))
    with RawClient(shared_gateway.url) as client:
        client.send(request_bytes("GET", "/raw"))
        response = client.read_response()
    assert response.status == 502 or not response.is_complete


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", id="half a head"),
        pytest.param(b"SSH-2.0-Other\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 banana\r\n\r\n", id="no status"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
            id="two lengths",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, id="an endless head"),
    ],
)
def test_an_answer_that_is_none_is_a_502_and_is_not_asked_for_twice(
    shared_gateway: Gateway, google: FakeUpstream, answer: bytes
) -> None:
    google.on("/v1beta", sends(answer))
    for count, path in enumerate((NATIVE, OPENAI), 1):
        assert check_error(exchange(shared_gateway.url, "POST", path, [], b"{}"), path, 502)
        assert len(google.requests) == count
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200


def sends(answer: bytes):
    """A handler that sends the bytes and ends the connection."""

    async def handler(request: Recorded, connection: Connection) -> None:
        await connection.send(answer)
        connection.close()

    return handler


def test_a_connection_that_the_upstream_closed_while_idle_costs_no_request(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    """A keep-alive connection that ended before the next request was never used for it.

    So nothing is asked twice.
    """

    async def answer_and_close(request: Recorded, connection: Connection) -> None:
        await connection.answer(200, b"ok")
        connection.close()

    google.on("/raw", answer_and_close)
    for _ in range(3):
        assert exchange(shared_gateway.url, "GET", "/raw").body == b"ok"
        google.wait_for_connections(0)
    assert len(google.requests) == 3


def test_a_server_error_of_the_upstream_is_relayed_and_burns_no_key(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    for _ in range(4):
        response = exchange(shared_gateway.url, "GET", "/status/503")
        assert (response.status, response.body) == (503, b'{"status": 503}')
    assert set(google.picked()) == {"KEY-A", "KEY-B"}


@pytest.mark.parametrize("server", SERVERS)
def test_a_429_is_hidden_from_the_client_while_there_is_another_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"], server=server)
    upstream.exhausted("KEY-A")
    for path in (NATIVE, OPENAI):
        assert (
            exchange(gateway.url, "POST", path, [], b'{"model": "gemini-2.5-flash"}').status == 200
        )
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-B"]
    first, second = gateway.keys()
    assert (first["state"], second["state"]) == ("cooling", "available")


@pytest.mark.parametrize("path", [NATIVE, OPENAI])
def test_when_all_keys_are_spent_the_first_client_is_told_what_all_are_told(
    make_gateway: MakeGateway, upstream: FakeUpstream, path: str
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"])
    upstream.exhausted("KEY-A")
    upstream.exhausted("KEY-B")
    for _ in range(2):
        spent = exchange(gateway.url, "POST", path, [], b"{}")
        check_error(spent, path, 429)
        assert b"RESOURCE_EXHAUSTED" in spent.body
        assert int(spent.values("retry-after")[0]) > 0
    assert upstream.picked() == ["KEY-A", "KEY-B"]


def test_a_429_of_a_long_request_sends_the_whole_body_again(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"])
    upstream.exhausted("KEY-A")
    assert exchange(gateway.url, "POST", "/echo", [], b"x" * 3_000_000).status == 200
    first, second = upstream.requests
    assert (first.key, second.key) == ("KEY-A", "KEY-B")
    assert first.body_sha256 == second.body_sha256
    assert first.body_length == 3_000_000


def test_cooldowns_and_the_turn_survive_a_kill(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B", "KEY-C"], env={"ROTATION_LEASE": "1"})
    upstream.exhausted("KEY-B")
    for _ in range(2):
        assert exchange(gateway.url, "GET", "/echo").status == 200
    gateway.kill()
    gateway.start()
    for _ in range(2):
        assert exchange(gateway.url, "GET", "/echo").status == 200
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-C", "KEY-A", "KEY-C"]
