"""What a key made is downloaded with that key, as it comes, and from where the provider has it."""

import hashlib
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream, body_of_bytes
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient

CONTENT = body_of_bytes(3_000_000)


@pytest.fixture
def name(google: FakeUpstream) -> str:
    """Of a file that KEY-B's project has."""
    return google.resources.generate_file("KEY-B", CONTENT).name


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=30)


@pytest.mark.parametrize("front", ["/v1beta", "/download/v1beta", "/g/default/v1beta"])
def test_a_file_comes_whole_with_the_key_that_has_it(
    shared_gateway: Gateway, google: FakeUpstream, name: str, front: str
) -> None:
    url = f"{shared_gateway.url}{front}/{name}:download?alt=media"
    answers = [get(url) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert [hashlib.sha256(answer.content).digest() for answer in answers] == [
        hashlib.sha256(CONTENT).digest()
    ] * 3
    assert google.picked()[-2:] == ["KEY-B", "KEY-B"]


PART = body_of_bytes(1000)


async def send_part(request: Recorded, connection: Connection) -> None:
    if request.key != "KEY-B":
        await connection.answer(403, b"{}")
        return
    assert request.value("range") == "bytes=5-9"
    headers = [("Content-Range", "bytes 5-9/1000"), ("ETag", '"x"'), ("Content-Type", "video/mp4")]
    await connection.answer(206, PART[5:10], headers)


def test_a_range_passes_as_it_is(shared_gateway: Gateway, google: FakeUpstream, name: str) -> None:
    google.on("/v1beta/files/", send_part)
    url = f"{shared_gateway.url}/v1beta/{name}:download?alt=media"
    answer = get(url, Range="bytes=5-9", **{"If-Range": '"x"'})

    assert (answer.status_code, answer.content) == (206, PART[5:10])
    assert answer.headers["content-range"] == "bytes 5-9/1000"
    assert answer.headers["etag"] == '"x"'
    assert google.last.value("if-range") == '"x"'


@pytest.mark.parametrize("path", ["/v1beta/{}:download?alt=media", "/v1beta/openai/{}/content"])
def test_what_arrives_is_at_the_client_before_the_rest(
    shared_gateway: Gateway, google: FakeUpstream, path: str
) -> None:
    place = path.format("files/held")
    held = google.held_stream(place.partition("?")[0], content_type="video/mp4")
    held.send(b"first")
    with httpx.stream("GET", shared_gateway.url + place, trust_env=False, timeout=10) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first"
        held.send(b"second")
        assert next(parts) == b"second"
        held.finish()
        assert b"".join(parts) == b""


def redirecting(google: FakeUpstream, location: str) -> None:
    async def redirect(request: Recorded, connection: Connection) -> None:
        to = location.format(key=request.key)
        is_owner = request.key == "KEY-B"
        await connection.answer(302 if is_owner else 403, b"", [("Location", to)])

    google.on("/v1beta/files/", redirect)


@pytest.mark.parametrize("group", ["", "/g/default"])
def test_a_redirect_to_the_target_itself_comes_back_to_the_gateway(
    shared_gateway: Gateway, google: FakeUpstream, name: str, group: str
) -> None:
    redirecting(google, f"{google.url}/download/v1beta/{name}:download?alt=media&key={{key}}")
    url = f"{shared_gateway.url}{group}/v1beta/{name}:download?alt=media"
    answer = get(url)

    to = f"{shared_gateway.url}{group}/download/v1beta/{name}:download?alt=media"
    assert (answer.status_code, answer.headers["location"]) == (302, to)
    assert get(to).content == CONTENT


@pytest.mark.parametrize("to", ["https://storage.example/x?sig=a", "//storage.example/x", "/x?y"])
def test_another_redirect_is_the_clients_to_follow_without_a_key_in_it(
    shared_gateway: Gateway, google: FakeUpstream, name: str, to: str
) -> None:
    redirecting(google, to + "&key={key}")
    with RawClient(shared_gateway.url) as client:
        answer = client.request("GET", f"/v1beta/{name}:download?alt=media")

    (location,) = answer.values("location")
    assert location.startswith(to + "&key=")
    assert "KEY-" not in location
    assert urlsplit(location).netloc in ("storage.example", "")
