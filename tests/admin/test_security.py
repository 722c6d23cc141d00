"""Hosts, forwarded headers, TLS, headers of pages and the limits of sessions."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.models import Session
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.utils import timezone
from websockets import InvalidStatus, Origin
from websockets.sync.client import connect

from gateway import settings as gateway_settings
from proxyapp.admin.live.sessions import Visitor, still_welcome
from proxyapp.admin.parts.theme_colours import stylesheet
from proxyapp.ledger.retention import prune_batch
from proxyapp.process.listen_address import ListenAddress, tell_settings
from tests.support.admin_pages import superuser
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import ROOT, Gateway, group
from tests.support.live_pages import OPERATOR, PASSWORD

HOST = "gw.example"
TLS = {"ALLOWED_HOSTS": HOST, "TRUSTED_PROXIES": "127.0.0.1", "BEHIND_TLS": "true"}
FROM_PROXY = {"host": HOST, "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}
DEFAULT_WARNINGS = {"security.W004", "security.W008", "security.W012", "security.W016"}


def get(gateway: Gateway, path: str, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(gateway.url + path, headers=sent, trust_env=False, timeout=30)


# Hosts.


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "<script>", ""])
def test_the_admin_answers_under_its_own_names_only(shared_gateway: Gateway, host: str):
    answer = get(shared_gateway, "/admin/login/", host=host)

    assert (answer.status_code, answer.headers["content-type"]) == (
        400,
        "text/plain; charset=utf-8",
    )
    assert "ALLOWED_HOSTS" in answer.text
    assert "evil" not in answer.text
    assert "script" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8080"])
def test_the_names_of_this_machine_are_its_own(shared_gateway: Gateway, host: str):
    assert get(shared_gateway, "/admin/login/", host=host).status_code == 200


def test_what_is_proxied_takes_any_host(shared_gateway: Gateway, google: FakeUpstream):
    assert get(shared_gateway, "/v1beta/models", host="evil.example").status_code == 200
    assert get(shared_gateway, "/healthz", host="evil.example").status_code == 200


def test_the_socket_asks_for_the_same_names(shared_gateway: Gateway):
    url = shared_gateway.url.replace("http", "ws") + "/ws/admin/live/"
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(url, origin=Origin("http://evil.example"), proxy=None),
    ):
        pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize(
    ("host", "is_configured", "is_added"),
    [
        ("192.0.2.1", False, True),
        ("2001:db8::1", False, True),
        ("0.0.0.0", False, False),
        ("192.0.2.1", True, False),
    ],
)
def test_the_address_that_serve_listens_on_is_one_of_them(
    host, is_configured, is_added, settings: Any
):
    settings.ALLOWED_HOSTS, settings.HOSTS_ARE_CONFIGURED = ["localhost"], is_configured

    tell_settings(ListenAddress(host, 8080))

    added = [f"[{host}]" if ":" in host else host] if is_added else []
    assert added == settings.ALLOWED_HOSTS[1:]


# Forwarded headers and TLS.


def test_without_trusted_proxies_nothing_is_believed(shared_gateway: Gateway):
    answer = get(
        shared_gateway, "/admin/login/", x_forwarded_proto="https", x_forwarded_host="evil.example"
    )

    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers
    assert "secure" not in answer.headers["set-cookie"].lower()


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def behind_tls(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    config = {"groups": [group(["KEY-A"], shared_upstream.url, auth="google")]}
    with Gateway(config, server=request.param, env={**OPERATOR, **TLS}) as gateway:
        yield gateway


def test_behind_tls_plain_http_is_redirected_but_not_what_is_proxied(
    behind_tls: Gateway, google: FakeUpstream
):
    answer = get(behind_tls, "/admin/login/?next=/admin/", host=HOST, x_forwarded_proto="http")

    assert (answer.status_code, answer.headers["location"]) == (
        301,
        f"https://{HOST}/admin/login/?next=/admin/",
    )
    assert get(behind_tls, "/v1beta/models", host=HOST).status_code == 200


def log_in(gateway: Gateway, origin: str = f"https://{HOST}") -> httpx.Response:
    """As a browser does through the proxy."""
    with httpx.Client(
        base_url=gateway.url, headers=FROM_PROXY, trust_env=False, timeout=30
    ) as browser:
        form = browser.get("/admin/login/")
        assert form.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        csrf = form.headers["set-cookie"]
        assert "; Secure" in csrf
        token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        data = {
            "username": "root",
            "password": PASSWORD,
            "csrfmiddlewaretoken": token,
            "next": "/admin/",
        }
        own = {
            "cookie": csrf.partition(";")[0],
            "origin": origin,
            "referer": f"{origin}/admin/login/",
        }
        return browser.post("/admin/login/", data=data, headers=own)


def test_behind_tls_one_logs_in_with_secure_cookies_and_no_further_setting(behind_tls: Gateway):
    done = log_in(behind_tls)

    cookies = done.headers.get_list("set-cookie")
    assert done.status_code == 302
    assert len(cookies) == 3
    assert [
        cookie for cookie in cookies if "; Secure" not in cookie or "HttpOnly" not in cookie
    ] == []
    assert log_in(behind_tls, "https://evil.example").status_code == 403


def test_behind_tls_the_socket_wants_tls_and_an_own_origin(behind_tls: Gateway):
    cookie = log_in(behind_tls).headers.get_list("set-cookie")
    session = next(one for one in cookie if one.startswith("gateway_session")).partition(";")[0]

    def status(**changed: str) -> int:
        """Of the handshake; 101 is an open socket."""
        sent = {
            "x-forwarded-proto": "https",
            "origin": f"https://{HOST}",
            "cookie": session,
        } | changed
        try:
            with connect(
                f"ws://{HOST}/ws/admin/live/",
                sock=socket.create_connection(("127.0.0.1", behind_tls.port), 20),
                additional_headers=sent,
                proxy=None,
            ):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert status() == 101
    assert status(origin="https://evil.example") == 403
    assert status(**{"x-forwarded-proto": "http"}) == 403
    assert status(cookie="") == 403


# What the settings come to.


def manage(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "SECRET_KEY": "x1y2z3-" * 12, **env}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_check_deploy_has_nothing_to_say_behind_tls():
    done = manage("check", "--deploy", "--fail-level", "WARNING", **TLS)

    assert (done.returncode, done.stderr) == (0, "")


def test_check_deploy_says_only_that_there_is_no_tls_otherwise():
    said = manage("check", "--deploy").stderr

    assert {word.strip("():?") for word in said.split() if "security.W" in word} == DEFAULT_WARNINGS


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({"BEHIND_TLS": "true"}, "BEHIND_TLS=true needs TRUSTED_PROXIES"),
        (
            {"TRUSTED_PROXIES": "10.0.0.1/8"},
            "TRUSTED_PROXIES: '10.0.0.1/8' is not an address or a network",
        ),
        ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES: 'proxy' is not an address or a network"),
        ({"SESSION_IDLE_HOURS": "0"}, "SESSION_IDLE_HOURS='0' must be more than 0"),
        ({"REQUIRE_TOTP": "please"}, "REQUIRE_TOTP='please' must be true or false"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_refused(env: dict[str, str], problem: str):
    done = manage("check", **env)

    assert done.returncode == 1
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


# Headers.


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/", "/admin/nothing/", "/static/proxyapp/icon.svg"]
)
def test_pages_may_do_nothing_that_they_need_not(shared_gateway: Gateway, path: str):
    headers = get(shared_gateway, path).headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["object-src"] == policy["frame-ancestors"] == "'none'"
    assert (
        policy["script-src"]
        == policy["style-src"]
        == policy["form-action"]
        == policy["base-uri"]
        == "'self'"
    )
    assert policy["connect-src"] == f"'self' ws://127.0.0.1:{shared_gateway.port}"
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert (headers["referrer-policy"], headers["cross-origin-opener-policy"]) == (
        "same-origin",
        "same-origin",
    )
    assert "camera=()" in headers["permissions-policy"]


def test_what_is_proxied_has_the_headers_of_the_upstream(
    shared_gateway: Gateway, google: FakeUpstream
):
    assert "content-security-policy" not in get(shared_gateway, "/v1beta/models").headers


def test_the_gateways_own_errors_are_what_they_say_they_are(shared_gateway: Gateway):
    answer = get(shared_gateway, "/g/no-such-group/x")

    assert (answer.status_code, answer.headers["x-content-type-options"]) == (404, "nosniff")


@pytest.mark.django_db
def test_no_page_is_stored():
    operator = superuser()
    for path in (
        "/admin/",
        "/admin/login/",
        "/admin/proxyapp/apikey/",
        "/admin/nothing/",
        "/admin/second-factor/",
    ):
        assert "no-store" in operator.get(path)["Cache-Control"], path
    assert operator.post("/admin/logout/", secure=True)["Clear-Site-Data"] == '"cache"'


def test_the_style_sheet_has_the_colours_of_the_settings():
    """Written anew with `stylesheet` when the theme or its settings change."""
    site: Any = admin.site
    path = finders.find("proxyapp/colours.css")

    assert isinstance(path, str)
    with open(path) as file:
        assert file.read() == stylesheet(site._get_colors("COLORS", None))
    assert site.each_context(anonymous())["colors"] is None


def anonymous() -> Any:
    request = RequestFactory().get("/admin/")
    request.user = AnonymousUser()
    return request


@pytest.mark.django_db
@pytest.mark.parametrize(
    "lookup",
    [
        "apikey/?key_hash",
        "apikey/?secret",
        "group/?proxy_url",
        "clienttoken/?token_hash",
        "resource/?key_hash",
    ],
)
def test_no_list_tells_what_a_hash_or_a_secret_begins_with(lookup: str):
    assert superuser().get(f"/admin/proxyapp/{lookup}__startswith=a").status_code == 400


@pytest.mark.django_db
def test_pages_of_errors_need_no_style_that_the_policy_refuses():
    refused = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "root"})
    missing = superuser().get("/admin/proxyapp/group/9/yaml/")

    assert (refused.status_code, missing.status_code) == (403, 404)
    for answer in (refused, missing):
        assert "proxyapp/away.css" in answer.content.decode()
        assert "<style" not in answer.content.decode()


# Sessions.


def is_in(client: Client) -> bool:
    return client.get("/admin/password_change/").status_code == 200


@pytest.mark.django_db
def test_a_session_ends_when_nothing_is_opened_for_long():
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        client = superuser()
        assert is_in(client)
        for _ in range(3):
            clock.shift(timedelta(hours=11))
            assert is_in(client)
        clock.shift(timedelta(hours=12, seconds=1))
        assert not is_in(client)


@pytest.mark.django_db
def test_a_session_ends_in_any_case_after_a_week_and_its_live_pages_with_it():
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        client = superuser()
        user = User.objects.get()
        while timezone.now() < start + timedelta(days=6, hours=20):
            assert is_in(client)
            clock.shift(timedelta(hours=4))
        assert is_in(client)
        visitor = Visitor(client.session.session_key or "", user.pk, user.get_session_auth_hash())
        end = start + timedelta(days=7)
        assert still_welcome([visitor], end - timedelta(minutes=1)) == {visitor}
        assert still_welcome([visitor], end + timedelta(seconds=2)) == set()
        clock.move_to(end + timedelta(seconds=2))
        assert not is_in(client)


@pytest.mark.django_db
def test_a_shorter_limit_counts_for_sessions_that_are_open(settings: Any):
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        client = superuser()
        assert is_in(client)
        clock.shift(timedelta(hours=2))
        settings.SESSION_LIFETIME_DAYS = 1 / 24
        assert not is_in(client)


@pytest.mark.django_db
def test_a_page_that_is_opened_soon_after_another_writes_nothing():
    client = superuser()
    assert is_in(client)
    before = Session.objects.get().session_data

    assert is_in(client)

    assert Session.objects.get().session_data == before


@pytest.mark.django_db
def test_the_database_has_no_cookie_that_opens_the_admin():
    client = superuser()
    cookie = client.cookies["gateway_session"].value
    (row,) = Session.objects.all()
    assert is_in(client)

    client.cookies["gateway_session"] = row.session_key
    assert not is_in(client)

    assert cookie not in (row.session_key, row.session_data)
    assert cookie not in str(row.get_decoded())


@pytest.mark.django_db
def test_logging_out_deletes_the_row_of_the_session():
    client = superuser()

    client.post("/admin/logout/")

    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_new_password_ends_the_other_sessions():
    client, user = superuser(), User.objects.get()
    assert is_in(client)

    user.set_password("another")
    user.save()

    assert not is_in(client)


@pytest.mark.django_db
def test_rows_of_sessions_that_are_over_are_pruned():
    superuser()
    assert prune_batch(timezone.now()).sessions == 0
    assert prune_batch(timezone.now() + timedelta(days=15)).sessions == 1
    assert not Session.objects.exists()


def test_the_defaults_are_half_a_day_and_a_week():
    assert (gateway_settings.SESSION_COOKIE_AGE, gateway_settings.SESSION_LIFETIME_DAYS) == (
        12 * 3600,
        7,
    )
