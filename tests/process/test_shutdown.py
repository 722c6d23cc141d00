"""SIGTERM under 200 open streams: none is cut, and nobody new gets in.

What was used is written to the request.
"""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream, HeldStream
from tests.support.gateway import Gateway
from tests.support.gateway_database import counted_by_hour, counted_by_minute
from tests.support.raw_client import RawClient
from tests.support.reliability_figures import note
from tests.support.waiting import wait_for

STREAMS = 200
PATH = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
REQUEST = b"POST %s?alt=sse HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % PATH.encode()


@contextmanager
def open_streams(
    gateway: Gateway, upstream: FakeUpstream
) -> Iterator[tuple[list[HeldStream], list[RawClient]]]:
    with ExitStack() as stack:
        held = [upstream.held_stream(PATH) for _ in range(STREAMS)]
        clients = [stack.enter_context(RawClient(gateway.url, timeout=60)) for _ in range(STREAMS)]
        for client in clients:
            client.send(REQUEST)
        for stream in held:
            assert stream.started.wait(30)
            stream.send_event(1)
        for client in clients:
            assert client.read_line().startswith(b"HTTP/1.1 200")
        yield held, clients


def refuses_connections(gateway: Gateway) -> bool:
    try:
        socket.create_connection(("127.0.0.1", gateway.port), 5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False
    return False


@pytest.mark.parametrize(
    ("server", "workers"), [("daphne", "1"), ("uvicorn", "1"), ("daphne", "2"), ("uvicorn", "2")]
)
def test_sigterm_under_200_streams_cuts_none(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, workers: str
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B", "KEY-C"], server=server, args=["--workers", workers])
    wait_for(lambda: "Proxy: " in gateway.output(), 60)
    with open_streams(gateway, upstream) as (held, clients):
        since = time.monotonic()
        gateway.signal(signal.SIGTERM)
        wait_for(lambda: refuses_connections(gateway), 5)
        refused_after = time.monotonic() - since
        for stream in held:
            stream.send_event(2)
            stream.finish()
        bodies = [client.read_to_the_end() for client in clients]

        assert gateway.wait(30) == 0

    ended_after = time.monotonic() - since
    assert [
        body for body in bodies if b"event 2" not in body or not body.endswith(b"0\r\n\r\n")
    ] == []
    assert len(upstream.requests) == STREAMS
    assert counted_by_hour(gateway) == STREAMS
    assert counted_by_minute(gateway) == (STREAMS, STREAMS)
    assert "Traceback" not in gateway.output()
    note(
        f"SIGTERM under {STREAMS} streams, {server}, {workers} worker(s): new connections refused"
        f" after {refused_after * 1000:.0f} ms, no stream cut, exit 0 after {ended_after:.1f} s,"
        " usage exact"
    )
