"""HTTPS that the gateway ends itself, under both servers."""

import hashlib
import json
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from websockets import Origin
from websockets.sync.client import connect

from tests.support import certificates
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import group
from tests.support.live_pages import DASHBOARD, OPERATOR, PASSWORD, PATH
from tests.support.raw_client import BROKEN_OFF, RawClient, exchange
from tests.support.tls_gateway import TlsGateway
from tests.support.waiting import wait_for

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
PATIENCE = {"HEADER_TIMEOUT_SECONDS": "2", "STALL_TIMEOUT_SECONDS": "2"}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[TlsGateway]:
    groups = [group(["KEY-A", "KEY-B"], shared_upstream.url, auth="google")]
    env = OPERATOR | PATIENCE
    with TlsGateway(groups, has_both=True, server=request.param, env=env) as running:
        yield running


# What is proxied.


def test_a_request_and_its_answer_pass_as_without_tls(
    gateway: TlsGateway, google: FakeUpstream
) -> None:
    over_tls = gateway.get("/v1beta/echo?x=1", headers={"X-Own": "a"}).json()
    plain = httpx.get(
        f"{gateway.plain_url}/v1beta/echo?x=1", headers={"X-Own": "a"}, trust_env=False
    ).json()

    for each in (over_tls, plain):
        each["headers"] = [field for field in each["headers"] if field[0].lower() != "host"]
    assert over_tls.keys() == plain.keys()
    assert google.last.target == b"/v1beta/echo?x=1"


def test_many_requests_go_over_one_connection(gateway: TlsGateway, google: FakeUpstream) -> None:
    with RawClient(gateway.url) as client:
        answers = [client.request("POST", GENERATE, body=b"{}") for _ in range(5)]

    assert [answer.status for answer in answers] == [200] * 5


def test_a_stream_comes_as_it_is_written(gateway: TlsGateway, google: FakeUpstream) -> None:
    held = google.held_stream(STREAM)
    held.send_event(1)
    trust = certificates.client_context()

    with httpx.stream(
        "POST", gateway.url + STREAM, json={}, verify=trust, trust_env=False, timeout=10
    ) as answer:
        parts = answer.iter_raw()
        first = next(parts)
        held.send_event(2)
        second = next(parts)
        held.finish()
        rest = b"".join(parts)

    assert (b"event 1" in first, b"event 2" in second, rest) == (True, True, b"")


def test_a_stream_that_breaks_off_looks_broken(gateway: TlsGateway, google: FakeUpstream) -> None:
    held = google.held_stream(STREAM)
    held.send_event(1)
    with RawClient(gateway.url) as client:
        client.send(b"POST %s HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}" % STREAM.encode())
        assert client.read_line().startswith(b"HTTP/1.1 200")
        held.die()

        with pytest.raises(BROKEN_OFF):
            all(iter(lambda: client._socket.recv(65536), b""))


def test_20_megabytes_pass_in_both_directions(gateway: TlsGateway, google: FakeUpstream) -> None:
    body = bytes(range(256)) * 80 * 1024
    held = google.held_stream("/v1beta/large", content_type="video/mp4")
    held.send(body)
    held.finish()

    down = exchange(gateway.url, "GET", "/v1beta/large")
    up = exchange(gateway.url, "POST", "/v1beta/echo", body=body)

    assert down.body == body
    assert json.loads(up.body)["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_a_client_that_leaves_ends_what_runs_for_it(
    gateway: TlsGateway, google: FakeUpstream
) -> None:
    held = google.held_stream(STREAM)
    held.send_event(1)
    with RawClient(gateway.url) as client:
        client.send(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % STREAM.encode())
        assert client.read_line().startswith(b"HTTP/1.1 200")

    assert held.client_gone.wait(5)


# Handshakes that are none.


def test_plain_http_to_the_https_port_is_told_so(gateway: TlsGateway) -> None:
    answer = exchange(f"http://127.0.0.1:{gateway.tls_port}", "GET", "/v1beta/models")

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["message"] == (
        "This port speaks HTTPS: write https:// in the address."
    )


def test_https_to_the_plain_port_is_closed(gateway: TlsGateway) -> None:
    with (
        socket.create_connection(("127.0.0.1", gateway.port), 15) as raw,
        pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|wrong version number"),
    ):
        certificates.client_context().wrap_socket(raw, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    "start",
    [b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + bytes(70_000), b"\x80\x2e\x01", b"\0"],
    ids=["garbage", "a huge record", "SSL 2", "zero"],
)
def test_garbage_is_closed_at_once(gateway: TlsGateway, start: bytes) -> None:
    since = time.monotonic()
    with RawClient(f"http://127.0.0.1:{gateway.tls_port}") as client:
        client.send(start)
        client.read_to_the_end()

    assert time.monotonic() - since < 1.5
    assert gateway.get("/healthz").status_code == 200


@pytest.mark.parametrize("begun", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_that_does_not_go_on_has_a_headers_time(
    gateway: TlsGateway, begun: bytes
) -> None:
    since = time.monotonic()
    with RawClient(f"http://127.0.0.1:{gateway.tls_port}") as client:
        client.send(begun)
        assert client.read_to_the_end() == b""

    assert 0.5 < time.monotonic() - since < 6


def test_a_handshake_that_trickles_has_no_more_time(gateway: TlsGateway) -> None:
    hello = client_hello()
    since = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", gateway.tls_port), 15) as raw,
        suppress(OSError),
    ):
        for number in range(40):
            raw.sendall(hello[number : number + 1])
            time.sleep(0.2)

    assert time.monotonic() - since < 6, "eight seconds' worth"


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = certificates.client_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_300_silent_clients_hold_up_nobody(gateway: TlsGateway) -> None:
    silent = [socket.create_connection(("127.0.0.1", gateway.tls_port)) for _ in range(300)]
    since = time.monotonic()
    answer = gateway.get("/healthz")

    assert answer.status_code == 200
    assert time.monotonic() - since < 2
    for each in silent:
        each.close()


