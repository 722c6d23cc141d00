"""Nobody can lay down a large body at the gateway's own paths."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from proxyapp.admin.own_bodies import BodyRefused, with_form
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.raw_client import RawClient, RawResponse, request_bytes

HUGE = 100 * 2**20
NO_BODY = ["/healthz", "/readyz", "/metrics", "/static/admin/css/base.css"]


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    with (
        FakeUpstream(strict=False) as upstream,
        Gateway({"groups": [group(["KEY-A"], upstream.url)]}, server=request.param) as running,
    ):
        yield running


def only_head(
    gateway: Gateway, path: str, *fields: tuple[str, str], method: str = "POST"
) -> RawResponse:
    """The answer to a body that is announced and never sent."""
    with RawClient(gateway.url, timeout=5) as client:
        client.send(request_bytes(method, path, list(fields)))
        return client.read_response(without_body=method == "HEAD")


def is_refused(response: RawResponse, status: int = 413) -> bool:
    return response.status == status and response.values("connection") == ["close"]


@pytest.mark.parametrize("path", [*NO_BODY, "/admin/", "/admin/login/", "/admin/import-export/"])
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "PUT"])
def test_a_stranger_is_refused_before_a_large_body_is_read(
    gateway: Gateway, path: str, method: str
):
    forged = ("Cookie", f"{settings.SESSION_COOKIE_NAME}=abcdefghijklmnopqrstuvwxyz012345")
    length = ("Content-Length", str(HUGE))
    assert is_refused(only_head(gateway, path, length, forged, method=method))


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/robots.txt"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_pages_of_the_root_take_no_body(gateway: Gateway, path: str, method: str):
    assert is_refused(only_head(gateway, path, ("Content-Length", str(HUGE)), method=method))


@pytest.mark.parametrize("path", NO_BODY)
def test_a_body_in_chunks_is_refused_and_never_asked_for(gateway: Gateway, path: str):
    fields = [("Transfer-Encoding", "chunked"), ("Expect", "100-continue")]
    response = only_head(gateway, path, *fields)
    assert is_refused(response)
    assert response.informational == []


def test_chunks_for_the_admin_end_at_the_limit_of_strangers(gateway: Gateway):
    with RawClient(gateway.url, timeout=5) as client:
        client.send(
            request_bytes("POST", "/admin/login/", [("Transfer-Encoding", "chunked")])
            + b"2800\r\n"
            + b"x" * 0x2800
            + b"\r\n"
        )
        assert is_refused(client.read_response())


def test_the_log_in_form_still_arrives_and_what_has_no_body_is_answered(gateway: Gateway):
    answer = httpx.post(f"{gateway.url}/admin/login/", data={"username": "a"}, trust_env=False)
    assert answer.status_code == 403
    assert "try again" in answer.text
    with RawClient(gateway.url) as client:
        for _ in range(2):
            assert client.request("GET", "/healthz", [("Content-Length", "0")]).status == 200
        began = time.monotonic()
        assert client.request("HEAD", "/healthz").status == 200
        assert time.monotonic() - began < 5


class Form:
    """Comes in two parts."""

    def __init__(self, length: int) -> None:
        self.parts = [b"x" * (length // 2), b"x" * (length - length // 2)]

    async def __call__(self) -> dict[str, Any]:
        body = self.parts.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.parts)}


async def taken(cookie: str, path: bytes, length: int) -> int:
    headers = [
        (b"content-length", b"%d" % length),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()),
    ]
    try:
        receive = await with_form({"headers": headers, "raw_path": path}, Form(length))
    except BodyRefused as refused:
        return -refused.status
    return len((await receive())["body"])


@pytest.mark.django_db(transaction=True)
async def test_who_is_signed_in_sends_forms_and_imports():
    user = await User.objects.acreate(username="root", is_staff=True)
    client = Client()
    await sync_to_async(client.force_login)(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value

    assert await taken(cookie, b"/admin/", 1 << 20) == 1 << 20
    assert await taken(cookie, b"/admin/", (1 << 20) + 1) == -413
    assert await taken(cookie, b"/admin/import-export/", 5 << 20) == 5 << 20
    assert await taken("forged" * 6, b"/admin/import-export/", 5 << 20) == -413
    await sync_to_async(client.logout)()
    assert await taken(cookie, b"/admin/import-export/", 5 << 20) == -413
