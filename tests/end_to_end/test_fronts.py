"""Behind nginx and Caddy as Debian ships them."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.fronts import FRONTS, nginx
from tests.support.gateway import Gateway

JSON_STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
STREAMS = {
    "events": ("text/event-stream", b'data: {"n": %d}\r\n\r\n'),
    "array": ("application/json; charset=UTF-8", b'[{"n": %d}\r\n,'),
    "lines": ("application/x-ndjson", b'{"n": %d}\n'),
    "bytes": ("application/octet-stream", b"%d"),
}


@pytest.fixture(scope="module", params=sorted(FRONTS))
def front(request: pytest.FixtureRequest, shared_gateway: Gateway) -> Iterator[str]:
    """The URL of one with nothing but a line to proxy, in front of the gateway."""
    with FRONTS[request.param](shared_gateway.url) as url:
        yield url


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_comes_as_it_is_written(front: str, google: FakeUpstream, kind: str):
    content_type, piece = STREAMS[kind]
    path = JSON_STREAM if kind in ("events", "array") else "/stream"
    held = google.held_stream(path, content_type=content_type)
    held.send(piece % 1)

    with httpx.stream("POST", front + path, json={}, trust_env=False, timeout=10) as answer:
        parts = answer.iter_raw()
        first = next(parts)
        held.send(piece % 2)
        second = next(parts)
        held.finish()
        rest = b"".join(parts)

    assert (first, second, rest) == (piece % 1, piece % 2, b"")
    assert answer.headers["content-type"] == content_type


def test_the_provider_hears_nothing_of_who_stands_in_front(front: str, google: FakeUpstream):
    answer = httpx.get(front + "/echo", headers={"X-Real-IP": "192.0.2.1"}, trust_env=False)

    assert answer.status_code == 200
    names = {name.decode().lower() for name, _ in google.last.headers}
    assert names <= {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "x-goog-api-key",
        "x-gateway-hop",
    }


def test_a_stream_that_breaks_off_looks_broken(shared_gateway: Gateway, google: FakeUpstream):
    """Though a bare nginx asks in HTTP/1.0, where an end is only the connection's. (Caddy 2.6
    ends whatever breaks off as if it were whole.)
    """
    held = google.held_stream(JSON_STREAM)
    held.send_event(1)

    with (
        nginx(shared_gateway.url) as front,
        httpx.stream("POST", front + JSON_STREAM, json={}, trust_env=False, timeout=10) as answer,
    ):
        parts = answer.iter_raw()
        assert b"event 1" in next(parts)
        held.die()
        with pytest.raises(httpx.RemoteProtocolError):
            next(parts)


def test_a_front_sends_no_file_of_its_own_for_an_answer(front: str, google: FakeUpstream):
    orders = [("X-Accel-Redirect", "/healthz"), ("X-Sendfile", "/etc/hostname")]
    held = google.held_stream("/v1beta/models", headers=orders)
    held.send(b"the answer")
    held.finish()

    assert httpx.get(front + "/v1beta/models", trust_env=False).text == "the answer"
