"""Connecting to a name that has several addresses."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxyapp.upstream import sockets
from proxyapp.upstream.sockets import HEAD_START_SECONDS, Address, alternating, connect
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.ports import free_port

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]
V4, V6 = socket.AF_INET, socket.AF_INET6


def at(port: int) -> Address:
    return V4, ("127.0.0.1", port)


@pytest.fixture
def listener(no_sockets_left: None) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def silent_port(no_sockets_left: None) -> Iterator[int]:
    """A port whose queue is full: connections to it are neither taken nor refused."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: Address) -> None:
    async def resolve(host: str, port: int) -> list[Address]:
        return list(addresses)

    monkeypatch.setattr(sockets, "_resolve", resolve)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_families_alternate_and_the_preferred_one_starts() -> None:
    addresses: list[Address] = [(V6, 1), (V6, 2), (V6, 3), (V4, 4), (V4, 5)]
    assert [address for _, address in alternating(addresses)] == [1, 4, 2, 5, 3]


async def test_an_address_and_a_name_can_be_connected_to(listener: socket.socket) -> None:
    for host in ("127.0.0.1", "localhost"):
        with await asyncio.wait_for(connect(host, port_of(listener)), 5) as sock:
            assert sock.getpeername() == listener.getsockname()
            assert not sock.getblocking()


async def test_the_next_address_is_tried_when_one_refuses(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, at(free_port()), at(port_of(listener)))
    started = time.monotonic()
    (await asyncio.wait_for(connect("name", 1), 5)).close()
    assert time.monotonic() - started < HEAD_START_SECONDS


async def test_the_next_address_is_tried_when_one_says_nothing(
    listener: socket.socket, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, at(silent_port), at(silent_port), at(port_of(listener)))
    started = time.monotonic()
    with await asyncio.wait_for(connect("name", 1), 5) as sock:
        assert sock.getpeername() == listener.getsockname()
    assert time.monotonic() - started + 0.01 >= 2 * HEAD_START_SECONDS


async def test_when_all_addresses_refuse_the_error_is_that_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_to(monkeypatch, at(free_port()), (V4, ("300.0.0.1", 1)))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.wait_for(connect("name", 1), 5)


async def test_cancellation_closes_every_attempt(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, at(silent_port), at(silent_port))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connect("name", 1), HEAD_START_SECONDS * 1.5)
    await asyncio.sleep(0)  # the cancelled attempts end
