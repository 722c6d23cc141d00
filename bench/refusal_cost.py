"""What a 429 costs a gateway with many keys: CPU, by refusal of the upstream.

The ring begins with good keys only: what a plain request costs there is taken off. Then every
fourth key is spent, and each 429 means an event in the database and another key.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import stream_upstream
from bench.contestants import Contestant, gateway
from bench.process import CONTESTANT_CORES
from bench.report import BenchTarget, at_most
from bench.storm_clients import CLIENTS, ask
from bench.stream_upstream import SPENT

EVERY = 4
CEILING_MS = 0.5
ASK_SECONDS = 60.0


@dataclass(frozen=True)
class RefusalPlan:
    """Requests; those before the storm stay within the good keys that come first."""

    keys: int = 50_000
    warm_up: int = 2000
    plain: int = 4000
    storm: int = 6000

    @property
    def good_keys(self) -> int:
        return self.warm_up + self.plain + 2 * CLIENTS


@dataclass(frozen=True)
class RefusalCost:
    """CPU times. `failures`: answers other than 200 in the storm."""

    keys: int
    plain_us: float
    refusals: int
    refusal_ms: float
    failures: int


LARGE = RefusalPlan()


def measure(upstream: str, plan: RefusalPlan = LARGE, server: str = "uvicorn") -> RefusalCost:
    with (
        tempfile.TemporaryDirectory(prefix="bench-refusals-") as home,
        gateway(
            server, {"groups": [_group(upstream, plan)]}, cores=CONTESTANT_CORES, home=Path(home)
        ) as contestant,
    ):
        _asked(contestant, plan.warm_up)
        plain, _ = _asked(contestant, plan.plain)
        stream_upstream.counts(upstream)
        used, failures = _asked(contestant, plan.storm)
        counts = stream_upstream.counts(upstream)
    refusals = sum(count for key, count in counts.items() if key.endswith(SPENT))
    a_plain_one = plain / plan.plain
    more = used - a_plain_one * plan.storm
    return RefusalCost(
        plan.keys, a_plain_one * 1e6, refusals, more / max(refusals, 1) * 1e3, failures
    )


def _group(upstream: str, plan: RefusalPlan) -> dict[str, Any]:
    def name(number: int) -> str:
        is_spent = number >= plan.good_keys and number % EVERY == 0
        return f"bench-refusal-{number:05}{SPENT * is_spent}"

    names = [name(number) for number in range(plan.keys)]
    return {"name": "refusals", "target_url": upstream, "auth": "google", "api_keys": names}


def _asked(contestant: Contestant, requests: int) -> tuple[float, int]:
    """CPU seconds of so many requests, and how many failed."""
    before = contestant.process.cpu_seconds()
    answers = ask(contestant.url, requests=requests, seconds=ASK_SECONDS)
    return contestant.process.cpu_seconds() - before, answers.failures


def told(cost: RefusalCost) -> str:
    return (
        f"With {cost.keys:,} keys, uvicorn: a request costs {cost.plain_us:,.0f} µs CPU, and each"
        f" of {cost.refusals:,} 429s on the way {cost.refusal_ms:.2f} ms more (its event in the"
        " database and the next key included)."
    )


def target(cost: RefusalCost) -> BenchTarget:
    return at_most(f"A 429 with {cost.keys:,} keys, CPU", CEILING_MS, cost.refusal_ms, "ms")


if __name__ == "__main__":
    with stream_upstream.upstream() as url:
        print(json.dumps(asdict(measure(url))))
