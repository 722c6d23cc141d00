"""An upstream that does everything wrong at once.

Its clients get the right status, and nobody else notices.
"""

import asyncio
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from proxyapp.upstream.transport import Transport
from tests.support import certificates
from tests.support.faults import BROKEN, FAULTS, FIRST_FAILURES, misbehave, name_in, on_a_thread
from tests.support.gateway import Gateway, group
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy
from tests.support.raw_client import RawClient, RawResponse, request_bytes
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.waiting import wait_for

WAYS = ["daily", "aware", "secure", "proxied"]
PART_BYTES = 300_000
GOOD_AT_ONCE = 3
UNREACHABLE = {"refused": 502, "unroutable": 504, "untrusted": 502}


@dataclass
class Storm:
    """All that happened while all faults were asked for at once, in every way, under one server."""

    answers: dict[tuple[str, str], RawResponse]
    asked: Counter[tuple[str, str]]
    good: Counter[int]
    keys: list[dict[str, Any]]
    output: str
    files: tuple[int, int]


def unroutable(stack: ExitStack) -> str:
    """A port whose queue is full: connections to it are neither taken nor refused."""
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(4):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(server.getsockname())
    return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def storm(request: pytest.FixtureRequest) -> Iterator[Storm]:
    with ExitStack() as stack:
        tls = certificates.server_context()
        trust = {"ca_certificates": certificates.authority()}
        plain, secure, good = stack.enter_context(on_a_thread(None, tls, None))
        proxy = stack.enter_context(HttpProxy())
        groups = [
            group(["KEY-daily-1", "KEY-daily-2"], plain.url, "daily"),
            group(
                ["KEY-aware-1", "KEY-aware-2"], plain.url, "aware", rate_limit_policy="quota_aware"
            ),
            group(["KEY-secure-1"], secure.url, "secure", **trust),
            group(["KEY-proxied-1"], secure.url, "proxied", proxy_url=proxy.url, **trust),
            group(["KEY-good-1", "KEY-good-2"], good.url, "good"),
            group(
                ["KEY-failing-1", "KEY-failing-2"],
                plain.url,
                "failing",
                rate_limit_policy="quota_aware",
            ),
            group(
                ["KEY-refused-1"],
                f"http://127.0.0.1:{free_port()}",
                "refused",
                rate_limit_policy="quota_aware",
            ),
            group(
                ["KEY-unroutable-1"],
                unroutable(stack),
                "unroutable",
                rate_limit_policy="quota_aware",
            ),
            group(["KEY-untrusted-1"], secure.url, "untrusted", rate_limit_policy="quota_aware"),
        ]
        # None meets one that a fault just closed.
        limits = {
            "READ_TIMEOUT_SECONDS": "3",
            "CONNECT_TIMEOUT_SECONDS": "4",
            "KEEPALIVE_SECONDS": "0.001",
        }
        gateway = stack.enter_context(Gateway({"groups": groups}, env=limits, server=request.param))
        yield weathered(gateway, [plain, secure])


def weathered(gateway: Gateway, upstreams: list[ScriptedUpstream]) -> Storm:
    for way in ("good", *WAYS):
        assert ask(gateway, way, "ok").status == 200

    files = settled_files(gateway)
    cases = [(way, fault) for way in WAYS for fault in FAULTS] + [
        (way, "ok") for way in UNREACHABLE
    ]
    cases += [("failing", failure) for failure in FIRST_FAILURES]
    with ThreadPoolExecutor(len(cases) + GOOD_AT_ONCE) as threads:
        answers = {case: threads.submit(ask, gateway, *case) for case in cases}
        good = [
            threads.submit(ask_well, gateway, list(answers.values())) for _ in range(GOOD_AT_ONCE)
        ]
        got = {case: answer.result() for case, answer in answers.items()}
        counts = sum((one.result() for one in good), Counter[int]())

    wait_for(lambda: sum(upstream.open for upstream in upstreams) == 0)
    after = settled_files(gateway)
    heads = [head for upstream in upstreams for head in upstream.heads]
    return Storm(
        got,
        Counter(map(asked_for, heads)),
        counts,
        gateway.keys(),
        gateway.output(),
        (files, after),
    )


