"""PostgreSQL breaks under a running gateway: no request notices, and every count is right."""

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import httpx
import pytest

from tests.support.chosen_database import needs_postgresql
from tests.support.cluster import Cluster
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.reliability_figures import note
from tests.support.traffic import Traffic
from tests.support.waiting import wait_for

pytestmark = needs_postgresql("needs PostgreSQL, which breaks here")
KEYS = [f"KEY-{number:02}" for number in range(16)]
SHORT_SECONDS = 2.0
LONG_SECONDS = 30.0
EVENTS = "SELECT count(*) FROM proxyapp_ratelimitevent"
REQUESTS = "SELECT coalesce(sum(requests), 0)::int FROM proxyapp_hourlyusage"
ANSWERED = "SELECT coalesce(sum(answered), 0)::int FROM proxyapp_minuteusage"


class Bench:
    """A gateway with a PostgreSQL of its own, and what has been sent through it so far."""

    def __init__(self, cluster: Cluster, upstream: FakeUpstream, *args: str) -> None:
        self.cluster = cluster
        self.upstream = upstream
        self.answered = self.events = 0
        self._next_key = count()
        config = {"groups": [group(KEYS, upstream.url, auth="google")]}
        self.gateway = Gateway(config, env={"DATABASE_URL": cluster.url}, args=args)

    def exhaust_a_key(self) -> None:
        self.upstream.exhausted(KEYS[next(self._next_key)])
        self.events += 1

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(self.gateway.url + "/readyz", timeout=10, trust_env=False)
        return answer.status_code, answer.json()

    def counts(self) -> tuple[int, int, int]:
        return self.cluster.ask(EVENTS), self.cluster.ask(REQUESTS), self.cluster.ask(ANSWERED)

    def is_exact(self) -> bool:
        return self.counts() == self.expected()

    def expected(self) -> tuple[int, int, int]:
        return self.events, len(self.upstream.picked()), self.answered


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def bench(cluster: Cluster, shared_upstream: FakeUpstream) -> Iterator[Bench]:
    made = Bench(cluster, shared_upstream)
    with made.gateway:
        yield made


def full(cluster: Cluster) -> None:
    if not cluster.has_own_disk:
        pytest.skip("needs the right to mount a small disk (tmpfs) on this machine")
    cluster.fill()


Fault = tuple[Callable[[Cluster], None], Callable[[Cluster], None]]
FAULTS: dict[str, Fault] = {
    "stopped": (Cluster.stop, Cluster.start),
    "killed": (Cluster.kill, Cluster.start),
    "hanging": (Cluster.freeze, Cluster.thaw),
    "full": (full, Cluster.empty),
}


def survive(bench: Bench, fault: Fault, seconds: float) -> Traffic:
    """An outage under traffic, with a refusal at its start.

    No request notices, and all is counted.
    """
    breaks, mends = fault
    said = bench.gateway.output()
    with Traffic(bench.gateway) as traffic:
        wait_for(lambda: len(traffic.statuses) >= 20)
        breaks(bench.cluster)
        began_at = time.monotonic()
        try:
            bench.exhaust_a_key()
            wait_for(lambda: bench.ready()[0] == 503, 20)
            tell(bench)
            time.sleep(max(seconds - (time.monotonic() - began_at), 0))
        finally:
            mends(bench.cluster)
        mended_at = time.monotonic()
        wait_for(lambda: bench.ready()[0] == 200, 30)
        back_after = time.monotonic() - mended_at
    bench.answered += len(traffic.statuses)
    wait_for(bench.is_exact, 20)
    wait_for(lambda: "The database is back" in bench.gateway.output()[len(said) :], 20)
    new = bench.gateway.output()[len(said) :]
    assert Counter(traffic.statuses) == {200: len(traffic.statuses)}
    assert new.count("The database is away") == new.count("The database is back") == 1, new
    assert bench.ready()[1]["spooled"] == 0
    assert bench.cluster.password not in new
    assert "Traceback" not in new
    note(
        f"{len(traffic.statuses)} requests over an outage of {mended_at - began_at:.0f} s: all"
        f" answered 200, p99 {traffic.slowest_but(0.01) * 1000:.0f} ms, slowest"
        f" {max(traffic.seconds) * 1000:.0f} ms; counts exact; /readyz 200 again after"
        f" {back_after:.1f} s"
    )
    return traffic


def has_seen(traffic: Traffic, number: int) -> bool:
    return len(traffic.statuses) >= number


