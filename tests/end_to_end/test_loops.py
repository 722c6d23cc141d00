"""A group whose target leads back to the gateway is found by its own mark, and costs nothing."""

import re
from typing import Any

import httpx
import pytest

from proxyapp.upstream import hops
from tests.support import snapshots
from tests.support.fake_live import SETUP
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.live_clients import end_of, opened
from tests.support.waiting import wait_for

SERVERS = ["daphne", "uvicorn"]
PATH = "/v1beta/models/gemini-2.5-flash:generateContent"
OTHER_MARK = "0123456789abcdef"


def lead_to(gateway: Gateway, url: str) -> None:
    config = gateway.config_path.read_text()
    gateway.config_path.write_text(re.sub(r"target_url: \S+", f"target_url: {url}", config))


def post(gateway: Gateway, path: str = PATH, **more: Any) -> httpx.Response:
    return httpx.post(gateway.url + path, json={"model": "x"}, timeout=20, **more)


def unmoved(gateway: Gateway) -> bool:
    body = httpx.get(gateway.url + "/readyz").json()
    return bool(body["keys"]["available"] == 2)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("path", [PATH, "/v1beta/openai/chat/completions"])
def test_a_target_that_is_the_gateway_itself_is_told_at_once(server: str, path: str) -> None:
    gateway = Gateway({"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:1")]}, server=server)
    lead_to(gateway, f"http://127.1:{gateway.port}")  # a name that only a resolver understands
    with gateway:
        answers = [post(gateway, path) for _ in range(3)]

        assert {answer.status_code for answer in answers} == {508}
        error = answers[0].json()["error"]
        assert "leads back to this gateway" in error["message"]
        assert answers[0].headers["x-should-retry"] == "false"
        wait_for(lambda: unmoved(gateway))


@pytest.mark.parametrize("server", SERVERS)
def test_a_live_session_that_leads_back_is_told_and_counted_once(server: str) -> None:
    gateway = Gateway({"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:1")]}, server=server)
    lead_to(gateway, f"http://127.1:{gateway.port}")
    with gateway:
        with opened(gateway) as socket:
            socket.send(SETUP)
            assert "leads back to this gateway" in end_of(socket)[1]

        wait_for(lambda: sum(key["requests"] for key in gateway.keys()) == 1)
        assert unmoved(gateway)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2"])
def test_a_start_refuses_a_target_that_plainly_is_the_gateway(host: str) -> None:
    gateway = Gateway({"groups": [group(["KEY-A"], "http://127.0.0.1:1")]})
    lead_to(gateway, f"http://{host}:{gateway.port}/v1beta")
    try:
        gateway.launch()
        wait_for(lambda: "leads back to this gateway: write" in gateway.output())
        assert "Proxy: " not in gateway.output()
    finally:
        gateway.close()


@pytest.mark.parametrize("server", SERVERS)
def test_two_gateways_in_a_circle_end_with_508(server: str) -> None:
    first = Gateway({"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:1")]}, server=server)
    second = Gateway({"groups": [group(["KEY-C", "KEY-D"], first.url)]}, server=server)
    second_at_openai = second.url + "/v1beta/openai/"  # sent once, whoever brings it
    lead_to(first, second_at_openai)
    with first, second:
        answer = post(first)

        assert answer.status_code == 508
        wait_for(lambda: unmoved(first) and unmoved(second))


@pytest.mark.parametrize("server", SERVERS)
def test_two_gateways_in_a_row_are_no_loop(server: str, upstream: FakeUpstream) -> None:
    second = Gateway({"groups": [group(["KEY-A"], upstream.url)]}, server=server)
    first = Gateway({"groups": [group(["KEY-B"], second.url)]}, server=server)
    with first, second:
        assert post(first).status_code == 200

    marks = dict(upstream.requests[-1].headers)[hops.HEADER].split(b", ")
    assert len(set(marks)) == 2
    assert all(re.fullmatch(rb"[0-9a-f]{16}", mark) for mark in marks)


def test_an_upstreams_own_508_is_its_own(upstream: FakeUpstream) -> None:
    upstream.refuse("KEY-A", status=508, body=b'{"error": {"message": "mine"}}')
    with Gateway({"groups": [group(["KEY-A"], upstream.url)]}) as gateway:
        answer = post(gateway, headers={"x-gateway-hop": OTHER_MARK})

        assert (answer.status_code, answer.json()) == (508, {"error": {"message": "mine"}})


@pytest.mark.parametrize(
    ("url", "is_of_google"),
    [
        ("https://generativelanguage.googleapis.com", True),
        ("https://googleapis.com:443/v1beta", True),
        ("https://evilgoogleapis.com", False),
        ("http://127.0.0.1:1", False),
    ],
)
def test_only_google_is_told_of_no_gateway(url: str, is_of_google: bool) -> None:
    assert snapshots.group(1, "g", target_url=url).is_of_google is is_of_google


def test_a_forged_header_sends_nothing_on_but_marks() -> None:
    headers = [(hops.HEADER, b"evil\r\nx: y, " + OTHER_MARK.encode() * 100)]

    ((name, value),) = hops.with_own_mark(headers)

    assert (name, len(value.split(b", "))) == (hops.HEADER, hops.MOST_HOPS + 1)
