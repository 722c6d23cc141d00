"""Browser apps of other sites, with a client token and without."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import MakeGateway
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


LOCAL = "http://localhost:3000"
READ = {"expose-headers": "Retry-After, x-should-retry"}


def under(target: str) -> str:
    """A name of this machine."""
    return f"http://localhost{target}"


def page_of(origin: str) -> list[tuple[str, str]]:
    return [("Origin", origin), ("Sec-Fetch-Site", "cross-site"), *PREFLIGHT[1:]]


def read_by(response: RawResponse) -> dict[str, str]:
    """What of CORS it says; it depends on the origin then."""
    said = {name.removeprefix("access-control-"): value for name, value in cors(response).items()}
    assert not said or "Origin" in response.values("vary")
    return said


@pytest.mark.parametrize("origin", [LOCAL, "https://127.0.0.1:3000", "http://[::1]"])
def test_without_tokens_a_preflight_of_this_machine_costs_no_key(
    shared_gateway: Gateway, google: FakeUpstream, origin: str
) -> None:
    response = exchange(shared_gateway.url, "OPTIONS", under(NATIVE), page_of(origin))

    assert (response.status, response.body, google.requests) == (204, b"", [])
    assert read_by(response) == {
        "allow-origin": origin,
        "allow-methods": "POST",
        "allow-headers": "authorization,content-type,x-goog-api-key",
        "max-age": "600",
    }


def test_without_tokens_a_page_of_this_machine_reads_answers_and_refusals(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    async def answer(request: Recorded, connection: Connection) -> None:
        its = b"Access-Control-Allow-Origin: https://its.example\r\n"
        await connection.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok" % its)

    google.on("/said", answer)
    for target, status in (("/said", 200), ("/g/none/echo", 404), ("/echo", 200)):
        response = exchange(shared_gateway.url, "POST", under(target), page_of(LOCAL), b"{}")

        assert response.status == status
        assert read_by(response) == {"allow-origin": LOCAL, **READ}


def test_a_program_gets_no_header_of_cors(shared_gateway: Gateway, google: FakeUpstream) -> None:
    response = exchange(shared_gateway.url, "POST", "/echo", [], b"{}")

    assert (response.status, read_by(response)) == (200, {})


def test_an_options_that_is_no_preflight_is_proxied(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    exchange(shared_gateway.url, "OPTIONS", under("/echo"), [("Origin", LOCAL)])

    assert [request.method for request in google.requests] == ["OPTIONS"]


FOREIGN = [
    "null",
    "app://x",
    "tauri://localhost",
    "vscode-webview://1a2b",
    "chrome-extension://abc",
    "https://app.example",
    "http://localhost.evil.com",
    "http://evil.com@localhost",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_without_tokens_other_origins_are_told_of_the_setting(
    shared_gateway: Gateway, google: FakeUpstream, origin: str
) -> None:
    for method in ("OPTIONS", "POST"):
        for target in (NATIVE, "/v1beta/openai/chat/completions"):
            response = exchange(shared_gateway.url, method, under(target), page_of(origin), b"{}")
            error = json.loads(response.body)["error"]

            assert (response.status, read_by(response)) == (403, {})
            assert f"{origin!r} to ALLOWED_ORIGINS" in error["message"]
            assert ("type" in error) == ("openai" in target)
    assert google.requests == []


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_the_setting_lets_them_in(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    allowed = "null,app://,tauri://localhost,vscode-webview://*,chrome-extension://abc"
    gateway = make_gateway(server=server, env={"ALLOWED_ORIGINS": f"{allowed},https://app.example"})
    for origin in FOREIGN[:6]:
        asked = exchange(gateway.url, "OPTIONS", under("/echo"), page_of(origin))
        answer = exchange(gateway.url, "POST", under("/echo"), page_of(origin), b"{}")

        assert (asked.status, asked.values("access-control-allow-origin")) == (204, [origin])
        assert (answer.status, read_by(answer)) == (200, {"allow-origin": origin, **READ})
    for origin in FOREIGN[6:]:
        assert exchange(gateway.url, "POST", under("/echo"), page_of(origin), b"{}").status == 403
    assert [request.method for request in upstream.requests] == ["POST"] * 6


def test_with_allow_anonymous_only_pages_that_need_no_token_get_an_answer_of_its_own(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(env={"ALLOW_ANONYMOUS": "true"})

    local = exchange(gateway.url, "OPTIONS", under("/echo"), page_of(LOCAL))
    other = exchange(gateway.url, "OPTIONS", under("/echo"), page_of("https://app.example"))

    assert (local.status, other.status) == (204, 200)
    assert read_by(other) == {}
    assert [request.method for request in upstream.requests] == ["OPTIONS"]


def test_a_page_reads_whose_a_list_is_and_how_an_upload_goes_on(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    page = [*page_of(LOCAL), ("X-Goog-Upload-Protocol", "resumable")]
    begun = exchange(
        shared_gateway.url,
        "POST",
        under("/upload/v1beta/files"),
        [*page, ("X-Goog-Upload-Command", "start")],
        b"{}",
    )
    listed = exchange(shared_gateway.url, "GET", under("/v1beta/files"), page_of(LOCAL))

    for answer, names in (
        (begun, ("x-goog-upload-url", "x-goog-upload-status", "x-goog-upload-chunk-granularity")),
        (listed, ("x-gateway-projects",)),
    ):
        (exposed,) = answer.values("access-control-expose-headers")
        told = exposed.split(", ")
        assert told[:2] == ["Retry-After", "x-should-retry"]
        assert all(answer.values(name) and name in told for name in names)