def ask(gateway: Gateway, way: str, fault: str) -> RawResponse:
    with RawClient(gateway.url, timeout=30) as client:
        client.send(request_bytes("POST", f"/g/{way}/v1beta/{fault}", [], b"{}"))
        if fault not in FAULTS or not FAULTS[fault].is_read_in_part:
            return client.read_response()
        response = client._read_head()
        response.body = client._read_exactly(PART_BYTES)
        return response


def ask_well(gateway: Gateway, others: list[Any]) -> Counter[int]:
    """Until all others are answered, on one connection."""
    seen: Counter[int] = Counter()
    with RawClient(gateway.url, timeout=30) as client:
        while not all(other.done() for other in others):
            client.send(request_bytes("POST", "/g/good/v1beta/ok", [], b"{}"))
            seen[client.read_response().status] += 1
            time.sleep(0.01)
    return seen


def settled_files(gateway: Gateway) -> int:
    """The open files and sockets of the process, at rest.

    Their number has not changed for longer than a keep-alive.
    """
    path, since, count = f"/proc/{gateway.pid}/fd", time.monotonic(), -1
    deadline = since + 20
    while time.monotonic() < min(deadline, since + 0.8):
        now = len(os.listdir(path))
        if now != count:
            since, count = time.monotonic(), now
        time.sleep(0.05)
    return count


def asked_for(head: bytes) -> tuple[str, str]:
    """The group, which its key names, and the fault."""
    key = head.partition(b"KEY-")[2].split(b"-")[0]
    return key.decode(), name_in(head)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_the_client_gets_the_right_status_and_the_upstream_is_asked_once(
    storm: Storm, way: str, fault: str
) -> None:
    answer, expected = storm.answers[way, fault], FAULTS[fault]
    assert storm.asked[way, fault] == 1, (answer.status, answer.body[:300])
    if expected.status == BROKEN:
        assert (answer.status, answer.is_complete) == (200, False)
        return
    assert (answer.status, answer.is_complete) == (expected.status, True)
    if expected.is_read_in_part:
        assert len(answer.body) == PART_BYTES
    if expected.status in (502, 504):
        error = json.loads(answer.body)["error"]
        assert (error["code"], "KEY-" in answer.body.decode()) == (expected.status, False)


@pytest.mark.parametrize("way", UNREACHABLE)
def test_an_upstream_that_cannot_be_reached_has_its_status(storm: Storm, way: str) -> None:
    answer = storm.answers[way, "ok"]
    assert answer.status == UNREACHABLE[way] == json.loads(answer.body)["error"]["code"]
    assert storm.asked[way, "ok"] == 0


@pytest.mark.parametrize("failure", FIRST_FAILURES)
def test_a_failure_that_never_ends_does_not_hold_up_the_next_key(
    storm: Storm, failure: str
) -> None:
    answer = storm.answers["failing", failure]
    assert (answer.status, answer.body) == (200, b"ok")
    assert storm.asked["failing", failure] == 2


def test_no_other_request_notices(storm: Storm) -> None:
    assert set(storm.good) == {200}
    assert storm.good[200] > 100


def test_no_key_is_burnt(storm: Storm) -> None:
    assert {(key["state"], key["rate_limited"], str(key["cooldowns"])) for key in storm.keys} == {
        ("available", 0, "[]")
    }


def test_no_socket_is_left(storm: Storm) -> None:
    before, after = storm.files
    assert after <= before


def test_the_log_has_no_traceback_and_no_key(storm: Storm) -> None:
    assert "Traceback" not in storm.output
    assert not [head for head in ("good", *WAYS, *UNREACHABLE) if f"KEY-{head}-1" in storm.output]


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_task_is_left(fault: str) -> None:
    async with ScriptedUpstream(misbehave) as upstream:
        before = len(asyncio.all_tasks())
        transport = Transport(
            proxy_url=None,
            connect_timeout=1,
            read_timeout=0.3,
            keepalive_seconds=1,
            ssl_context=certificates.client_context(),
        )
        request = httpx.Request("POST", f"{upstream.url}/{fault}", content=b"{}")
        try:
            response = await transport.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for _ in response.stream:
                break
            await response.stream.aclose()
        except httpx.TransportError:
            assert FAULTS[fault].status in (502, 504)
        await transport.aclose()
        await upstream.wait_for_open(0)
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0.01)
