"""Clients that read nothing or hold connections, and more of them than there are files for."""

import asyncio
import hashlib
import re
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded, body_of_bytes
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.reliability_figures import note
from tests.support.waiting import wait_for

MEGABYTE = 1_000_000
ANSWER = body_of_bytes(20 * MEGABYTE)
SERVERS = ["daphne", "uvicorn"]


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    """The other ends of all those connections are here."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def memory(gateway: Gateway) -> int:
    return psutil.Process(gateway.pid).memory_info().rss


def cpu_seconds(gateway: Gateway) -> float:
    times = psutil.Process(gateway.pid).cpu_times()
    return times.user + times.system


def client_connections(gateway: Gateway) -> int:
    connections = psutil.Process(gateway.pid).net_connections("tcp")
    return sum(
        one.status == "ESTABLISHED" and one.laddr.port == gateway.port for one in connections
    )


def steady(value: Callable[[], int], seconds: float = 1) -> int:
    """What it is once it stays the same."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.05)
        if (now := value()) != last:
            last, since = now, time.monotonic()
    return last


class Pourer:
    """Answers each request with ANSWER, and counts what the sockets took."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, request: Recorded, connection: Connection) -> None:
        connection.writer.transport.set_write_buffer_limits(0)
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER))
        for start in range(0, len(ANSWER), 65536):
            part = ANSWER[start : start + 65536]
            await connection.send(part)
            self.sent += len(part)


def readers_that_stop(gateway: Gateway, upstream: FakeUpstream, count: int) -> str:
    """Half of them read on in the end, and half leave."""
    pourer = Pourer()
    upstream.on("/v1beta/pour", pourer)
    exchange(gateway.url, "GET", "/echo")
    idle = memory(gateway)
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(gateway.url, timeout=60)) for _ in range(count)]
        for client in clients:
            client.receive_buffer(65_536)
            client.send(request_bytes("GET", "/v1beta/pour"))
        upstream.wait_for(count + 1, timeout=60)
        held_back = steady(lambda: pourer.sent)
        grown = memory(gateway) - idle

        assert 0 < held_back < 0.6 * count * len(ANSWER)
        assert grown < 100 * MEGABYTE
        since = time.monotonic()
        assert exchange(gateway.url, "GET", "/echo").status == 200
        seconds = time.monotonic() - since

        for client in clients[: count // 2]:
            response = client.read_response()
            assert response.is_complete
            assert hashlib.sha256(response.body).digest() == hashlib.sha256(ANSWER).digest()
    wait_for(lambda: client_connections(gateway) == 0)
    wait_for(lambda: upstream.connections_open <= count // 2 + 1)  # kept for the next requests
    back = memory(gateway) - idle
    assert back < 100 * MEGABYTE  # malloc keeps some for later
    return (
        f"{count} readers that stop: grown by {grown / MEGABYTE:.0f} MB, afterwards"
        f" {back / MEGABYTE:.0f} MB; the upstream had sent {held_back / count / MEGABYTE:.1f} of 20"
        f" MB each; a request beside them took {seconds * 1000:.0f} ms"
    )


@pytest.fixture(params=SERVERS)
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(server=request.param)


def test_20_readers_that_stop_hold_the_upstream_back(gateway: Gateway, upstream: FakeUpstream):
    readers_that_stop(gateway, upstream, 20)
    assert_quiet(gateway)


@pytest.mark.soak
@pytest.mark.parametrize("server", SERVERS)
def test_200_readers_that_stop_hold_the_upstream_back(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
):
    gateway = make_gateway(server=server)
    note(f"{server}: {readers_that_stop(gateway, upstream, 200)}")
    assert_quiet(gateway)


def assert_quiet(gateway: Gateway) -> None:
    """Whatever clients do is no news for the log."""
    assert "Traceback" not in gateway.output()
    assert re.findall("(?:WARNING|ERROR|CRITICAL).*", gateway.output()) == []


# Connections that only are there.


async def hold(gateway: Gateway, count: int, *, at_once: int) -> list[asyncio.StreamWriter]:
    gate = asyncio.Semaphore(at_once)

    async def connect() -> asyncio.StreamWriter:
        async with gate:
            return (await asyncio.open_connection("127.0.0.1", gateway.port))[1]

    return await asyncio.gather(*(connect() for _ in range(count)))


async def idle_connections(gateway: Gateway, count: int) -> str:
    """All of them begin within the same moment."""
    await asyncio.to_thread(exchange, gateway.url, "GET", "/echo")
    before = memory(gateway)
    since = time.monotonic()
    writers = await hold(gateway, count, at_once=count)
    await asyncio.to_thread(wait_for, lambda: client_connections(gateway) == count, 30)
    accepted = time.monotonic() - since
    bytes_each = (memory(gateway) - before) / count
    seconds = sorted([await asyncio.to_thread(seconds_of_a_request, gateway) for _ in range(100)])
    assert bytes_each < 20_000
    assert seconds[98] < 0.5
    for writer in writers:
        writer.close()
    await asyncio.to_thread(wait_for, lambda: client_connections(gateway) == 0, 30)
    return (
        f"{count} idle connections: accepted within {accepted:.1f} s, {bytes_each / 1000:.1f} kB"
        f" each; requests beside them: p50 {seconds[50] * 1000:.1f} ms, p99"
        f" {seconds[98] * 1000:.1f} ms"
    )


def seconds_of_a_request(gateway: Gateway) -> float:
    since = time.monotonic()
    assert exchange(gateway.url, "GET", "/echo").status == 200
    return time.monotonic() - since


async def test_500_idle_connections_are_in_nobodys_way(gateway: Gateway):
    await idle_connections(gateway, 500)
    assert_quiet(gateway)


@pytest.mark.soak
async def test_5000_idle_connections_are_in_nobodys_way(gateway: Gateway):
    note(f"{await idle_connections(gateway, 5000)}")
    assert_quiet(gateway)


# More connections than files.


def test_connections_beyond_the_limit_of_files_cost_no_cpu_and_do_no_lasting_harm(gateway: Gateway):
    process = psutil.Process(gateway.pid)
    exchange(gateway.url, "GET", "/echo")
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 50,) * 2)
    with ExitStack() as stack:
        for _ in range(200):
            with suppress(OSError):
                stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 5))
        wait_for(lambda: client_connections(gateway) >= 45)
        before, since = cpu_seconds(gateway), time.monotonic()
        time.sleep(1)
        assert cpu_seconds(gateway) - before < 0.4 * (time.monotonic() - since)
    wait_for(lambda: client_connections(gateway) == 0)
    assert exchange(gateway.url, "GET", "/echo").status == 200
    assert "Traceback" not in gateway.output()
    assert len(gateway.output().splitlines()) < 20
