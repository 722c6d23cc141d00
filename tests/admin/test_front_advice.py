"""The usual HTTPS proxy in front of a gateway without settings: what is said, and that it helps."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fronts import FRONTS, HOST, NGINX_LINES, any_certificate, nginx
from tests.support.gateway import Gateway
from tests.support.live_pages import OPERATOR, PASSWORD

pytestmark = pytest.mark.once

NAMES = ("ALLOWED_HOSTS", "TRUSTED_PROXIES", "BEHIND_TLS", "CSRF_TRUSTED_ORIGINS")
SERVERS = ["daphne", "uvicorn"]


def log_in(url: str, **said: str) -> httpx.Response:
    """As a browser does under https://HOST; the last answer."""
    headers = {"host": HOST, "origin": f"https://{HOST}", "referer": f"https://{HOST}/admin/login/"}
    with httpx.Client(
        headers=headers | said, verify=any_certificate(), trust_env=False, timeout=30
    ) as browser:
        names = {"sni_hostname": HOST}
        form = browser.get(f"{url}/admin/login/", extensions=names)
        if form.status_code != 200:
            return form
        token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        cookies = "; ".join(
            cookie.partition(";")[0] for cookie in form.headers.get_list("set-cookie")
        )
        data = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token}
        return browser.post(
            f"{url}/admin/login/", data=data, headers={"cookie": cookies}, extensions=names
        )


def advice_in(text: str) -> dict[str, str]:
    return dict(re.findall(rf"\b({'|'.join(NAMES)})=(\S+)", text))


def last_advice(gateway: Gateway) -> dict[str, str]:
    lines = [line for line in gateway.output().splitlines() if advice_in(line)]
    return advice_in(lines[-1])


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", sorted(FRONTS))
def test_following_what_the_page_says_lets_one_log_in(
    make_gateway: MakeGateway, name: str, server: str
):
    lines = NGINX_LINES if name == "nginx" else ""
    before = make_gateway(env=OPERATOR, server=server)
    with FRONTS[name](before.url, lines, is_tls=True) as url:
        refused = log_in(url)
    told = advice_in(refused.text)

    assert refused.status_code in (400, 403)
    assert told == {"ALLOWED_HOSTS": HOST, "TRUSTED_PROXIES": "127.0.0.1", "BEHIND_TLS": "true"}
    assert last_advice(before) == told
    after = make_gateway(env={**OPERATOR, **told}, server=server)
    with FRONTS[name](after.url, lines, is_tls=True) as url:
        assert log_in(url).status_code == 302


@pytest.mark.parametrize("server", SERVERS)
def test_a_proxy_that_changes_the_host_needs_the_origin(make_gateway: MakeGateway, server: str):
    before = make_gateway(env=OPERATOR, server=server)
    with nginx(before.url, is_tls=True) as url:
        refused = log_in(url, **{"sec-fetch-site": "same-origin"})

    told = advice_in(refused.text)
    assert (refused.status_code, told) == (403, {"CSRF_TRUSTED_ORIGINS": f"https://{HOST}"})
    after = make_gateway(env={**OPERATOR, **told}, server=server)
    with nginx(after.url, is_tls=True) as url:
        assert log_in(url, **{"sec-fetch-site": "same-origin"}).status_code == 302


@pytest.fixture(scope="module", params=SERVERS)
def known(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """One that knows its host and nothing of a proxy."""
    env: dict[str, Any] = {**OPERATOR, "ALLOWED_HOSTS": HOST}
    with Gateway({"groups": []}, env=env, server=request.param) as gateway:
        yield gateway


def test_the_log_in_names_what_is_missing_on_the_page_and_in_the_log(known: Gateway):
    refused = log_in(known.url, **{"x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1"})

    told = {"TRUSTED_PROXIES": "127.0.0.1", "BEHIND_TLS": "true"}
    assert (refused.status_code, advice_in(refused.text)) == (403, told)
    assert last_advice(known) == told


def test_a_stranger_reads_no_values_and_does_not_fill_the_log(known: Gateway):
    from_far = {"x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1, 203.0.113.7"}
    pages = [log_in(known.url, **from_far) for _ in range(5)]

    assert {page.status_code for page in pages} == {403}
    assert [advice_in(page.text) for page in pages] == [{}] * 5
    assert "TRUSTED_PROXIES" in pages[0].text
    assert known.output().count("A form of the admin was refused") <= 2


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://evil.example", "x-forwarded-proto": "https"},
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": f"https://{HOST}", "sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example\t<script>", "sec-fetch-site": "same-origin"},
        {"origin": "null", "referer": "https://evil.example/"},
        {"origin": "https://" + "a" * 300 + ".example", "sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
def test_no_origin_of_another_site_is_named_as_one_to_trust(known: Gateway, said: dict[str, str]):
    refused = log_in(known.url, **said)

    assert refused.status_code == 403
    assert "CSRF_TRUSTED_ORIGINS" not in advice_in(refused.text)
    assert "evil" not in refused.text + known.output()
    assert "<script>" not in refused.text


@pytest.fixture(scope="module", params=SERVERS)
def behind_tls(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    env = {**OPERATOR, "ALLOWED_HOSTS": HOST, "BEHIND_TLS": "true", "TRUSTED_PROXIES": "127.0.0.1"}
    with Gateway({"groups": []}, env=env, server=request.param) as gateway:
        yield gateway


def test_behind_tls_a_proxy_that_names_no_scheme_is_told_so(behind_tls: Gateway):
    with nginx(behind_tls.url, "proxy_set_header Host $host;", is_tls=True) as url:
        answer = log_in(url)

    assert answer.status_code == 400
    assert "X-Forwarded-Proto" in answer.text
    assert "X-Forwarded-Proto" in behind_tls.output()


def test_behind_tls_a_plain_request_is_still_redirected(behind_tls: Gateway):
    answer = log_in(behind_tls.url, **{"x-forwarded-proto": "http"})

    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{HOST}/admin/login/")


@pytest.mark.parametrize("server", SERVERS)
def test_behind_tls_a_proxy_that_is_not_trusted_is_named(make_gateway: MakeGateway, server: str):
    env = {"ALLOWED_HOSTS": HOST, "BEHIND_TLS": "true", "TRUSTED_PROXIES": "10.0.0.1"}
    gateway = make_gateway(env=env, server=server)
    answer = log_in(gateway.url, **{"x-forwarded-proto": "https"})

    told = {"TRUSTED_PROXIES": "10.0.0.1,127.0.0.1"}
    assert (answer.status_code, advice_in(answer.text)) == (400, told)
    assert last_advice(gateway) == told
