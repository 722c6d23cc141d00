"""SQLite's file is locked, may not grow or is gone, and the spool's disk is full."""

import os
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from typing import Any

import httpx
import pytest

from tests.support.chosen_database import needs_sqlite
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.reliability_figures import note
from tests.support.traffic import Traffic
from tests.support.waiting import wait_for

pytestmark = needs_sqlite("needs SQLite, which breaks here")
KEYS = [f"KEY-{number:02}" for number in range(12)]
SHORT_SECONDS, LONG_SECONDS = 2.0, 30.0


class Bench:
    """A gateway, and what has been sent through it so far.

    It has SQLite's own patience of ten seconds.
    """

    def __init__(self, upstream: FakeUpstream) -> None:
        self.upstream = upstream
        self.gateway = Gateway({"groups": [group(KEYS, upstream.url, auth="google")]})
        self.path = self.gateway.database_url.removeprefix("sqlite:///")
        self.answered = self.events = 0
        self._next_key = count()
        self._lock: sqlite3.Connection | None = None

    def exhaust_a_key(self) -> None:
        self.upstream.exhausted(KEYS[next(self._next_key)])
        self.events += 1

    def lock(self) -> None:
        self._lock = sqlite3.connect(self.path, isolation_level=None, timeout=20)
        self._lock.execute("BEGIN EXCLUSIVE")

    def unlock(self) -> None:
        assert self._lock
        self._lock.close()

    def limit_files(self) -> None:
        """Nothing can grow any more, as on a full disk: neither the database nor the spool."""
        resource.prlimit(self.gateway.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def limit_no_files(self) -> None:
        resource.prlimit(
            self.gateway.pid,
            resource.RLIMIT_FSIZE,
            (resource.RLIM_INFINITY, resource.RLIM_INFINITY),
        )

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(self.gateway.url + "/readyz", timeout=10, trust_env=False)
        return answer.status_code, answer.json()

    def is_exact(self) -> bool:
        return self.counts() == (self.events, len(self.upstream.picked()), self.answered)

    def counts(self) -> tuple[int, ...]:
        statements = (
            "SELECT count(*) FROM proxyapp_ratelimitevent",
            "SELECT coalesce(sum(requests), 0) FROM proxyapp_hourlyusage",
            "SELECT coalesce(sum(answered), 0) FROM proxyapp_minuteusage",
        )
        with closing(sqlite3.connect(self.path, timeout=20)) as database:
            return tuple(database.execute(statement).fetchone()[0] for statement in statements)


@pytest.fixture(scope="module")
def bench(shared_upstream: FakeUpstream) -> Iterator[Bench]:
    made = Bench(shared_upstream)
    with made.gateway:
        yield made


Step = Callable[[Bench], None]
FAULTS: dict[str, tuple[Step, Step, str]] = {
    "locked": (Bench.lock, Bench.unlock, "database is locked"),
    "full": (Bench.limit_files, Bench.limit_no_files, ""),
}


def survive(bench: Bench, name: str, seconds: float) -> Traffic:
    breaks, mends, reason = FAULTS[name]
    said = len(bench.gateway.output())
    with Traffic(bench.gateway) as traffic:
        wait_for(lambda: len(traffic.statuses) >= 20)
        breaks(bench)
        began_at = time.monotonic()
        try:
            bench.exhaust_a_key()
            wait_for(lambda: is_told(bench.ready(), reason), 20)
            page = httpx.get(bench.gateway.url + "/admin/", timeout=10, trust_env=False)
            time.sleep(max(seconds - (time.monotonic() - began_at), 0))
        finally:
            mends(bench)
        wait_for(lambda: bench.ready()[0] == 200, 30)
    bench.answered += len(traffic.statuses)
    wait_for(bench.is_exact, 20)
    wait_for(lambda: "The database is back" in bench.gateway.output()[said:], 20)
    new = bench.gateway.output()[said:]
    assert (page.status_code, "The database is away" in page.text, reason in page.text) == (
        503,
        True,
        True,
    )
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert Counter(traffic.statuses) == {200: len(traffic.statuses)}
    assert new.count("The database is away") == (name == "locked"), (
        "the log cannot grow either when nothing can"
    )
    assert new.count("The database is back") == 1, new
    assert "Traceback" not in new
    note(
        f"SQLite {name}: {len(traffic.statuses)} requests, all answered 200, p99"
        f" {traffic.slowest_but(0.01) * 1000:.0f} ms, slowest {max(traffic.seconds) * 1000:.0f} ms;"
        " counts exact"
    )
    return traffic


def is_told(answer: tuple[int, dict[str, Any]], reason: str) -> bool:
    status, body = answer
    return (
        status == 503
        and f"the database is away: {reason}" in "".join(body["problems"])
        and body["spooled"] >= 1
    )


@pytest.mark.parametrize("name", FAULTS)
def test_no_request_notices_and_every_count_is_right(bench: Bench, name: str):
    traffic = survive(bench, name, SHORT_SECONDS)

    assert traffic.slowest_but(0.01) < 1.0
    assert max(traffic.seconds) < 2.0  # half a second for a lease, another for an event


@pytest.mark.soak
@pytest.mark.parametrize("name", FAULTS)
def test_no_request_notices_a_long_time_of_it(bench: Bench, name: str):
    traffic = survive(bench, name, LONG_SECONDS)

    assert traffic.slowest_but(0.01) < 0.5
    assert max(traffic.seconds) < 2.0


SPOOL = "the spool cannot be written (File too large)"


def test_a_spool_that_cannot_be_written_is_told_once_and_warned_of(bench: Bench):
    said = len(bench.gateway.output())
    bench.limit_files()
    try:
        with Traffic(bench.gateway) as traffic:
            wait_for(lambda: SPOOL in bench.ready()[1]["warnings"], 20)
    finally:
        bench.limit_no_files()
    bench.answered += len(traffic.statuses)

    wait_for(lambda: bench.ready()[1]["warnings"] == [], 20)
    wait_for(bench.is_exact)
    new = bench.gateway.output()[said:]
    assert new.count("The spool of usage can be written again; 0 records were lost") == 1


def test_a_damaged_file_of_a_dead_process_is_kept_and_the_gateway_goes_on(bench: Bench):
    spool = bench.gateway.directory / "var" / "spool"
    spool.mkdir(exist_ok=True)
    (spool / "1-dead.jsonl").write_bytes(b'{"cooldowns": [{"key_id": 1}]}\n')

    wait_for(lambda: bench.ready()[1]["warnings"], 20)

    status, body = bench.ready()
    assert (status, body["warnings"]) == (
        200,
        ["the spool has files that cannot be read: 1-dead-kept.bad"],
    )
    assert "1-dead-kept.bad" in bench.gateway.output()
    (spool / "1-dead-kept.bad").unlink()


def test_a_file_that_was_deleted_is_said_and_one_that_is_put_back_is_used(bench: Bench) -> None:
    safe = bench.path + "-safe"
    os.rename(bench.path, safe)

    wait_for(lambda: bench.ready()[0] == 503)
    _, report = bench.ready()
    answer = httpx.get(f"{bench.gateway.url}/v1beta/models", timeout=10, trust_env=False)
    is_made_anew = os.path.exists(bench.path)
    os.rename(safe, bench.path)

    assert (answer.status_code, is_made_anew) == (200, False)
    assert report["problems"] == ["the database is away: its file is gone"]
    wait_for(lambda: bench.ready()[0] == 200)
