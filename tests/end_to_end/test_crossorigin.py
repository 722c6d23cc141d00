"""Browser apps of other sites, with a client token and without."""

from collections.abc import Iterator

import pytest

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.raw_client import RawResponse, exchange
from tests.support.waiting import wait_for

NATIVE = "/v1beta/models/gemini-2.5-flash:generateContent"
ORIGIN = ("Origin", "https://app.example")
PREFLIGHT = [
    ORIGIN,
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type,x-goog-api-key"),
]


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def closed(
    request: pytest.FixtureRequest, shared_upstream: FakeUpstream
) -> Iterator[tuple[Gateway, str]]:
    """A gateway that asks for its token, and the token."""
    config = {"groups": [group(["KEY-A"], shared_upstream.url, auth="google")]}
    with Gateway(config, server=request.param) as gateway:
        token = make_tokens(gateway, {"app": {}})["app"]
        wait_for(lambda: exchange(gateway.url, "GET", "/echo").status == 401)
        yield gateway, token


def cors(response: RawResponse) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in response.headers
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("target", [NATIVE, "/g/default/echo", "/echo?key=gk-" + "x" * 43])
def test_a_preflight_is_answered_without_a_key(
    closed: tuple[Gateway, str], google: FakeUpstream, target: str
) -> None:
    response = exchange(closed[0].url, "OPTIONS", target, PREFLIGHT)

    assert (response.status, response.body, google.requests) == (204, b"", [])
    assert cors(response) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "authorization,content-type,x-goog-api-key",
        "access-control-max-age": "600",
    }


def test_twenty_preflights_with_a_bad_token_are_no_guesses(
    closed: tuple[Gateway, str], google: FakeUpstream
) -> None:
    for _ in range(20):
        assert (
            exchange(closed[0].url, "OPTIONS", "/echo?key=gk-" + "y" * 43, PREFLIGHT).status == 204
        )


@pytest.mark.parametrize("headers", [[], [ORIGIN], PREFLIGHT[1:]])
def test_another_options_request_needs_a_token(
    closed: tuple[Gateway, str], google: FakeUpstream, headers: list[tuple[str, str]]
) -> None:
    gateway, token = closed

    assert exchange(gateway.url, "OPTIONS", "/echo", headers).status == 401
    assert google.requests == []
    assert exchange(gateway.url, "OPTIONS", "/echo", [*headers, ("x-api-key", token)]).status == 200


@pytest.mark.parametrize(
    ("target", "has_token", "status"), [(NATIVE, False, 401), ("/g/none/echo", True, 404)]
)
def test_a_page_can_read_what_the_gateway_refuses(
    closed: tuple[Gateway, str], google: FakeUpstream, target: str, has_token: bool, status: int
) -> None:
    gateway, token = closed
    headers = [ORIGIN, ("Authorization", f"Bearer {token}")] if has_token else [ORIGIN]
    response = exchange(gateway.url, "POST", target, headers, b"{}")

    assert response.status == status
    assert cors(response) == {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "Retry-After, x-should-retry",
    }


@pytest.mark.parametrize(
    ("headers", "said", "expected"),
    [
        ([ORIGIN], b"", {"allow-origin": "*", "expose-headers": "Retry-After, x-should-retry"}),
        (
            [ORIGIN],
            b"access-control-ALLOW-origin: https://its.example\r\n",
            {"allow-origin": "https://its.example"},
        ),
        ([], b"", {}),
    ],
)
def test_a_page_can_read_an_upstream_that_does_not_say_who_may(
    closed: tuple[Gateway, str],
    google: FakeUpstream,
    headers: list[tuple[str, str]],
    said: bytes,
    expected: dict[str, str],
) -> None:
    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok" % said)

    google.on("/said", answer)
    gateway, token = closed
    response = exchange(gateway.url, "POST", "/said", [*headers, ("x-goog-api-key", token)], b"{}")

    assert (response.status, response.body) == (200, b"ok")
    assert cors(response) == {f"access-control-{name}": value for name, value in expected.items()}


def test_the_admin_and_the_health_of_the_gateway_are_for_no_other_site(
    closed: tuple[Gateway, str],
) -> None:
    for target in ("/admin/login/", "/healthz", "/readyz"):
        assert cors(exchange(closed[0].url, "OPTIONS", target, PREFLIGHT)) == {}


def test_without_tokens_a_page_of_another_site_learns_nothing(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    for method in ("OPTIONS", "POST"):
        response = exchange(shared_gateway.url, method, NATIVE, PREFLIGHT)

        assert (response.status, cors(response), google.requests) == (403, {}, [])
    of_this_machine = exchange(
        shared_gateway.url, "POST", "http://localhost/echo", [("Origin", "http://localhost:3000")]
    )
    assert (of_this_machine.status, cors(of_this_machine)) == (200, {})


def test_without_tokens_a_preflight_of_this_machine_is_proxied(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    exchange(
        shared_gateway.url,
        "OPTIONS",
        "http://localhost/echo",
        [("Origin", "http://localhost:3000"), *PREFLIGHT[1:]],
    )

    assert [request.method for request in google.requests] == ["OPTIONS"]
