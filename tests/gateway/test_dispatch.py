"""Which paths are the gateway's own, and which are proxied."""

import asyncio
import re

import httpx
import pytest
import websockets
from django.http import StreamingHttpResponse
from django.test import AsyncClient

from gateway.dispatch import Dispatcher, django_scope
from proxyapp import runtime
from proxyapp.models import ApiKey, Group
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.raw_client import exchange

STATIC = (
    "/static/admin/js/SelectFilter2.js",
    "/static/unfold/css/styles.css",
    "/static/unfold/js/chart/chart.js",
    "/static/unfold/fonts/material-symbols/Material-Symbols-Outlined.woff2",
    "/static/proxyapp/admin.css",
    "/static/proxyapp/admin.js",
)


@pytest.fixture(scope="module")
def lenient():
    with FakeUpstream(strict=False) as server:
        yield server


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request, lenient):
    with Gateway({"groups": [group(["KEY-A"], lenient.url)]}, server=request.param) as running:
        yield running


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/admin/", "/admin", *STATIC, "/metrics"])
def test_the_gateways_own_paths_never_reach_an_upstream(gateway, lenient, path):
    lenient.reset()

    answer = httpx.get(gateway.url + path, trust_env=False)

    assert answer.status_code == {"/admin/": 302, "/admin": 301}.get(path, 200)
    assert lenient.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "/%61dmin/",
        "//admin/",
        "/administrator",
        "/healthz/",
        "/static",
        "/favicon.ico/",
        "/robots.txt;x",
        "/x/../admin/",
        "/admin;x",
        "/Admin/",
    ],
)
def test_everything_else_is_proxied_as_it_is(gateway, lenient, target):
    lenient.reset()

    exchange(gateway.url, "GET", target)

    assert lenient.last.target == target.encode()


def test_the_admin_asks_for_a_login_and_its_icon_is_not_proxied(gateway, lenient):
    lenient.reset()

    page = httpx.get(gateway.url + "/admin/login/", trust_env=False)

    assert page.status_code == 200
    (icon,) = re.findall(r'<link rel="icon" href="([^"]+)"', page.text)
    assert httpx.get(gateway.url + icon, trust_env=False).headers["Content-Type"] == "image/svg+xml"
    assert lenient.requests == []


@pytest.mark.parametrize("path", ["/ws/x", "/ws/admin/live", "/ws/admin/live/"])
def test_websockets_are_refused_where_there_is_none_and_to_strangers(gateway, path):
    async def connect():
        async with websockets.connect(
            gateway.url.replace("http", "ws") + path, proxy=None, open_timeout=10
        ):
            pass

    with pytest.raises(websockets.InvalidStatus) as refused:
        asyncio.run(connect())

    assert refused.value.response.status_code == 403


def test_a_header_with_an_underscore_is_proxied_and_hidden_from_django(gateway, lenient):
    exchange(gateway.url, "GET", "/echo", [("X_Odd", "1")])

    assert (b"x_odd", b"1") in [(name.lower(), value) for name, value in lenient.last.headers]
    assert django_scope({"headers": [(b"x_odd", b"1"), (b"x-odd", b"2")]}) == {
        "headers": [(b"x-odd", b"2")]
    }


@pytest.mark.usefixtures("async_database")
async def test_djangos_test_client_reaches_the_view_too(lenient):
    made = await Group.objects.acreate(name="g", target_url=lenient.url)
    key = ApiKey(group=made)
    key.set_secret("KEY-A")
    await key.asave()
    try:
        answer = await AsyncClient().post("/echo/a", data=b"hello", content_type="text/plain")
        assert isinstance(answer, StreamingHttpResponse)
        body = b"".join([part async for part in answer])
    finally:
        await runtime.shutdown()

    assert answer.status_code == 200
    assert b"/echo/a" in body
    assert (lenient.last.key, lenient.last.body) == ("KEY-A", b"hello")


@pytest.mark.usefixtures("async_database")
async def test_lifespan_starts_and_stops_the_runtime():
    sent: list[str] = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        assert (runtime.current() is not None) == (sent == ["lifespan.startup.complete"])
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    await Dispatcher()({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert runtime.current() is None