def tell(bench: Bench) -> None:
    """What operators and machines are told meanwhile."""
    pages: list[str] = []
    wait_for(lambda: sees_503(bench, pages), 20)
    assert "The database is away" in pages[-1]
    assert "in the spool" in pages[-1]
    assert bench.cluster.password not in pages[-1]
    assert "Traceback" not in pages[-1]
    wait_for(lambda: is_told(bench.ready()), 20)


def sees_503(bench: Bench, pages: list[str]) -> bool:
    answer = httpx.get(bench.gateway.url + "/admin/", timeout=10, trust_env=False)
    pages.append(answer.text)
    return answer.status_code == 503


def is_told(answer: tuple[int, dict[str, Any]]) -> bool:
    """A disk that is nearly full takes a row now and then, and the spool is empty for a moment."""
    status, body = answer
    problems = [
        problem for problem in body["problems"] if problem.startswith("the database is away: ")
    ]
    return status == 503 and len(problems) == 1 and body["spooled"] >= 1


@pytest.mark.parametrize("name", FAULTS)
def test_no_request_notices_an_outage_and_every_count_is_right(bench: Bench, name: str):
    traffic = survive(bench, FAULTS[name], SHORT_SECONDS)

    assert traffic.slowest_but(0.01) < 1.0
    assert max(traffic.seconds) < 3.0


@pytest.mark.soak
@pytest.mark.parametrize("name", FAULTS)
def test_no_request_notices_a_long_outage(bench: Bench, name: str):
    traffic = survive(bench, FAULTS[name], LONG_SECONDS)

    assert traffic.slowest_but(0.01) < 0.5


def test_ended_sessions_are_made_anew(bench: Bench):
    with Traffic(bench.gateway) as traffic:
        for _ in range(5):
            enough = len(traffic.statuses) + 20
            bench.cluster.end_sessions()
            wait_for(functools.partial(has_seen, traffic, enough))
    bench.answered += len(traffic.statuses)

    wait_for(lambda: bench.ready()[0] == 200)
    wait_for(bench.is_exact)
    assert Counter(traffic.statuses) == {200: len(traffic.statuses)}


def test_a_kill_in_the_middle_of_an_outage_loses_nothing_that_is_a_second_old(bench: Bench):
    bench.cluster.stop()
    try:
        with Traffic(bench.gateway) as traffic:
            bench.exhaust_a_key()
            wait_for(lambda: len(traffic.statuses) > 100)
        bench.answered += len(traffic.statuses)
        time.sleep(1.0)
        bench.gateway.kill()
    finally:
        bench.cluster.start()
    bench.gateway.start()

    assert bench.ready()[1]["keys"]["cooling"] == bench.events, (
        "what is in the spool is known from the start"
    )
    wait_for(bench.is_exact)
    assert Counter(traffic.statuses) == {200: len(traffic.statuses)}


def test_the_keys_take_fair_turns_while_the_database_is_away(bench: Bench):
    bench.cluster.stop()
    try:
        wait_for(lambda: bench.ready()[0] == 503)
        before = Counter(bench.upstream.picked())
        with Traffic(bench.gateway, pause=0) as traffic:
            wait_for(lambda: len(traffic.statuses) > 200)
    finally:
        bench.cluster.start()
    bench.answered += len(traffic.statuses)

    turns = Counter(bench.upstream.picked()) - before
    assert max(turns.values()) - min(turns.values()) <= 1
    wait_for(bench.is_exact)


def test_two_workers_write_what_they_had_to_keep_both(
    cluster: Cluster, shared_upstream: FakeUpstream, bench: Bench
):
    """Killed in the outage: each had a file of its own.

    They follow the same counts in the same database.
    """
    assert bench.gateway.stop() == 0
    bench.gateway._args += ["--workers", "2"]
    said = bench.gateway.output().count("Proxy: ")
    bench.gateway.start()
    wait_for(lambda: bench.gateway.output().count("Proxy: ") > said, 30)  # both listen
    clients = [Traffic(bench.gateway) for _ in range(12)]
    cluster.kill()
    try:
        with ExitStack() as stack:
            for client in clients:
                stack.enter_context(client)
            wait_for(lambda: all(has_seen(client, 10) for client in clients))
        bench.answered += sum(len(client.statuses) for client in clients)
        time.sleep(1.0)
        names = {
            path.name.split("-")[0]
            for path in (bench.gateway.directory / "var" / "spool").glob("*.jsonl")
        }
        bench.gateway.kill()
    finally:
        cluster.start()
    bench.gateway.start()

    assert len(names) == 2
    wait_for(bench.is_exact)
    assert all(set(client.statuses) == {200} for client in clients)
