"""Two checkouts of the gateway side by side: what is here (after) against another one (before).

`python -m bench.compare OTHER_CHECKOUT` prints the ratios after/before. Both run under this
interpreter and are known by `manage.py serve` and HTTP alone, so their modules may lie anywhere.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, field
from pathlib import Path
from statistics import median

from bench import contestants, install, nginx
from bench.checkouts import Checkout
from bench.contestants import Contestant, Endpoint
from bench.load import LoadFailed, check, wrk
from bench.process import StartFailed, end_on_sigterm
from bench.report import brief, table

SERVERS = ("uvicorn", "daphne")
FULL_SECONDS, QUICK_SECONDS = 220.0, 55.0
LEAD_IN_SECONDS = 1.0
SETTLE_SECONDS = 0.5
"""From both starts until the memory is read: what a start leaves to do is done."""
TURNS = (0, 1, 1, 0, 1, 0, 0, 1)
"""Who was first is last: what the machine gains or loses meanwhile hits both alike."""
BUSY_SECONDS, SINGLE_SECONDS = 1.0, 1.0
NAMES = (
    "requests/s, 32 connections",
    "CPU µs a request, 32 connections",
    "added latency, 1 connection, p50 (µs)",
    "start to the first answer (s)",
    "idle, resident (MB)",
    "idle, its share of what is shared (PSS, MB)",
)


@dataclass(frozen=True)
class Reading:
    """One checkout in one round, in the order of NAMES."""

    per_second: float
    cpu_us: float
    added_us: float
    start_seconds: float
    rss_mb: float
    pss_mb: float


@dataclass
class Side:
    """A checkout that runs. `loads`: requests a second, CPU µs a request, µs of a single one."""

    contestant: Contestant
    start_seconds: float
    loads: list[tuple[float, float, float]] = field(default_factory=list)
    rss_mb: float = 0.0
    pss_mb: float = 0.0

    def reading(self, direct_us: float) -> Reading:
        """The best of each: other work on the machine only makes it worse."""
        rates, cpu_us, single_us = zip(*self.loads, strict=True)
        return Reading(
            max(rates),
            min(cpu_us),
            min(single_us) - direct_us,
            self.start_seconds,
            self.rss_mb,
            self.pss_mb,
        )


Pair = tuple[Reading, Reading]
"""Before and after, of the same round."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("other", type=Path, help="the folder of the checkout to compare with")
    parser.add_argument("--quick", action="store_true", help="a minute: a smoke check")
    given = parser.parse_args()
    if not (given.other / "manage.py").is_file():
        parser.error(f"there is no manage.py in {given.other}")
    end_on_sigterm()
    limit = QUICK_SECONDS if given.quick else FULL_SECONDS
    try:
        install.tools(_say)
        found = measure((given.other.resolve(), contestants.ROOT), limit, _say)
    except (install.InstallFailed, StartFailed, LoadFailed) as error:
        print(brief(error), file=sys.stderr)
        return 1
    print("\n".join(report(found)))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def measure(
    roots: tuple[Path, Path], limit_seconds: float, say: Callable[[str], None]
) -> Mapping[str, Sequence[Pair]]:
    """By server. Another round begins only if it will end within the limit."""
    began = time.monotonic()
    found: dict[str, list[Pair]] = {server: [] for server in SERVERS}
    with tempfile.TemporaryDirectory(prefix="bench-compare-") as home, nginx.upstream() as url:
        checkouts = [
            Checkout(root, Path(home) / name)
            for root, name in zip(roots, ("before", "after"), strict=True)
        ]
        for checkout in checkouts:
            _first_start(checkout, url)
        longest = 0.0
        while not longest or time.monotonic() - began + longest < limit_seconds:
            since = time.monotonic()
            for server in SERVERS:
                found[server].append(_round(checkouts, server, url, len(found[server]) % 2 == 1))
            longest = max(longest, time.monotonic() - since)
            say(f"round {len(found[SERVERS[0]])} took {time.monotonic() - since:.0f} s")
    return found


def _first_start(checkout: Checkout, upstream: str) -> None:
    """Makes the database, and Python's caches of the modules."""
    for server in SERVERS:
        with checkout.started(server, upstream):
            pass


def _round(checkouts: Sequence[Checkout], server: str, upstream: str, is_reversed: bool) -> Pair:
    """Both start one after the other, and then take turns under load."""
    order = (1, 0) if is_reversed else (0, 1)
    with ExitStack() as stack:
        sides = [_side(stack, checkouts[number], server, upstream) for number in order]
        time.sleep(SETTLE_SECONDS)
        for side in sides:
            side.rss_mb, side.pss_mb = side.contestant.rss_mb(), side.contestant.process.pss_mb()
        direct_us = 1000 * wrk(Endpoint(name="direct", url=upstream), 1, SINGLE_SECONDS).p50_ms
        for side in sides:
            wrk(side.contestant, 32, LEAD_IN_SECONDS)
        for turn in TURNS:
            sides[turn].loads.append(_under_load(sides[turn].contestant))
    before, after = (sides[number].reading(direct_us) for number in order)
    return before, after


def _side(stack: ExitStack, checkout: Checkout, server: str, upstream: str) -> Side:
    since = time.perf_counter()
    contestant = stack.enter_context(checkout.started(server, upstream))
    took = time.perf_counter() - since
    check(contestant)
    return Side(contestant, took)


def _under_load(contestant: Contestant) -> tuple[float, float, float]:
    busy = wrk(contestant, 32, BUSY_SECONDS)
    single = wrk(contestant, 1, SINGLE_SECONDS)
    if busy.errors + single.errors:
        raise LoadFailed(f"{contestant.name}: {busy.errors + single.errors} errors under load")
    return busy.per_second, busy.cpu_us, 1000 * single.p50_ms


def report(found: Mapping[str, Sequence[Pair]]) -> Iterator[str]:
    rounds = len(found[SERVERS[0]])
    yield f"Rounds: {rounds}; load average {os.getloadavg()[0]:.2f} at the end; the ratio is after"
    yield "divided by before, of the same round. Before and after are medians."
    yield ""
    head = ["", "before", "after", "ratio, median", "least", "most"]
    yield from table(head, (row for server in SERVERS for row in _rows(server, found[server])))


def _rows(server: str, pairs: Sequence[Pair]) -> Iterator[list[str]]:
    befores, afters = (
        list(zip(*map(astuple, side), strict=True)) for side in zip(*pairs, strict=True)
    )
    for name, before, after in zip(NAMES, befores, afters, strict=True):
        ratios = [new / old for old, new in zip(before, after, strict=True)]
        digits = 2 if max(*before, *after) < 20 else 0
        medians = [f"{median(side):,.{digits}f}" for side in (before, after)]
        spread = [f"{ratio:.3f}" for ratio in (median(ratios), min(ratios), max(ratios))]
        yield [f"{server}: {name}", *medians, *spread]


if __name__ == "__main__":
    sys.exit(main())
