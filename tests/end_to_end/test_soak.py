"""Half an hour of mixed traffic with faults, under both servers.

Nothing grows, nothing repeats, nobody notices.
"""

import asyncio
import os
import re
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import psutil
import pytest

from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.live_pages import OPERATOR, admin_cookie, watched
from tests.support.mixed_traffic import Traffic
from tests.support.postgres import ON_POSTGRESQL
from tests.support.reliability_figures import note

SECONDS = 60 * float(os.environ.get("SOAK_MINUTES", "30"))
FAULT_EVERY_SECONDS = 30.0
FAULT_SECONDS = 3.0
KEYS = [{"key": f"KEY-{number:02}", "project": f"project-{number // 4}"} for number in range(20)]
PAGES = (
    "",
    "proxyapp/apikey/",
    "proxyapp/group/",
    "proxyapp/ratelimitevent/",
    "proxyapp/hourlyusage/",
)
# What is counted and noted grows until its retention; nothing else may.
MAY_GROW = {
    "proxyapp_hourlyusage",
    "proxyapp_minuteusage",
    "proxyapp_ratelimitevent",
    "proxyapp_poolchange",
    "proxyapp_auditentry",
    "proxyapp_spoolmark",
    "django_session",
    "sqlite_sequence",
}

pytestmark = [pytest.mark.soak, pytest.mark.asyncio]


class Soaked:
    """A gateway, its clients, and what is looked at while they run."""

    def __init__(self, gateway: Gateway, upstream: FakeUpstream, server: str) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.server = server
        self.traffic = Traffic(gateway.url)
        self.process = psutil.Process(gateway.pid)
        self.memory: list[int] = []
        self.faults: list[tuple[str, float, float]] = []
        self.files = self.process.num_fds()
        self.cookie = admin_cookie(gateway)

    async def look(self, seconds: float) -> None:
        due = time.monotonic() + seconds
        while time.monotonic() < due:
            self.memory.append(self.process.memory_info().rss)
            self.upstream.requests.clear()
            await asyncio.sleep(2)

    async def disturb(self, seconds: float) -> None:
        due = time.monotonic() + seconds - 2 * FAULT_SECONDS
        kinds = [
            self.refuse_a_minute,
            self.break_the_upstream,
            self.lock_the_database,
            self.visit_the_admin,
        ]
        number = 0
        while time.monotonic() + FAULT_EVERY_SECONDS < due:
            await asyncio.sleep(FAULT_EVERY_SECONDS)
            began_at = time.monotonic()
            kind = kinds[number % len(kinds)]
            await kind(number)
            self.faults.append((kind.__name__, began_at, time.monotonic()))
            number += 1

    async def refuse_a_minute(self, number: int) -> None:
        self.upstream.refuse(
            f"KEY-{number % 20:02}", body="429_free_rpm_10_msg_without_model", times=1
        )

    async def break_the_upstream(self, number: int) -> None:
        async def hang_up(request: Recorded, connection: Connection) -> None:
            connection.abort()

        self.upstream.on("/", hang_up, reads_body=False)
        await asyncio.sleep(FAULT_SECONDS)
        del self.upstream._handlers["/"]

    async def lock_the_database(self, number: int) -> None:
        path = self.gateway.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(FAULT_SECONDS)
            other.execute("ROLLBACK")

    async def visit_the_admin(self, number: int) -> None:
        await asyncio.to_thread(self._visit)

    def _visit(self) -> None:
        with (
            watched(self.gateway, self.cookie),
            httpx.Client(
                base_url=f"{self.gateway.url}/admin/", trust_env=False, timeout=30
            ) as browser,
        ):
            for page in PAGES:
                assert browser.get(page, headers={"cookie": self.cookie}).status_code == 200

    # What came of it.

    def rows(self) -> dict[str, int]:
        with closing(
            sqlite3.connect(self.gateway.database_url.removeprefix("sqlite:///"))
        ) as database:
            tables = [
                name
                for (name,) in database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                )
            ]
            return {
                name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for name in tables
            }

    def unexpected(self) -> list[tuple[float, str, str]]:
        """Failures that no broken upstream explains.

        Requests may have been under way when it broke.
        """
        broken = [(begin, end) for name, begin, end in self.faults if name == "break_the_upstream"]
        return [
            failure
            for failure in self.traffic.failures
            if not any(begin - 15 <= failure[0] <= end + 1 for begin, end in broken)
        ]

    def growth(self) -> float:
        """Of the memory, from the second sixth of the time to the last.

        The first sixth is for warming up.
        """
        sixth = len(self.memory) // 6
        return (
            statistics.median(self.memory[-sixth:])
            / statistics.median(self.memory[sixth : 2 * sixth])
            - 1
        )

    def megabytes(self) -> list[int]:
        """The median of the memory in each sixth of the time."""
        sixth = len(self.memory) // 6
        parts = (self.memory[part * sixth : (part + 1) * sixth] for part in range(6))
        return [round(statistics.median(part) / 2**20) for part in parts]

    def repeated(self) -> dict[str, int]:
        """Lines of the log that came oftener than faults."""
        lines = (re.sub(r"\d+", "#", line) for line in self.gateway.output().splitlines())
        return {
            line: count for line, count in Counter(lines).items() if count > len(self.faults) + 1
        }


