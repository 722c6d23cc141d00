"""A key goes where its group says: to Anthropic's header, Azure's, or one that the operator names.

Exactly one credential arrives, and nothing of what the client has put in its place.
"""

import asyncio
from urllib.parse import quote

import httpx
import pytest

from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group

HEADERS = ["x-api-key", "api-key", "header:X-My-Key", "header:authorization"]
WAYS = [*HEADERS, "query:api_key", "query:api_key"]  # the last one's key is refused
NAMES = ("authorization", "x-goog-api-key", "x-api-key", "api-key", "x-my-key", "x_my_key")
# As long as a provider's, with characters that a query has to have encoded.
KEY = "sk+very/secret=key-0123456789"
SHOWN_TO_GATEWAY = {
    "authorization": "Bearer mine",
    "x-goog-api-key": "mine",
    "x-api-key": "mine",
    "api-key": "mine",
    "X-My-Key": "mine",
    "x_my_key": "mine",
}
QUERY = "key=mine&a=1&api_key=mine&API%5Fkey=mine&b=%2F"


@pytest.fixture(scope="module")
def lenient():
    with FakeUpstream(strict=False) as server:
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, lenient: FakeUpstream):
    groups = [
        group([f"{KEY}-{at}"], lenient.url, f"way{at}", auth=way) for at, way in enumerate(WAYS)
    ]
    with Gateway({"groups": groups}, server=request.param) as running:
        yield running


def arrived(upstream: FakeUpstream) -> dict[str, str]:
    return {
        name.decode().lower(): value.decode()
        for name, value in upstream.last.headers
        if name.decode().lower() in NAMES
    }


def ask(gateway: Gateway, at: int, path: str = "/v1/models", query: str = QUERY) -> httpx.Response:
    return httpx.get(
        f"{gateway.url}/g/way{at}{path}?{query}",
        headers=SHOWN_TO_GATEWAY,
        timeout=30,
        trust_env=False,
    )


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("x-api-key", "x-api-key"),
        ("api-key", "api-key"),
        ("header:X-My-Key", "x-my-key"),
        ("header:authorization", "authorization"),
    ],
)
def test_the_key_is_alone_in_the_header_that_the_group_names(gateway, lenient, way, name):
    at = WAYS.index(way)

    ask(gateway, at, query="key=mine&a=1")

    other = {} if name == "x-my-key" else {"x-my-key": "mine", "x_my_key": "mine"}
    assert arrived(lenient) == {name: f"{KEY}-{at}", **other}
    assert lenient.last.target == b"/v1/models?a=1"


def test_the_key_is_alone_in_the_parameter_that_the_group_names(gateway, lenient):
    at = WAYS.index("query:api_key")

    ask(gateway, at)

    assert arrived(lenient) == {"x-my-key": "mine", "x_my_key": "mine"}
    assert lenient.last.query == f"a=1&b=%2F&api_key={quote(f'{KEY}-{at}', safe='')}"


def test_without_a_query_there_is_the_key_alone(gateway, lenient):
    at = WAYS.index("query:api_key")

    httpx.post(f"{gateway.url}/g/way{at}/v1/x", content=b"{}", timeout=30, trust_env=False)

    assert lenient.last.target == f"/v1/x?api_key={quote(f'{KEY}-{at}', safe='')}".encode()


def answering(status: int, headers: list[tuple[str, str]], body: bytes):
    async def handler(request: Recorded, connection: Connection) -> None:
        await connection.answer(status, body, headers)

    return handler


@pytest.mark.parametrize("status", [200, 201, 302, 404, 500, 429])
@pytest.mark.parametrize("is_quoted", [False, True])
def test_a_key_in_the_query_is_masked_in_every_answer_and_in_no_log(
    gateway, lenient, status, is_quoted
):
    at = WAYS.index("query:api_key", 5 if status == 429 else 0)
    key = f"{KEY}-{at}"
    written = quote(key, safe="") if is_quoted else key
    link = f"{lenient.url}/v1/models?page=2&api_key={written}"
    body = f'{{"next": "{link}", "error": {{"message": "see {link}"}}}}'.encode()
    headers = [("Content-Type", "application/json"), ("Location", link), ("Link", f"<{link}>")]
    lenient.on("/v1/paged", answering(status, headers, body))

    answer = httpx.get(f"{gateway.url}/g/way{at}/v1/paged", timeout=30, trust_env=False)

    told = f"{answer.headers}{answer.text}"
    assert answer.status_code == status
    assert "page=2" in told
    for secret in (key, quote(key, safe=""), KEY, quote(KEY, safe="")):
        assert secret not in told
        assert secret not in gateway.output()


def test_a_link_in_a_success_that_comes_in_pieces_is_masked_too(gateway, lenient):
    at = WAYS.index("query:api_key")
    written = quote(f"{KEY}-{at}", safe="")

    async def slowly(request: Recorded, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in ("{'next': '/v1?api_key=", written[:9], written[9:20], written[20:], "&p=2'}"):
            await connection.send_chunk(piece.encode())
            await asyncio.sleep(0.02)
        await connection.finish_chunks()

    lenient.on("/v1/pieces", slowly)

    answer = httpx.get(f"{gateway.url}/g/way{at}/v1/pieces", timeout=30, trust_env=False)

    assert answer.text.endswith("&p=2'}")
    assert written not in answer.text
