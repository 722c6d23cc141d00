"""A gateway below a path of a host, behind an nginx that keeps the path or cuts it off."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from websockets import Origin
from websockets.sync.client import connect

from tests.support.fake_upstream import FakeUpstream
from tests.support.fronts import HOST, NGINX_LINES, any_certificate, nginx
from tests.support.gateway import Gateway, group
from tests.support.live_pages import DASHBOARD, OPERATOR, PASSWORD
from tests.support.waiting import wait_for

PREFIX = "/team/gemini"
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
FRONT = {"ALLOWED_HOSTS": HOST, "TRUSTED_PROXIES": "127.0.0.1", "BEHIND_TLS": "true"}
WAYS = {"kept": "", "cut off": "/"}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    groups = [group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google")]
    config = {"server": {"path_prefix": PREFIX}, "groups": groups}
    with Gateway(config, server=request.param, env=OPERATOR | FRONT) as running:
        yield running


@pytest.fixture(scope="module", params=WAYS)
def browser(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[httpx.Client]:
    """In front of nginx, signed in."""
    target = gateway.url + ("/" if request.param == "cut off" else "")
    with (
        nginx(target, NGINX_LINES, is_tls=True, location=f"{PREFIX}/") as url,
        httpx.Client(
            base_url=url,
            headers={"Host": f"{HOST}:{urlsplit(url).port}"},
            verify=any_certificate(),
            trust_env=False,
            timeout=30,
        ) as client,
    ):
        log_in(client)
        yield client


def log_in(browser: httpx.Client) -> httpx.Response:
    form = browser.get(f"{PREFIX}/admin/login/")
    assert form.status_code == 200, form.text
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    own = f"https://{browser.headers['Host']}"
    data = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token}
    entered = browser.post(
        f"{PREFIX}/admin/login/",
        data=data | {"next": f"{PREFIX}/admin/"},
        headers={"Origin": own, "Referer": f"{own}{PREFIX}/admin/login/"},
    )
    assert (entered.status_code, entered.headers["location"]) == (302, f"{PREFIX}/admin/")
    # The client's own jar knows the address, not the name.
    paths = re.findall(r"[Pp]ath=([^;,]+)", entered.headers["set-cookie"])
    assert paths
    assert all(path.startswith(f"{PREFIX}/") for path in paths)
    cookies = re.findall(r"(gateway_\w+)=([^;]+)", entered.headers["set-cookie"])
    browser.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
    return entered


def test_a_request_reaches_the_provider_without_the_prefix(
    browser: httpx.Client, google: FakeUpstream
) -> None:
    answer = browser.post(f"{PREFIX}{GENERATE}?x=%2F", json={})

    assert answer.status_code == 200
    assert google.last.target == f"{GENERATE}?x=%2F".encode()


def test_an_openai_client_finds_its_path(browser: httpx.Client, google: FakeUpstream) -> None:
    body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}

    answer = browser.post(f"{PREFIX}/v1/chat/completions", json=body)

    assert answer.status_code == 200
    assert google.last.target == b"/v1beta/openai/chat/completions"


def test_every_link_and_file_of_a_page_is_below_the_prefix(browser: httpx.Client) -> None:
    page = browser.get(f"{PREFIX}/admin/")
    links = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text))

    assert page.status_code == 200
    assert len(links) > 10
    assert {link for link in links if not link.startswith(f"{PREFIX}/")} == set()
    for link in sorted(links):
        if "/static/" in link or link.endswith("/apikey/"):
            assert browser.get(link).status_code == 200, link


@pytest.mark.parametrize("path", ["/admin", "/admin/proxyapp/apikey"])
def test_redirects_stay_below_the_prefix(browser: httpx.Client, path: str) -> None:
    answer = browser.get(PREFIX + path)

    assert answer.status_code in (301, 302)
    assert urlsplit(answer.headers["location"]).path == f"{PREFIX}{path}/"


def test_a_form_is_taken(browser: httpx.Client) -> None:
    page = browser.get(f"{PREFIX}/admin/auth/group/add/")
    (token, *_) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    own = f"https://{browser.headers['Host']}"
    csrf = page.cookies.get("gateway_csrf")
    cookie = browser.headers["Cookie"] + (f"; gateway_csrf={csrf}" if csrf else "")

    saved = browser.post(
        f"{PREFIX}/admin/logout/",
        data={"csrfmiddlewaretoken": "wrong"},
        headers={"Origin": "https://evil.example", "Cookie": cookie},
    )
    kept = browser.post(
        f"{PREFIX}/admin/auth/group/add/",
        data={"csrfmiddlewaretoken": token, "name": ""},
        headers={"Origin": own, "Cookie": cookie},
    )

    assert saved.status_code == 403
    assert f'href="{PREFIX}/admin/"' in saved.text
    assert kept.status_code == 200, "the form again: the name is missing"


def test_the_live_socket_tells_links_below_the_prefix(
    browser: httpx.Client, google: FakeUpstream
) -> None:
    google.exhausted("KEY-A")
    browser.post(f"{PREFIX}{GENERATE}", json={})
    with connect(
        f"wss://{browser.headers['Host']}{PREFIX}/ws/admin/live/",
        ssl=any_certificate(),
        additional_headers={"Cookie": browser.headers["Cookie"]},
        origin=Origin(f"https://{browser.headers['Host']}"),
        proxy=None,
        open_timeout=20,
        address=("127.0.0.1", browser.base_url.port),
    ) as live:
        live.send(json.dumps(DASHBOARD))
        told = live.recv(20)

    links = re.findall(r'"(/[^"]*admin/[^"]*)"', str(told))
    assert links
    assert all(link.startswith(f"{PREFIX}/admin/") for link in links)


def test_the_root_names_addresses_below_the_prefix(browser: httpx.Client) -> None:
    facts = browser.get(f"{PREFIX}/", headers={"Accept": "application/json"}).json()

    own = f"https://{browser.headers['Host']}{PREFIX}"
    assert facts["addresses"]["openai"] == f"{own}/v1"
    assert facts["admin"] == f"{own}/admin/"


@pytest.mark.parametrize("path", ["/healthz", f"{PREFIX}/healthz", f"{PREFIX}/readyz"])
def test_health_is_asked_with_and_without_the_prefix(gateway: Gateway, path: str) -> None:
    assert httpx.get(gateway.url + path, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "path",
    [f"{PREFIX}x/healthz", "/team/healthz", "/team/gemin%69/healthz", f"{PREFIX}//healthz"],
)
def test_what_only_looks_like_the_prefix_is_none(gateway: Gateway, path: str) -> None:
    assert httpx.get(gateway.url + path, trust_env=False).status_code == 404


def test_the_first_lines_have_the_prefix(gateway: Gateway) -> None:
    wait_for(lambda: "Keys: " in gateway.output())

    assert f"Proxy: {gateway.url}{PREFIX}\n" in gateway.output()
    assert f"Admin: {gateway.url}{PREFIX}/admin/\n" in gateway.output()


def test_metrics_are_below_it(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.url}{PREFIX}/metrics", trust_env=False)

    assert answer.text.startswith("# HELP gateway_")


def test_workers_serve_below_the_prefix_of_the_file() -> None:
    config = {"server": {"path_prefix": PREFIX}, "groups": []}
    with Gateway(config, args=["--workers", "2"]) as gateway:
        answers = [httpx.get(f"{gateway.url}{PREFIX}/admin/", trust_env=False) for _ in range(4)]

    locations = {urlsplit(answer.headers["location"]).path for answer in answers}
    assert locations == {f"{PREFIX}/admin/login/"}


def test_a_setting_says_it_where_the_file_does_not() -> None:
    with Gateway({"groups": []}, env={"PATH_PREFIX": "/own"}) as gateway:
        answer = httpx.get(f"{gateway.url}/own/admin/", trust_env=False)

    assert answer.headers["location"].startswith("/own/admin/login/")
