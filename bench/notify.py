"""Whether LISTEN/NOTIFY would be better than the look at the pool's version each half second.

`python -m bench.notify SECONDS` prints, for 1, 2 and 4 processes of each kind, what waiting costs
them and the server, and how long a change takes; and what NOTIFY costs who writes. Each process
does nothing else. Who listens still asks every ten seconds whether its connection lives.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from bench.idle import cpu_seconds, woken_times
from bench.report import table

POLL_SECONDS, ALIVE_SECONDS = 0.5, 10.0
PROCESSES = (1, 2, 4)
CHANGES = 24
WRITERS, WRITES = 4, 300
LOOK = "SELECT pool_version, pool_stamp FROM cursors WHERE ring = ''"
CHANNEL = "pool"
NOTIFY = f"SELECT pg_notify('{CHANNEL}', '')"
RAISE = "UPDATE cursors SET pool_version = pool_version + 1 WHERE ring = ''"
TABLE = "CREATE TABLE cursors (ring text PRIMARY KEY, pool_version bigint, pool_stamp bigint)"


class Watcher:
    """Runs in a process of its own. Prints each new version with the time when it was read."""

    def __init__(self, url: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._connection = psycopg.connect(url, autocommit=True)
        self._version = 0

    async def poll(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(POLL_SECONDS)

    async def listen(self) -> None:
        self._connection.execute(f"LISTEN {CHANNEL}".encode())
        heard = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._connection.fileno(), heard.set)
        while True:
            await self._look()
            heard.clear()
            try:
                await asyncio.wait_for(heard.wait(), ALIVE_SECONDS)
            except TimeoutError:
                continue
            list(self._connection.notifies(timeout=0))

    async def _look(self) -> None:
        look = asyncio.get_running_loop().run_in_executor(self._thread, self._read)
        if (version := await look) != self._version:
            self._version = version
            print(json.dumps([version, time.monotonic()]), flush=True)

    def _read(self) -> int:
        row = self._connection.execute(LOOK.encode()).fetchone()
        return int(row[0]) if row else 0


@dataclass(frozen=True)
class IdleCosts:
    """By the second, of all processes together; latency of the last one to hear."""

    kind: str
    processes: int
    statements: float
    wake_ups: float
    cpu_ms: float
    server_ms: float
    p50_ms: float
    longest_ms: float


def measured(url: str, kind: str, count: int, seconds: float) -> IdleCosts:
    with ExitStack() as stack, psycopg.connect(url, autocommit=True) as own:
        watchers = [stack.enter_context(_watcher(url, kind)) for _ in range(count)]
        for watcher in watchers:
            _heard(watcher, _version(own))
        backends = _backends(own)
        pids = [watcher.pid for watcher in watchers]
        before = _sums(pids, backends), _commits(own)
        time.sleep(seconds)
        after = _sums(pids, backends), _commits(own)
        rates = [(late - early) / seconds for early, late in zip(before[0], after[0], strict=True)]
        latencies = [_latency(own, watchers, kind) for _ in range(CHANGES)]
    statements = (after[1] - before[1] - 1) / seconds
    return IdleCosts(
        kind,
        count,
        statements,
        rates[0],
        rates[1] * 1000,
        rates[2] * 1000,
        median(latencies) * 1000,
        max(latencies) * 1000,
    )


@contextmanager
def _watcher(url: str, kind: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.notify", "--watch", kind]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin
            process.stdin.write(url + "\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def _heard(watcher: "subprocess.Popen[str]", version: int) -> float:
    """When it heard of that."""
    assert watcher.stdout
    while True:
        seen, at = json.loads(watcher.stdout.readline())
        if seen >= version:
            return float(at)


def _latency(
    own: "psycopg.Connection[Any]", watchers: Sequence["subprocess.Popen[str]"], kind: str
) -> float:
    """From before the commit to the last one that knows."""
    time.sleep(random.uniform(0.1, 0.6))
    began = time.monotonic()
    _raise(own, has_notify=kind == "listen")
    version = _version(own)
    return max(_heard(watcher, version) for watcher in watchers) - began


def _raise(connection: "psycopg.Connection[Any]", *, has_notify: bool) -> None:
    with connection.transaction():
        connection.execute(RAISE.encode())
        if has_notify:
            connection.execute(NOTIFY.encode())


def _version(connection: "psycopg.Connection[Any]") -> int:
    row = connection.execute(LOOK.encode()).fetchone()
    return int(row[0]) if row else 0


def _backends(connection: "psycopg.Connection[Any]") -> list[int]:
    """Those of the others."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    rows = connection.execute(f"{query} AND pid <> pg_backend_pid()".encode()).fetchall()
    return [pid for (pid,) in rows]


def _commits(connection: "psycopg.Connection[Any]") -> int:
    """Of all, each a statement here."""
    connection.execute(b"SELECT pg_stat_force_next_flush()")
    query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _sums(pids: Sequence[int], backends: Sequence[int]) -> tuple[float, float, float]:
    """Wake-ups and CPU of the processes, CPU of their server processes."""
    there = [pid for pid in backends if Path(f"/proc/{pid}").exists()]
    return sum(map(woken_times, pids)), sum(map(cpu_seconds, pids)), sum(map(cpu_seconds, there))


def writes_a_second(url: str, *, has_notify: bool) -> float:
    """Of several connections that raise the one version in turn, as all changes do."""

    def write(_: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(WRITES):
                _raise(connection, has_notify=has_notify)

    began = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    return WRITERS * WRITES / (time.monotonic() - began)


def main(seconds: float) -> None:
    from tests.support import postgres

    with postgres.running_server() as url:
        with psycopg.connect(url, autocommit=True) as own:
            own.execute(TABLE.encode())
            own.execute(b"INSERT INTO cursors VALUES ('', 1, 0)")
        found = [
            measured(url, kind, count, seconds)
            for count in PROCESSES
            for kind in ("poll", "listen")
        ]
        print(*_lines(found), sep="\n")
        for has_notify in (False, True) * 3:
            rate = writes_a_second(url, has_notify=has_notify)
            print(f"{WRITERS} writers, NOTIFY {has_notify}: {rate:,.0f} transactions a second")


def _lines(found: Sequence[IdleCosts]) -> list[str]:
    head = ["", "processes", "transactions a second", "wake-ups", "CPU ms", "server's CPU ms"]
    rows = [
        [
            each.kind,
            str(each.processes),
            f"{each.statements:.2f}",
            f"{each.wake_ups:.1f}",
            f"{each.cpu_ms:.2f}",
            f"{each.server_ms:.2f}",
            f"{each.p50_ms:.0f}",
            f"{each.longest_ms:.0f}",
        ]
        for each in found
    ]
    return table([*head, "heard after, ms (p50)", "longest"], rows)


if __name__ == "__main__":
    if sys.argv[1] == "--watch":
        watcher = Watcher(sys.stdin.readline().strip())
        asyncio.run(watcher.poll() if sys.argv[2] == "poll" else watcher.listen())
    else:
        main(float(sys.argv[1]))
