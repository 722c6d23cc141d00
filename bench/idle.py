"""(i) What the gateway costs while nobody asks: CPU, wake-ups, statements, memory.

`python -m bench.idle SECONDS` prints it.
"""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import nginx
from bench.contestants import Contestant, gateway, group
from bench.load import check
from bench.process import memory_mb, tree
from bench.report import BenchTarget, Section, at_most, brief, table
from bench.statement_log import NoStatementLog, StatementLog, statement_log

SERVERS = ("uvicorn", "daphne")
SUPERVISOR = "supervisor of 2"
SETTLE_SECONDS = 3.0
LONGEST_SECONDS, SHORTEST_SECONDS = 10.0, 3.0
PROCESS_MB, SUPERVISOR_MB = 100.0, 30.0
WAKE_UPS = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class IdleProcess:
    """By the second: CPU in ms, and how often one of its threads woke up."""

    name: str
    cpu_ms: float
    wake_ups: float
    rss_mb: float
    pss_mb: float


def run(seconds_budget: float) -> Section:
    seconds = min(LONGEST_SECONDS, max(SHORTEST_SECONDS, seconds_budget / 4 - 2 * SETTLE_SECONDS))
    with nginx.upstream() as upstream:
        found = list(processes(upstream, seconds))
        said = _of_statements(upstream, seconds)
    return Section("(i) Idle", [*_lines(found, seconds), "", said], list(targets(found)))


def processes(upstream: str, seconds: float) -> Iterator[IdleProcess]:
    """One process under each server, and two with their supervisor."""
    for server in SERVERS:
        with _started(server, 1, upstream) as contestant:
            yield from watched(contestant, (server,), seconds)
    with _started("uvicorn", 2, upstream) as contestant:
        names = (SUPERVISOR, "uvicorn, 1 of 2", "uvicorn, 2 of 2")
        yield from watched(contestant, names, seconds)


@contextmanager
def _started(
    server: str, workers: int, upstream: str, env: dict[str, str] | None = None
) -> Iterator[Contestant]:
    """After one request, and what a start leaves to do."""
    with gateway(server, {"groups": [group(upstream)]}, workers, env) as contestant:
        check(contestant)
        time.sleep(SETTLE_SECONDS)
        yield contestant


def watched(contestant: Contestant, names: tuple[str, ...], seconds: float) -> list[IdleProcess]:
    """Of all its processes, the first of them first."""
    pids = tree(contestant.pid)[: len(names)]
    before = [(cpu_seconds(pid), woken_times(pid)) for pid in pids]
    time.sleep(seconds)
    return [
        IdleProcess(
            name,
            (cpu_seconds(pid) - cpu) / seconds * 1000,
            (woken_times(pid) - woken) / seconds,
            memory_mb(pid, "VmRSS", is_alone=True),
            memory_mb(pid, "Pss", "smaps_rollup", is_alone=True),
        )
        for name, pid, (cpu, woken) in zip(names, pids, before, strict=True)
    ]


def cpu_seconds(pid: int) -> float:
    """In nanoseconds in the kernel, and by thread: ticks of 10 ms are too coarse here."""
    return (
        sum(
            int(path.read_text().split()[0])
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )
        / 1e9
    )


def woken_times(pid: int) -> int:
    """A thread that slept and woke up gave its core away of its own accord once."""
    statuses = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(count) for status in statuses for count in WAKE_UPS.findall(status))


def _of_statements(upstream: str, seconds: float) -> str:
    try:
        with statement_log() as log:
            rate = statements_a_second(log, upstream, seconds)
    except NoStatementLog as error:
        return f"Statements a second on PostgreSQL: not measured: {brief(error)}"
    return f"On PostgreSQL, uvicorn, one process: {rate:.1f} statements a second."


def statements_a_second(log: StatementLog, upstream: str, seconds: float) -> float:
    with _started("uvicorn", 1, upstream, {"DATABASE_URL": log.database("idle")}):
        begin = log.end
        time.sleep(seconds)
        return log.counted("idle", begin) / seconds


def _lines(found: list[IdleProcess], seconds: float) -> list[str]:
    head = ["", "CPU ms a second", "wake-ups a second", "resident MB", "its share (PSS), MB"]
    rows = [
        [
            each.name,
            f"{each.cpu_ms:.1f}",
            f"{each.wake_ups:.1f}",
            f"{each.rss_mb:.0f}",
            f"{each.pss_mb:.0f}",
        ]
        for each in found
    ]
    return [
        f"{seconds:g} s without a request, {SETTLE_SECONDS:g} s after the first one, on SQLite.",
        "",
        *table(head, rows),
    ]


def targets(found: list[IdleProcess]) -> Iterator[BenchTarget]:
    for each in found:
        ceiling = SUPERVISOR_MB if each.name == SUPERVISOR else PROCESS_MB
        yield at_most(f"idle, {each.name}: resident", ceiling, each.rss_mb, "MB")


if __name__ == "__main__":
    print(run(float(sys.argv[1])).markdown())
