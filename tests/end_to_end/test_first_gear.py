"""The usual request runs without a task, and leaves nothing behind however its client goes."""

import hashlib
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.conftest import MakeGateway
from tests.support import gear_answers as answers
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import counted_by_minute, rows
from tests.support.gear_pair import CHOSEN_GEAR
from tests.support.quota_gateway import CHAT, native
from tests.support.raw_client import RawClient, exchange, request_bytes
from tests.support.waiting import wait_for

SERVERS = ["daphne", "uvicorn"]
STREAM = native(method="streamGenerateContent") + "?alt=sse"
ASKED = b'{"contents": [], "model": "gemini-2.5-flash", "messages": []}'
LONG = b'{"contents": ["' + b"x" * 100_000 + b'"]}'
CLIENTS = 500


@pytest.fixture(params=SERVERS)
def told(request: pytest.FixtureRequest, upstream: FakeUpstream) -> Iterator[Gateway]:
    keys = ["KEY-A", "KEY-B", "KEY-C"]
    with Gateway(
        {"groups": [group(keys, upstream.url, auth="google", rate_limit_policy="quota_aware")]},
        server=request.param,
        program=CHOSEN_GEAR,
        env={"GEAR": "told"},
    ) as running:
        exchange(running.url, "POST", native(), [], ASKED)  # there is a lease, and a connection
        yield running


def ended(gateway: Gateway, gear: str) -> int:
    return gateway.output().count(f"ended in the {gear} gear")


def test_the_usual_request_runs_without_a_task(told: Gateway, upstream: FakeUpstream) -> None:
    upstream.on("/slow", answers.events(4, 0.05))
    calls = [(native(), ASKED), (STREAM, ASKED), (CHAT, ASKED), ("/slow", b"")]
    wait_for(lambda: ended(told, "second") == 1)
    with RawClient(told.url) as client:
        for path, body in calls * 3:
            assert client.request("POST", path, [], body).status == 200
    wait_for(lambda: ended(told, "first") == 12)
    assert ended(told, "second") == 1


def test_what_has_to_wait_goes_on_in_a_task(told: Gateway, upstream: FakeUpstream) -> None:
    wait_for(lambda: ended(told, "second") == 1)
    upstream.exhausted("KEY-B", "429_free_rpd_25_short_delay")
    with RawClient(told.url) as client:
        answered = [client.request("POST", native(), [], ASKED) for _ in range(3)]
        client.send(request_bytes("POST", native(), [("Content-Length", str(len(LONG)))]))
        client.send(LONG[:50_000])
        time.sleep(0.1)
        client.send(LONG[50_000:])
        answered.append(client.read_response())
    assert {response.status for response in answered} == {200}
    wait_for(lambda: ended(told, "first") + ended(told, "second") == 5)
    assert ended(told, "second") == 3  # the first one, the refused one and the long body


def leaves(url: str, seed: int) -> bool:
    """At any moment: before, in or after the answer. Whether its request was whole."""
    chance = random.Random(seed)
    client = RawClient(url)
    try:
        data = request_bytes("POST", STREAM, [], ASKED)
        sent = data[: chance.choice([9, 150, len(data), len(data), len(data)])]
        client.send(sent)
        is_whole = len(sent) == len(data)
        if not is_whole or chance.random() < 0.5:
            time.sleep(chance.random() * 0.06)
        else:
            for _ in range(chance.randrange(1, 12)):
                client.read_line()
    finally:
        client.reset() if chance.random() < 0.5 else client.close()
    return is_whole


def held(process: psutil.Process, gateway: Gateway, upstream: FakeUpstream) -> int:
    """How many connections the gateway has with clients, or still has with an upstream that closed
    them. (Others may lead to its database.)
    """
    ends = [found for found in process.net_connections("tcp") if found.raddr]
    of_clients = sum(end.laddr.port == gateway.port for end in ends)
    to_upstream = sum(end.raddr.port == upstream.port for end in ends)
    return of_clients + max(to_upstream - upstream.connections_open, 0)


