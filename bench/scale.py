"""What processes cost the PostgreSQL that they share: statements, bytes, locks, CPU.

`python -m bench.scale SECONDS` runs 1, 2, 4 and 8 processes, idle and at two steady rates, and says
what each process and each request comes to. Every statement of the server's log counts, which the
writing of that log makes dearer.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench import nginx
from bench.contestants import gateway, group
from bench.database_counters import DatabaseCost, DatabaseCounters
from bench.load import check
from bench.report import table
from bench.statement_log import StatementLog, statement_log

PROCESSES = (1, 2, 4, 8)
RATES = (0.0, 100.0, 400.0)
KEYS = 100
CLIENTS = 32
SETTLE_SECONDS = 5.0
SERVER = "uvicorn"


class AtRate(NamedTuple):
    """`rate`: requests that were answered, by the second."""

    processes: int
    rate: float
    cost: DatabaseCost


class CostShare(NamedTuple):
    """What a figure comes to, by the second for each process, and for each request."""

    process: float
    request: float

    def of(self, processes: int, rate: float) -> float:
        return self.process * processes + self.request * rate


def measure(log: StatementLog, upstream: str, seconds: float) -> Iterator[AtRate]:
    for count in PROCESSES:
        name = f"scale_{count}"
        with ExitStack() as stack:
            home = Path(stack.enter_context(TemporaryDirectory(prefix="bench-scale-")))
            url = log.database(name)
            config = {"groups": [group(upstream, KEYS)]}
            variables = {"DATABASE_URL": url}
            contestant = stack.enter_context(gateway(SERVER, config, count, variables, home=home))
            check(contestant)
            counters = stack.enter_context(DatabaseCounters(log, url))
            for rate in RATES:
                answered, cost = _turn(contestant.url, rate, seconds, counters)
                yield AtRate(count, answered, cost)


def _turn(
    url: str, rate: float, seconds: float, counters: DatabaseCounters
) -> tuple[float, DatabaseCost]:
    from tests.support.steady_load import SteadyLoad

    if not rate:
        time.sleep(SETTLE_SECONDS)
        return 0.0, counters.during(seconds)
    with SteadyLoad(url, rate=rate, clients=CLIENTS) as load:
        time.sleep(SETTLE_SECONDS)
        before = len(load.sent)
        cost = counters.during(seconds)
        answered = len(load.sent) - before
    return answered / cost.seconds, cost


def fitted(points: Sequence[tuple[int, float, float]]) -> CostShare:
    """Of processes, rate and figure, by least squares."""
    pp = sum(p * p for p, _, _ in points)
    pr = sum(p * r for p, r, _ in points)
    rr = sum(r * r for _, r, _ in points)
    pf = sum(p * f for p, _, f in points)
    rf = sum(r * f for _, r, f in points)
    whole = pp * rr - pr * pr
    return CostShare((pf * rr - rf * pr) / whole, (rf * pp - pf * pr) / whole)


def shares(found: Sequence[AtRate]) -> dict[str, CostShare]:
    """By the figure's name, of processes that have something to do."""
    busy = [each for each in found if each.rate]
    return {
        name: fitted([(each.processes, each.rate, each.cost.figures[name]) for each in busy])
        for name in busy[0].cost.figures
    }


def lines(found: Sequence[AtRate]) -> list[str]:
    names = list(found[0].cost.figures)
    rows = [
        [
            str(each.processes),
            f"{each.rate:.0f}",
            *(f"{each.cost.figures[name]:,.2f}" for name in names),
        ]
        for each in found
    ]
    parts = shares(found)
    fits = [
        [name, f"{share.process:,.2f}", f"{share.request:,.4f}"] for name, share in parts.items()
    ]
    return [
        f"{SERVER}, {KEYS} keys in one group. By the second, of all processes:",
        "",
        *table(["processes", "requests/s", *names], rows),
        "",
        "That is, where requests come:",
        "",
        *table(["by the second", "a process", "a request"], fits),
    ]


def main(seconds: float) -> None:
    with nginx.upstream() as upstream, statement_log() as log:
        found = list(measure(log, upstream, seconds))
    print(*lines(found), sep="\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