def test_the_limits_of_http_hold_behind_the_handshake(gateway: TlsGateway) -> None:
    with RawClient(gateway.url) as client:
        client.send(b"GET /healthz HTTP/1.1\r\nHo")
        late = client.read_response()

    assert late.status == 408


def test_a_reader_that_stalls_is_cut_off(gateway: TlsGateway, google: FakeUpstream) -> None:
    held = google.held_stream("/v1beta/large", content_type="video/mp4")
    held.send(bytes(30 << 20))
    with RawClient(gateway.url) as client:
        client.receive_buffer(4096)
        client.send(b"GET /v1beta/large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_line().startswith(b"HTTP/1.1 200")

        assert held.client_gone.wait(15)


def test_an_application_record_in_the_middle_of_a_record_is_the_end(gateway: TlsGateway) -> None:
    """What TLS finds changed on its way ends the connection, and reaches nobody."""
    with RawClient(gateway.url) as client:
        assert client.request("GET", "/healthz").status == 200
        descriptor = client._socket.fileno()
        forged = b"\x17\x03\x03" + struct.pack(">H", 40) + bytes(40)
        with socket.socket(fileno=socket.dup(descriptor)) as raw:
            raw.sendall(forged)

        with pytest.raises((ssl.SSLError, OSError)):
            client._socket.recv(100)


# The admin.


@pytest.fixture
def browser(gateway: TlsGateway) -> Iterator[httpx.Client]:
    trust = certificates.client_context()
    with httpx.Client(base_url=gateway.url, verify=trust, trust_env=False, timeout=30) as client:
        yield client


def log_in(browser: httpx.Client, **headers: str) -> httpx.Response:
    form = browser.get("/admin/login/").text
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    data = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": token}
    return browser.post("/admin/login/", data=data | {"next": "/admin/"}, headers=headers)


def test_the_admin_opens_with_secure_cookies(browser: httpx.Client) -> None:
    own = str(browser.base_url).rstrip("/")

    entered = log_in(browser, Origin=own, Referer=f"{own}/admin/login/")

    assert (entered.status_code, entered.headers["location"]) == (302, "/admin/")
    cookies = entered.headers.get_list("set-cookie")
    assert len(cookies) >= 2
    assert all("; secure" in cookie.lower() for cookie in cookies)
    page = browser.get("/admin/")
    assert page.status_code == 200
    assert f"wss://{own.removeprefix('https://')}" in page.headers["content-security-policy"]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1"])
def test_a_form_of_another_origin_is_refused(browser: httpx.Client, origin: str) -> None:
    assert log_in(browser, Origin=origin).status_code == 403


def test_the_admin_of_the_plain_port_opens_as_ever(gateway: TlsGateway) -> None:
    with httpx.Client(base_url=gateway.plain_url, trust_env=False, timeout=30) as plain:
        entered = log_in(plain, Origin=gateway.plain_url)
        cookies = entered.headers.get_list("set-cookie")

        assert entered.status_code == 302
        assert not any("; secure" in cookie.lower() for cookie in cookies)
        assert plain.get("/admin/").status_code == 200


def test_the_live_socket_opens_over_wss(gateway: TlsGateway, browser: httpx.Client) -> None:
    own = str(browser.base_url).rstrip("/")
    log_in(browser, Origin=own, Referer=f"{own}/admin/login/")
    cookie = f"gateway_session={browser.cookies['gateway_session']}"

    with connect(
        gateway.url.replace("https", "wss") + PATH,
        ssl=certificates.client_context(),
        additional_headers={"Cookie": cookie},
        origin=Origin(own),
        proxy=None,
        open_timeout=20,
    ) as live:
        live.send(json.dumps(DASHBOARD))
        first = json.loads(live.recv(20))
        live.close()

    assert "keys" in first


# The end.


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_drain_finishes_streams_and_closes_what_is_idle_or_unfinished(
    server: str, upstream: FakeUpstream
) -> None:
    groups = [group(["KEY-A"], upstream.url, auth="google")]
    held = upstream.held_stream(STREAM)
    held.send_event(1)
    request = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % STREAM.encode()
    with (
        TlsGateway(groups, server=server) as gateway,
        RawClient(gateway.url) as streaming,
        RawClient(gateway.url) as idle,
        RawClient(f"http://127.0.0.1:{gateway.port}") as unfinished,
    ):
        idle.request("GET", "/healthz")
        unfinished.send(client_hello()[:50])
        streaming.send(request)
        assert streaming.read_line().startswith(b"HTTP/1.1 200")
        since = time.monotonic()
        gateway.signal(15)

        assert idle.read_to_the_end() == b""
        assert unfinished.read_to_the_end() == b""
        assert time.monotonic() - since < 5
        held.send_event(2)
        held.finish()
        rest = streaming.read_to_the_end()
        assert b"event 2" in rest
        assert rest.endswith(b"0\r\n\r\n")
        assert gateway.wait(10) == 0
        wait_for(lambda: "Traceback" not in gateway.output())