@pytest.mark.parametrize("server", SERVERS)
def test_a_thousand_clients_that_leave_leave_nothing_behind(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B"], server=server, env={"HEADER_TIMEOUT_SECONDS": "5"})
    upstream.on("/", answers.events(4, 0.01))
    process = psutil.Process(gateway.pid)
    sizes: list[int] = []
    asked: list[bool] = []
    with ThreadPoolExecutor(16) as threads:
        for start in (0, CLIENTS):
            seeds = range(start, start + CLIENTS)
            asked += threads.map(lambda seed: leaves(gateway.url, seed), seeds)
            wait_for(lambda: not held(process, gateway, upstream))
            sizes.append(process.memory_info().rss)
    assert sizes[1] - sizes[0] < 6_000_000
    began = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - began < 5, "something was still under way"
    assert "Traceback" not in gateway.output()
    outcomes = "SELECT sum(requests), sum(succeeded + cancelled) FROM proxyapp_hourlyusage"
    ((counted, ended_so),) = rows(gateway, outcomes)
    assert counted == ended_so == counted_by_minute(gateway)[0]
    # A reset may overtake a request on its way to the upstream.
    assert CLIENTS / 2 < len(upstream.requests) <= counted <= sum(asked)


@pytest.mark.parametrize("server", SERVERS)
def test_streams_that_outlast_a_shutdown_are_cut_and_counted(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(server=server, env={"SHUTDOWN_TIMEOUT_SECONDS": "2"})
    upstream.on("/", answers.events(1, 0.0, is_left=True))
    clients = [RawClient(gateway.url) for _ in range(5)]
    for client in clients:
        client.send(request_bytes("POST", STREAM, [], ASKED))
    for client in clients:
        while b"event 1" not in client.read_line():
            pass
    began = time.monotonic()
    assert gateway.stop() == 0
    assert 1.9 < time.monotonic() - began < 8
    for client in clients:
        assert b"0\r\n\r\n" not in client.read_to_the_end()
    assert rows(gateway, "SELECT requests, cancelled FROM proxyapp_hourlyusage") == [(5, 5)]


def body_of(number: int, size: int) -> bytes:
    return hashlib.shake_256(b"%d" % number).digest(min(size, 50_000)) * (size // 50_000 + 1)


async def send_own_body(request: Recorded, connection: Connection) -> None:
    """Of `/<number>/<size>`: whole, or chunked."""
    number, size = map(int, request.path.strip("/").split("/"))
    if number % 2:
        await connection.answer(200, body_of(number, size))
    else:
        await answers.in_pieces(body_of(number, size), [size // 3], 0.0, answers.OCTETS)(
            request, connection
        )


def reads_its_own(url: str, seed: int) -> int:
    """How many answers were not the client's own. Now and then it does not read for a while."""
    chance = random.Random(seed)
    wrong = 0
    with RawClient(url) as client:
        for number in range(100 * seed, 100 * seed + 12):
            size = chance.choice([10, 3_000, 100_000, 250_000, 1_500_000])
            client.send(request_bytes("GET", f"/{number}/{size}"))
            if chance.random() < 0.3:
                time.sleep(0.1)
            wrong += client.read_response().body != body_of(number, size)
    return wrong


@pytest.mark.parametrize("server", SERVERS)
def test_everybody_gets_the_answer_that_is_theirs(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    """An upstream's connection serves the next request while the answer before is still relayed."""
    gateway = make_gateway(["KEY-A", "KEY-B"], server=server)
    upstream.on("/", send_own_body)
    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(lambda seed: reads_its_own(gateway.url, seed), range(12))) == 0
    assert upstream.connections_made < len(upstream.requests) == 144
    assert gateway.stop() == 0
    assert rows(gateway, "SELECT sum(succeeded) FROM proxyapp_hourlyusage") == [(144,)]
