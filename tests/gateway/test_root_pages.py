"""The page at the root, and what browsers and robots look for beside it."""

import json
from collections.abc import Iterator

import pytest
from django.test import AsyncClient, AsyncRequestFactory

from gateway.root_pages import HINT, index
from proxyapp import runtime
from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.raw_client import RawResponse, exchange
from tests.support.waiting import wait_for

BROWSER = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8")
PATHS = ["/", "/favicon.ico", "/robots.txt"]


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    config = {"groups": [group(["KEY-A", "KEY-B"], shared_upstream.url, "secret-name")]}
    env = {"TRUSTED_PROXIES": "127.0.0.1", "ALLOWED_HOSTS": "127.0.0.1,gate.example"}
    with Gateway(config, server=request.param, env=env) as running:
        yield running


def asked(gateway: Gateway, host: str, *headers: tuple[str, str], path: str = "/") -> RawResponse:
    return exchange(gateway.url, "GET", f"http://{host}{path}", list(headers))


def test_a_browser_gets_a_page_with_the_addresses(gateway: Gateway, google: FakeUpstream) -> None:
    page = asked(gateway, "gate.example:8443", BROWSER)

    assert page.status == 200
    assert page.values("content-type") == ["text/html; charset=utf-8"]
    text = page.body.decode()
    for address in ("", "/v1", "/g/GROUP", "/g/GROUP/v1"):
        assert f"<code>http://gate.example:8443{address}</code>" in text
    assert 'href="/admin/"' in text
    assert "2 keys available" in text
    assert "secret-name" not in text
    assert "<script" not in text
    assert google.requests == []


def test_others_get_json(gateway: Gateway, google: FakeUpstream) -> None:
    for headers in ([], [("Accept", "*/*")], [("Accept", "application/json")], [("Accept", "x")]):
        answer = asked(gateway, "gate.example", *headers)

        assert answer.values("content-type") == ["application/json"]
        assert json.loads(answer.body) == {
            "name": "Gemini Key Gateway",
            "status": "ok",
            "problems": [],
            "keys_available": 2,
            "addresses": {
                "gemini": "http://gate.example",
                "openai": "http://gate.example/v1",
                "one_group": "http://gate.example/g/GROUP",
            },
            "admin": "http://gate.example/admin/",
            "ready": "http://gate.example/readyz",
        }
    assert google.requests == []


@pytest.mark.parametrize("accept", [[], [BROWSER]])
def test_the_page_may_load_nothing_of_others_and_is_not_kept(
    gateway: Gateway, accept: list[tuple[str, str]]
) -> None:
    answer = asked(gateway, "gate.example", *accept)

    (policy,) = answer.values("content-security-policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.values("cache-control") == ["no-store, private"]
    assert answer.values("vary") == ["Accept"]
    assert answer.values("access-control-allow-origin") == []


def test_the_scheme_is_that_of_a_trusted_proxy(gateway: Gateway) -> None:
    answer = asked(gateway, "gate.example", ("X-Forwarded-Proto", "https"))

    assert json.loads(answer.body)["addresses"]["gemini"] == "https://gate.example"


@pytest.mark.parametrize(
    "host", ["evil.example", "gate.example.evil", "evil.example:80", "gate.example@evil", "<b>x"]
)
def test_a_name_that_is_not_its_own_is_not_repeated(gateway: Gateway, host: str) -> None:
    for headers in ([], [BROWSER]):
        answer = exchange(gateway.url, "GET", "/", [("Host", host), *headers])

        text = answer.body.decode()
        assert "evil" not in text
        assert "<b>" not in text
        if answer.status == 200:
            assert "http://YOUR-HOST/v1" in text
            assert HINT in text


def test_head_answers_as_get_without_the_body(gateway: Gateway, google: FakeUpstream) -> None:
    for path in PATHS:
        whole = exchange(gateway.url, "GET", path)
        head = exchange(gateway.url, "HEAD", path)

        assert (head.status, head.body) == (200, b"")
        assert head.values("content-length") == whole.values("content-length")
        assert head.values("content-type") == whole.values("content-type")
    assert google.requests == []


def test_an_icon_and_a_word_for_robots(gateway: Gateway, google: FakeUpstream) -> None:
    icon, robots = (exchange(gateway.url, "GET", path) for path in PATHS[1:])

    assert icon.values("content-type") == ["image/x-icon"]
    assert icon.body.startswith(b"\0\0\1\0")
    assert robots.body == b"User-agent: *\nDisallow: /\n"
    for answer in (icon, robots):
        assert answer.values("cache-control") == ["public, max-age=86400"]
    assert google.requests == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "get"])
def test_other_methods_are_for_an_upstream(
    gateway: Gateway, google: FakeUpstream, path: str, method: str
) -> None:
    google.on(path, _answers_ok)

    assert exchange(gateway.url, method, path, [], b"").body == b"ok"
    assert [request.target for request in google.requests] == [path.encode()]


async def _answers_ok(request: object, connection: object) -> None:
    await connection.answer(200, b"ok")  # type: ignore[attr-defined]


def test_with_tokens_it_needs_none(make_gateway: MakeGateway, upstream: FakeUpstream) -> None:
    gateway = make_gateway()
    make_tokens(gateway, {"app": {}})
    wait_for(lambda: exchange(gateway.url, "GET", "/v1beta/models").status == 401)

    assert [exchange(gateway.url, "GET", path).status for path in PATHS] == [200] * 3


def test_it_says_what_is_wrong(make_gateway: MakeGateway, upstream: FakeUpstream) -> None:
    gateway = make_gateway()
    gateway.manage("keys", "disable", "1")
    wait_for(lambda: exchange(gateway.url, "GET", "/readyz").status == 503)

    chinese = ("Accept-Language", "zh-CN")
    answer, page, in_chinese = (
        asked(gateway, "localhost", *headers)
        for headers in ([chinese], [BROWSER], [BROWSER, chinese])
    )

    assert json.loads(answer.body)["status"] == "unavailable"
    assert json.loads(answer.body)["problems"] == ["no key is available"]
    assert b"No key is available." in page.body
    assert "没有可用的密钥" in in_chinese.body.decode()
    assert b"0 keys available" in page.body


@pytest.mark.usefixtures("async_database")
async def test_plain_django_has_them_too() -> None:
    client = AsyncClient()
    try:
        page = await client.get("/", headers={"accept": "text/html"})
        others = [await client.get(path) for path in PATHS[1:]]
        posted = await client.post("/", b"x", content_type="text/plain")
    finally:
        await runtime.shutdown()

    assert [answer.status_code for answer in (page, *others)] == [200] * 3
    assert b"http://testserver/v1" in page.content
    assert posted.status_code == 503  # the upstream's to answer, and there is none


@pytest.mark.usefixtures("async_database")
async def test_a_path_in_front_is_in_every_address() -> None:
    request = AsyncRequestFactory().get("/")
    request.META["SCRIPT_NAME"] = "/gemini"
    try:
        facts = json.loads((await index(request)).content)
    finally:
        await runtime.shutdown()

    assert facts["addresses"]["openai"] == "http://testserver/gemini/v1"
    assert facts["admin"] == "http://testserver/gemini/admin/"
