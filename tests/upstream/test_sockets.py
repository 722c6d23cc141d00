"""Connecting to a name that has several addresses."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxyapp.upstream import sockets
from proxyapp.upstream.sockets import HEAD_START_SECONDS, Address, addresses_of, connect
from tests.support.addresses import tcp_address
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.ports import free_port

__all__ = ["event_loop_policy"]

pytestmark = [BOTH_LOOPS, pytest.mark.usefixtures("no_sockets_left")]


def at(port: int) -> Address:
    return tcp_address("127.0.0.1", port)


async def race(*addresses: Address, seconds: float = 5) -> socket.socket:
    return await asyncio.wait_for(connect(list(addresses)), seconds)


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


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


async def test_an_address_and_a_name_can_be_connected_to(listener: socket.socket) -> None:
    for host in ("127.0.0.1", "localhost"):
        addresses = await addresses_of(host, port_of(listener), is_link_local_allowed=False)
        with await race(*addresses) as sock:
            assert sock.getpeername() == listener.getsockname()
            assert not sock.getblocking()


async def test_a_connection_to_this_machine_waits_for_nothing(listener: socket.socket) -> None:
    dialling = connect([at(port_of(listener))])

    with pytest.raises(StopIteration) as end:
        dialling.send(None)

    with end.value.value as sock:
        assert sock.getpeername() == listener.getsockname()
        assert not sock.getblocking()


async def test_one_on_this_machine_that_says_nothing_is_waited_for(silent_port: int) -> None:
    with pytest.raises(TimeoutError):
        await race(at(silent_port), seconds=0.2)


async def test_one_on_this_machine_that_refuses_says_so() -> None:
    with pytest.raises(ConnectionRefusedError):
        await race(at(free_port()))


async def test_the_next_address_is_tried_when_one_refuses(listener: socket.socket) -> None:
    started = time.monotonic()
    (await race(at(free_port()), at(port_of(listener)))).close()
    assert time.monotonic() - started < HEAD_START_SECONDS


async def test_the_next_address_is_tried_when_one_says_nothing(
    listener: socket.socket, silent_port: int
) -> None:
    started = time.monotonic()
    with await race(at(silent_port), at(silent_port), at(port_of(listener))) as sock:
        assert sock.getpeername() == listener.getsockname()
    assert time.monotonic() - started + 0.01 >= 2 * HEAD_START_SECONDS


async def test_the_families_of_addresses_take_turns(
    listener: socket.socket, silent_port: int
) -> None:
    silent = [tcp_address("::ffff:127.0.0.1", silent_port)] * 4
    started = time.monotonic()
    with await race(*silent, at(port_of(listener))) as sock:
        assert sock.getpeername() == listener.getsockname()
    assert time.monotonic() - started < 3 * HEAD_START_SECONDS


async def test_when_all_addresses_refuse_the_error_is_that_of_the_first() -> None:
    for other in (at(free_port()), tcp_address("300.0.0.1", 1)):
        with pytest.raises(ConnectionRefusedError):
            await race(at(free_port()), other)


async def test_cancellation_closes_every_attempt(silent_port: int) -> None:
    with pytest.raises(TimeoutError):
        await race(at(silent_port), at(silent_port), seconds=HEAD_START_SECONDS * 1.5)


async def test_attempts_that_were_too_late_are_closed(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HEAD_START_SECONDS", 1e-9)
    with await race(*[at(port_of(listener))] * 8) as sock:
        assert sock.getpeername() == listener.getsockname()
