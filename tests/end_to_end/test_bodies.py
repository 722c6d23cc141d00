"""Bodies of any size arrive as they were sent, in both directions, and as they come."""

import gzip
import hashlib
import json
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded, body_of_bytes
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, exchange, request_bytes

MEGABYTE = 1024 * 1024
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "size", [1, 65_536, MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 3_000_000, 20_000_000]
)
def test_a_request_body_arrives_identical(
    shared_gateway: Gateway, google: FakeUpstream, size: int
) -> None:
    body = body_of_bytes(size)
    echo = json.loads(exchange(shared_gateway.url, "POST", "/echo", [], body).body)
    assert (echo["body_length"], echo["body_sha256"]) == (size, sha256(body))


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_chunked_request_body_arrives_identical(
    shared_gateway: Gateway, google: FakeUpstream, size: int
) -> None:
    body = body_of_bytes(size)
    with RawClient(shared_gateway.url) as client:
        client.send(
            request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")])
            + chunked(body, 100_000)
        )
        echo = json.loads(client.read_response().body)
    assert (echo["body_length"], echo["body_sha256"]) == (size, sha256(body))


def test_a_body_of_exactly_the_limit_arrives_identical(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    body = body_of_bytes(100 * MEGABYTE)
    echo = json.loads(exchange(make_gateway().url, "POST", "/echo", [], body).body)
    assert (echo["body_length"], echo["body_sha256"]) == (len(body), sha256(body))


@pytest.mark.parametrize("kind", ["bytes", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000, 20_000_000])
def test_an_answer_arrives_identical(
    shared_gateway: Gateway, google: FakeUpstream, kind: str, size: int
) -> None:
    response = exchange(shared_gateway.url, "GET", f"/{kind}/{size}")
    assert response.is_complete
    assert (len(response.body), sha256(response.body)) == (size, sha256(body_of_bytes(size)))


def test_a_compressed_answer_is_not_touched(shared_gateway: Gateway, google: FakeUpstream) -> None:
    response = exchange(shared_gateway.url, "GET", "/gzip/echo", [("Accept-Encoding", "gzip")])
    assert response.values("content-encoding") == ["gzip"]
    assert response.values("content-length") == [str(len(response.body))]
    assert json.loads(gzip.decompress(response.body))["target"] == "/gzip/echo"


def test_a_compressed_request_is_not_touched(shared_gateway: Gateway, google: FakeUpstream) -> None:
    body = gzip.compress(b"{}")
    exchange(shared_gateway.url, "POST", "/echo", [("Content-Encoding", "gzip")], body)
    assert google.last.values("content-encoding") == ["gzip"]
    assert google.last.body == body


@pytest.fixture(params=["daphne", "uvicorn"])
def small_gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(server=request.param, env={"MAX_BODY_BYTES": "1000"})


def test_a_body_over_the_limit_is_refused(small_gateway: Gateway, upstream: FakeUpstream) -> None:
    for path in ("/v1beta/models/x", "/v1beta/openai/chat/completions"):
        for headers, body in (([], b"x" * 1001), ([("Transfer-Encoding", "chunked")], b"")):
            with RawClient(small_gateway.url) as client:
                client.send(
                    request_bytes("POST", path, headers, body)
                    + (b"" if body else chunked(b"x" * 1001, 400))
                )
                response = client.read_response()
            said: dict[str, Any] = json.loads(response.body)["error"]
            assert (response.status, "1000" in said["message"]) == (413, True)
            assert ("type" in said) is ("openai" in path)
    assert upstream.requests == []
    assert exchange(small_gateway.url, "POST", "/echo", [], b"x" * 1000).status == 200


@pytest.mark.parametrize("content_length", [None, 1000])
def test_an_event_is_at_the_client_before_the_next_is_sent(
    shared_gateway: Gateway, google: FakeUpstream, content_length: int | None
) -> None:
    stream = google.held_stream(STREAM, content_length=content_length)
    with httpx.stream(
        "POST", shared_gateway.url + STREAM, json={}, timeout=10, trust_env=False
    ) as response:
        parts = response.iter_raw()
        for number in range(3):
            event = f"data: {number}\n\n".encode().ljust(100)
            stream.send(event)
            assert next(parts) == event
        if content_length:
            stream.send(b"x" * 700)
        stream.finish()
        assert len(b"".join(parts)) == (700 if content_length else 0)


def test_an_answer_may_begin_before_its_request_has_ended(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    """The upstream refuses by the headers alone and never reads the body.

    The client gets the refusal.
    """

    async def refuse(request: Recorded, connection: Connection) -> None:
        await connection.answer(413, b'{"error": "too long for me"}', [("Connection", "close")])
        while await connection.reader.read(1 << 16):
            pass
        connection.close()

    google.on("/early", refuse, reads_body=False)
    response = exchange(shared_gateway.url, "POST", "/early", [], b"x" * 3_000_000)
    assert (response.status, response.body) == (413, b'{"error": "too long for me"}')


def test_a_client_that_expects_100_continue_gets_it(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    with RawClient(shared_gateway.url) as client:
        client.send(
            request_bytes("POST", "/echo", [("Content-Length", "4"), ("Expect", "100-continue")])
        )
        assert client.read_line().startswith(b"HTTP/1.1 100")
        assert client.read_line() == b"\r\n"
        client.send(b"body")
        assert client.read_response().status == 200
    assert google.last.body == b"body"


def test_several_requests_share_a_connection(shared_gateway: Gateway, google: FakeUpstream) -> None:
    with RawClient(shared_gateway.url) as client:
        for number in range(3):
            assert (
                json.loads(client.request("POST", "/echo", [], b"x" * number).body)["body_length"]
                == number
            )
