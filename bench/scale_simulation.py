"""Beyond what this machine runs: processes that wait for each other's rows, simulated.

`python -m bench.scale_simulation` takes what one flush and one lease hold their rows for, as they
were measured (`bench.flush_cost`, `bench.scale`), and lets up to 256 processes come for them: each
for the same rows, one after the other, as they do where all of them use all keys of a model.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.report import table

PROCESSES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIMULATED_SECONDS = 600.0
WARM_UP_SECONDS = 60.0
# The medians of a busy machine: upper bounds.
FLUSH_SECONDS, FLUSH_KEY_SECONDS = 0.02, 0.000_16
LEASE_SECONDS = 0.002
KEYS = (100, 1_000)
# As in `proxyapp.runtime`: the pause, how many times as long as the last one it is, the longest.
PAUSE_SECONDS, LONGER, LONGEST_PAUSE_SECONDS = 0.8, 2.0, 4.0
# `proxyapp.pool.leasing` has one last for about a second.
LEASE_PAUSE_SECONDS = 0.75
# By then usage goes to the spool.
PATIENCE_SECONDS = 3.0
Pause = Callable[[float], float]
"""How long until a process comes again, by how long the last time took."""


@dataclass(frozen=True)
class Waits:
    """`waiting`: how many wait at a moment. Seconds from asking to done."""

    waiting: float
    utilisation: float
    p50: float
    p99: float
    late: float


def simulate(processes: int, held_seconds: float, pause: Pause, seed: int = 7) -> Waits:
    """Who asks first has the rows first. A pause varies by a tenth, as timers and loads do."""
    dice = random.Random(seed)
    asking = [(dice.uniform(0.0, PAUSE_SECONDS), number) for number in range(processes)]
    heapq.heapify(asking)
    free_at, took, waited, held = 0.0, list[float](), 0.0, 0.0
    while asking[0][0] < SIMULATED_SECONDS:
        asked_at, number = heapq.heappop(asking)
        begins = max(asked_at, free_at)
        free_at = begins + held_seconds * dice.uniform(0.7, 1.3)
        if asked_at > WARM_UP_SECONDS:
            took.append(free_at - asked_at)
            waited += begins - asked_at
            held += free_at - begins
        next_at = free_at + pause(free_at - asked_at) * dice.uniform(0.95, 1.05)
        heapq.heappush(asking, (next_at, number))
    took.sort()
    span = SIMULATED_SECONDS - WARM_UP_SECONDS
    late = sum(each > PATIENCE_SECONDS for each in took) / len(took)
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    return Waits(waited / span, held / span, p50, p99, late)


def flush_pause(took: float) -> float:
    return min(max(PAUSE_SECONDS, LONGER * took), LONGEST_PAUSE_SECONDS)


def lease_pause(_: float) -> float:
    return LEASE_PAUSE_SECONDS


def flush_seconds(keys: int) -> float:
    return FLUSH_SECONDS + keys * FLUSH_KEY_SECONDS


def rows() -> Iterator[list[str]]:
    works: list[tuple[str, float, Pause]] = [("lease", LEASE_SECONDS, lease_pause)]
    works += [(f"flush, {keys:,} keys", flush_seconds(keys), flush_pause) for keys in KEYS]
    for (name, held, pause), count in itertools.product(works, PROCESSES):
        found = simulate(count, held, pause)
        yield [
            f"{name}: {held * 1000:.0f} ms",
            str(count),
            f"{found.utilisation:.2f}",
            f"{found.waiting:.2f}",
            f"{found.p50 * 1000:,.0f}",
            f"{found.p99 * 1000:,.0f}",
            f"{found.late:.1%}",
        ]


if __name__ == "__main__":
    head = ["", "processes", "of the time held", "waiting", "p50 ms", "p99", "to the spool"]
    print(*table(head, rows()), sep="\n")
