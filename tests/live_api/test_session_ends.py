"""How Live sessions end that nobody ends well, and what is kept of a gateway that restarts."""

import json
import os
import signal
import socket as sockets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support import certificates
from tests.support.fake_live import LIVE, QUOTA_WORDS, SETUP, FakeLive, Script
from tests.support.gateway import Gateway, group
from tests.support.live_clients import READY, begun, end_of, opened
from tests.support.proxies import HttpProxy, Socks5Proxy
from tests.support.tls_gateway import TlsGateway
from tests.support.waiting import wait_for
from tests.support.websocket_flood import masked_frame

pytestmark = pytest.mark.once

MIB = 1 << 20
SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


@pytest.fixture
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


def config_of(live: FakeLive, **fields: Any) -> dict[str, Any]:
    return {"groups": [group(["KEY-A", "KEY-B"], live.url, **fields)]}


@SERVERS
def test_a_client_that_says_nothing_is_let_go(live: FakeLive, server: str):
    env = {"LIVE_SETUP_SECONDS": "0.5"}
    with Gateway(config_of(live), server=server, env=env) as gateway, opened(gateway) as socket:
        assert end_of(socket) == (1008, "No setup message came within 0.5 s.")
    assert live.sessions == []


@SERVERS
def test_a_first_message_is_not_endless(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway, opened(gateway) as socket:
        socket.send("x" * (MIB + 1))

        assert end_of(socket)[0] == 1009
    assert live.sessions == []


@SERVERS
def test_a_message_beyond_the_limit_closes_the_session(live: FakeLive, server: str):
    env = {"LIVE_MESSAGE_BYTES": str(MIB)}
    with Gateway(config_of(live), server=server, env=env) as gateway:
        with begun(gateway) as socket:
            socket.send(json.dumps({"bytes": MIB + 1}))
            assert end_of(socket)[0] == 1009
        with begun(gateway) as socket:
            socket.send(bytes(MIB + 1))
            assert end_of(socket)[0] == 1009
        live.wait_closed()


@SERVERS
def test_a_hundred_megabytes_are_not_kept(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        before = memory(gateway)
        with suppress(ConnectionClosed):
            socket.send(bytes(100 * MIB))
        assert end_of(socket, 30)[0] in (1006, 1009)

        assert memory(gateway) - before < 60 * MIB


@SERVERS
def test_an_upstream_that_does_not_read_stops_its_client(live: FakeLive, server: str):
    live.scripts["KEY-A"] = live.scripts["KEY-B"] = Script(stops_reading=True)
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        before, sent = memory(gateway), flood(socket.socket, bytes(32_000))

        assert sent < 40 * MIB
        assert memory(gateway) - before < 20 * MIB


@SERVERS
def test_a_client_that_does_not_read_stops_its_upstream(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        before = memory(gateway)
        socket.send(json.dumps({"flood": [200, MIB]}))
        time.sleep(3)

        assert memory(gateway) - before < 20 * MIB
        assert live.flooded < 150
        assert [len(socket.recv(30)) for _ in range(200)] == [MIB] * 200


@SERVERS
def test_a_client_that_reads_no_more_is_put_out(live: FakeLive, server: str):
    env = {"STALL_TIMEOUT_SECONDS": "1"}
    with Gateway(config_of(live), server=server, env=env) as gateway, begun(gateway) as socket:
        socket.send(json.dumps({"flood": [200, MIB]}))

        assert live.wait_closed(30).key in ("KEY-A", "KEY-B")
        assert live.flooded < 150


@SERVERS
def test_pings_are_answered(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        assert socket.ping(b"there?").wait(10)


def memory(gateway: Gateway) -> int:
    return int(psutil.Process(gateway.pid).memory_info().rss)


def flood(raw: sockets.socket, payload: bytes) -> int:
    """How many bytes of messages are taken in 3 seconds."""
    frame = masked_frame(payload)
    raw.settimeout(0.2)
    until, sent = time.monotonic() + 3, 0
    while time.monotonic() < until:
        try:
            sent += raw.send(frame)
        except TimeoutError:
            continue
    return sent


HANDSHAKE = (
    f"GET {LIVE} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@contextmanager
def raw_session(gateway: Gateway) -> Iterator[sockets.socket]:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with sockets.create_connection((host, int(port)), 10) as raw:
        raw.sendall(HANDSHAKE.encode())
        assert b" 101 " in raw.recv(4096)
        yield raw


def flooded(gateway: Gateway, frames: bytes, seconds: float) -> int:
    """How much memory it takes that a client sends these again and again and reads nothing."""
    with raw_session(gateway) as raw:
        before, until = memory(gateway), time.monotonic() + seconds
        raw.settimeout(0.2)
        while time.monotonic() < until:
            with suppress(TimeoutError, ConnectionError):
                raw.send(frames)
        return memory(gateway) - before


@SERVERS
@pytest.mark.parametrize("payload", [b"", b"xx"])
def test_fragments_without_end_close_the_session(live: FakeLive, server: str, payload: bytes):
    fragment = bytes([0, 0x80 + len(payload)]) + bytes(4) + payload
    with Gateway(config_of(live), server=server) as gateway, raw_session(gateway) as raw:
        before = memory(gateway)
        raw.settimeout(60)
        raw.sendall(b"\x01\x80" + bytes(4))
        # No more than that: what a peer has left unread when it closes may cost the close frame.
        with suppress(ConnectionError):
            for _ in range(100):
                raw.sendall(fragment * 1000)
        received = b""
        with suppress(ConnectionError):
            while part := raw.recv(4096):
                received += part

        assert received.endswith(b"\x03\xf1A message has more than 100000 fragments.")
        assert memory(gateway) - before < 30 * MIB


@SERVERS
def test_a_thousand_fragments_are_a_message(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        socket.send(["", *"x" * 1000])

        assert socket.recv(15) == "x" * 1000


@SERVERS
def test_a_text_that_is_none_leaves_no_traceback(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway:
        flooded(gateway, b"\x81\x82" + bytes(4) + b"\xff\xfe", 0.5)
        with begun(gateway):
            assert "Traceback" not in gateway.output()


@SERVERS
@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"\x81\x82" + bytes(4) + b"\xff\xfe", 1007), (b"\x83\x80" + bytes(4), 1002)],
)
def test_a_client_that_breaks_a_rule_is_told_which(
    live: FakeLive, server: str, frame: bytes, code: int
):
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        socket.socket.sendall(frame)

        assert end_of(socket)[0] == code


@SERVERS
def test_answers_to_pings_that_nobody_reads_do_not_pile_up(live: FakeLive, server: str):
    pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 500
    with Gateway(config_of(live), server=server) as gateway:
        assert flooded(gateway, pings, 4) < 12 * MIB


@SERVERS
@pytest.mark.parametrize("policy", ["daily", "quota_aware"])
def test_a_quota_that_ends_a_session_counts_for_the_next(live: FakeLive, server: str, policy: str):
    config = config_of(live, auth="google", rate_limit_policy=policy)
    with Gateway(config, server=server) as gateway:
        with begun(gateway) as socket:
            socket.send(json.dumps({"close": [1011, QUOTA_WORDS]}))
            assert end_of(socket) == (1011, QUOTA_WORDS)
        first = live.keys()[0]
        wait_for(lambda: any(key["cooldowns"] for key in gateway.keys()))
        for _ in range(2):
            with begun(gateway):
                pass

    assert first not in live.keys()[1:]


def test_a_quota_that_a_client_speaks_of_itself_costs_no_key(live: FakeLive):
    words = "You exceeded your current quota"
    live.scripts["KEY-A"] = live.scripts["KEY-B"] = Script(close=(1008, f"{words} is not found"))
    with Gateway(config_of(live)) as gateway, opened(gateway) as socket:
        socket.send(json.dumps({"setup": {"model": f"models/{words}"}}))
        end_of(socket)

        assert not any(key["cooldowns"] for key in gateway.keys())


def test_what_a_setup_says_of_quotas_costs_no_key_later_on(live: FakeLive):
    said = r"You exceeded your current qu\u006fta"
    with Gateway(config_of(live)) as gateway, opened(gateway) as socket:
        socket.send(f'{{"setup": {{"model": "models/x", "systemInstruction": "{said}"}}}}')
        assert socket.recv(15) == READY
        socket.send(json.dumps({"close": [1011, "You exceeded your current quota, says x"]}))
        assert end_of(socket)[0] == 1011
        time.sleep(0.3)

        assert not any(key["cooldowns"] for key in gateway.keys())


@pytest.mark.parametrize(
    ("message", "costs"),
    [
        pytest.param("hello", True, id="nothing"),
        pytest.param(json.dumps({"text": QUOTA_WORDS}), False, id="text"),
        pytest.param(json.dumps({"text": QUOTA_WORDS}).encode(), False, id="bytes"),
        pytest.param(r'{"text": "You e\u0078ceeded your current qu\u006fta"}', False, id="escapes"),
        pytest.param("x" * 100_000, False, id="long"),
    ],
)
def test_a_reason_that_may_repeat_a_later_message_costs_no_key(
    live: FakeLive, message: str | bytes, *, costs: bool
):
    with Gateway(config_of(live)) as gateway, begun(gateway) as socket:
        live.scripts = {key: Script(later_close=(1008, QUOTA_WORDS)) for key in ("KEY-A", "KEY-B")}
        socket.send(message)

        assert end_of(socket) == (1008, QUOTA_WORDS)
        if costs:
            wait_for(lambda: any(key["cooldowns"] for key in gateway.keys()))
        time.sleep(0.3)
        assert any(key["cooldowns"] for key in gateway.keys()) == costs


@SERVERS
@pytest.mark.parametrize("status", [200, 204, 302, 307])
def test_what_is_no_upgrade_is_no_session(live: FakeLive, server: str, status: int):
    live.scripts["KEY-A"] = live.scripts["KEY-B"] = Script(status=status)
    with Gateway(config_of(live), server=server) as gateway, opened(gateway) as socket:
        socket.send(SETUP)
        code, reason = end_of(socket)

        assert code == 1011
        assert f"answers the handshake with {status}" in reason
        assert {key["state"] for key in gateway.keys()} == {"available"}
        assert "Traceback" not in gateway.output()


@pytest.mark.parametrize("end", [(1007, "bad"), (1008, "models/nope is not found"), (4000, "own")])
def test_what_a_client_has_set_up_wrongly_is_its_own_to_read(live: FakeLive, end: tuple[int, str]):
    live.scripts["KEY-A"] = live.scripts["KEY-B"] = Script(close=end)
    with Gateway(config_of(live)) as gateway, opened(gateway) as socket:
        socket.send(SETUP)

        assert end_of(socket) == end
        assert {key["state"] for key in gateway.keys()} == {"available"}
    assert len(live.sessions) == 1


def test_no_key_is_in_a_reason(live: FakeLive):
    secret = "AIzaSy" + "A1b2C3d4" * 4
    live.scripts[secret] = Script(close=(1008, f"The key {secret} and {secret[:20]}"))
    with Gateway({"groups": [group([secret], live.url)]}) as gateway, opened(gateway) as socket:
        socket.send(SETUP)
        code, reason = end_of(socket)

        assert code == 1008
        assert "A1b2C3d4" not in reason
        assert "A1b2C3d4" not in gateway.output()


def test_without_a_key_left_the_client_is_told_when(live: FakeLive):
    live.scripts["KEY-A"] = live.scripts["KEY-B"] = Script(close=(1011, QUOTA_WORDS))
    with Gateway(config_of(live)) as gateway:
        for _ in range(2):
            with opened(gateway) as socket:
                socket.send(SETUP)
                code, reason = end_of(socket)

            assert code == 1011
            assert reason.startswith("All API keys are spent for gemini-live-2.5-flash.")
    assert len(live.sessions) == 2


def test_an_upstream_that_is_not_there_is_told(live: FakeLive):
    config = {"groups": [group(["KEY-A"], "http://127.0.0.1:1")]}
    with Gateway(config) as gateway, opened(gateway) as socket:
        socket.send(SETUP)
        code, reason = end_of(socket)

    assert code == 1011
    assert "No connection to 127.0.0.1" in reason


# No server should send most of these.
CODES = [0, 999, *range(1000, 1016), 1100, 2999, 3000, 4000, 4999, 5000, 65535]
SENT = {0: 1000, 1004: 1002, 1005: 1002, 1006: 1002, 1015: 1002}


@SERVERS
def test_every_close_of_an_upstream_is_a_clear_one(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway:
        for code in CODES:
            is_sendable = 1000 <= code < 1015 or 3000 <= code < 5000
            expected = SENT.get(code, code if is_sendable else 1002)
            with begun(gateway) as socket:
                socket.send(json.dumps({"close": [code, "words" if code else ""]}))
                assert end_of(socket)[0] == expected, code
        assert {key["state"] for key in gateway.keys()} == {"available"}
        assert "Traceback" not in gateway.output()


def test_a_close_of_any_code_before_the_first_word_burns_no_key(live: FakeLive):
    with Gateway(config_of(live)) as gateway:
        for code in CODES:
            ending = Script(close=(code, "words" if code else ""))
            live.scripts["KEY-A"] = live.scripts["KEY-B"] = ending
            with opened(gateway) as socket:
                socket.send(SETUP)
                assert end_of(socket)[0] in (1000, *range(1001, 1004), *range(1007, 1015), code)
        assert not any(key["cooldowns"] for key in gateway.keys())
        assert {key["state"] for key in gateway.keys()} == {"available"}


# The end of the gateway.


@SERVERS
def test_a_shutdown_is_announced(live: FakeLive, server: str):
    env = {"SHUTDOWN_TIMEOUT_SECONDS": "3"}
    with (
        Gateway(config_of(live), server=server, env=env) as gateway,
        begun(gateway) as socket,
        opened(gateway) as silent,
    ):
        gateway.signal(signal.SIGTERM)

        assert end_of(silent) == (1012, "The gateway restarts; connect again.")
        assert json.loads(socket.recv(15)) == {"goAway": {"timeLeft": "2s"}}
        socket.send("still here")
        assert socket.recv(15) == "still here"
        assert end_of(socket) == (1012, "The gateway restarts; connect again.")
        assert gateway.wait() == 0
    assert live.wait_closed().closed == (1001, "")


@SERVERS
def test_a_second_signal_does_not_wait_for_sessions(live: FakeLive, server: str):
    with Gateway(config_of(live), server=server) as gateway, begun(gateway) as socket:
        gateway.signal(signal.SIGTERM)
        assert b"goAway" in socket.recv(15)
        time.sleep(1.2)
        gateway.signal(signal.SIGTERM)

        assert gateway.wait(20) == 0


@SERVERS
def test_a_rolling_restart_is_announced(live: FakeLive, server: str):
    env = {"SHUTDOWN_TIMEOUT_SECONDS": "3"}
    config, args = config_of(live), ("--workers", "2")
    with Gateway(config, server=server, env=env, args=args) as gateway, begun(gateway) as socket:
        gateway.signal(signal.SIGHUP)

        assert json.loads(socket.recv(30)) == {"goAway": {"timeLeft": "2s"}}
        with begun(gateway) as other:
            assert end_of(socket) == (1012, "The gateway restarts; connect again.")
            other.send("served by another process")
            assert other.recv(15) == "served by another process"


# The way.


def test_sessions_go_below_a_path_of_their_host(live: FakeLive):
    with Gateway(config_of(live), env={"PATH_PREFIX": "/gemini"}) as gateway:
        for path in (f"/gemini{LIVE}", f"/gemini/{LIVE}", f"/gemini/g/default{LIVE}"):
            with begun(gateway, path):
                assert live.sessions[-1].path == LIVE


@SERVERS
def test_sessions_go_over_tls(live: FakeLive, server: str):
    groups = [group(["KEY-A"], live.url)]
    with TlsGateway(groups, server=server) as gateway:
        trust = certificates.client_context()
        with begun(gateway, ssl=trust) as socket:
            message = os.urandom(MIB)
            socket.send(message)
            assert socket.recv(15) == message


def test_an_upstream_over_tls_is_trusted_by_the_groups_authority():
    with FakeLive(tls=certificates.server_context()) as live:
        fields = {"ca_certificates": certificates.authority(), "auth": "google"}
        trusting = {"groups": [group(["KEY-A"], live.url, **fields)]}
        with Gateway(trusting) as gateway, begun(gateway) as socket:
            socket.send("hello")
            assert socket.recv(15) == "hello"
        with Gateway({"groups": [group(["KEY-A"], live.url)]}) as other, opened(other) as socket:
            socket.send(SETUP)
            assert "certificate" in end_of(socket)[1]


@pytest.mark.parametrize("make", [HttpProxy, Socks5Proxy])
@pytest.mark.parametrize("is_tls", [False, True])
def test_sessions_go_through_the_groups_proxy(make: type[HttpProxy], *, is_tls: bool):
    tls = certificates.server_context() if is_tls else None
    with FakeLive(tls=tls) as live, make("user", "secret") as proxy:
        fields = {"ca_certificates": certificates.authority()} if is_tls else {}
        config = {"groups": [group(["KEY-A"], live.url, proxy_url=proxy.url, **fields)]}
        with Gateway(config) as gateway, begun(gateway) as socket:
            socket.send(b"hello")
            assert socket.recv(15) == b"hello"

        assert [seen.target for seen in proxy.connections] == [f"127.0.0.1:{live.port}"]
        assert proxy.connections[0].method == "CONNECT"


def test_a_targets_own_path_stands_in_front(live: FakeLive):
    config = {"groups": [group(["KEY-A"], f"{live.url}/mirror/v1beta")]}
    with Gateway(config) as gateway, begun(gateway):
        assert live.sessions[-1].path == f"/mirror{LIVE}"


def test_a_silent_upstream_keeps_its_session(live: FakeLive):
    live.scripts["KEY-A"] = Script(is_silent=True)
    with Gateway({"groups": [group(["KEY-A"], live.url)]}) as gateway, opened(gateway) as socket:
        socket.send(SETUP)
        socket.send("hello")

        assert socket.recv(30) == "hello"
