"""Many clients at once: all are let in, without files to spare and while the server drains, too."""

import asyncio
import contextlib
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from proxyapp.server import accept_loop
from proxyapp.server.accept_loop import AcceptLoop
from tests.conftest import MakeGateway
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient
from tests.support.waiting import wait_for

__all__ = ["event_loop_policy"]
pytestmark = BOTH_LOOPS
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(b"hello")  # type: ignore[attr-defined]  # uvloop's is a transport in all but its class
        transport.close()


@contextlib.asynccontextmanager
async def accepting() -> AsyncIterator[tuple[AcceptLoop, tuple[str, int]]]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = listener.getsockname()
    accepting = AcceptLoop(listener, Greeter)
    yield accepting, address
    accepting.close()
    await accepting.wait_closed()


async def said_to(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    said = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return said


@contextlib.contextmanager
def without_files_to_spare(gateway: Gateway) -> Iterator[None]:
    _, most = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (3, most))
    yield
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.asyncio
async def test_more_than_a_turn_takes_are_all_let_in() -> None:
    many = 2 * accept_loop.MOST_A_TURN + 5
    async with accepting() as (_, address):
        clients = [socket.create_connection(address) for _ in range(many)]
        for client in clients:
            client.setblocking(False)
        loop = asyncio.get_running_loop()

        said = await asyncio.gather(*(loop.sock_recv(client, 10) for client in clients))

        for client in clients:
            client.close()
    assert said == [b"hello"] * many


@pytest.mark.asyncio
async def test_who_waited_when_it_closed_is_let_in_and_nobody_later() -> None:
    async with accepting() as (loop_of_ours, address):
        with socket.create_connection(address) as client:
            loop_of_ours.close()
            await loop_of_ours.wait_closed()

            client.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(client, 10) == b"hello"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


@pytest.mark.asyncio
async def test_a_client_that_has_left_before_is_nobodys_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with accepting() as (_, address):
        with RawClient(f"http://{address[0]}:{address[1]}") as client:
            client.reset()

        assert await said_to(address) == b"hello"
    assert caplog.text == ""


@SERVERS
def test_500_connections_at_once_are_all_answered(make_gateway: MakeGateway, server: str) -> None:
    gateway = make_gateway(server=server)
    since = time.monotonic()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(gateway.url)) for _ in range(500)]
        for client in clients:
            client.send(REQUEST)

        assert [client.read_response().status for client in clients] == [200] * 500
    assert time.monotonic() - since < 10


def test_who_comes_while_files_are_short_waits_and_it_is_said_once(
    make_gateway: MakeGateway,
) -> None:
    gateway = make_gateway(server="uvicorn")
    with RawClient(gateway.url) as before, contextlib.ExitStack() as stack:
        before.request("GET", "/healthz")
        with without_files_to_spare(gateway):
            clients = [stack.enter_context(RawClient(gateway.url)) for _ in range(5)]
            for client in clients:
                client.send(REQUEST)
            wait_for(lambda: "New connections wait" in gateway.output())
            time.sleep(2 * accept_loop.PAUSE_SECONDS)  # it looks again, and says nothing
            while_short = before.request("GET", "/healthz").status

        after = [client.read_response().status for client in clients]

    assert (while_short, after) == (200, [200] * 5)
    assert gateway.output().count("New connections wait") == 1
    assert gateway.output().count("Traceback") == 0


@SERVERS
def test_who_has_yet_to_be_let_in_at_sigterm_is_answered(
    make_gateway: MakeGateway, server: str
) -> None:
    gateway = make_gateway(server=server)
    gateway.signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(RawClient(gateway.url)) for _ in range(300)]
        for client in waiting:
            client.send(REQUEST)
        gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGCONT)

        assert [client.read_response().status for client in waiting] == [200] * 300
        assert gateway.wait(15) == 0
