"""What is provably unsent is tried once more before it becomes a 502 or goes to another group."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import certificates
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_requests import GENERATE, ask
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, ProxyServer, Socks5Proxy

POLICIES = ["daily", "quota_aware"]


@pytest.fixture
def trusting(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ca.pem").write_bytes(certificates.pem())
    return {"UPSTREAM_CA_FILE": str(tmp_path / "ca.pem")}


@pytest.fixture
def target() -> Iterator[FakeUpstream]:
    with FakeUpstream(tls=certificates.server_context()) as server:
        yield server


def proxy_of(kind: str, **fields) -> ProxyServer:
    if kind == "socks5":
        return Socks5Proxy(**fields)
    return HttpProxy(tls=certificates.server_context() if kind == "https" else None, **fields)


@contextmanager
def listening(port: int, answers: "list[bytes | None]") -> Iterator[list[bytes]]:
    """Each connection hears a few bytes and is answered; None: it is reset."""
    heard = list[bytes]()
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            for answer in answers:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(4096))
                    if answer is None:
                        linger = struct.pack("ii", 1, 0)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    else:
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
def test_a_proxy_that_resets_one_request_for_a_way_costs_nobody_an_answer(
    make_gateway, target, trusting, kind, policy
):
    with proxy_of(kind, resets=1) as proxy:
        gateway = make_gateway(
            ["KEY-A", "KEY-B"],
            target_url=target.url,
            proxy_url=proxy.url,
            rate_limit_policy=policy,
            env=trusting,
        )

        answer = ask(gateway)

        assert answer.status_code == 200
        assert target.picked() == ["KEY-A"], "a POST, which nobody had seen before"
        assert proxy.connections_made == 2


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("breaks", [None, b"", b"no TLS", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_a_handshake_that_breaks_is_begun_once_more(make_gateway, breaks, policy, server):
    port = free_port()
    with listening(port, [breaks] * 3) as heard:
        gateway = make_gateway(
            ["KEY-A", "KEY-B"],
            target_url=f"https://127.0.0.1:{port}",
            rate_limit_policy=policy,
            server=server,
        )

        answer = ask(gateway)

        assert answer.status_code == 502
        assert [hello[:1] for hello in heard] == [b"\x16"] * 2, "no more often than twice"


@pytest.mark.parametrize("policy", POLICIES)
def test_what_was_sent_is_not_sent_again(make_gateway, policy):
    port = free_port()
    with listening(port, [None, None]) as heard:
        gateway = make_gateway(
            ["KEY-A", "KEY-B"], target_url=f"http://127.0.0.1:{port}", rate_limit_policy=policy
        )

        answer = ask(gateway)

        assert (answer.status_code, len(heard)) == (502, 1)
        assert heard[0].startswith(b"POST " + GENERATE.encode())


def test_another_group_answers_when_the_second_try_breaks_too(make_gateway, target, trusting):
    with HttpProxy(resets=2) as broken:
        common = {"auth": "google", "rate_limit_policy": "quota_aware"}
        gateway = make_gateway(
            groups=[
                group(["KEY-A"], target.url, "first", proxy_url=broken.url, **common),
                group(["KEY-B"], target.url, "second", **common),
            ],
            env=trusting,
        )

        assert ask(gateway).status_code == 200
        assert (target.picked(), broken.connections_made) == (["KEY-B"], 2)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_proxy_that_keeps_silent_costs_the_time_to_connect_and_no_more(
    make_gateway, target, trusting, policy
):
    with HttpProxy(is_silent=True) as proxy:
        gateway: Gateway = make_gateway(
            target_url=target.url,
            proxy_url=proxy.url,
            rate_limit_policy=policy,
            env={**trusting, "CONNECT_TIMEOUT_SECONDS": "1"},
        )

        began = time.monotonic()
        answer = ask(gateway)

        assert answer.status_code == 504
        assert 1 <= time.monotonic() - began < 2
        assert proxy.connections_made == 1