@contextmanager
def soaked(server: str) -> Iterator[Soaked]:
    with FakeUpstream(strict=True) as upstream:
        config = {
            "groups": [
                group(
                    KEYS[:10], upstream.url, "first", auth="google", rate_limit_policy="quota_aware"
                ),
                group(
                    KEYS[10:],
                    upstream.url,
                    "second",
                    auth="google",
                    rate_limit_policy="quota_aware",
                ),
            ]
        }
        with Gateway(config, server=server, env=OPERATOR) as gateway:
            yield Soaked(gateway, upstream, server)


async def test_half_an_hour_of_traffic_and_faults_leaves_no_trace():
    if ON_POSTGRESQL:
        pytest.skip(
            "needs SQLite: the fault is a lock on its file; PostgreSQL's have tests of their own"
        )
    with soaked("daphne") as daphne, soaked("uvicorn") as uvicorn:
        both = (daphne, uvicorn)
        async with asyncio.TaskGroup() as tasks:
            for one in both:
                for work in (one.traffic.run, one.look, one.disturb):
                    tasks.create_task(work(SECONDS))
            await asyncio.sleep(SECONDS / 2)
            half = [one.rows() for one in both]
        await asyncio.sleep(20)  # connections to the upstreams are kept for 15 s
        grown = [tables_that_grew(one, then) for one, then in zip(both, half, strict=True)]
        for one, tables in zip(both, grown, strict=True):
            tell(one, tables)
        for one, tables in zip(both, grown, strict=True):
            check(one, tables)


def tables_that_grew(one: Soaked, half: dict[str, int]) -> set[str]:
    return {name for name, count in one.rows().items() if count > half.get(name, 0)}


def tell(one: Soaked, grown: set[str]) -> None:
    seen = one.traffic.seen
    well = sum(count for (_, outcome), count in seen.items() if outcome == "as meant")
    note(
        f"soak, {one.server}: {SECONDS / 60:.0f} min, {seen.total()} requests, {len(one.faults)}"
        f" faults, {seen.total() - well} failed while the upstream was broken,"
        f" {len(one.unexpected())} otherwise; memory by sixths of the time {one.megabytes()} MB,"
        f" {one.growth():+.1%}; files {one.files} -> {one.process.num_fds()}; tables that grew:"
        f" {', '.join(sorted(grown))}; lines logged: {len(one.gateway.output().splitlines())}"
    )


def check(one: Soaked, grown: set[str]) -> None:
    assert one.unexpected() == []
    assert one.growth() <= 0.05
    assert grown <= MAY_GROW
    assert one.repeated() == {}
    # Threads of the database that nothing had needed yet.
    assert one.process.num_fds() <= one.files + 8
