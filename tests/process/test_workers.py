"""`serve --workers 2`: two processes on one port, replaced when they die."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import psutil
import pytest

from tests.support.gateway import Gateway

SECONDS = 10
EMPTY: dict[str, Any] = {"groups": []}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway(EMPTY, args=["--workers", "2"]) as running:
        eventually(lambda: "Proxy: " in running.output())
        yield running


def workers(gateway: Gateway) -> list[psutil.Process]:
    children: list[psutil.Process] = psutil.Process(gateway.pid).children()
    return children


def eventually(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    due = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < due, "it did not come true in time"
        time.sleep(0.02)


def is_healthy(gateway: Gateway) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{gateway.url}/healthz", trust_env=False, timeout=5).status_code == 200
    return False


def has_ended(process: psutil.Process) -> bool:
    """Also when nobody has asked for its exit code yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def listens(process: psutil.Process) -> bool:
    return any(each.status == psutil.CONN_LISTEN for each in process.net_connections())


def test_both_workers_listen_on_the_port_and_it_is_said_once(gateway: Gateway) -> None:
    assert [listens(worker) for worker in workers(gateway)] == [True, True]
    assert gateway.output().count("Proxy: ") == 1


def test_a_killed_worker_is_replaced_within_two_seconds(gateway: Gateway) -> None:
    before = workers(gateway)
    before[0].kill()

    eventually(lambda: len(workers(gateway)) == 2 and before[0] not in workers(gateway), 2)

    eventually(lambda: all(listens(worker) for worker in workers(gateway)))
    assert before[1] in workers(gateway)


def test_a_second_gateway_on_the_port_is_refused(gateway: Gateway) -> None:
    refused = gateway.manage("serve", "--port", str(gateway.port), "--workers", "2")

    assert refused.returncode == 1
    assert f"127.0.0.1:{gateway.port} is in use" in refused.stderr


def test_sigterm_ends_the_workers_and_then_the_supervisor_with_0() -> None:
    with Gateway(EMPTY, args=["--workers", "2"]) as gateway:
        eventually(lambda: "Proxy: " in gateway.output())
        ended = workers(gateway)

        assert gateway.stop() == 0

        assert all(has_ended(worker) for worker in ended)
        assert "Traceback" not in gateway.output()


def test_workers_end_when_their_supervisor_is_killed() -> None:
    with Gateway(EMPTY, args=["--workers", "2"]) as gateway:
        eventually(lambda: "Proxy: " in gateway.output())
        orphans = workers(gateway)

        os.kill(gateway.pid, signal.SIGKILL)

        eventually(lambda: all(has_ended(worker) for worker in orphans))
        assert "Traceback" not in gateway.output()
